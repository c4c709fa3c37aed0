"""`vpo jobs show`: everything that is recorded about one job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from vpo.base import times
from vpo.base.paths import display
from vpo.catalogue.jobs import JobDetails, JobOperation, last_job, read_job
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.jobs import COLOURS, human_duration
from vpo.cli.output.streams import echo
from vpo.db.library import open_library
from vpo.jobs.kinds import TYPES

# More lines than these would fill the screen. `-v` and `--json` show everything.
SHOWN_FILES = 10
SHOWN_ERRORS = 10

_WITH_SENTENCES = ("verify", "accept", "undo", "act on")


def complete_job(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Completes the IDs of recent jobs."""
    from vpo.cli.options.completion import job_ids

    return job_ids(ctx, incomplete)


@command("show")
@click.argument("job_id", metavar="[JOB_ID]", required=False, shell_complete=complete_job)
@click.option("--last", is_flag=True, help="Show the newest job. No ID is needed.")
@click.option(
    "--type",
    "job_type",
    type=click.Choice(TYPES, case_sensitive=False),
    metavar="TYPE",
    help=f"With --last, only jobs of this type: {', '.join(TYPES)}.",
)
@json_option
@global_options
@click.pass_context
def show(
    ctx: click.Context, /, job_id: str | None, last: bool, job_type: str | None, as_json: bool
) -> None:
    """Show everything that is recorded about a job.

    JOB_ID is the ID of the job, or at least its first 4 characters.
    """
    app = ctx.ensure_object(App)
    if (job_id is None) != last:
        raise click.UsageError("Give either the ID of a job or --last", ctx)
    if job_type is not None and not last:
        raise click.UsageError("Use --type together with --last", ctx)
    with open_library(app.library_path(), "read") as library:
        details = read_job(library, last_job(library, job_type) if job_id is None else job_id)
    if as_json:
        print_json(details.to_dict())
        return
    for line in _description(app, details):
        echo(line)


def _description(app: App, details: JobDetails) -> Iterator[str]:
    job = details.job
    yield f"Job: {job.id}"
    yield f"Type: {display(job.job_type)}"
    yield f"Status: {_status(app, details)}"
    yield f"Path: {display(job.file_path)}"
    if job.error_message:
        yield f"Error: {display(job.error_message)}"
    yield from _timing(details)
    yield from _facts("Configuration:", _flat(details.configuration))
    if job.status == "running":
        yield from _facts("Progress:", _progress(details))
    yield from _facts("Summary:", _flat(details.summary))
    yield from _errors(app, details.errors)
    yield from _files(app, details.files_affected)
    yield from _operations(app, details.operations)


def _status(app: App, details: JobDetails) -> str:
    job = details.job
    status = app.paint(job.status, COLOURS[job.status])
    if details.is_dead:
        return (
            f"{status} (but its process has ended: the next scan or `vpo jobs run` corrects this)"
        )
    if job.status == "running" and details.record.cancel_requested_at:
        return f"{status} (asked to stop)"
    return status


def _timing(details: JobDetails) -> Iterator[str]:
    job, record = details.job, details.record
    yield ""
    yield "Timing:"
    if record.queued_at:
        yield f"  Queued: {times.to_local_text(record.queued_at)}, priority {job.priority}"
    yield f"  Started: {times.to_local_text(job.started_at)}"
    yield f"  Completed: {times.to_local_text(job.completed_at)}"
    yield f"  Duration: {human_duration(details.job.duration_seconds)}"
    if record.attempts > 1:
        yield f"  Attempts: {record.attempts}"
    if record.worker_pid and job.status == "running":
        yield f"  Process: {record.worker_pid}"


def _progress(details: JobDetails) -> dict[str, object]:
    facts = dict(_flat(details.progress))
    percent = details.job.progress_percent or 0.0
    facts["done"] = f"{percent:.0f} %"
    took = details.job.duration_seconds
    if took and percent > 1:
        facts["left"] = f"about {human_duration(took * (100 - percent) / percent)}"
    return facts


def _flat(value: Any, prefix: str = "") -> dict[str, object]:
    """The values of nested settings by dotted names, without empty and false ones."""
    if not isinstance(value, dict):
        return {prefix or "value": value} if value else {}
    found: dict[str, object] = {}
    for key, inner in value.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(inner, dict):
            found.update(_flat(inner, name))
        elif (inner or inner == 0) and inner is not False:
            found[name] = ", ".join(map(str, inner)) if isinstance(inner, list) else inner
    return found


def _facts(title: str, facts: Mapping[str, object]) -> Iterator[str]:
    if not facts:
        return
    yield ""
    yield title
    for name, value in facts.items():
        if isinstance(value, bool):
            shown = "yes" if value else "no"
        else:
            shown = f"{value:,}" if isinstance(value, int) else display(str(value))
        yield f"  {display(name)}: {shown}"


# `Any` below: earlier programs may have written any JSON, or text, into these columns.


def _errors(app: App, errors: Any) -> Iterator[str]:
    if not isinstance(errors, dict):
        return
    yield ""
    yield "Errors and warnings:"
    failure = errors.get("failure")
    if isinstance(failure, dict):
        if failure.get("code"):
            yield f"  Code: {display(str(failure['code']))}"
        if failure.get("hint"):
            yield f"  {display(str(failure['hint']))}"
        for line in str(failure.get("traceback") or "").splitlines():
            yield f"  | {display(line)}"
    issues = errors.get("issues") or []
    shown = issues if app.verbose else issues[:SHOWN_ERRORS]
    for issue in shown:
        operation, path = (display(str(issue.get(key))) for key in ("operation", "path"))
        # The message of a check or an action is a whole sentence about the file.
        what = "" if operation in _WITH_SENTENCES else f"cannot {operation} "
        yield f"  {what}`{path}`: {display(str(issue.get('message')))}"
    yield from _rest(errors.get("count", 0) - len(shown))


def _files(app: App, affected: Any) -> Iterator[str]:
    if not isinstance(affected, dict) or not any((affected.get("counts") or {}).values()):
        return
    yield ""
    yield "Files affected:"
    for change, count in affected["counts"].items():
        if not count:
            continue
        yield f"  {change} ({count:,}):"
        paths = affected.get(change) or []
        shown = paths if app.verbose else paths[:SHOWN_FILES]
        for path in shown:
            # An object if the file was moved, or if its path is not UTF-8.
            known = path if isinstance(path, dict) else {"path": path}
            before = known.get("path_before")
            was = "" if before is None else f"{display(str(before))} -> "
            yield f"    {was}{display(str(known.get('path')))}"
        yield from _rest(count - len(shown), indent="    ")


def _operations(app: App, operations: Sequence[JobOperation]) -> Iterator[str]:
    if not operations:
        return
    yield ""
    yield f"Operations ({len(operations):,}):"
    shown = operations if app.verbose else operations[:SHOWN_FILES]
    for operation in shown:
        what = f"{operation.id[:8]} {display(operation.operation)} {operation.status.lower()}"
        yield f"  {what}: {display(operation.file_path)}"
        if operation.error_message:
            yield f"    {display(operation.error_message)}"
    yield from _rest(len(operations) - len(shown))


def _rest(count: int, *, indent: str = "  ") -> Iterator[str]:
    if count > 0:
        yield f"{indent}and {count:,} more (`-v` shows all)"

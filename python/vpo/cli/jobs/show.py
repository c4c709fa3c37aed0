"""`vpo jobs show`: all that is recorded of one job."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import click
import orjson

from vpo.base import times
from vpo.base.paths import display, to_json
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.jobs import COLOURS, duration_of, human_duration, job_to_dict
from vpo.cli.output.streams import echo
from vpo.db import job_history
from vpo.db import jobs as job_table
from vpo.db import operations as operation_table
from vpo.db.library import open_library
from vpo.db.operations import Operation
from vpo.jobs import liveness
from vpo.jobs.lookup import find_job_id

# More than these fill the screen; `--json` and `-v` have all.
SHOWN_FILES = 10
SHOWN_ERRORS = 10


def complete_job(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Offers the IDs of recent jobs."""
    from vpo.cli.options.completion import job_ids

    return job_ids(ctx, incomplete)


@command("show")
@click.argument("job_id", metavar="JOB_ID", shell_complete=complete_job)
@json_option
@global_options
@click.pass_context
def show(ctx: click.Context, /, job_id: str, as_json: bool) -> None:
    """Show all that is recorded of a job.

    JOB_ID is its ID, or the first 4 or more characters of it.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library, library.reading() as db:
        job = job_history.get_job(db, find_job_id(db, job_id))
        running = job_table.running_jobs(db)
        assert job is not None
        operations = operation_table.operations_of_job(db, job["number"])
    is_dead = any(each.id == job["id"] and not liveness.is_alive(each) for each in running)
    if as_json:
        listed = [_operation_to_dict(operation) for operation in operations]
        print_json({**_to_dict(job, is_dead=is_dead), "operations": listed})
        return
    for line in _description(app, job, is_dead=is_dead):
        echo(line)
    for line in _operations(app, operations):
        echo(line)


def _read(text: str | None) -> Any:
    """A JSON column; what an earlier program wrote there may be none."""
    if text is None:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _to_dict(job: sqlite3.Row, *, is_dead: bool) -> dict[str, object]:
    output, backup = (job[key] and to_json(job[key], key) for key in ("output_path", "backup_path"))
    return {
        **job_to_dict(job),
        "queued_at": times.with_z(job["queued_at"]),
        "attempts": job["attempts"],
        "policy_name": job["policy_name"],
        "configuration": _read(job["policy_json"]),
        "progress": _read(job["progress_json"]),
        "summary": _read(job["summary_json"]),
        "errors": _read(job["errors_json"]),
        "files_affected": _read(job["files_affected_json"]),
        "worker": {
            "pid": job["worker_pid"],
            "heartbeat": times.with_z(job["worker_heartbeat"]),
            "is_gone": is_dead,
        },
        "cancel_requested_at": job["cancel_requested_at"],
        **(output or {"output_path": None}),
        **(backup or {"backup_path": None}),
    }


def _description(app: App, job: sqlite3.Row, *, is_dead: bool) -> Iterator[str]:
    yield f"Job: {job['id']}"
    yield f"Type: {display(job['job_type'])}"
    status = app.paint(job["status"], COLOURS[job["status"]])
    if is_dead:
        status += " (but its process is gone: the next scan or worker settles it)"
    elif job["status"] == "running" and job["cancel_requested_at"]:
        status += " (asked to stop)"
    yield f"Status: {status}"
    yield f"Path: {display(job['file_path'])}"
    if job["error_message"]:
        yield f"Error: {display(job['error_message'])}"
    yield from _timing(job)
    yield from _facts("Configuration:", _flat(_read(job["policy_json"])))
    if job["status"] == "running":
        yield from _facts("Progress:", _progress(job))
    yield from _facts("Summary:", _flat(_read(job["summary_json"])))
    yield from _errors(app, _read(job["errors_json"]))
    yield from _files(app, _read(job["files_affected_json"]))


def _timing(job: sqlite3.Row) -> Iterator[str]:
    yield ""
    yield "Timing:"
    if job["queued_at"]:
        yield f"  Queued: {times.to_local_text(job['queued_at'])}, priority {job['priority']}"
    yield f"  Started: {times.to_local_text(job['started_at'])}"
    yield f"  Completed: {times.to_local_text(job['completed_at'])}"
    yield f"  Duration: {human_duration(duration_of(job))}"
    if job["attempts"] > 1:
        yield f"  Attempts: {job['attempts']}"
    if job["worker_pid"] and job["status"] == "running":
        yield f"  Process: {job['worker_pid']}"


def _progress(job: sqlite3.Row) -> dict[str, object]:
    facts = dict(_flat(_read(job["progress_json"])))
    percent = job["progress_percent"]
    facts["done"] = f"{percent:.0f} %"
    took = duration_of(job)
    if took and percent > 1:
        facts["left"] = f"about {human_duration(took * (100 - percent) / percent)}"
    return facts


def _flat(value: Any, prefix: str = "") -> dict[str, object]:
    """The leaves of nested settings, by dotted names; empty and false ones are left out."""
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
        yield (
            f"  cannot {display(str(issue.get('operation')))} `{display(str(issue.get('path')))}`:"
            f" {display(str(issue.get('message')))}"
        )
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
            # An object where it was moved, or the bytes of its name are not UTF-8.
            known = path if isinstance(path, dict) else {"path": path}
            before = known.get("path_before")
            was = "" if before is None else f"{display(str(before))} -> "
            yield f"    {was}{display(str(known.get('path')))}"
        yield from _rest(count - len(shown), indent="    ")


def _operation_to_dict(operation: Operation) -> dict[str, object]:
    return {
        "id": operation.id,
        "operation": operation.operation,
        "status": operation.status.lower(),
        **to_json(operation.file_path),
        "actions": _read(operation.actions_json),
        "can_be_undone": operation.status == operation_table.COMPLETED
        and operation.undo_json is not None,
        "error_message": operation.error_message,
        "started_at": times.with_z(operation.started_at),
        "completed_at": times.with_z(operation.completed_at),
    }


def _operations(app: App, operations: list[Operation]) -> Iterator[str]:
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
        yield f"{indent}and {count:,} more"

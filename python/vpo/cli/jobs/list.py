"""`vpo jobs list`: the history of jobs, or of one file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from vpo.base import times
from vpo.base.paths import display
from vpo.catalogue.jobs import (
    STATUSES,
    JobFilter,
    ListedJob,
    events_of_file,
    list_jobs,
)
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import When
from vpo.cli.options.paths import path_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.jobs import change_in_words, human_duration, status_painter
from vpo.cli.output.streams import echo
from vpo.cli.output.table import table
from vpo.db.library import open_library
from vpo.jobs.kinds import TYPES


@command("list")
@click.option(
    "--status",
    type=click.Choice(STATUSES, case_sensitive=False),
    help="Only jobs with this status.",
)
@click.option(
    "--type",
    "job_type",
    type=click.Choice(TYPES, case_sensitive=False),
    metavar="TYPE",
    help=f"Only jobs of this type: {', '.join(TYPES)}.",
)
@click.option(
    "--since",
    type=When(to_text=times.to_text),
    metavar="WHEN",
    help="Only jobs that started or were queued since: 2026-01-31, 30m, 12h, 1d, 1w.",
)
@path_option("--file", "file", metavar="PATH", help="Only jobs that changed or checked this file.")
@click.option(
    "--limit",
    type=click.IntRange(0, 2**63 - 1),
    default=20,
    metavar="N",
    help="At most N jobs (default: 20).",
)
@json_option
@global_options
@click.pass_context
def list_command(ctx: click.Context, /, file: bytes | None, as_json: bool, **options: Any) -> None:
    """List jobs, newest first.

    With --file, the last column shows what each job did to the file, and why.
    """
    app = ctx.ensure_object(App)
    if file is not None and (options["status"] or options["job_type"] or options["since"]):
        raise click.UsageError("--file cannot be combined with --status, --type or --since")
    with open_library(app.library_path(), "read") as library:
        if file is not None:
            events = events_of_file(library, file, options["limit"])
            rows = [(event.job, change_in_words(event)) for event in events]
            shown = [event.to_dict() for event in events] if as_json else []
        else:
            jobs = list_jobs(library, JobFilter(**options))
            rows = [(job, display(job.file_path)) for job in jobs]
            shown = [job.to_dict() for job in jobs] if as_json else []
    if as_json:
        print_json(shown)
    elif rows:
        for line in _table(app, rows, "PATH" if file is None else "CHANGE"):
            echo(line)
    elif not app.quiet:
        echo("No jobs were found.", err=True)


def _table(app: App, rows: Sequence[tuple[ListedJob, str]], last_column: str) -> Iterator[str]:
    """A table of jobs, each with the text of the last column."""
    yield from table(
        ("ID", "TYPE", "STATUS", "STARTED", "DURATION", last_column),
        [
            (
                job.id[:8],
                display(job.job_type),
                job.status,
                times.to_local_text(job.started_at),
                human_duration(job.duration_seconds),
                _with_progress_or_errors(job, text) or "-",
            )
            for job, text in rows
        ],
        right=("DURATION",),
        paint=status_painter(app),
        keep_tail=last_column == "PATH",
        # People type the ID.
        whole=("ID",),
    )


def _with_progress_or_errors(job: ListedJob, text: str) -> str:
    if job.status == "running" and job.progress_percent:
        return f"{text} ({job.progress_percent:.0f} %)"
    if job.error_count:
        return f"{text} ({job.error_count:,} error{'' if job.error_count == 1 else 's'})"
    return text

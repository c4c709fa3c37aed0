"""`vpo jobs`: what ran, what runs, what waits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import click

from vpo.base import times
from vpo.base.paths import display, to_stored
from vpo.catalogue import lookup
from vpo.cli.app import App
from vpo.cli.groups import LazyGroup, command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import When
from vpo.cli.options.paths import path_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.jobs import COLOURS, change_in_words, duration_of, human_duration, job_to_dict
from vpo.cli.output.streams import echo
from vpo.cli.output.table import table
from vpo.db import job_history
from vpo.db.library import open_library

_COMMANDS = {
    "cancel": ("vpo.cli.jobs.cancel", "cancel", "Cancel jobs that are queued or running."),
    "list": ("vpo.cli.jobs.group", "list_command", "List jobs, newest first."),
    "purge": (
        "vpo.cli.jobs.purge",
        "purge",
        "Delete the records of jobs that ended long ago.",
    ),
    "retry": (
        "vpo.cli.jobs.retry",
        "retry",
        "Queue jobs again that failed or were cancelled.",
    ),
    "run": (
        "vpo.cli.jobs.run",
        "run",
        "Do the jobs of the queue, one after the other, until it is empty.",
    ),
    "show": ("vpo.cli.jobs.show", "show", "Show all that is recorded of a job."),
}

# The last three are in libraries that were upgraded.
TYPES = (
    "scan",
    "verify",
    "import",
    "accept",
    "duplicates",
    "undo",
    "apply",
    "transcode",
    "move",
)


@click.group(
    "jobs",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@global_options
def jobs() -> None:
    """Look into the history of jobs, and work with their queue."""


@command("list")
@click.option(
    "--status", type=click.Choice(job_history.STATUSES, case_sensitive=False), help="Only these."
)
@click.option(
    "--type",
    "job_type",
    type=click.Choice(TYPES, case_sensitive=False),
    metavar="TYPE",
    help=f"Only jobs of a type: {', '.join(TYPES)}.",
)
@click.option(
    "--since",
    type=When(to_text=times.to_text),
    metavar="WHEN",
    help="Only those that started, or were queued, since: 2026-01-31, 30m, 12h, 1d, 1w.",
)
@path_option("--file", "file", metavar="PATH", help="Only those that touched a file.")
@click.option(
    "--limit",
    type=click.IntRange(0, 2**63 - 1),
    default=20,
    metavar="N",
    help="At most N jobs (20).",
)
@json_option
@global_options
@click.pass_context
def list_command(ctx: click.Context, /, file: bytes | None, as_json: bool, **options: Any) -> None:
    """List jobs, newest first.

    With --file, what each did to the file, and why, stands in place of the path.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library, library.reading() as db:
        if file is None:
            listed = job_history.list_jobs(db, job_history.JobFilter(**options))
        else:
            if options["status"] or options["job_type"] or options["since"]:
                raise click.UsageError("--file goes with --limit alone")
            listed = _jobs_of_file(db, file, options["limit"])
    if as_json:
        from vpo.cli.output.jobs import change_to_dict

        print_json([(change_to_dict if file is not None else job_to_dict)(job) for job in listed])
        return
    if not listed and not app.quiet:
        echo("There are no such jobs.", err=True)
        return
    for line in _table(app, listed, of_file=file is not None):
        echo(line)


def _jobs_of_file(db: sqlite3.Connection, file: bytes, limit: int) -> list[sqlite3.Row]:
    row = lookup.find_file(db, file)
    if row is not None:
        return job_history.changes_of_file(db, row["id"], limit=limit)
    for path in lookup.spellings(file):
        if changes := job_history.changes_of_former_file(db, to_stored(path), limit=limit):
            return changes
    raise lookup.unknown_file(file)


def _table(app: App, listed: list[sqlite3.Row], *, of_file: bool) -> Iterator[str]:
    rows = []
    for job in listed:
        last = change_in_words(job) if of_file else display(job["file_path"])
        if job["status"] == "running" and job["progress_percent"]:
            last = f"{last} ({job['progress_percent']:.0f} %)"
        rows.append(
            (
                job["id"][:8],
                display(job["job_type"]),
                job["status"],
                times.to_local_text(job["started_at"]),
                human_duration(duration_of(job)),
                last or "-",
            )
        )

    heads = ("ID", "TYPE", "STATUS", "STARTED", "DURATION", "CHANGE" if of_file else "PATH")
    yield from table(
        heads,
        rows,
        right=("DURATION",),
        paint=painter(app),
        keep_tail=not of_file,
        # What there is to be typed.
        whole=("ID",),
    )


def painter(app: App) -> Callable[[str, str], str]:
    """Colours the cells of a status."""

    def paint(head: str, text: str) -> str:
        colour = COLOURS.get(text.strip()) if head == "STATUS" else None
        return app.paint(text, colour) if colour else text

    return paint

"""`vpo jobs purge`: deletes the records of jobs that ended long ago."""

from __future__ import annotations

from datetime import timedelta

import click

from vpo.base import times
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import Duration
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.db.library import open_library
from vpo.jobs import purge as purging


@command("purge")
@click.option(
    "--older-than",
    type=Duration(),
    metavar="AGE",
    help="Jobs that ended longer ago than AGE: 12h, 30d (default: `jobs.retention_days`).",
)
@click.option(
    "--status",
    type=click.Choice(["completed", "failed", "cancelled"], case_sensitive=False),
    help="Only jobs with this status.",
)
@click.option("--dry-run", is_flag=True, help="Only show how many jobs would be deleted.")
@json_option
@global_options
@click.pass_context
def purge(
    ctx: click.Context,
    /,
    older_than: float | None,
    status: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Delete the records of old jobs.

    The history of changes that these jobs recorded is deleted with them. Queued and running
    jobs stay, and no file is touched.
    """
    app = ctx.ensure_object(App)
    settings = app.settings(sections=("database_path", "logging", "jobs"))
    app.start_logging(settings)
    age = timedelta(days=settings.config.jobs.retention_days)
    if older_than is not None:
        age = timedelta(seconds=older_than)
    before = times.now() - age
    with open_library(app.library_path(settings), "read" if dry_run else "write") as library:
        if dry_run:
            count = purging.count(library, before, status=status)
        else:
            count = purging.purge(library, before, status=status)
    if as_json:
        print_json({"purged": count, "before": times.to_text(before), "dry_run": dry_run})
    elif not app.quiet:
        jobs = "1 job" if count == 1 else f"{count:,} jobs"
        echo(f"{'Would delete' if dry_run else 'Deleted'} {jobs}.")

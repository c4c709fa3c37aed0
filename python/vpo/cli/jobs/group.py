"""`vpo jobs`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "cancel": ("vpo.cli.jobs.cancel", "cancel", "Cancel queued or running jobs."),
    "list": ("vpo.cli.jobs.list", "list_command", "List jobs, newest first."),
    "purge": ("vpo.cli.jobs.purge", "purge", "Delete the records of old jobs."),
    "retry": ("vpo.cli.jobs.retry", "retry", "Queue failed or cancelled jobs again."),
    "run": ("vpo.cli.jobs.run", "run", "Run the queued jobs, one after another."),
    "show": ("vpo.cli.jobs.show", "show", "Show everything that is recorded about a job."),
}


@click.group(
    "jobs",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def jobs() -> None:
    """Show the history of jobs, and run or change the queue."""

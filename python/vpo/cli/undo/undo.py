"""`vpo undo`: an ID in, what was undone out. `vpo.jobs.undo` does the work."""

from __future__ import annotations

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.jobs.show import complete_job
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.wait import WaitingCommand, wait_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.issues import show_issues
from vpo.cli.output.progress import TerminalReporter
from vpo.cli.output.streams import echo
from vpo.cli.signals import Signals, show_stopped
from vpo.db.library import open_library
from vpo.jobs import undo as service
from vpo.jobs.context import Context
from vpo.jobs.operations import OPERATIONS
from vpo.jobs.stopping import StoppedError
from vpo.jobs.undo import UndoRequest, UndoResult

SHOWN_FILES = 10


@click.command("undo", cls=WaitingCommand)
@click.argument("operation_id", metavar="ID", shell_complete=complete_job)
@wait_option
@json_option
@global_options
@click.pass_context
def undo(ctx: click.Context, /, operation_id: str, wait: float | None, as_json: bool) -> None:
    """Undo what a job did to files, or one step of it.

    ID is the ID of a job (`vpo jobs list`) or of an operation (`vpo jobs show JOB_ID`), or at
    least its first 4 characters. If a file was changed after the job, vpo leaves it as it is.

    Exit status: 0 done, 1 some files could not be undone, 2 not done, 75 another job is in the
    way.
    """
    app = ctx.ensure_object(App)
    settings = app.settings(("database_path", "logging"))
    app.start_logging(settings)
    try:
        with (
            open_library(app.library_path(settings), "write") as library,
            Signals() as signals,
            TerminalReporter(app) as reporter,
        ):
            context = Context(reporter, signals.stop, wait_seconds=wait or 0.0)
            result = service.run(library, UndoRequest(operation_id), context)
    except StoppedError as stopped:
        _show_stopped(app, stopped, as_json=as_json)
        ctx.exit(stopped.exit_status)
    if as_json:
        print_json(result.to_dict())
    else:
        _print(app, result)
    ctx.exit(EXIT_DONE_WITH_ERRORS if result.errors else 0)


def _show_stopped(app: App, stopped: StoppedError, *, as_json: bool) -> None:
    """Shows what was undone until it was stopped."""
    result = stopped.result
    if isinstance(result, UndoResult) and result.undone:
        show_stopped(
            app,
            stopped,
            as_json=as_json,
            what_of_it=f"{_summary(result)}. Run the command again to undo the rest.",
            details={"job_id": result.job_id, **result.record().summary},
        )
    else:
        show_stopped(app, stopped, as_json=as_json)


def _summary(result: UndoResult) -> str:
    job = (result.job_id or "")[:8]
    return f"Undid {len(result.undone):,} of {result.selected:,} operations (job: {job})"


def _print(app: App, result: UndoResult) -> None:
    if not app.quiet:
        shown = result.undone if app.verbose else result.undone[:SHOWN_FILES]
        for operation in shown:
            echo(f"{display(operation.file_path)} {OPERATIONS[operation.operation].undone}")
        more = len(result.undone) - len(shown)
        if more:
            echo(f"and {more:,} more")
        echo(_summary(result))
    errors = [f"{error.message} ({error.code})" for _, error in result.errors]
    show_issues(app, errors, total=len(errors), job_id=result.job_id)

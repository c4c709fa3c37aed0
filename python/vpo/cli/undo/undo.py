"""`vpo undo`: an id in, what was undone out; the work is in `vpo.duplicates.undo`."""

from __future__ import annotations

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS, UndoError
from vpo.base.paths import display, to_json
from vpo.catalogue.jobs import Operation
from vpo.cli.app import App, echo, global_options
from vpo.cli.jobs.show import complete_job
from vpo.cli.options.common import json_option
from vpo.cli.output.failure import failure_to_dict, print_json
from vpo.cli.output.progress import ScanReporter
from vpo.cli.signals import Signals, show_stopped
from vpo.db.library import open_library
from vpo.duplicates.undo import UndoResult, undo_by_id
from vpo.jobs.control import StoppedError

SHOWN_FILES = 10


@click.command("undo")
@click.argument("operation_id", metavar="ID", shell_complete=complete_job)
@json_option
@global_options
@click.pass_context
def undo(ctx: click.Context, /, operation_id: str, as_json: bool) -> None:
    """Undo what a job did to files, or one step of it.

    ID is that of a job or of an operation (`vpo jobs show` lists them), or the first 4 or
    more characters of it. A file that was changed since is left as it is. Exit status: 0
    done, 1 some files could not be undone, 2 not done, 75 other work is in the way.
    """
    app = ctx.ensure_object(App)
    settings = app.settings(("database_path", "logging"))
    app.start_logging(settings)
    try:
        with (
            open_library(app.library_path(settings), "write") as library,
            Signals() as signals,
            ScanReporter(app, None) as reporter,
        ):
            result = undo_by_id(library, operation_id, reporter, should_stop=signals.stop)
    except StoppedError as stopped:
        show_stopped(app, stopped, as_json=as_json)
        ctx.exit(stopped.exit_status)
    if as_json:
        print_json(_to_dict(result))
    else:
        _print(app, result)
    ctx.exit(EXIT_DONE_WITH_ERRORS if result.errors else 0)


def _to_dict(result: UndoResult) -> dict[str, object]:
    return {
        "job_id": result.job_id,
        "undone": [_operation(each) for each in result.undone],
        "errors": [
            {**_operation(each), **failure_to_dict(error.code, error.message, error.hint)}
            for each, error in result.errors
        ],
    }


def _operation(operation: Operation) -> dict[str, object]:
    return {
        "id": operation.id,
        "operation": operation.operation,
        **to_json(operation.file_path),
    }


def _print(app: App, result: UndoResult) -> None:
    shown = result.undone if app.verbose else result.undone[:SHOWN_FILES]
    if not app.quiet:
        for operation in shown:
            said = "is back" if operation.operation == "trash" else "is a file of its own again"
            echo(f"{display(operation.file_path)} {said}")
        more = len(result.undone) - len(shown)
        if more:
            echo(f"and {more:,} more")
        echo(f"Undid {len(result.undone):,} of {result.asked:,} (job: {result.job_id[:8]})")
    if app.logs_to_stderr == "json":
        return
    warning = app.paint("Warning:", "yellow", err=True)
    for _, error in result.errors[:SHOWN_FILES]:
        echo(f"{warning} {_sentence(error)}", err=True)
    more = len(result.errors) - SHOWN_FILES
    if more > 0:
        echo(f"{warning} and {more:,} more; job {result.job_id[:8]} has them", err=True)


def _sentence(error: UndoError) -> str:
    return f"{error.message} ({error.code})"

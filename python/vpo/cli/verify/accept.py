"""`vpo verify accept`: damaged files in, what was accepted out."""

from __future__ import annotations

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS, EXIT_NOT_DONE, VpoError
from vpo.base.paths import StoredPath, display, to_stored
from vpo.catalogue.damage import DamagedFile, find_damaged, find_damaged_below
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import PATH, path_option
from vpo.cli.output.failure import log_failure, print_json, show_failure
from vpo.cli.output.streams import echo
from vpo.cli.signals import Signals, show_stopped
from vpo.db.library import open_library
from vpo.integrity import accept as service
from vpo.integrity.accept import AcceptRequest, AcceptResult, ToAccept
from vpo.jobs.context import Context
from vpo.jobs.stopping import StoppedError


@command("accept")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=PATH)
@path_option("--under", metavar="DIR", help="Accept all damaged files in DIR or below it.")
@json_option
@global_options
@click.pass_context
def accept(
    ctx: click.Context, /, paths: tuple[bytes, ...], under: bytes | None, as_json: bool
) -> None:
    """Accept the current content of damaged files as correct.

    Each PATH is a damaged file. --under DIR accepts all damaged files in DIR.

    Exit status: 0 done, 1 some files could not be accepted, 2 none could.
    """
    app = ctx.ensure_object(App)
    if not paths and under is None:
        raise click.UsageError("Name a PATH, or a directory with --under", ctx)
    settings = app.settings(sections=("database_path", "logging"))
    app.start_logging(settings)
    errors: list[tuple[StoredPath, VpoError]] = []
    with open_library(app.library_path(settings), "write") as library:
        files: dict[int, ToAccept] = {}
        for path in paths:
            try:
                file = _to_accept(find_damaged(library, path))
            except VpoError as error:
                errors.append((to_stored(path), error))
                continue
            files[file.damage.file_id] = file
        if under is not None:
            for damaged in find_damaged_below(library, under):
                files[damaged.damage.file_id] = _to_accept(damaged)
        if not files and len(errors) == 1:
            raise errors[0][1]
        result = AcceptResult()
        if files:
            request = AcceptRequest(tuple(files.values()))
            try:
                with Signals() as signals:
                    result = service.run(library, request, Context(should_stop=signals.stop))
            except StoppedError as stopped:
                kept = "What was accepted stays accepted."
                show_stopped(app, stopped, as_json=as_json, what_of_it=kept)
                ctx.exit(stopped.exit_status)
        result.errors[:0] = errors
    _show(app, result, as_json=as_json)
    if result.errors:
        ctx.exit(EXIT_DONE_WITH_ERRORS if result.accepted else EXIT_NOT_DONE)


def _to_accept(file: DamagedFile) -> ToAccept:
    return ToAccept(file.path, file.damage, file.is_symlink)


def _show(app: App, result: AcceptResult, *, as_json: bool) -> None:
    if as_json:
        print_json(result.to_dict())
        for _, error in result.errors:
            log_failure(app, error)
        return
    for each in result.accepted:
        if not app.quiet:
            later = (
                "" if each.is_recorded else "; it has changed since the last scan, so scan it again"
            )
            echo(f"Accepted {display(each.path)} ({each.content_hash[:23]}…){later}")
    for _, error in result.errors:
        show_failure(app, error)

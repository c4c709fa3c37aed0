"""`vpo duplicates`: options in, groups out. `vpo.duplicates.find` does the work."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS, LibraryUnwritableError
from vpo.base.paths import display
from vpo.catalogue.lookup import check_searched, known_places, places
from vpo.cli.app import App
from vpo.cli.duplicates.output import OUTPUTS, done_text, plan_text
from vpo.cli.groups import command
from vpo.cli.options.file_filters import kind_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import ByteSize, joined
from vpo.cli.options.paths import path_option
from vpo.cli.output.issues import show_issues
from vpo.cli.output.progress import TerminalReporter
from vpo.cli.output.streams import echo
from vpo.cli.signals import Signals, show_stopped
from vpo.db.library import Library, open_library
from vpo.duplicates import find as service
from vpo.duplicates.keep_rules import PREFERENCES, KeepRules
from vpo.duplicates.request import ACTIONS, DuplicatesRequest, Selection
from vpo.duplicates.result import DuplicatesResult
from vpo.jobs.context import Context
from vpo.jobs.stopping import StoppedError


@command("duplicates")
@path_option(
    "--under",
    multiple=True,
    metavar="DIR",
    help="Only files in DIR and below it. Can be given several times.",
)
@kind_option
@click.option(
    "--min-size",
    type=ByteSize(),
    default=1,
    metavar="SIZE",
    help="Leave out files smaller than SIZE: 500K, 10M, 1G. Empty files are always left out.",
)
@click.option("--json", "form", flag_value="json", help="Print one JSON document.")
@click.option("--jsonl", "form", flag_value="jsonl", help="Print one JSON object per group.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--fail", is_flag=True, help="Exit with status 1 if there are duplicates.")
@click.option(
    "--action",
    type=click.Choice(ACTIONS),
    help="What to do with the files of a group that are not kept. Without --yes, only show what"
    " would happen.",
)
@click.option("--yes", is_flag=True, help="Carry out --action.")
@path_option(
    "--keep",
    "directories",
    multiple=True,
    metavar="DIR",
    help="Keep all files in DIR and below it. Can be given several times.",
)
@click.option(
    "--prefer",
    type=click.Choice(PREFERENCES),
    default="oldest",
    help="Which file of a group to keep: the one with the oldest mtime (default), the newest"
    " mtime, or the shortest path.",
)
@global_options
@click.pass_context
def duplicates(
    ctx: click.Context,
    /,
    kinds: Sequence[Sequence[str]],
    form: str | None,
    fail: bool,
    action: str | None,
    yes: bool,
    **options: Any,
) -> None:
    """Find files with the same content, and the space they waste.

    vpo compares the files that the catalogue knows. It reads a file only if another has the
    same size, only as far as needed to tell them apart, and only once. Nothing is ever
    deleted: with --action and --yes, a file becomes a hard link, shares the storage of the
    kept file, or is moved to the trash.

    Exit status: 0 done, 1 some files could not be read or changed, or (--fail) there are
    duplicates, 2 not done, 75 another job is in the way.
    """
    if yes and action is None:
        raise click.UsageError(f"--yes can only be used with --action {'|'.join(ACTIONS)}", ctx)
    if yes and fail:
        raise click.UsageError("--fail cannot be combined with --yes", ctx)
    # There are no reference cycles among the records, of which there may be many thousands.
    # Looking for cycles would take a third of the time.
    gc.disable()
    app = ctx.ensure_object(App)
    under, directories = options["under"], options["directories"]
    request = DuplicatesRequest(
        Selection(_places(under), kinds=joined(kinds), least_bytes=options["min_size"]),
        KeepRules(_places(directories), options["prefer"]),
        action,
        dry_run=not yes,
    )
    try:
        with (
            _open(app.library_path(), changes_files=yes) as library,
            Signals() as signals,
            TerminalReporter(app) as reporter,
        ):
            for directory in under:
                check_searched(library, directory)
            # If DIR is misspelt, the files to keep would not be protected.
            known_places(library, directories)

            def before_start() -> None:
                # Only a job needs settings. An answer out of the catalogue needs none.
                app.start_logging(app.settings(("database_path", "logging")))

            context = Context(reporter, signals.stop, before_start=before_start)
            result = service.run(library, request, context)
    except StoppedError as stopped:
        _show_stopped(app, stopped, as_json=form == "json")
        ctx.exit(stopped.exit_status)
    OUTPUTS[form](app, result)
    if form is None and not app.quiet and action is not None:
        echo(plan_text(result) if result.changes is None else done_text(result))
    if form != "json":
        _show_issues(app, result)
    has_failed = not result.is_all_well or (fail and result.duplicates.groups)
    ctx.exit(EXIT_DONE_WITH_ERRORS if has_failed else 0)


def _open(path: str, *, changes_files: bool) -> Library:
    """Opens the catalogue. If it can only be read, it may have the answer already."""
    try:
        return open_library(path, "write")
    except LibraryUnwritableError:
        if changes_files:
            raise
        return open_library(path, "read")


def _places(directories: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(place for each in directories for place in places(each)))


def _show_stopped(app: App, stopped: StoppedError, *, as_json: bool) -> None:
    """Shows what was done until it was stopped."""
    result = stopped.result
    if isinstance(result, DuplicatesResult) and result.changes and result.changes.names:
        show_stopped(
            app,
            stopped,
            as_json=as_json,
            what_of_it=done_text(result).strip(),
            details={"job_id": result.job_id, **result.changes.counts()},
        )
    else:
        show_stopped(app, stopped, as_json=as_json)


def _show_issues(app: App, result: DuplicatesResult) -> None:
    issues = [
        each.message
        if each.reason == "offline"
        else f"cannot compare `{display(each.path)}`: {each.message}"
        for each in result.duplicates.issues
    ]
    if result.changes is not None:
        issues += [each.message for each in result.changes.issues]
    show_issues(app, issues, total=len(issues), job_id=result.job_id)

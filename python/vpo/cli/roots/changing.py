"""What the commands that change roots have in common."""

from __future__ import annotations

from collections.abc import Callable

import click

from vpo.cli.app import App
from vpo.cli.output.failure import print_json
from vpo.cli.output.issues import show_issues
from vpo.cli.output.progress import TerminalReporter
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo
from vpo.cli.signals import Signals, show_stopped
from vpo.db.library import Library, open_library
from vpo.jobs.context import Context
from vpo.jobs.stopping import StoppedError
from vpo.roots.result import RootsResult

Change = Callable[[Library, Context], RootsResult]

yes_option = click.option("--yes", is_flag=True, help="Do it. Without --yes, vpo only shows it.")
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Only show what would change (the default without --yes)."
)


def is_dry_run(ctx: click.Context, *, yes: bool, dry_run: bool) -> bool:
    """Whether a command only shows what it would do."""
    if yes and dry_run:
        raise click.UsageError("--yes cannot be combined with --dry-run", ctx)
    return not yes


def change(ctx: click.Context, app: App, work: Change, *, dry_run: bool) -> RootsResult:
    """Opens the catalogue and changes roots, or looks at what would change."""
    settings = app.settings(("database_path", "logging"))
    app.start_logging(settings)
    path = app.library_path(settings)
    try:
        with (
            open_library(path, "read" if dry_run else "write") as library,
            Signals() as signals,
            TerminalReporter(app) as reporter,
        ):
            return work(library, Context(reporter, signals.stop))
    except StoppedError as stopped:
        show_stopped(app, stopped, as_json=False, what_of_it="Nothing was changed.")
        ctx.exit(stopped.exit_status)


def show(app: App, result: RootsResult, text: str, *, as_json: bool) -> None:
    """Prints what was done, or would be."""
    if as_json:
        print_json(result.to_dict())
        return
    if not app.quiet:
        echo(text)
        if result.dry_run:
            echo("\nNothing was changed. Add --yes to do it.")
    show_issues(app, result.warnings, total=len(result.warnings), most=None)


def files_in_words(result: RootsResult) -> str:
    """The records in question: `1,204 files (3 missing), 2.1 TiB, 1,100 digests`."""
    counts = result.counts
    parts = [_count(counts["files"], "file")]
    if counts["missing"]:
        parts[0] += f" ({counts['missing']:,} missing)"
    parts.append(human_size(counts["bytes"]))
    if counts["digests"]:
        parts.append(_count(counts["digests"], "digest"))
    if counts["damaged"]:
        parts.append(_count(counts["damaged"], "damaged file"))
    return ", ".join(parts)


def actions_in_words(result: RootsResult) -> str | None:
    """The actions on files that are forgotten, None if there are none."""
    counts = result.counts
    if not counts["actions"]:
        return None
    text = f"{_count(counts['actions'], 'action')} on files"
    if counts["undoable"]:
        text += f"; {counts['undoable']:,} of them can then not be undone any more"
    return text


def cancelled_in_words(result: RootsResult) -> str | None:
    """The jobs that were cancelled, None if there are none."""
    cancelled = result.counts.get("cancelled_jobs", 0)
    return f"{_count(cancelled, 'queued job')} cancelled" if cancelled else None


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

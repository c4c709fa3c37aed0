"""`vpo duplicates`: options in, groups out; the work is in `vpo.duplicates.run`."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS, LibraryUnwritableError
from vpo.base.paths import display
from vpo.catalogue.lookup import check_searched, known_places, places
from vpo.catalogue.selection import Selection
from vpo.cli.app import App, echo, global_options, path_option
from vpo.cli.duplicates.output import OUTPUTS, done_text, plan_text
from vpo.cli.options.file_filters import kind_option
from vpo.cli.options.parameters import ByteSize, joined
from vpo.cli.output.progress import ScanReporter
from vpo.cli.signals import Signals, show_stopped
from vpo.db.library import Library, open_library
from vpo.duplicates.keep_rules import Keeping
from vpo.duplicates.models import ACTIONS, PREFERENCES, Action, Preference
from vpo.duplicates.run import Outcome, find_duplicates
from vpo.jobs.control import StoppedError

SHOWN_ISSUES = 10


@click.command("duplicates")
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
    help="Leave out smaller files: 500K, 10M, 1G. Empty ones are always left out.",
)
@click.option("--json", "form", flag_value="json", help="Print one JSON document.")
@click.option("--jsonl", "form", flag_value="jsonl", help="Print one JSON object a group.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--fail", is_flag=True, help="Exit with status 1 if there are duplicates.")
@click.option(
    "--action",
    type=click.Choice(ACTIONS),
    help="What to do about all but one of a group. Without --yes, it is only said.",
)
@click.option("--yes", is_flag=True, help="Do it.")
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
    help="Which one to keep: of the oldest or newest mtime, or of the shortest path (oldest).",
)
@global_options
@click.pass_context
def duplicates(
    ctx: click.Context,
    /,
    under: Sequence[bytes],
    kinds: Sequence[Sequence[str]],
    min_size: int,
    form: str | None,
    fail: bool,
    action: Action | None,
    yes: bool,
    directories: Sequence[bytes],
    prefer: Preference,
) -> None:
    """Find files with the same content, and what they waste.

    Of the files that the library knows, those of equal size are read, as little as can be;
    what was read is not read again. Nothing is ever deleted: with --action and --yes, a
    file can become a hard link or share the storage of another, or be moved to the trash.

    Exit status: 0 done, 1 some files could not be read or acted on, or (--fail) there are
    duplicates, 2 not done, 75 other work is in the way.
    """
    if yes and action is None:
        raise click.UsageError(f"--yes goes with --action {'|'.join(ACTIONS)}", ctx)
    if yes and fail:
        raise click.UsageError("--fail does not go with --yes", ctx)
    # Records by the ten thousand, in which there are no circles, and needed to the end: to
    # look through them time and again would take a third of it.
    gc.disable()
    app = ctx.ensure_object(App)
    wanted = Selection(places=_places(under), kinds=joined(kinds), least_bytes=min_size)
    keeping = Keeping(_places(directories), prefer)

    begun: list[Outcome] = []

    def before_job(outcome: Outcome) -> None:
        begun.append(outcome)
        # An answer out of the library alone needs no settings, and leaves no trace.
        app.start_logging(app.settings(("database_path", "logging")))

    try:
        with (
            _open(app.library_path(), acts=yes) as library,
            Signals() as signals,
            ScanReporter(app, None) as reporter,
        ):
            for directory in under:
                check_searched(library, directory)
            # A typing error would leave what is to be kept without protection.
            known_places(library, directories)
            outcome = find_duplicates(
                library,
                wanted,
                keeping,
                reporter,
                action=action if yes else None,
                before_job=before_job,
                should_stop=signals.stop,
            )
    except StoppedError as stopped:
        _show_stopped(app, stopped, begun, action, as_json=form == "json")
        ctx.exit(stopped.exit_status)
    OUTPUTS[form](app, outcome, keeping, action)
    if form is None and not app.quiet:
        if outcome.actions is not None and action is not None:
            echo(done_text(outcome, action))
        elif action is not None:
            echo(plan_text(outcome, keeping, action))
    if form != "json":
        _show_issues(app, outcome)
    ctx.exit(_status(outcome, fail=fail))


def _open(path: str, *, acts: bool) -> Library:
    """Opens the library: who may only read it gets an answer, too, if there is one in it."""
    try:
        return open_library(path, "write")
    except LibraryUnwritableError:
        if acts:
            raise
        return open_library(path, "read")


def _places(directories: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(place for each in directories for place in places(each)))


def _show_stopped(
    app: App,
    stopped: StoppedError,
    begun: Sequence[Outcome],
    action: Action | None,
    *,
    as_json: bool,
) -> None:
    """Says what was done until it was stopped."""
    for outcome in begun:
        if outcome.actions is not None and outcome.actions.done and action is not None:
            show_stopped(
                app,
                stopped,
                as_json=as_json,
                what_of_it=done_text(outcome, action).strip(),
                details={"job_id": outcome.job_id, **outcome.actions.counts()},
            )
            return
    show_stopped(app, stopped, as_json=as_json)


def _show_issues(app: App, outcome: Outcome) -> None:
    if app.logs_to_stderr == "json":
        return
    warning = app.paint("Warning:", "yellow", err=True)
    issues = [
        each.message
        if each.reason == "offline"
        else f"cannot read `{display(each.path)}`: {each.message}"
        for each in outcome.findings.problems
    ]
    if outcome.actions is not None:
        issues += [each.message for each in outcome.actions.issues]
    for issue in issues[:SHOWN_ISSUES]:
        echo(f"{warning} {issue}", err=True)
    more = len(issues) - SHOWN_ISSUES
    if more > 0:
        where = f"; job {outcome.job_id[:8]} has them" if outcome.job_id else ""
        echo(f"{warning} and {more:,} more{where}", err=True)


def _status(outcome: Outcome, *, fail: bool) -> int:
    went_wrong = outcome.findings.problems or (outcome.actions and outcome.actions.issues)
    if went_wrong or (fail and outcome.findings.groups):
        return EXIT_DONE_WITH_ERRORS
    return 0

"""`vpo verify [DIR]...`: options in, findings out; the work is in `vpo.integrity.verify`."""

from __future__ import annotations

from typing import Any

import click

from vpo.base import times
from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.niceness import be_nice
from vpo.base.paths import absolute, display, to_json, to_stored
from vpo.cli.app import App
from vpo.cli.groups import Command
from vpo.cli.options.common import json_option, queue_options, threads_option
from vpo.cli.options.file_filters import kind_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import ByteSize, Duration, ParamType, joined
from vpo.cli.options.paths import DIRECTORY
from vpo.cli.output.failure import print_json
from vpo.cli.output.jobs import human_duration
from vpo.cli.output.progress import VerifyReporter
from vpo.cli.output.sizes import human_size, parse_size
from vpo.cli.output.streams import echo, silence_stdout
from vpo.cli.signals import Signals, show_stopped
from vpo.cli.verify.group import COMMANDS
from vpo.db.library import Library, open_library
from vpo.integrity.models import Budget, Finding, VerifyOptions, VerifyResult
from vpo.integrity.verify import find_where, job_path
from vpo.integrity.verify import verify as run_verify
from vpo.jobs import queue
from vpo.jobs.control import StoppedError
from vpo.jobs.purge import auto_purge

SHOWN_FINDINGS = 10


class CheckContext(click.Context):
    """Shows the check as the group, which is how it is called."""

    @property
    def command_path(self) -> str:
        """`vpo verify`."""
        assert self.parent is not None
        return self.parent.command_path


class CheckCommand(Command):
    """Its help has the commands beside it, too."""

    context_class = CheckContext

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes both ways in which words can go on."""
        super().format_usage(ctx, formatter)
        names = "|".join(sorted(COMMANDS))
        formatter.write_usage(ctx.command_path, f"{names} ...", prefix=" " * len("Usage: "))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options, and the commands."""
        super().format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in sorted(COMMANDS)])


class BudgetType(ParamType):
    """A time, a number of bytes, or a share: 30m, 500G, 20%."""

    name = "budget"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Budget:
        """The budget."""
        if isinstance(value, Budget):
            return value
        text = str(value).strip()
        try:
            if text.endswith("%"):
                budget = Budget(float(text[:-1]), "percent")
                if not 0 < budget.amount <= 100:
                    self.fail(f"`{text}` is no share: more than 0%, up to 100%", param, ctx)
                return budget
            # `m` is minutes, `M` is MiB.
            if text[-1:] in "smhdw" and text[-1:]:
                budget = Budget(times.parse_duration(text).total_seconds(), "seconds")
            else:
                budget = Budget(parse_size(text), "bytes")
            if not budget.amount:
                self.fail(f"`{text}` is none: nothing would be checked", param, ctx)
            return budget
        except (ValueError, OverflowError):
            self.fail(
                f"`{text}` is neither a time (30m, 2h) nor a size (500G) nor a share (20%)",
                param,
                ctx,
            )


def complete_directory(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[Any]:
    """Offers directories, and as the first word commands, too."""
    from click.shell_completion import CompletionItem

    offered = DIRECTORY.shell_complete(ctx, parameter, incomplete)
    if ctx.params.get("directories"):
        return offered
    return offered + [
        CompletionItem(name, help=COMMANDS[name][2])
        for name in sorted(COMMANDS)
        if name.startswith(incomplete)
    ]


def directories_given(
    ctx: click.Context, _parameter: click.Parameter, values: tuple[bytes, ...]
) -> tuple[bytes, ...]:
    """The directories, if none of them is more likely meant as a command."""
    for value in values:
        if not value:
            raise click.BadParameter("a directory's name cannot be empty; the current one is `.`")
        name = value.decode(errors="replace")
        if name in COMMANDS:
            raise click.BadParameter(
                f"`{name}` is a command, and comes before options: `vpo verify {name} ...`;"
                f" a directory of that name is `./{name}`",
                ctx,
            )
    return tuple(dict.fromkeys(map(absolute, values)))


@click.command(
    "verify",
    cls=CheckCommand,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument(
    "directories",
    metavar="[DIR]...",
    nargs=-1,
    type=DIRECTORY,
    shell_complete=complete_directory,
    callback=directories_given,
)
@click.option(
    "--budget",
    type=BudgetType(),
    metavar="AMOUNT",
    help="Begin with no more files after a time (30m), bytes (500G), or a share of them (20%).",
)
@click.option(
    "--older-than",
    "older_than_seconds",
    type=Duration(),
    metavar="AGE",
    help="Only files not verified for so long: 12h, 90d.",
)
@click.option("--only-new", is_flag=True, help="Only files whose content was never digested.")
@kind_option
@click.option(
    "--max-rate", type=ByteSize(), metavar="SIZE", help="Read no more than this a second: 50M."
)
@click.option("--nice", is_flag=True, help="Let others have processor and disk first.")
@threads_option
@queue_options("check")
@json_option
@global_options
@click.pass_context
def check(
    ctx: click.Context,
    /,
    directories: tuple[bytes, ...],
    kinds: tuple[tuple[str, ...], ...],
    enqueue: bool,
    priority: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Check that files are what they were, the least lately checked ones first.

    Known files in each DIR (a file will do; default: all) are read and held against what was
    recorded of them. It can be stopped at any time; the next run goes on. Exit
    status: 0 all is well, 1 something was found, 2 not done, 75 another check runs.
    """
    app = ctx.ensure_object(App)
    if priority is not None and not enqueue:
        raise click.UsageError("--priority goes with --enqueue", ctx)
    if enqueue and options["nice"]:
        raise click.UsageError("--nice goes not with --enqueue: say `nice vpo jobs run`", ctx)
    verify_options = VerifyOptions(kinds=joined(kinds), **options)
    settings = app.settings()
    app.start_logging(settings)
    with open_library(app.library_path(settings), "write") as library:
        if enqueue:
            _enqueue(app, library, directories, verify_options, priority, as_json=as_json)
            return
        auto_purge(library, settings.config.jobs)
        ctx.exit(_verify(app, library, directories, verify_options, as_json=as_json))


def _verify(
    app: App,
    library: Library,
    directories: tuple[bytes, ...],
    options: VerifyOptions,
    *,
    as_json: bool,
) -> int:
    """Checks, says what was found, and returns the exit status."""
    if options.nice:
        be_nice()
    is_silent = as_json or app.quiet

    def say(line: str) -> None:
        """Prints a line. A reader that left is no reason not to do the work."""
        try:
            echo(line)
        except BrokenPipeError:
            silence_stdout()

    if not is_silent:
        names = ", ".join(display(to_stored(directory)) for directory in directories)
        say(f"Verifying {names or 'the library'}...")
    try:
        with (
            Signals() as signals,
            VerifyReporter(app, say if app.verbose and not as_json else None) as reporter,
        ):
            result = run_verify(library, directories, options, reporter, should_stop=signals.stop)
    except StoppedError as stopped:
        show_stopped(
            app,
            stopped,
            as_json=as_json,
            what_of_it="What was verified until now is recorded; run it again.",
        )
        return stopped.exit_status
    if as_json:
        print_json(result_to_dict(result))
    else:
        if not app.quiet:
            say(summary_text(result))
        _show_findings(app, result)
    return EXIT_DONE_WITH_ERRORS if result.found else 0


def _show_findings(app: App, result: VerifyResult) -> None:
    if app.logs_to_stderr == "json":
        return
    warning = app.paint("Warning:", "yellow", err=True)
    error = app.paint("Error:", "red", err=True)
    listed = [*result.offline, *result.findings]
    for each in listed[:SHOWN_FINDINGS]:
        is_damage = isinstance(each, Finding) and each.is_damage
        echo(f"{error if is_damage else warning} {each}", err=True)
    more = result.found - min(len(listed), SHOWN_FINDINGS)
    if more > 0:
        has = f"; job {result.job_id[:8]} has them" if result.job_id else ""
        echo(f"{warning} and {more:,} more{has}", err=True)


# The lines of the summary: those that are always there, and those that are not.
_ALWAYS = ("verified", "new", "modified", "damaged", "unreadable", "missing")
_LABELS = {
    "new": "New (first digest)",
    "modified": "Modified (left to a scan)",
    "restored": "Restored (right again)",
    "changing": "Changing (not recorded)",
}


def summary_text(result: VerifyResult) -> str:
    """The outcome for people."""
    lines = [
        f"  {_LABELS.get(name, name.capitalize())}: {count:,}"
        for name, count in result.counts.items()
        if count or name in _ALWAYS
    ]
    if not result.is_complete:
        left = result.selected.files - result.checked
        lines.append(f"  Left for another run: {left:,}")
    seconds = result.duration_seconds
    rate = f", {human_size(round(result.size_bytes / seconds))}/s" if seconds > 1 else ""
    return "\n".join(
        [
            *lines,
            "",
            f"Read {human_size(result.size_bytes)} in {human_duration(seconds)}{rate}"
            f" (job: {(result.job_id or '')[:8]})",
        ]
    )


def result_to_dict(result: VerifyResult) -> dict[str, object]:
    """A result as the contract's JSON."""
    return {
        "job_id": result.job_id,
        "directories": [to_json(to_stored(directory)) for directory in result.directories],
        "started_at": times.to_text(result.started_at),
        "completed_at": times.to_text(result.completed_at) if result.completed_at else None,
        "duration_seconds": round(result.duration_seconds, 3),
        "complete": result.is_complete,
        "selected": result.selected.files,
        "selected_bytes": result.selected.size_bytes,
        **result.summary(),
        "findings": [finding.to_dict() for finding in result.findings],
        "offline": [offline.to_dict() for offline in result.offline],
    }


def _enqueue(
    app: App,
    library: Library,
    directories: tuple[bytes, ...],
    options: VerifyOptions,
    priority: int | None,
    *,
    as_json: bool,
) -> None:
    """Puts the check into the queue."""
    find_where(library, directories)
    path = job_path(library, directories)
    queued = queue.enqueue(
        library,
        job_type="verify",
        path=path,
        configuration_json=options.to_json(list(directories)),
        priority=queue.DEFAULT_PRIORITY if priority is None else priority,
    )
    if as_json:
        print_json(
            {
                "job_id": queued.id,
                "directories": [to_json(to_stored(directory)) for directory in directories],
                "status": "queued",
                "is_new": queued.is_new,
            }
        )
    elif not app.quiet:
        said = "Queued a check of" if queued.is_new else "There is one in the queue already:"
        echo(f"{said} {display(path)} (job: {queued.id[:8]})")

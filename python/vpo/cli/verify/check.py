"""`vpo verify [DIR]...`: options in, findings out. `vpo.integrity.verify` does the work."""

from __future__ import annotations

from typing import Any

import click

from vpo.base import times
from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.niceness import be_nice
from vpo.base.paths import absolute, display, to_json, to_stored
from vpo.cli.app import App
from vpo.cli.groups import HELP_OPTIONS
from vpo.cli.options.common import json_option, queue_options, threads_option
from vpo.cli.options.file_filters import kind_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import ByteSize, Duration, ParamType, joined
from vpo.cli.options.paths import DIRECTORY
from vpo.cli.options.wait import WaitingCommand, wait_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.issues import show_issues
from vpo.cli.output.jobs import human_duration
from vpo.cli.output.progress import TerminalReporter
from vpo.cli.output.sizes import human_size, parse_size
from vpo.cli.output.streams import echo, silence_stdout
from vpo.cli.signals import Signals, show_stopped
from vpo.cli.verify.group import COMMANDS
from vpo.db.library import Library, open_library
from vpo.integrity import verify as service
from vpo.integrity.findings import Finding
from vpo.integrity.request import Budget, VerifyOptions, VerifyRequest
from vpo.integrity.result import VerifyResult
from vpo.jobs import queue
from vpo.jobs.context import Context
from vpo.jobs.purge import auto_purge
from vpo.jobs.stopping import StoppedError
from vpo.places.availability import GONE_HINT


class CheckContext(click.Context):
    """Shows the check as the group, which is how it is called."""

    @property
    def command_path(self) -> str:
        """`vpo verify`."""
        assert self.parent is not None
        return self.parent.command_path


class CheckCommand(WaitingCommand):
    """Its help also lists the commands of the group."""

    context_class = CheckContext

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes both forms: with directories, and with a command."""
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
                    self.fail(
                        f"`{text}` is not a share: give more than 0% and at most 100%", param, ctx
                    )
                return budget
            # `m` is minutes, `M` is MiB.
            if text[-1:] in "smhdw" and text[-1:]:
                budget = Budget(times.parse_duration(text).total_seconds(), "seconds")
            else:
                budget = Budget(parse_size(text), "bytes")
            if not budget.amount:
                self.fail("the budget must be greater than zero", param, ctx)
            return budget
        except (ValueError, OverflowError):
            self.fail(
                f"`{text}` is not a time (30m, 2h), a size (500G) or a share (20%)",
                param,
                ctx,
            )


def complete_directory(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[Any]:
    """Offers directories, and commands as the first word."""
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
    """The directories. Refuses a name that is more likely a command."""
    for value in values:
        if not value:
            raise click.BadParameter(
                "the name of a directory cannot be empty. Write `.` for the current directory"
            )
        name = value.decode(errors="replace")
        if name in COMMANDS:
            raise click.BadParameter(
                f"`{name}` is a command and must come before options: `vpo verify {name} ...`."
                f" If you mean a directory of that name, write `./{name}`",
                ctx,
            )
    return tuple(dict.fromkeys(map(absolute, values)))


@click.command(
    "verify",
    cls=CheckCommand,
    context_settings=HELP_OPTIONS,
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
    help="Check no more files after this time (30m), this much data (500G) or this share of"
    " the total (20%).",
)
@click.option(
    "--older-than",
    "older_than_seconds",
    type=Duration(),
    metavar="AGE",
    help="Only files that were last verified longer ago than AGE: 12h, 90d.",
)
@click.option("--only-new", is_flag=True, help="Only files that have no digest yet.")
@kind_option
@click.option(
    "--max-rate", type=ByteSize(), metavar="SIZE", help="Read at most SIZE per second: 50M."
)
@click.option(
    "--nice", is_flag=True, help="Let other programs have the processor and the disk first."
)
@threads_option
@wait_option
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
    wait: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Check files against their recorded digests, and find damage.

    vpo reads the known files in each DIR (default: all files) and compares them with their
    recorded digests. DIR can also be a single file. Files that were verified longest ago come
    first. You can stop the check at any time; the next run continues with the remaining files.

    Exit status: 0 all is well, 1 something was found, 2 not done, 75 another job is in
    the way.
    """
    app = ctx.ensure_object(App)
    if priority is not None and not enqueue:
        raise click.UsageError("--priority can only be used with --enqueue", ctx)
    if enqueue and options["nice"]:
        raise click.UsageError(
            "--nice cannot be combined with --enqueue. Use `nice vpo jobs run`", ctx
        )
    if enqueue and wait is not None:
        raise click.UsageError("--enqueue cannot be combined with --wait", ctx)
    request = VerifyRequest(directories, VerifyOptions(kinds=joined(kinds), **options))
    settings = app.settings()
    app.start_logging(settings)
    with open_library(app.library_path(settings), "write") as library:
        if enqueue:
            _enqueue(app, library, request, priority, as_json=as_json)
            return
        auto_purge(library, settings.config.jobs)
        ctx.exit(_verify(app, library, request, wait or 0.0, as_json=as_json))


def _verify(
    app: App, library: Library, request: VerifyRequest, wait_seconds: float, *, as_json: bool
) -> int:
    """Checks, shows what was found, and returns the exit status."""
    if request.options.nice:
        be_nice()
    is_silent = as_json or app.quiet

    def print_line(line: str) -> None:
        """Prints a line. If nobody reads stdout any more, the work goes on all the same."""
        try:
            echo(line)
        except BrokenPipeError:
            silence_stdout()

    if not is_silent:
        names = ", ".join(display(to_stored(path)) for path in request.paths)
        print_line(f"Verifying {names or 'the library'}...")
    print_file = print_line if app.verbose and not as_json else None
    try:
        with Signals() as signals, TerminalReporter(app, print_file) as reporter:
            context = Context(reporter, signals.stop, wait_seconds=wait_seconds)
            result = service.run(library, request, context)
    except StoppedError as stopped:
        show_stopped(
            app,
            stopped,
            as_json=as_json,
            what_of_it="What was verified is recorded. Run the command again to go on.",
        )
        return stopped.exit_status
    if as_json:
        print_json(result.to_dict())
    else:
        if not app.quiet:
            print_line(summary_text(result))
        _show_findings(app, result)
    return EXIT_DONE_WITH_ERRORS if result.found else 0


def _show_findings(app: App, result: VerifyResult) -> None:
    damage = [each for each in result.findings if each.is_damage]
    others = [each for each in result.findings if not each.is_damage]
    show_issues(
        app,
        [*damage, *result.offline, *others],
        total=result.found,
        job_id=result.job_id,
        is_error=lambda issue: isinstance(issue, Finding) and issue.is_damage,
    )
    if result.offline and app.logs_to_stderr != "json":
        echo(GONE_HINT, err=True)


# The lines of the summary that are there even if their count is zero.
_ALWAYS = ("verified", "new", "modified", "damaged", "unreadable", "missing")
_LABELS = {
    "new": "New (first digest)",
    "modified": "Modified (not checked, scan again)",
    "restored": "Restored (undamaged again)",
    "changing": "Being written (not checked)",
}


def summary_text(result: VerifyResult) -> str:
    """The outcome as text."""
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


def _enqueue(
    app: App,
    library: Library,
    request: VerifyRequest,
    priority: int | None,
    *,
    as_json: bool,
) -> None:
    """Puts the check into the queue."""
    job = service.to_job(library, request)
    queued = queue.enqueue(library, job, priority=priority)
    if as_json:
        print_json(
            {
                "job_id": queued.id,
                "directories": [to_json(to_stored(path)) for path in request.paths],
                "status": "queued",
                "is_new": queued.is_new,
            }
        )
    elif not app.quiet:
        text = "Queued a check of" if queued.is_new else "This check is queued already:"
        echo(f"{text} {display(job.path)} (job: {queued.id[:8]})")

"""The command line: finds the command, imports only that, and renders errors."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, NoReturn

import click

from vpo import __version__
from vpo.base.errors import EXIT_NOT_DONE, EXIT_SIGINT, VpoError
from vpo.cli.app import App, LazyGroup, echo, global_options, silence_stderr, silence_stdout
from vpo.cli.output.failure import show_failure

# Name: module, attribute, and the help shown in lists, so that `vpo --help`
# imports no command.
_COMMANDS = {
    "completion": (
        "vpo.cli.completion.completion",
        "completion",
        "Print a script that completes commands in a shell.",
    ),
    "config": ("vpo.cli.config.group", "config", "Show and check the settings."),
    "doctor": (
        "vpo.cli.doctor.doctor",
        "doctor",
        "Check the installation, the settings and the library.",
    ),
    "duplicates": (
        "vpo.cli.duplicates.duplicates",
        "duplicates",
        "Find files with the same content, and what they waste.",
    ),
    "files": ("vpo.cli.files.group", "files", "List the files in the catalogue, or show one file."),
    "inspect": (
        "vpo.cli.inspect.inspect",
        "inspect",
        "Show what is in files: container, tracks, chapters, photo.",
    ),
    "jobs": (
        "vpo.cli.jobs.group",
        "jobs",
        "Show the history of jobs, and run or change the queue.",
    ),
    "profiles": (
        "vpo.cli.profiles.group",
        "profiles",
        "Show, make and check profiles: settings under a name.",
    ),
    "report": ("vpo.cli.report.group", "report", "Report what the library holds."),
    "scan": ("vpo.cli.scan.scan", "scan", "Look at directories and record what changed."),
    "status": (
        "vpo.cli.status.status",
        "status",
        "Show the state of the catalogue: roots, files, jobs, damage, space.",
    ),
    "undo": ("vpo.cli.undo.undo", "undo", "Undo what a job did to files, or one step of it."),
    "verify": (
        "vpo.cli.verify.group",
        "verify",
        "Check that files are what they were, and find damage.",
    ),
}


class _ReaderLeftError(Exception):
    """Who read stdout has closed it (`| head`)."""


class _Vpo(LazyGroup):
    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; a closed pipe is no error, as click would have it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderLeftError from error


def _print_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from vpo._engine import __version__ as engine_version

    click.echo(f"vpo {__version__} (engine {engine_version})")
    ctx.exit()


@click.group(cls=_Vpo, table=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@global_options
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the versions of vpo and of its engine.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Keep the catalogue of a media library.

    Start with `vpo scan DIRECTORY`; run it again whenever you like.
    """
    ctx.ensure_object(App)


def run() -> NoReturn:
    """Runs the command line and ends the process with its exit status."""
    _prepare_streams()
    status = _run(App())
    try:
        sys.stdout.flush()
    except OSError:
        # Python must not try once more at exit, and complain.
        silence_stdout()
    try:
        sys.stderr.flush()
    except OSError:
        # Likewise; it would end with a status of its own, too.
        silence_stderr()
    sys.exit(status)


def _run(app: App) -> int:
    try:
        try:
            status = cli.main(standalone_mode=False, obj=app)
            sys.stdout.flush()
        except click.exceptions.NoArgsIsHelpError as help_text:
            echo(help_text.format_message(), err=True)
            return EXIT_NOT_DONE
        except VpoError as error:
            show_failure(app, error.code, error.message, error.hint, error.details)
            return error.exit_status
        except click.UsageError as error:
            hint = f"See `{error.ctx.command_path} --help`." if error.ctx else None
            show_failure(app, "USAGE", error.format_message(), hint)
            return EXIT_NOT_DONE
        except click.ClickException as error:
            show_failure(app, "ERROR", error.format_message(), None)
            return EXIT_NOT_DONE
    except (_ReaderLeftError, BrokenPipeError):
        # The reader has seen enough.
        silence_stdout()
        return 0
    except (click.Abort, KeyboardInterrupt):
        return EXIT_SIGINT
    except OSError as error:
        silence_stdout()
        what = f"`{os.fsdecode(error.filename)}`: " if error.filename else ""
        message = f"The system reports: {what}{error.strerror}"
        hint = "Check the disk that is written to."
        show_failure(app, "SYSTEM_ERROR", message, hint, on_stdout=False)
        return EXIT_NOT_DONE
    except Exception as error:
        # Not a user's mistake but ours. The log and the record of a job have the stack.
        if app.is_logging:
            import logging

            logging.getLogger("vpo").debug("The stack of what went wrong", exc_info=True)
        show_failure(
            app,
            "INTERNAL",
            f"Something went wrong inside vpo: {type(error).__name__}: {error}",
            "This is a mistake in vpo: please report it, with what `--log-level debug` says.",
        )
        return EXIT_NOT_DONE
    return status if isinstance(status, int) else 0


def _prepare_streams() -> None:
    """Makes sure that there are streams to write to, whatever started us."""
    # Without one, the next file opened (the library!) would be taken for it.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal of another encoding must not end a command half-way.
        sys.stdout.reconfigure(errors="backslashreplace")

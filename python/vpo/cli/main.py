"""The command line: finds the command, imports only that, and renders errors."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import click

from vpo import __version__
from vpo.base.errors import EXIT_NOT_DONE, EXIT_SIGINT, VpoError
from vpo.cli.app import App
from vpo.cli.commands import SECTIONS
from vpo.cli.groups import HELP_OPTIONS, SectionedGroup
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import Failure, show_failure
from vpo.cli.output.streams import echo, silence_stderr, silence_stdout


class _ReaderLeftError(Exception):
    """The reader of stdout has closed it (`| head`)."""


class _Vpo(SectionedGroup):
    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command. A closed pipe is not an error here, as it would be for Click."""
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


@click.group(cls=_Vpo, sections=SECTIONS, context_settings=HELP_OPTIONS)
@global_options
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the versions of vpo and its engine.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Keep a catalogue of media files, and notice changes, losses and damage.

    Start with `vpo scan DIRECTORY`. Run it again at any time: it only looks at
    what changed.
    """
    ctx.ensure_object(App)


def run() -> int:
    """Runs the command line, and returns the exit status of the process."""
    _prepare_streams()
    status = _run(App())
    try:
        sys.stdout.flush()
    except OSError:
        # Otherwise Python tries again at exit, and prints a complaint.
        silence_stdout()
    try:
        sys.stderr.flush()
    except OSError:
        # Otherwise Python also changes the exit status.
        silence_stderr()
    return status


def _run(app: App) -> int:
    try:
        try:
            status = cli.main(standalone_mode=False, obj=app)
            sys.stdout.flush()
        except click.exceptions.NoArgsIsHelpError as help_text:
            echo(help_text.format_message(), err=True)
            return EXIT_NOT_DONE
        except VpoError as error:
            show_failure(app, error)
            return error.exit_status
        except click.UsageError as error:
            hint = f"See `{error.ctx.command_path} --help`." if error.ctx else None
            show_failure(app, Failure("USAGE", error.format_message(), hint))
            return EXIT_NOT_DONE
        except click.ClickException as error:
            show_failure(app, Failure("ERROR", error.format_message()))
            return EXIT_NOT_DONE
    except (_ReaderLeftError, BrokenPipeError):
        silence_stdout()
        return 0
    except (click.Abort, KeyboardInterrupt):
        return EXIT_SIGINT
    except OSError as error:
        silence_stdout()
        what = f"`{os.fsdecode(error.filename)}`: " if error.filename else ""
        failure = Failure(
            "SYSTEM_ERROR",
            f"The operating system reports: {what}{error.strerror}",
            "Check that the disk works, has free space, and lets you write where vpo writes.",
        )
        show_failure(app, failure, on_stdout=False)
        return EXIT_NOT_DONE
    except Exception as error:
        # A bug in vpo. Its stack is in the log and in the record of a job.
        if app.is_logging:
            import logging

            logging.getLogger("vpo").debug("The stack of the internal error", exc_info=True)
        failure = Failure(
            "INTERNAL",
            f"Something went wrong inside vpo: {type(error).__name__}: {error}",
            "This is a bug in vpo. Please report it with the output of `--log-level debug`.",
        )
        show_failure(app, failure)
        return EXIT_NOT_DONE
    return status if isinstance(status, int) else 0


def _prepare_streams() -> None:
    """Makes sure that stdin, stdout and stderr exist, whatever started the process."""
    # If one is closed, the next file opened (the catalogue!) gets its number.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the terminal cannot show must not end a command.
        sys.stdout.reconfigure(errors="backslashreplace")

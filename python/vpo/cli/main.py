"""The entry point: finds the command, imports only that, and renders errors."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from vpo import __version__
from vpo.cli.app import App, global_options
from vpo.cli.failure import show_failure
from vpo.errors import EXIT_NOT_DONE, EXIT_SIGINT, VpoError

# Name: module, attribute, and the help shown in lists, so that `vpo --help`
# imports no command.
_COMMANDS = {
    "files": ("vpo.cli.files", "files", "List files of the library, or show one."),
    "scan": ("vpo.cli.scan", "scan", "Look at directories and record what changed."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, sorted."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Imports a command."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command; an unknown one is told with the names there are."""
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(
                f"There is no command `{args[0]}`; the commands are: {', '.join(sorted(_COMMANDS))}"
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Writes the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][2]) for name in sorted(_COMMANDS)])


def _print_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from vpo._engine import __version__ as engine_version

    click.echo(f"vpo {__version__} (engine {engine_version})")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
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


def main() -> NoReturn:
    """Runs the command line and ends the process with its exit status."""
    status: object
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal of another encoding must not end a command half-way.
        sys.stdout.reconfigure(errors="backslashreplace")
    app = App()
    try:
        status = cli.main(standalone_mode=False, obj=app)
        sys.stdout.flush()
    except VpoError as error:
        show_failure(app, error.code, error.message, error.hint, error.details)
        status = error.exit_status
    except click.UsageError as error:
        show_failure(app, "USAGE", error.format_message(), _usage_hint(error))
        status = EXIT_NOT_DONE
    except click.ClickException as error:
        show_failure(app, "ERROR", error.format_message(), None)
        status = EXIT_NOT_DONE
    except (click.Abort, KeyboardInterrupt):
        status = EXIT_SIGINT
    except BrokenPipeError:
        # The reader (`| head`) has seen enough. Python must not flush into the
        # closed pipe at exit, so stdout goes elsewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except Exception as error:
        # Not a user's mistake but ours. The record of a job has the details, too.
        if {"-v", "--verbose"} & set(sys.argv[1:]):
            raise
        show_failure(
            app,
            "INTERNAL",
            f"Something went wrong inside vpo: {type(error).__name__}: {error}",
            "This is a mistake in vpo: please report it, with what `-v` says in addition.",
        )
        status = EXIT_NOT_DONE
    sys.exit(status if isinstance(status, int) else 0)


def _usage_hint(error: click.UsageError) -> str | None:
    return f"See `{error.ctx.command_path} --help`." if error.ctx else None

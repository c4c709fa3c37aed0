"""What all commands share: the global options, and where things are."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from vpo.errors import LibraryUnwritableError
from vpo.paths import display

if TYPE_CHECKING:
    from vpo.config.models import Config

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class App:
    """The global options as given, before or after the command."""

    db: str | None = None
    config: str | None = None
    quiet: bool = False
    verbose: bool = False
    progress: bool = True
    color: str = "auto"

    def settings(self, **scan: object) -> Config:
        """The effective settings; `scan` are those of the command line."""
        from vpo.config.load import load

        return load(os.environ, config_path=self.config, **scan)

    def library_path(self, config: Config | None = None) -> str:
        """Where the library is; the settings are read only if they have a say."""
        if self.db is not None:
            return self.db
        config = config or self.settings()
        if config.database_path:
            return os.path.expanduser(config.database_path)
        from vpo.config.load import home

        return os.path.join(home(os.environ), "library.db")

    def make_home(self, library_path: str) -> None:
        """Makes `~/.vpo` for a library in it; other directories are the user's to make."""
        from vpo.config.load import home

        directory = home(os.environ)
        if os.path.dirname(os.path.abspath(library_path)) != os.path.abspath(directory):
            return
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
        except OSError as error:
            raise LibraryUnwritableError(
                f"The directory `{display(directory)}` cannot be made: {error.strerror}",
                hint="Set VPO_HOME to another directory, or name a library with `--db PATH`.",
            ) from error

    def takes_colour(self, stream: TextIO) -> bool:
        """Whether text for `stream` may be coloured."""
        if self.color == "auto":
            return stream.isatty() and not os.environ.get("NO_COLOR")
        return self.color == "always"

    def paint(self, text: str, colour: str, *, err: bool = False) -> str:
        """Text in a colour, if stdout (or stderr, if `err`) takes colours."""
        wanted = self.takes_colour(sys.stderr if err else sys.stdout)
        return click.style(text, fg=colour) if wanted else text


def echo(text: str, *, err: bool = False) -> None:
    """Prints a line as it is: whether there are colours in it is decided already."""
    click.echo(text, err=err, color=True)


def silence_stdout() -> None:
    """Sends what is still buffered for stdout, and all after it, nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _not_empty(
    _ctx: click.Context, _parameter: click.Parameter, value: bytes | None
) -> bytes | None:
    if value == b"":
        raise click.BadParameter("a path cannot be empty")
    return value


def path_option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """An option whose value is a path, as bytes."""
    return click.option(*names, type=PATH, callback=_not_empty, **attributes)


# Not checked by click, whose words for what is wrong are not ours.
PATH = click.Path(path_type=bytes, readable=False)


def _store(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value == "":
        raise click.BadParameter("it cannot be empty", ctx, parameter)
    # Not given here: it may have been given before the command.
    source = ctx.get_parameter_source(parameter.name or "")
    if source is not click.core.ParameterSource.DEFAULT:
        setattr(ctx.ensure_object(App), parameter.name or "", value)


def _option(*names: str, **attributes: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, callback=_store, **attributes)


def global_options(command: F) -> F:
    """Adds the options that every command takes, before or after its name."""
    for option in reversed(
        (
            _option("--db", metavar="PATH", help="The library to use."),
            _option("--config", metavar="PATH", help="The config file to use."),
            _option("-q", "--quiet", is_flag=True, help="Print only what is wrong."),
            _option("-v", "--verbose", is_flag=True, help="Print more."),
            _option("--progress/--no-progress", default=True, help="Progress on a terminal."),
            _option(
                "--color",
                type=click.Choice(["auto", "always", "never"]),
                help="When to use colours.",
            ),
        )
    ):
        command = option(command)
    return command


class Group(click.Group):
    """A group that names its commands when it is asked for another."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that the words begin with."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            raise click.UsageError(
                f"There is no command `{args[0]}`; the commands are: {', '.join(names)}", ctx
            )
        return super().resolve_command(ctx, args)

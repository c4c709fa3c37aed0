"""What all commands share: the global options, and where things are."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from vpo.base.errors import LibraryUnwritableError
from vpo.base.paths import display

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from vpo.config.load import Settings

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class App:
    """The global options as given, before or after the command."""

    db: str | None = None
    config: str | None = None
    profile: str | None = None
    log_level: str | None = None
    log_file: str | None = None
    log_json: bool | None = None
    quiet: bool = False
    verbose: bool = False
    progress: bool = True
    color: str = "auto"

    is_logging: bool = False

    def settings(
        self,
        sections: Collection[str] | None = None,
        *,
        prober: object = None,
        **scan: object,
    ) -> Settings:
        """The effective settings of `sections` (None: all).

        `prober` and `scan` are options of a command: of the section `tools`, and of `scan`.

        Raises ConfigError for a mistake in them.
        """
        from vpo.config.load import load

        options: dict[tuple[str, ...], object] = {
            ("database_path",): self.db and os.path.abspath(self.db),
            ("logging", "level"): self.log_level,
            ("logging", "file"): self.log_file and os.path.abspath(self.log_file),
            ("logging", "format"): "json" if self.log_json else None,
            ("tools", "prober"): prober,
            **{("scan", name): value for name, value in scan.items()},
        }
        return load(
            os.environ,
            config=self.config,
            profile=self.profile,
            command_line=options,
            sections=sections,
        )

    def library_path(self, settings: Settings | None = None) -> str:
        """Where the library is; the settings are read only if they have a say."""
        if self.db is not None and settings is None and not self._names_settings:
            return self.db
        config = (settings or self._settings_of_readers()).config
        if self.db is not None:
            return self.db
        if config.database_path:
            return config.database_path
        from vpo.config.environment import home

        return os.path.join(home(os.environ), "library.db")

    @property
    def _asks_for_logging(self) -> bool:
        return bool(self.log_level or self.log_file or self.log_json)

    @property
    def _names_settings(self) -> bool:
        """Whether options name settings, which are then to be there and without mistakes."""
        return self._asks_for_logging or bool(self.profile or self.config)

    def _settings_of_readers(self) -> Settings:
        """What commands need that only read; they log if they are told to right now."""
        if not self._asks_for_logging:
            return self.settings(sections=("database_path",))
        settings = self.settings(sections=("database_path", "logging"))
        self.start_logging(settings)
        return settings

    def start_logging(self, settings: Settings) -> None:
        """Logs from now on, if the settings say anything of logging.

        Without a word on it, what matters is printed and nothing is logged.
        """
        from vpo.logging import setup

        if settings.is_given("logging"):
            self.is_logging = True
            setup.configure(settings.config.logging, quiet=self.quiet)
        else:
            setup.switch_off()

    @property
    def logs_to_stderr(self) -> str:
        """As what the log comes on stderr by now: `none`, `text` or `json`."""
        if not self.is_logging:
            return "none"
        from vpo.logging import setup

        return setup.form_on_stderr()

    def make_home(self, library_path: str) -> None:
        """Makes `~/.vpo` for a library in it; other directories are the user's to make."""
        from vpo.config.environment import home

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


def complete_profiles(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Completes the names of profiles."""
    from vpo.cli.options.completion import profile_names

    return profile_names(ctx, incomplete)


def echo(text: str, *, err: bool = False) -> None:
    """Prints a line as it is: whether there are colours in it is decided already.

    Raises OSError if stdout cannot be written. That stderr cannot is no reason to do, or
    to end with, anything else.
    """
    with suppress(OSError) if err else nullcontext():
        click.echo(text, err=err, color=True)


def silence_stdout() -> None:
    """Sends what is still buffered for stdout, and all after it, nowhere."""
    _silence(1)


def silence_stderr() -> None:
    """Likewise for stderr."""
    _silence(2)


def _silence(descriptor: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _not_empty(
    _ctx: click.Context, _parameter: click.Parameter, value: bytes | tuple[bytes, ...] | None
) -> bytes | tuple[bytes, ...] | None:
    if value == b"" or (isinstance(value, tuple) and b"" in value):
        raise click.BadParameter("a path cannot be empty")
    return value


def path_option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """An option whose value is a path, as bytes."""
    return click.option(*names, type=PATH, callback=_not_empty, **attributes)


# Not checked by click, whose words for what is wrong are not ours.
PATH = click.Path(path_type=bytes, readable=False)


class _Directory(click.Path):
    """A path that shells complete with directories alone."""

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Leaves it to the shell."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="dir")]


DIRECTORY = _Directory(path_type=bytes, readable=False)


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
            _option(
                "--profile",
                metavar="NAME",
                help="Settings to put over the config file.",
                shell_complete=complete_profiles,
            ),
            _option(
                "--log-level",
                type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
                help="What to log.",
            ),
            _option("--log-file", metavar="PATH", help="Where to log to."),
            _option("--log-json", is_flag=True, default=None, help="Log as JSON lines."),
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


class LazyGroup(Group):
    """A group whose commands are imported when they are used.

    `table` has a module, an attribute and a line of help for each name, so that
    lists of them import none.
    """

    def __init__(
        self, *args: Any, table: Mapping[str, tuple[str, str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, sorted."""
        return sorted(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Imports a command."""
        if cmd_name not in self.table:
            return None
        module, attribute, _ = self.table[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Writes the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.table[name][2]) for name in sorted(self.table)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offers commands from the table, and options."""
        from click.shell_completion import CompletionItem

        names = [name for name in sorted(self.table) if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=self.table[name][2]) for name in names]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

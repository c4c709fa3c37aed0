"""Commands and groups of commands: imported when they are used, with help in sections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from vpo.cli.options.global_options import write_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Entry: TypeAlias = tuple[str, str, str]
"""Where a command is, and what lists say of it: module, attribute, one line of help."""

# Longer than any line of help, so that Click never ends one with "...".
_WHOLE_LINE = 1000


class Command(click.Command):
    """A command whose help shows its own options before the global ones."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options."""
        write_options(self, ctx, formatter)


def command(name: str) -> Callable[[Callable[..., Any]], Command]:
    """Makes a command of a function, as `click.command` does."""
    return click.command(name, cls=Command)


class Group(click.Group):
    """A group that names its commands when an unknown one is used."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that the first word names."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            raise click.UsageError(
                f"There is no command `{args[0]}`; the commands are: {', '.join(names)}", ctx
            )
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands, and then the options."""
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands, with whole lines of help."""
        with formatter.section("Commands"):
            names = self.list_commands(ctx)
            formatter.write_dl([(name, self.help_of(ctx, name)) for name in names])

    def help_of(self, ctx: click.Context, name: str) -> str:
        """The line of help for a command."""
        command = self.get_command(ctx, name)
        return command.get_short_help_str(_WHOLE_LINE) if command else ""


HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
"""For `context_settings` of Click: a command takes `-h` and `--help`."""


class LazyGroup(Group):
    """A group whose commands are imported when they are used.

    `table` has an `Entry` for each name. Lists of commands are made from it, so that
    help and shell completion import no command.
    """

    def __init__(self, *args: Any, table: Mapping[str, Entry], **kwargs: Any) -> None:
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

    def help_of(self, ctx: click.Context, name: str) -> str:  # noqa: ARG002
        """The line of help for a command, from the table."""
        return self.table[name][2]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offers commands from the table, and options."""
        from click.shell_completion import CompletionItem

        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=self.table[name][2]) for name in names]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]


class SectionedGroup(LazyGroup):
    """A lazy group whose help shows the commands in sections.

    `sections` has a table of commands for each heading; a section without commands is
    not shown.
    """

    def __init__(
        self, *args: Any, sections: Mapping[str, Mapping[str, Entry]], **kwargs: Any
    ) -> None:
        table = {name: entry for section in sections.values() for name, entry in section.items()}
        super().__init__(*args, table=table, **kwargs)
        self.sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands, and then all options in one section."""
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Writes the list of commands, section by section, in the order of the tables."""
        width = max(map(len, self.table))
        for heading, section in self.sections.items():
            if section:
                rows = [(name.ljust(width), entry[2]) for name, entry in section.items()]
                with formatter.section(heading):
                    formatter.write_dl(rows)

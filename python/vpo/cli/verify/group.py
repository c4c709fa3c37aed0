"""`vpo verify`: the group; without the name of one of its commands, the check itself."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

# Name: module, attribute, and the help shown in lists.
COMMANDS = {
    "accept": (
        "vpo.cli.verify.accept",
        "accept",
        "Accept the current content of damaged files as correct.",
    ),
    "export": (
        "vpo.cli.verify.export",
        "export_command",
        "Write a manifest of the catalogue's files below DIR.",
    ),
    "import": (
        "vpo.cli.verify.import_",
        "import_command",
        "Check files against a manifest, and record those that match.",
    ),
    "status": (
        "vpo.cli.verify.status",
        "status",
        "Show how long ago files were verified, and which files are damaged.",
    ),
}

# What the check goes by inside of the group. Nobody can type it.
_CHECK = ""


class _GroupThatChecks(LazyGroup):
    """Words that do not begin with the name of a command are those of the check."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the check in front where no command is named."""
        if self._first_word(ctx, args) not in self.table:
            args = [_CHECK, *args]
        return super().parse_args(ctx, args)

    def _first_word(self, ctx: click.Context, args: list[str]) -> str | None:
        """The first word after options that every command takes; None if there is none."""
        takes_value = {
            name: not option.is_flag
            for option in self.get_params(ctx)
            if isinstance(option, click.Option)
            for name in (*option.opts, *option.secondary_opts)
        }
        words = iter(args)
        for word in words:
            if not word.startswith("-"):
                return word
            name, has_value, _ = word.partition("=")
            if name not in takes_value:
                return None
            if takes_value[name] and not has_value:
                next(words, None)
        return None

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a command, or the check."""
        return self.default if cmd_name == _CHECK else super().get_command(ctx, cmd_name)

    @property
    def default(self) -> click.Command:
        """The check."""
        command: click.Command = import_module("vpo.cli.verify.check").check
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that the words begin with."""
        if args and args[0] == _CHECK:
            return _CHECK, self.default, args[1:]
        return super().resolve_command(ctx, args)


@click.group(
    "verify",
    cls=_GroupThatChecks,
    table=COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def verify(**_: Any) -> None:
    """Check files against their recorded digests, and find damage."""

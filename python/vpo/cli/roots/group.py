"""`vpo roots`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "list": ("vpo.cli.roots.list", "list_command", "List the directories that were scanned."),
    "merge": ("vpo.cli.roots.merge", "merge", "Make one root of two that are one tree."),
    "move": ("vpo.cli.roots.move", "move", "Tell vpo that a root is at another path now."),
    "remove": ("vpo.cli.roots.remove", "remove", "Forget roots, with all records below them."),
    "rules": (
        "vpo.cli.roots.rules",
        "rules",
        "Show or change the rules that are kept with a root.",
    ),
}


@click.group(
    "roots",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def roots() -> None:
    """List, forget, move and merge the directories that were scanned."""

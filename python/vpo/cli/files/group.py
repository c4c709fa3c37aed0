"""`vpo files`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "list": (
        "vpo.cli.files.list",
        "list_command",
        "List the files in the catalogue, sorted by path.",
    ),
    "show": ("vpo.cli.files.show", "show_command", "Show everything about one file."),
}


@click.group(
    "files",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def files() -> None:
    """List the files in the catalogue, or show one file."""

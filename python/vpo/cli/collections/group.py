"""`vpo collections`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "add": (
        "vpo.cli.collections.add",
        "add",
        "Add a collection: a name for the photos in a directory.",
    ),
    "delete": (
        "vpo.cli.collections.delete",
        "delete",
        "Delete a collection, and keep its files.",
    ),
    "files": (
        "vpo.cli.collections.files",
        "files",
        "List the files of a collection.",
    ),
    "list": (
        "vpo.cli.collections.list",
        "list_command",
        "List the collections.",
    ),
    "refresh": (
        "vpo.cli.collections.refresh",
        "refresh",
        "Look at the files of a collection again.",
    ),
    "settings": (
        "vpo.cli.collections.settings.group",
        "settings",
        "Show and change the settings of the analyses.",
    ),
    "show": (
        "vpo.cli.collections.show",
        "show",
        "Show a collection, with the figures of the last analyses.",
    ),
    "stats": (
        "vpo.cli.collections.stats",
        "stats",
        "Sum up all collections.",
    ),
    "test": (
        "vpo.cli.collections.test",
        "test",
        "Test whether the files of a collection can be reached.",
    ),
    "update": (
        "vpo.cli.collections.update",
        "update",
        "Change a collection.",
    ),
}


@click.group(
    "collections",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def collections() -> None:
    """Keep collections of photos, and the settings of their analyses."""

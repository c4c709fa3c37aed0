"""`vpo collections`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "settings": (
        "vpo.cli.collections.settings.group",
        "settings",
        "Show and change the settings of the analyses.",
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

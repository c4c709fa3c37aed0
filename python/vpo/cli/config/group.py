"""`vpo config`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "edit": (
        "vpo.cli.config.edit",
        "edit",
        "Edit the config file in $EDITOR, and check it before saving.",
    ),
    "path": (
        "vpo.cli.config.path",
        "path",
        "Print the path of the config file, even if there is no such file.",
    ),
    "schema": (
        "vpo.cli.config.schema",
        "schema",
        "Print the JSON Schema of the config file, for use in editors.",
    ),
    "set": (
        "vpo.cli.config.set",
        "set_",
        "Change a setting in the config file.",
    ),
    "show": (
        "vpo.cli.config.show",
        "show",
        "Show the settings in effect, as YAML.",
    ),
    "validate": (
        "vpo.cli.config.validate",
        "validate",
        "Check the config file, the environment and the chosen profile.",
    ),
}


@click.group(
    "config",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def config() -> None:
    """Show, change and check the settings."""

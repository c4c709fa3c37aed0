"""`vpo config`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
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
    """Show and check the settings."""

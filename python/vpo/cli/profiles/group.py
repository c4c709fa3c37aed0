"""`vpo profiles`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "create": (
        "vpo.cli.profiles.create",
        "create",
        "Create a profile.",
    ),
    "edit": (
        "vpo.cli.profiles.edit",
        "edit",
        "Edit a profile in $VISUAL or $EDITOR, and check it before saving.",
    ),
    "list": (
        "vpo.cli.profiles.list_",
        "list_",
        "List the profiles.",
    ),
    "schema": (
        "vpo.cli.profiles.schema",
        "schema",
        "Print the JSON Schema of profiles, for use in editors.",
    ),
    "show": (
        "vpo.cli.profiles.show",
        "show",
        "Show a profile and the settings that it overrides.",
    ),
    "validate": (
        "vpo.cli.profiles.validate",
        "validate",
        "Check the named profiles, or all profiles.",
    ),
}


@click.group(
    "profiles",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def profiles() -> None:
    """Show, create and check profiles (named sets of settings)."""

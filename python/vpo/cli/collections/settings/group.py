"""`vpo collections settings`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "export": (
        "vpo.cli.collections.settings.export",
        "export",
        "Print the settings in the catalogue as YAML.",
    ),
    "get": (
        "vpo.cli.collections.settings.get",
        "get",
        "Print a setting, or the settings of a category.",
    ),
    "import": (
        "vpo.cli.collections.settings.import_",
        "import_command",
        "Import settings from a YAML file.",
    ),
    "list": (
        "vpo.cli.collections.settings.list",
        "list_command",
        "List the settings of photo collections.",
    ),
    "set": (
        "vpo.cli.collections.settings.set",
        "set_",
        "Change a setting.",
    ),
    "stats": (
        "vpo.cli.collections.settings.stats",
        "stats",
        "Count the settings by category and source.",
    ),
    "suggest": (
        "vpo.cli.collections.settings.suggest",
        "suggest",
        "Suggest cameras, from the photos in the catalogue.",
    ),
    "unset": (
        "vpo.cli.collections.settings.unset",
        "unset",
        "Forget a setting, so that its default applies.",
    ),
}


@click.group(
    "settings",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def settings() -> None:
    """Show and change the settings of the analyses.

    The categories are extensions (which files are photos and sidecars), cameras (by the first
    four characters of file names) and processing_methods (by their codes in file names). The
    catalogue keeps the settings.
    """

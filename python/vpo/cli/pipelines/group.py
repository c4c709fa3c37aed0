"""`vpo pipelines`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "activate": (
        "vpo.cli.pipelines.activate",
        "activate",
        "Make the pipeline NAME the one that validations use.",
    ),
    "create": (
        "vpo.cli.pipelines.create",
        "create",
        "Create a pipeline from a file, or from one that comes with vpo.",
    ),
    "deactivate": (
        "vpo.cli.pipelines.deactivate",
        "deactivate",
        "Deactivate the pipeline NAME.",
    ),
    "delete": ("vpo.cli.pipelines.delete", "delete", "Delete the pipeline NAME with its history."),
    "export": (
        "vpo.cli.pipelines.export",
        "export",
        "Print the pipeline NAME as a file.",
    ),
    "history": (
        "vpo.cli.pipelines.history",
        "history",
        "List the versions of the pipeline NAME, the newest first.",
    ),
    "import": (
        "vpo.cli.pipelines.import_",
        "import_command",
        "Add the pipelines of FILE: all of them, or none.",
    ),
    "list": ("vpo.cli.pipelines.list", "list_command", "List the pipelines by name."),
    "paths": (
        "vpo.cli.pipelines.paths",
        "paths",
        "List the paths through the pipeline NAME, the short ones first.",
    ),
    "preview": (
        "vpo.cli.pipelines.preview",
        "preview",
        "List the files that images should have by the pipeline NAME.",
    ),
    "restore": (
        "vpo.cli.pipelines.restore",
        "restore",
        "Make VERSION of the pipeline NAME the newest version.",
    ),
    "show": (
        "vpo.cli.pipelines.show",
        "show",
        "Show the pipeline NAME, and where its nodes lead.",
    ),
    "update": (
        "vpo.cli.pipelines.update",
        "update",
        "Change the pipeline NAME, and keep its history.",
    ),
    "validate": (
        "vpo.cli.pipelines.validate",
        "validate",
        "Check a pipeline, or all pipelines in a file.",
    ),
}


@click.group(
    "pipelines",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def pipelines() -> None:
    """Describe the workflow of photos, and the files it makes."""

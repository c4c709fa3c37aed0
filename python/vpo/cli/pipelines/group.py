"""`vpo pipelines`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "activate": (
        "vpo.cli.pipelines.activate",
        "activate",
        "Make a pipeline the one that validations use.",
    ),
    "create": (
        "vpo.cli.pipelines.create",
        "create",
        "Create a pipeline from a file, or from one that comes with vpo.",
    ),
    "deactivate": (
        "vpo.cli.pipelines.deactivate",
        "deactivate",
        "Let validations not use a pipeline any more.",
    ),
    "delete": ("vpo.cli.pipelines.delete", "delete", "Delete a pipeline with its history."),
    "export": ("vpo.cli.pipelines.export", "export", "Print a pipeline as a file."),
    "history": ("vpo.cli.pipelines.history", "history", "List the versions of a pipeline."),
    "import": (
        "vpo.cli.pipelines.import_",
        "import_command",
        "Add the pipelines of a file.",
    ),
    "list": ("vpo.cli.pipelines.list", "list_command", "List the pipelines."),
    "paths": ("vpo.cli.pipelines.paths", "paths", "List the paths through a pipeline."),
    "preview": (
        "vpo.cli.pipelines.preview",
        "preview",
        "List the files that a pipeline lets one expect.",
    ),
    "restore": (
        "vpo.cli.pipelines.restore",
        "restore",
        "Make an earlier version of a pipeline the newest.",
    ),
    "show": ("vpo.cli.pipelines.show", "show", "Show a pipeline."),
    "update": ("vpo.cli.pipelines.update", "update", "Change a pipeline."),
    "validate": (
        "vpo.cli.pipelines.validate",
        "validate",
        "Check the structure of a pipeline, or of those in a file.",
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

"""`vpo analyze`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_MODULE = "vpo.cli.analyze.analyze"
_COMMANDS = {
    "photo-pairing": (
        _MODULE,
        "photo_pairing",
        "Group files to images by name, and find wrong names.",
    ),
    "photostats": (
        _MODULE,
        "photostats",
        "Count files, and find missing sidecars and images.",
    ),
    "pipeline-validation": (
        _MODULE,
        "pipeline_validation",
        "Find out how far images have come along a pipeline.",
    ),
}


@click.group(
    "analyze",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def analyze() -> None:
    """Analyse a collection of photos, and keep the result."""

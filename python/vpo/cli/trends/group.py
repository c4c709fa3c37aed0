"""`vpo trends`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "photo-pairing": (
        "vpo.cli.trends.tools",
        "photo_pairing",
        "Show how the groups and images develop.",
    ),
    "photostats": (
        "vpo.cli.trends.tools",
        "photostats",
        "Show how the orphans, files and size develop.",
    ),
    "pipeline-validation": (
        "vpo.cli.trends.tools",
        "pipeline_validation",
        "Show how many images are consistent with a pipeline.",
    ),
    "summary": (
        "vpo.cli.trends.summary",
        "summary_command",
        "Show whether the collections become better or worse.",
    ),
}


@click.group(
    "trends",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def trends() -> None:
    """Show how photo collections develop over time."""

"""`vpo results`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "compare": (
        "vpo.cli.results.compare",
        "compare_command",
        "Show what became better and worse between two results.",
    ),
    "delete": (
        "vpo.cli.results.delete",
        "delete_command",
        "Delete results for good, with their reports.",
    ),
    "list": ("vpo.cli.results.list", "list_command", "List results, the newest first."),
    "report": ("vpo.cli.results.report", "report", "Save the HTML report of a result."),
    "show": ("vpo.cli.results.show", "show", "Show a result and what the analysis found."),
    "stats": ("vpo.cli.results.stats", "stats", "Count results by tool and status."),
}


@click.group(
    "results",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def results() -> None:
    """Show, compare and delete what analyses of photos found."""

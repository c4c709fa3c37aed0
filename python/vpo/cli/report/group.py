"""`vpo report`: its commands are imported when they are used."""

from __future__ import annotations

import click

from vpo.cli.groups import HELP_OPTIONS, LazyGroup
from vpo.cli.options.global_options import global_options

_COMMANDS = {
    "library": (
        "vpo.cli.report.library",
        "library_command",
        "Sum up files, space and playing time by kind, codec, language etc.",
    ),
}


@click.group(
    "report",
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings=HELP_OPTIONS,
)
@global_options
def report() -> None:
    """Report what the library holds."""

"""`--prober`, an option of the commands that read media.

It has a module of its own, because it imports the models of settings.
"""

from __future__ import annotations

import click

from vpo.config.models import PROBERS

prober_option = click.option(
    "--prober",
    type=click.Choice(PROBERS),
    metavar="PROBER",
    help="Which program reads the files: auto (vpo, and ffprobe where vpo is unsure),"
    " native (only vpo) or ffprobe.",
)

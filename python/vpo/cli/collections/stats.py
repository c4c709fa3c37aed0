"""`vpo collections stats`: sums over all collections."""

from __future__ import annotations

import click

from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo
from vpo.db.library import open_library
from vpo.photos import collections as service


@command("stats")
@json_option
@global_options
@click.pass_context
def stats(ctx: click.Context, /, as_json: bool) -> None:
    """Sum up all collections.

    The sums are those of the last analyses. Collections that were never analysed add
    nothing to the sums.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        sums = service.stats(library)
    if as_json:
        print_json(sums._asdict())
        return
    echo(f"Collections: {sums.collections:,}")
    echo(f"Size:        {human_size(sums.storage_used)}")
    echo(f"Files:       {sums.file_count:,}")
    echo(f"Images:      {sums.image_count:,}")

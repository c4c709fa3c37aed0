"""`vpo pipelines list`: the pipelines."""

from __future__ import annotations

import click

from vpo.base import times
from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.cli.output.table import table
from vpo.cli.pipelines.shared import state
from vpo.db.library import open_library
from vpo.photos import pipelines as service


@command("list")
@json_option
@global_options
@click.pass_context
def list_command(ctx: click.Context, /, as_json: bool) -> None:
    """List the pipelines by name."""
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        found = service.find_all(library)
    if as_json:
        print_json([stored.to_dict() for stored in found])
        return
    if not found:
        if not app.quiet:
            echo(
                "No pipelines. Create one with `vpo pipelines create --from raw-to-export`.",
                err=True,
            )
        return
    heads = ["ID", "NAME", "STATE", "VERSION", "NODES", "CHANGED", "DESCRIPTION"]
    rows = [
        [
            str(stored.row.id),
            display(stored.row.name),
            state(stored),
            str(stored.row.version),
            str(stored.node_count),
            times.to_local_text(stored.row.updated_at),
            display(stored.row.description or "-"),
        ]
        for stored in found
    ]
    for line in table(heads, rows, right=("ID", "VERSION", "NODES")):
        echo(line)

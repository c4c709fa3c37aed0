"""`vpo pipelines history`: the versions of a pipeline."""

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
from vpo.cli.pipelines.shared import name_argument
from vpo.db.library import open_library
from vpo.photos import pipelines as service


@command("history")
@name_argument
@json_option
@global_options
@click.pass_context
def history(ctx: click.Context, /, name: str, as_json: bool) -> None:
    """List the versions of the pipeline NAME, the newest first."""
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        versions = service.history(library, name)
    if as_json:
        print_json([version.to_dict() for version in versions])
        return
    rows = [
        [
            str(version.row.version),
            times.to_local_text(version.row.created_at),
            display(version.row.change_summary or "-"),
        ]
        for version in versions
    ]
    for line in table(["VERSION", "MADE", "CHANGE"], rows, right=("VERSION",)):
        echo(line)

"""`vpo collections show`: one collection."""

from __future__ import annotations

import click

from vpo.cli.app import App
from vpo.cli.collections.shared import details, name_argument
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.db.library import open_library
from vpo.photos import collections as service


@command("show")
@name_argument
@json_option
@global_options
@click.pass_context
def show(ctx: click.Context, /, name: str, as_json: bool) -> None:
    """Show a collection, with the figures of the last analyses."""
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        collection = service.find(library, name)
    if as_json:
        print_json(collection.to_dict())
        return
    for line in details(collection):
        echo(line)

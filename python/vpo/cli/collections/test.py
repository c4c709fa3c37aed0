"""`vpo collections test`: whether a collection can be reached."""

from __future__ import annotations

import click

from vpo.cli.app import App
from vpo.cli.collections.shared import name_argument
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.db.library import open_library
from vpo.photos import collections as service


@command("test")
@name_argument
@json_option
@global_options
@click.pass_context
def test(ctx: click.Context, /, name: str, as_json: bool) -> None:
    """Test whether the files of a collection can be reached.

    The answer is recorded with the collection NAME.

    Exit status: 0 yes, 1 no, 2 there is no such collection.
    """
    app = ctx.ensure_object(App)
    app.start_logging(app.settings())
    with open_library(app.library_path(), "write") as library:
        collection = service.test(library, name)
    if as_json:
        print_json(collection.to_dict())
    elif collection.row.is_accessible:
        if not app.quiet:
            echo(f"The collection `{collection.name}` can be reached.")
    else:
        echo(f"The collection `{collection.name}` cannot be reached: {collection.row.last_error}")
    ctx.exit(0 if collection.row.is_accessible else 1)

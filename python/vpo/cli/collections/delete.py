"""`vpo collections delete`: the end of a collection."""

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


@command("delete")
@name_argument
@click.option("--force", is_flag=True, help="Also delete the results of its analyses.")
@json_option
@global_options
@click.pass_context
def delete(ctx: click.Context, /, name: str, force: bool, as_json: bool) -> None:
    """Delete a collection, and keep its files.

    The files of the collection NAME stay as they are, and so do their records in the catalogue.
    """
    app = ctx.ensure_object(App)
    app.start_logging(app.settings())
    with open_library(app.library_path(), "write") as library:
        collection, results = service.delete(library, name, force=force)
    if as_json:
        print_json({**collection.to_dict(), "results_deleted": results})
    elif not app.quiet:
        also = "" if not results else f" and {results:,} {'result' if results == 1 else 'results'}"
        echo(f"Deleted the collection `{collection.name}`{also}. Its files stay.")

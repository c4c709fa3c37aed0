"""`vpo collections update`: a change of a collection."""

from __future__ import annotations

from typing import Any

import click

from vpo.cli.app import App
from vpo.cli.collections.shared import details, lifetime_option, name_argument, state_option
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import path_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.db.library import open_library
from vpo.photos import collections as service


@command("update")
@name_argument
@click.option("--name", "new_name", metavar="NEW", help="Give it another name.")
@path_option("--location", metavar="DIRECTORY", help="Its photos are in another place now.")
@state_option(None)
@lifetime_option
@click.option("--no-cache-ttl", is_flag=True, help="Let the state decide about the lifetime again.")
@json_option
@global_options
@click.pass_context
def update(ctx: click.Context, /, name: str, as_json: bool, **options: Any) -> None:
    """Change a collection.

    The type of the collection NAME stays as it is."""
    app = ctx.ensure_object(App)
    changes = {
        column: value
        for column, value in (
            ("name", options["new_name"]),
            ("location", options["location"]),
            ("state", options["state"] and options["state"].upper()),
            ("cache_ttl", options["cache_ttl"]),
        )
        if value is not None
    }
    if options["no_cache_ttl"]:
        if "cache_ttl" in changes:
            raise click.UsageError("--no-cache-ttl cannot be combined with --cache-ttl", ctx)
        changes["cache_ttl"] = None
    if not changes:
        raise click.UsageError("Nothing to change: give at least one option", ctx)
    app.start_logging(app.settings())
    with open_library(app.library_path(), "write") as library:
        collection = service.update(library, name, changes)
    if as_json:
        print_json(collection.to_dict())
    elif not app.quiet:
        for line in details(collection):
            echo(line)

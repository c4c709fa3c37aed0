"""`vpo results stats`: how many results there are."""

from __future__ import annotations

import click

from vpo.base import times
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.results import collection_ids
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.cli.results.words import tool_in_words
from vpo.db.library import open_library
from vpo.photos.results import statistics


@command("stats")
@click.option("--collection", metavar="NAME", help="Only results of this collection.")
@json_option
@global_options
@click.pass_context
def stats(ctx: click.Context, /, collection: str | None, as_json: bool) -> None:
    """Count results by tool and status."""
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        of = collection_ids(library, [] if collection is None else [collection])
        found = statistics(library, of[0] if of else None)
    if as_json:
        print_json(found.to_dict())
        return
    echo(f"Results: {sum(found.counts.values()):,}")
    for status, count in found.counts.items():
        echo(f"  {status.lower()}: {count:,}")
    for tool, count in found.by_tool.items():
        echo(f"  {tool_in_words(tool)}: {count:,}")
    echo(f"Last run: {times.to_local_text(found.last_run)}")

"""`vpo collections list`: the collections."""

from __future__ import annotations

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.collections.shared import count, size
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.cli.output.table import table
from vpo.db.library import open_library
from vpo.photos import collections as service
from vpo.photos.collections import STATES, CollectionFilter

# More of a name is not looked for.
_MOST_SEARCHED = 100


@command("list")
@click.option(
    "--state", type=click.Choice(STATES, case_sensitive=False), help="Only those in this state."
)
@click.option(
    "--type",
    "of_type",
    type=click.Choice(("LOCAL", "S3", "GCS", "SMB"), case_sensitive=False),
    help="Only those of this type.",
)
@click.option("--accessible-only", is_flag=True, help="Only those that could be reached.")
@click.option("--name", "name_has", default="", metavar="TEXT", help="Only names with this text.")
@json_option
@global_options
@click.pass_context
def list_command(
    ctx: click.Context,
    /,
    state: str | None,
    of_type: str | None,
    accessible_only: bool,
    name_has: str,
    as_json: bool,
) -> None:
    """List the collections.

    The newest come first. The figures are those of the last analyses.
    """
    app = ctx.ensure_object(App)
    wanted = CollectionFilter(
        state.upper() if state else None,
        of_type.upper() if of_type else None,
        accessible_only,
        name_has[:_MOST_SEARCHED],
    )
    with open_library(app.library_path(), "read") as library:
        found = service.find_all(library, wanted)
    if as_json:
        print_json([collection.to_dict() for collection in found])
        return
    if not found:
        if not app.quiet:
            echo("No collections. Add one with `vpo collections add NAME DIRECTORY`.", err=True)
        return
    heads = ["ID", "NAME", "STATE", "REACHED", "SIZE", "FILES", "IMAGES", "PLACE"]
    rows = [
        [
            str(row.id),
            display(row.name),
            row.state,
            "yes" if row.is_accessible else "no",
            size(row.storage_used),
            count(row.file_count),
            count(row.image_count),
            display(row.location),
        ]
        for row in (collection.row for collection in found)
    ]
    for line in table(heads, rows, right=("ID", "SIZE", "FILES", "IMAGES"), keep_tail=True):
        echo(line)

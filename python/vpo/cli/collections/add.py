"""`vpo collections add`: a new collection."""

from __future__ import annotations

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.collections.shared import lifetime_option, state_option
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import DIRECTORY
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.db.library import open_library
from vpo.photos import collections as service
from vpo.photos.collections import NewCollection


@command("add")
@click.argument("name")
@click.argument("location", metavar="DIRECTORY", type=DIRECTORY)
@state_option("LIVE")
@lifetime_option
@json_option
@global_options
@click.pass_context
def add(
    ctx: click.Context,
    /,
    name: str,
    location: bytes,
    state: str,
    cache_ttl: int | None,
    as_json: bool,
) -> None:
    """Add a collection: a name for the photos in a directory.

    NAME stands for the photos in DIRECTORY and below it. It is added even if DIRECTORY
    cannot be read now. Nothing is ever written into DIRECTORY.

    Exit status: 0 added, 1 added but it cannot be reached now, 2 not added.
    """
    app = ctx.ensure_object(App)
    settings = app.settings()
    app.start_logging(settings)
    path, for_group = app.library_path(settings), settings.config.database_group_access
    app.make_home(path, for_group=for_group)
    with open_library(path, "create", for_group=for_group) as library:
        added = service.add(library, NewCollection(name, location, state.upper(), cache_ttl))
    if as_json:
        print_json(added.to_dict())
    elif not app.quiet:
        echo(f"Added the collection `{added.name}` (id {added.id}): {display(added.row.location)}")
    if not added.row.is_accessible:
        if not as_json:
            echo(f"Warning: it cannot be reached now: {added.row.last_error}", err=True)
        ctx.exit(1)

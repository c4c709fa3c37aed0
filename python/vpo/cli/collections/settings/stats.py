"""`vpo collections settings stats`: how many settings the catalogue has."""

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
from vpo.db.library import open_library
from vpo.photos import settings_store as service


@command("stats")
@json_option
@global_options
@click.pass_context
def stats(ctx: click.Context, /, as_json: bool) -> None:
    """Count the settings by category and source.

    Defaults are not counted.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        found = service.stats(library)
    if as_json:
        print_json(found.to_dict())
        return
    echo(f"Settings: {found.total:,}")
    for name, count in found.categories.items():
        echo(f"  {display(name)}: {count:,}")
    echo("Sources:")
    for name, count in found.sources.items():
        echo(f"  {display(name)}: {count:,}")
    if found.invalid:
        echo(f"Invalid: {found.invalid:,} (`vpo collections settings list` shows why)")
    echo(f"Last change: {_moment(found.last_change)}")
    echo(f"Last import: {_moment(found.last_import)}")


def _moment(moment: str | None) -> str:
    return display(times.to_local_text(moment))

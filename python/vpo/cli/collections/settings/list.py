"""`vpo collections settings list`: the settings in the catalogue."""

from __future__ import annotations

import click

from vpo.cli.app import App
from vpo.cli.collections.settings.common import category_argument, problems_in, settings_table
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.db.library import open_library
from vpo.photos import settings as service
from vpo.photos.settings_rules import Category


@command("list")
@category_argument(required=False)
@json_option
@global_options
@click.pass_context
def list_command(ctx: click.Context, /, category: Category | None, as_json: bool) -> None:
    """List the settings of photo collections.

    The settings come from the catalogue. What is not set there has the source `default`.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        found = service.list_settings(library, category)
    if as_json:
        print_json([each.to_dict() for each in found])
        return
    if not found and not app.quiet:
        echo(f"No {category} are set.", err=True)
    if found:
        for line in settings_table(app, found):
            echo(line)
    for problem in problems_in(found):
        echo(f"{app.paint('Warning:', 'yellow', err=True)} {problem}", err=True)

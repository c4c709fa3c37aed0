"""`vpo collections settings export`: the settings in the catalogue as YAML."""

from __future__ import annotations

import os
import sys

import click

from vpo.base.atomic_file import NewFile
from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.paths import display, to_json, to_stored
from vpo.cli.app import App
from vpo.cli.collections.settings.common import show_warnings
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import path_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo, for_terminal
from vpo.db.library import open_library
from vpo.photos import settings_import as service


@command("export")
@path_option("-o", "--output", metavar="FILE", help="Write FILE (default: standard output).")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@json_option
@global_options
@click.pass_context
def export(ctx: click.Context, /, output: bytes | None, force: bool, as_json: bool) -> None:
    """Print the settings in the catalogue as YAML.

    `vpo collections settings import` reads it. Defaults are left out.

    Exit status: 0 everything is exported, 1 a setting is not valid and is left out, 2 not done.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        exported = service.export_settings(library)
    file_name = None if output == b"-" else output
    if file_name is None:
        if as_json:
            print_json(exported.document)
        else:
            sys.stdout.buffer.write(for_terminal(exported.text).encode())
    else:
        with NewFile(file_name, replaces=force) as file:
            file.write(exported.text.encode())
            file.finish()
        shown = to_stored(os.path.abspath(file_name))
        if as_json:
            counts = {"settings": exported.settings, "problems": exported.problems}
            print_json({**to_json(shown), **counts})
        elif not app.quiet:
            echo(f"Wrote {display(shown)}: settings: {exported.settings:,}.")
    if file_name is None or not as_json:
        show_warnings(app, exported.problems)
    ctx.exit(EXIT_DONE_WITH_ERRORS if exported.problems else 0)

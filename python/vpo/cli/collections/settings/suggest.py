"""`vpo collections settings suggest`: cameras that photos of the library suggest."""

from __future__ import annotations

import sys

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.collections.settings.common import open_to_change
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.csv_text import csv_text
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo, for_terminal
from vpo.cli.output.table import table
from vpo.db.library import open_library
from vpo.photos import camera_suggestions as service
from vpo.photos.camera_suggestions import Suggestion


@command("suggest")
@click.option("--all", "shows_all", is_flag=True, help="Also list cameras that are set already.")
@click.option("--save", is_flag=True, help="Set the cameras that are not set yet.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@global_options
@click.pass_context
def suggest(
    ctx: click.Context, /, shows_all: bool, save: bool, as_json: bool, as_csv: bool
) -> None:
    """Suggest cameras, from the photos in the catalogue.

    For photos with names such as AB3D0001.CR3, vpo suggests the make and model in the photos as
    the name of the camera AB3D. Scan your photos first.
    """
    if as_json and as_csv:
        raise click.UsageError("--json cannot be combined with --csv", ctx)
    app = ctx.ensure_object(App)
    if save:
        with open_to_change(app, creates=False) as library:
            found = service.save(library, service.suggest(library))
    else:
        with open_library(app.library_path(), "read") as library:
            found = service.suggest(library)
        if not shows_all:
            found = [each for each in found if not each.is_set]
    if as_json:
        print_json([each.to_dict() for each in found])
    elif as_csv:
        rows = [(each.camera_id, each.name, each.files, _others(each)) for each in found]
        text = for_terminal(csv_text(("camera_id", "name", "files", "others"), rows))
        sys.stdout.buffer.write(text.encode(errors="backslashreplace"))
    else:
        _show(app, found, is_saved=save)


def _show(app: App, found: list[Suggestion], *, is_saved: bool) -> None:
    if not found:
        if not app.quiet:
            echo("No photos suggest a camera that is not set yet.", err=True)
        return
    rows = [
        [each.camera_id, f"{each.files:,}", display(each.name), display(_others(each)) or "-"]
        for each in found
    ]
    for line in table(["CAMERA", "PHOTOS", "NAME", "OTHERS"], rows, right=("PHOTOS",)):
        echo(line)
    if not app.quiet:
        count = "1 camera" if len(found) == 1 else f"{len(found):,} cameras"
        if is_saved:
            echo(f"\nSet {count}. vpo does not know their serial numbers.", err=True)
        else:
            echo("\nNothing was changed. Add --save to set the cameras.", err=True)


def _others(suggestion: Suggestion) -> str:
    return ", ".join(f"{name} ({files:,})" for name, files in suggestion.others)

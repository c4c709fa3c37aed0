"""`vpo pipelines preview`: the files that a pipeline lets one expect."""

from __future__ import annotations

from typing import Any

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.cli.output.table import table
from vpo.cli.pipelines.shared import name_argument
from vpo.db.library import open_library
from vpo.photos import pipelines as service
from vpo.photos.names import is_head
from vpo.photos.pipeline.expected import enumerate_alternatives, expected_files
from vpo.photos.pipeline.judge import file_name


@command("preview")
@name_argument
@click.option("--camera-id", default="AB3D", metavar="ID", help="The camera (default: AB3D).")
@click.option("--counter", default="0001", metavar="N", help="The counter (default: 0001).")
@json_option
@global_options
@click.pass_context
def preview(ctx: click.Context, /, name: str, camera_id: str, counter: str, as_json: bool) -> None:
    """List the files that images should have by the pipeline NAME.

    They are the files of all alternatives: an image seldom has them all.
    """
    app = ctx.ensure_object(App)
    stem = camera_id + counter
    if len(camera_id) != 4 or not is_head(stem):
        raise click.UsageError(
            "A camera ID has 4 letters A to Z or digits, and a counter 4 digits from 0001", ctx
        )
    with open_library(app.library_path(), "read") as library:
        stored = service.find_usable(library, name)
    files: list[dict[str, Any]] = []
    for each in expected_files(enumerate_alternatives(stored.pipeline)):
        named = file_name(stem, each.key)
        files.append(
            {
                "path": named,
                "filename": named,
                "optional": each.is_optional,
                "terminations": each.terminations,
            }
        )
    if as_json:
        print_json({"base_filename": stem, "expected_files": files})
        return
    rows = [
        [
            display(file["filename"]),
            "yes" if file["optional"] else "no",
            display(", ".join(file["terminations"])),
        ]
        for file in files
    ]
    for line in table(["FILE", "OPTIONAL", "TERMINATIONS"], rows):
        echo(line)

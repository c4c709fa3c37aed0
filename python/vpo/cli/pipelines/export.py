"""`vpo pipelines export`: a pipeline as a file."""

from __future__ import annotations

import click

from vpo.base.atomic_file import NewFile
from vpo.base.paths import display, to_stored
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import path_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo, for_terminal
from vpo.cli.pipelines.shared import name_argument, version_option
from vpo.db.library import open_library
from vpo.photos import pipelines as service
from vpo.photos.pipeline.files import to_yaml
from vpo.photos.pipeline.forms import to_config, to_document


@command("export")
@name_argument
@version_option
@click.option(
    "--format",
    "form",
    type=click.Choice(("document", "config")),
    default="document",
    help="document: nodes and edges (the default). config: nodes with lists of outputs.",
)
@path_option("-o", "--output", metavar="FILE", help="Write FILE instead of printing.")
@json_option
@global_options
@click.pass_context
def export(
    ctx: click.Context,
    /,
    name: str,
    number: int | None,
    form: str,
    output: bytes | None,
    as_json: bool,
) -> None:
    """Print the pipeline NAME as a file.

    `vpo pipelines import` reads it. FILE must not exist. With --json, the same in JSON, which can
    be imported as well.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        pipeline = service.version(library, name, number)
    is_config = form == "config"
    if as_json and output is None:
        print_json((to_config if is_config else to_document)(pipeline))
        return
    text = to_yaml(pipeline, as_config=is_config)
    if output is None:
        echo(for_terminal(text).removesuffix("\n"))
        return
    with NewFile(output, replaces=False) as file:
        file.file.write(text.encode())
        file.finish()
    if as_json:
        print_json({"name": pipeline.name, "output": display(to_stored(output))})
    elif not app.quiet:
        echo(f"Wrote {display(to_stored(output))}.")

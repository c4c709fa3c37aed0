"""`vpo pipelines update`: a change of a pipeline, which makes a new version."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.pipelines.shared import changed, file_option, name_argument, strict_option
from vpo.db.library import Library
from vpo.photos import pipelines as service
from vpo.photos.pipeline.files import read_file
from vpo.photos.pipelines import StoredPipeline


@command("update")
@name_argument
@click.option("--name", "new_name", metavar="NEW", help="Give it another name.")
@click.option("--description", metavar="TEXT", help="What the pipeline is for.")
@file_option(help="Take the nodes and edges of the one pipeline in this file.")
@strict_option
@json_option
@global_options
@click.pass_context
def update(ctx: click.Context, /, name: str, as_json: bool, **options: Any) -> None:
    """Change the pipeline NAME, and keep its history.

    If the active pipeline gets mistakes, it is deactivated.
    """
    new_name, description, path = options["new_name"], options["description"], options["path"]
    if new_name is None and description is None and path is None:
        raise click.UsageError("Nothing to change: give at least one option", ctx)
    found = None if path is None else read_file(path, name=name)
    if found is not None and len(found) > 1:
        raise click.UsageError(f"The file has {len(found)} pipelines; it must have one", ctx)

    def work(library: Library) -> StoredPipeline:
        pipeline = service.find(library, name).pipeline
        if found is not None:
            pipeline = replace(pipeline, nodes=found[0].nodes, edges=found[0].edges)
        if new_name is not None:
            pipeline = service.renamed(pipeline, new_name)
        if description is not None:
            pipeline = replace(pipeline, description=description)
        return service.update(library, name, pipeline, is_strict=options["strict"])

    changed(ctx.ensure_object(App), work, as_json=as_json)

"""`vpo pipelines create`: a new pipeline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.completion import complete_starters
from vpo.cli.options.global_options import global_options
from vpo.cli.pipelines.shared import changed, file_option, strict_option
from vpo.photos import pipelines as service
from vpo.photos.pipeline.files import read_file
from vpo.photos.pipeline.starters import starter


@command("create")
@click.argument("name", required=False)
@click.option(
    "--from",
    "template",
    metavar="STARTER",
    shell_complete=complete_starters,
    help="A pipeline that comes with vpo: archive-and-web, raw-to-export, raw-with-sidecar.",
)
@file_option(help="A file with one pipeline, in YAML or JSON.")
@click.option("--description", metavar="TEXT", help="What the pipeline is for.")
@strict_option
@json_option
@global_options
@click.pass_context
def create(ctx: click.Context, /, name: str | None, as_json: bool, **options: Any) -> None:
    """Create a pipeline from a file, or from one that comes with vpo.

    Without NAME, the pipeline has the name that it has there. A pipeline with mistakes is kept,
    but it cannot be used.
    """
    template, path = options["template"], options["path"]
    if (template is None) == (path is None):
        raise click.UsageError("Give either --from or --file", ctx)
    if template is not None:
        pipeline, summary = starter(template), f"created from {template}"
    else:
        found = read_file(path, name=name)
        if len(found) > 1:
            raise click.UsageError(
                f"The file has {len(found)} pipelines; add them with `vpo pipelines import`", ctx
            )
        pipeline, summary = found[0], "created"
    if name is not None:
        pipeline = service.renamed(pipeline, name)
    if options["description"] is not None:
        pipeline = replace(pipeline, description=options["description"])
    changed(
        ctx.ensure_object(App),
        lambda library: service.create(
            library, pipeline, summary=summary, is_strict=options["strict"]
        ),
        as_json=as_json,
        creates=True,
    )

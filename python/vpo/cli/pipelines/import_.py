"""`vpo pipelines import`: the pipelines of a file."""

from __future__ import annotations

import os

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.cli.pipelines.shared import opened, problem_lines, state, strict_option
from vpo.photos import pipelines as service
from vpo.photos.pipeline.files import read_file


@command("import")
@click.argument("path", metavar="FILE", type=click.Path())
@click.option("--rename", metavar="NAME", help="Give the one pipeline of the file this name.")
@click.option("--replace", "replaces", is_flag=True, help="Change pipelines of the same names.")
@strict_option
@json_option
@global_options
@click.pass_context
def import_command(
    ctx: click.Context,
    /,
    path: str,
    rename: str | None,
    replaces: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Add the pipelines of FILE: all of them, or none.

    The file holds one pipeline with `name`, `nodes` and `edges`, or several under
    `processing_pipelines`.
    """
    app = ctx.ensure_object(App)
    if rename is not None and replaces:
        raise click.UsageError("--rename cannot be combined with --replace", ctx)
    pipelines = read_file(path, name=rename)
    if rename is not None:
        if len(pipelines) != 1:
            raise click.UsageError(
                f"--rename needs a file with one pipeline; this one has {len(pipelines)}", ctx
            )
        pipelines = [service.renamed(pipelines[0], rename)]
    wanted = service.Import(pipelines, display(os.path.basename(path)), replaces, strict)
    with opened(app, creates=True) as library:
        stored = service.import_all(library, wanted)
    if as_json:
        print_json([each.to_dict() for each in stored])
        return
    for each in stored:
        if not app.quiet:
            row = each.row
            echo(f"Imported {display(row.name)} ({row.id}), version {row.version}: {state(each)}")
        for line in problem_lines(each.errors):
            echo(line, err=True)

"""`vpo pipelines validate`: mistakes in the structure of pipelines."""

from __future__ import annotations

import os

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.cli.pipelines.shared import problem_lines
from vpo.db.library import open_library
from vpo.photos import pipelines as service
from vpo.photos.pipeline.files import read_file
from vpo.photos.pipeline.model import Pipeline

_ENDINGS = (".yaml", ".yml", ".json")


@command("validate")
@click.argument("what", metavar="FILE|NAME")
@json_option
@global_options
@click.pass_context
def validate(ctx: click.Context, /, what: str, as_json: bool) -> None:
    """Check a pipeline, or all pipelines in a file.

    A word with a slash, or that ends in .yaml, .yml or .json, is a file.

    Exit status: 0 valid, 1 mistakes, 2 it cannot be read.
    """
    app = ctx.ensure_object(App)
    methods: list[str] | None = None
    if os.sep in what or what.lower().endswith(_ENDINGS):
        pipelines = read_file(what, name=os.path.basename(what))
    else:
        from vpo.photos.settings import effective

        with open_library(app.library_path(), "read") as library:
            pipelines = [service.find(library, what).pipeline]
            methods = list(effective(library, app.config).settings.processing_methods)
    checked = [_checked(app, each, methods, as_json=as_json) for each in pipelines]
    if as_json:
        print_json(checked[0] if len(checked) == 1 else checked)
    ctx.exit(0 if all(each["is_valid"] for each in checked) else EXIT_DONE_WITH_ERRORS)


def _checked(
    app: App, pipeline: Pipeline, methods: list[str] | None, *, as_json: bool
) -> dict[str, object]:
    found = service.check(pipeline, methods)
    errors = [error.to_dict() for error in found.errors]
    warnings = [warning.to_dict() for warning in found.warnings]
    if not as_json:
        for line in (*problem_lines(errors), *problem_lines(warnings, "Warning")):
            echo(line)
        if not errors and not app.quiet:
            echo(f"{display(pipeline.name)} is valid.")
    return {
        "name": pipeline.name,
        "is_valid": found.is_valid,
        "errors": errors,
        "warnings": warnings,
    }

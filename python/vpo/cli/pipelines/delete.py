"""`vpo pipelines delete`: a pipeline is deleted with its history."""

from __future__ import annotations

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.cli.pipelines.shared import name_argument, opened
from vpo.photos import pipelines as service


@command("delete")
@name_argument
@json_option
@global_options
@click.pass_context
def delete(ctx: click.Context, /, name: str, as_json: bool) -> None:
    """Delete the pipeline NAME with its history. The active one cannot be deleted.

    Results of its validations stay, but do not name it any more.
    """
    app = ctx.ensure_object(App)
    with opened(app, creates=False) as library:
        stored = service.delete(library, name)
    if as_json:
        print_json(stored.to_dict())
    elif not app.quiet:
        echo(f"Deleted the pipeline {display(stored.row.name)}.")

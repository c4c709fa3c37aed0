"""`vpo pipelines restore`: an earlier version becomes the newest."""

from __future__ import annotations

import click

from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.pipelines.shared import changed, name_argument
from vpo.photos import pipelines as service


@command("restore")
@name_argument
@click.argument("number", metavar="VERSION", type=click.IntRange(1))
@json_option
@global_options
@click.pass_context
def restore(ctx: click.Context, /, name: str, number: int, as_json: bool) -> None:
    """Make VERSION of the pipeline NAME the newest version.

    The versions in between stay in the history.
    """
    changed(
        ctx.ensure_object(App),
        lambda library: service.restore(library, name, number),
        as_json=as_json,
    )

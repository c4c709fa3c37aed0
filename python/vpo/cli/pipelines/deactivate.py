"""`vpo pipelines deactivate`: no active pipeline."""

from __future__ import annotations

import click

from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.pipelines.shared import changed, name_argument
from vpo.photos import pipelines as service


@command("deactivate")
@name_argument
@json_option
@global_options
@click.pass_context
def deactivate(ctx: click.Context, /, name: str, as_json: bool) -> None:
    """Deactivate the pipeline NAME."""
    changed(
        ctx.ensure_object(App), lambda library: service.deactivate(library, name), as_json=as_json
    )

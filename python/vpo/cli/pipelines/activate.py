"""`vpo pipelines activate`: a change of the active pipeline."""

from __future__ import annotations

import click

from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.pipelines.shared import changed, name_argument
from vpo.photos import pipelines as service


@command("activate")
@name_argument
@json_option
@global_options
@click.pass_context
def activate(ctx: click.Context, /, name: str, as_json: bool) -> None:
    """Make the pipeline NAME the one that validations use.

    The one before is deactivated."""
    changed(
        ctx.ensure_object(App), lambda library: service.activate(library, name), as_json=as_json
    )

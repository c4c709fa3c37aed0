"""`vpo config path`: where the config file is."""

from __future__ import annotations

import os

import click

from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.global_options import global_options
from vpo.cli.output.streams import echo
from vpo.config.load import config_path


@command("path")
@global_options
@click.pass_context
def path(ctx: click.Context, /) -> None:
    """Print the path of the config file, even if there is no such file."""
    app = ctx.ensure_object(App)
    echo(os.path.abspath(config_path(os.environ, app.config)))

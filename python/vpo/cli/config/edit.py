"""`vpo config edit`: the config file in an editor."""

from __future__ import annotations

import os

import click

from vpo.cli.app import App
from vpo.cli.config.text import edit_file
from vpo.cli.groups import command
from vpo.cli.options.global_options import global_options
from vpo.config import config_file


@command("edit")
@global_options
@click.pass_context
def edit(ctx: click.Context, /) -> None:
    """Edit the config file in $EDITOR, and check it before saving.

    The file is created if it does not exist.
    """
    app = ctx.ensure_object(App)
    edit_file(app, config_file.settings_file(os.environ, app.config))

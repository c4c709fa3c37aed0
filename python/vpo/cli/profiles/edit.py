"""`vpo profiles edit`: a profile in an editor."""

from __future__ import annotations

import os

import click

from vpo.cli.app import App
from vpo.cli.config.text import edit_file
from vpo.cli.groups import command
from vpo.cli.options.completion import complete_profiles
from vpo.cli.options.global_options import global_options
from vpo.config import profile_editing


@command("edit")
@click.argument("name", shell_complete=complete_profiles)
@global_options
@click.pass_context
def edit(ctx: click.Context, /, name: str) -> None:
    """Edit a profile in $VISUAL or $EDITOR, and check it before saving."""
    edit_file(ctx.ensure_object(App), profile_editing.settings_file(os.environ, name))

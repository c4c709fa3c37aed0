"""`vpo config validate`: all mistakes in the settings."""

from __future__ import annotations

import os

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.config.text import print_mistakes
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.config.load import config_path, find_mistakes


@command("validate")
@json_option
@global_options
@click.pass_context
def validate(ctx: click.Context, /, as_json: bool) -> None:
    """Check the config file, the environment and the chosen profile.

    Exit status: 0 no mistakes, 1 some mistakes, 2 a file cannot be read.
    """
    app = ctx.ensure_object(App)
    mistakes = find_mistakes(os.environ, config=app.config, profile=app.profile)
    if as_json:
        print_json({"valid": not mistakes, "mistakes": [each.to_dict() for each in mistakes]})
    else:
        print_mistakes(app, mistakes)
        if not mistakes and not app.quiet:
            path = config_path(os.environ, app.config)
            shown = f"`{display(path)}`"
            if os.path.lexists(path):
                echo(f"{shown} is valid.")
            else:
                echo(f"There is no config file {shown}: the defaults apply.")
    ctx.exit(EXIT_DONE_WITH_ERRORS if mistakes else 0)

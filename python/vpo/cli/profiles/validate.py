"""`vpo profiles validate`: mistakes in profiles."""

from __future__ import annotations

import os

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.cli.app import App
from vpo.cli.config.text import print_mistakes
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.completion import complete_profiles
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.config import profiles
from vpo.config.check import mistakes_in


@command("validate")
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_profiles)
@json_option
@global_options
@click.pass_context
def validate(ctx: click.Context, /, names: tuple[str, ...], as_json: bool) -> None:
    """Check the named profiles, or all profiles.

    Exit status: 0 no mistakes, 1 some mistakes, 2 a named profile does not exist
    or cannot be read.
    """
    app = ctx.ensure_object(App)
    read = profiles.read if names else profiles.read_any
    has_mistakes = False
    checked = []
    for name in names or profiles.names(os.environ):
        mistakes = mistakes_in(read(os.environ, name))
        has_mistakes = has_mistakes or bool(mistakes)
        listed = [mistake.to_dict() for mistake in mistakes]
        checked.append({"name": name, "valid": not mistakes, "mistakes": listed})
        if as_json:
            continue
        print_mistakes(app, mistakes)
        if not mistakes and not app.quiet:
            echo(f"{name} is valid.")
    if as_json:
        print_json(checked)
    elif not checked and not app.quiet:
        echo("There are no profiles.", err=True)
    ctx.exit(EXIT_DONE_WITH_ERRORS if has_mistakes else 0)

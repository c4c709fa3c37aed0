"""`vpo profiles list`: the profiles, and what each is for."""

from __future__ import annotations

import os

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.config.text import with_paths
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.cli.output.table import table
from vpo.config import profiles


@command("list")
@json_option
@global_options
@click.pass_context
def list_(ctx: click.Context, /, as_json: bool) -> None:
    """List the profiles."""
    app = ctx.ensure_object(App)
    names = profiles.names(os.environ)
    found = [profiles.describe(profiles.read_any(os.environ, name)) for name in names]
    if as_json:
        print_json([{**with_paths(each.facts()), "valid": not each.mistakes} for each in found])
        return
    rows = []
    for each in found:
        policy = each.default_policy
        note = " (has mistakes)" if each.mistakes else ""
        rows.append(
            (
                each.name,
                display(each.description or "-") + note,
                display(os.path.basename(policy)) if policy else "-",
            )
        )
    if rows:
        for line in table(("NAME", "DESCRIPTION", "POLICY"), rows):
            echo(line)
    elif not app.quiet:
        echo("There are no profiles. Create one with `vpo profiles create NAME`.", err=True)

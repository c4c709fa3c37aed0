"""`vpo profiles create`: a new profile."""

from __future__ import annotations

import os

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.global_options import global_options
from vpo.cli.output.streams import echo
from vpo.config import profile_editing


@command("create")
@click.argument("name")
@click.option("--description", metavar="TEXT", help="What the profile is for, in one line.")
@click.option(
    "--policy",
    metavar="FILE",
    type=click.Path(),
    help="The policy file of the profile (not used yet).",
)
@click.option(
    "--directory",
    "directories",
    metavar="DIR",
    type=click.Path(),
    multiple=True,
    help="A directory for `vpo scan --profile NAME` (repeatable).",
)
@global_options
@click.pass_context
def create(
    ctx: click.Context,
    /,
    name: str,
    description: str | None,
    policy: str | None,
    directories: tuple[str, ...],
) -> None:
    """Create a profile."""
    app = ctx.ensure_object(App)
    path = profile_editing.create(
        os.environ,
        name,
        description=description,
        default_policy=os.path.abspath(policy) if policy else None,
        directories=[os.path.abspath(directory) for directory in directories],
    )
    if not app.quiet:
        echo(f"Created `{display(path)}`. Change it with `vpo profiles edit {name}`.")

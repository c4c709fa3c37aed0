"""`vpo profiles edit`: a profile in an editor."""

from __future__ import annotations

import os

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.config.text import print_mistakes
from vpo.cli.groups import command
from vpo.cli.options.completion import complete_profiles
from vpo.cli.options.global_options import global_options
from vpo.cli.output.streams import echo
from vpo.config import profile_editing


@command("edit")
@click.argument("name", shell_complete=complete_profiles)
@global_options
@click.pass_context
def edit(ctx: click.Context, /, name: str) -> None:
    """Edit a profile in $VISUAL or $EDITOR, and check it before saving."""
    app = ctx.ensure_object(App)
    with profile_editing.draft(os.environ, name) as draft:
        while True:
            click.edit(filename=draft.path)
            mistakes = draft.mistakes()
            if not mistakes:
                break
            print_mistakes(app, mistakes)
            if not (_is_interactive() and click.confirm("Edit again?", default=True)):
                draft.refuse(mistakes)
        is_changed = draft.save()
    if not app.quiet:
        echo(f"Saved `{display(draft.target)}`." if is_changed else "Nothing was changed.")


def _is_interactive() -> bool:
    return os.isatty(0) and os.isatty(1)

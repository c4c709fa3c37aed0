"""`vpo collections settings unset`: forgets a setting in the catalogue."""

from __future__ import annotations

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.collections.settings.common import category_argument, complete_keys, open_to_change
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.photos import settings_store as service
from vpo.photos.settings_rules import Category, value_to_text


@command("unset")
@category_argument()
@click.argument("key", shell_complete=complete_keys)
@json_option
@global_options
@click.pass_context
def unset(ctx: click.Context, /, category: Category, key: str, as_json: bool) -> None:
    """Forget a setting, so that its default applies.

    Cameras and processing methods have no defaults.
    """
    app = ctx.ensure_object(App)
    with open_to_change(app, creates=False) as library:
        changed = service.unset(library, category, key)
    if as_json:
        print_json(changed.to_dict())
    elif not app.quiet:
        now = changed.setting.value
        default = "" if now is None else f" The default applies: {display(value_to_text(now))}."
        echo(f"{category} {display(key)} is not set any more.{default}")

"""`vpo collections settings get`: one setting, or those of a category."""

from __future__ import annotations

import click

from vpo.cli.app import App
from vpo.cli.collections.settings.common import category_argument, complete_keys, show_warnings
from vpo.cli.collections.settings.list import show_settings
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo, for_terminal
from vpo.db.library import open_library
from vpo.photos import settings_store as service
from vpo.photos.settings_rules import Category, value_to_text


@command("get")
@category_argument()
@click.argument("key", metavar="[KEY]", required=False, shell_complete=complete_keys)
@json_option
@global_options
@click.pass_context
def get(ctx: click.Context, /, category: Category, key: str | None, as_json: bool) -> None:
    """Print a setting, or the settings of a category.

    The value is printed as `vpo collections settings set` takes it. Without KEY, the settings
    of CATEGORY are listed.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        if key is None:
            show_settings(
                app, service.list_settings(library, category), "json" if as_json else "text"
            )
            return
        found = service.get_setting(library, category, key)
    if as_json:
        print_json(found.to_dict())
        return
    echo(for_terminal(value_to_text(found.value)))
    if found.problem:
        show_warnings(app, [f"vpo ignores this setting: {found.problem}"])

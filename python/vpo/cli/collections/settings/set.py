"""`vpo collections settings set`: changes a setting in the catalogue."""

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
from vpo.photos.settings_rules import (
    Category,
    normalise,
    parse_value,
    setting_of,
    value_to_text,
)


@command("set")
@category_argument()
@click.argument("key", shell_complete=complete_keys)
@click.argument("value")
@click.option("--description", metavar="TEXT", help="Keep this description with the setting.")
@json_option
@global_options
@click.pass_context
def set_(
    ctx: click.Context,
    /,
    category: Category,
    key: str,
    value: str,
    description: str | None,
    as_json: bool,
) -> None:
    """Change a setting.

    VALUE is JSON, or else a plain text: a list of extensions such as '[".dng", ".cr3"]', a
    camera such as '{"name": "Canon EOS R5", "serial_number": "0123"}', or the description of a
    processing method.
    """
    app = ctx.ensure_object(App)
    setting = setting_of(category, key)
    # A mistake must not create a catalogue.
    new = normalise(setting, parse_value(value))
    description = None if description is None else service.checked_description(description)
    with open_to_change(app) as library:
        changed = service.set_value(library, setting, new, description)
    if as_json:
        print_json(changed.to_dict())
    elif not app.quiet:
        done = "is now" if changed.is_changed else "was already"
        echo(f"{setting} {done} {display(value_to_text(changed.setting.value))}.")

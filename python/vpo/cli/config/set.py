"""`vpo config set`: changes one setting in the config file or in a profile."""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import CompletionItem

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.config.text import with_paths
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.config.layers import settings_of
from vpo.config.models import Config, Profile


def _complete(_ctx: click.Context, _parameter: click.Parameter, word: str) -> list[CompletionItem]:
    names = (setting.name for setting in settings_of(Config).values())
    return [CompletionItem(name) for name in names if name.startswith(word)]


@command("set")
@click.argument("key", shell_complete=_complete)
@click.argument("values", metavar="VALUE...", nargs=-1, required=True)
@json_option
@global_options
@click.pass_context
def set_(ctx: click.Context, /, key: str, values: tuple[str, ...], as_json: bool) -> None:
    """Change a setting in the config file.

    KEY is a setting as `vpo config show` names it: `scan.hidden`. A list has
    a VALUE for each item. Comments, order and layout of the file stay. With
    --profile NAME, the setting is changed in that profile.
    """
    from vpo.config import config_file, profile_editing, setting

    app = ctx.ensure_object(App)
    model = Profile if app.profile else Config
    chosen = setting.find_setting(model, key)
    value = setting.value_of(chosen, values)
    if app.profile:
        file = profile_editing.settings_file(os.environ, app.profile)
    else:
        file = config_file.settings_file(os.environ, app.config)
    changed = setting.change(file, model, chosen, value)
    if as_json:
        shown: dict[str, Any] = {
            "key": changed.name,
            "before": changed.before,
            "value": changed.after,
            "path": changed.path,
            "line": changed.line,
            "changed": changed.is_changed,
        }
        print_json(with_paths(shown))
    elif not app.quiet:
        from vpo.config.yaml_edit import as_yaml

        done = "is now" if changed.is_changed else "was already"
        place = f"`{display(changed.path)}`, line {changed.line}"
        echo(f"{changed.name} {done} {as_yaml(changed.after)} ({place}).")

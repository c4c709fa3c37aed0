"""`vpo config show`: the settings in effect, and where each comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from vpo.cli.app import App
from vpo.cli.config.text import with_paths
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.config.layers import settings_of
from vpo.config.load import Settings
from vpo.config.models import Config
from vpo.config.yaml_edit import as_yaml


@command("show")
@click.option("--origin", is_flag=True, help="Show where each setting comes from.")
@json_option
@global_options
@click.pass_context
def show(ctx: click.Context, /, origin: bool, as_json: bool) -> None:
    """Show the settings in effect, as YAML.

    Settings come from the defaults, the config file, the profile, the
    environment and the command line. Later sources override earlier ones.
    """
    app = ctx.ensure_object(App)
    settings = app.settings()
    values: dict[str, Any] = asdict(settings.config)
    values["database_path"] = app.library_path(settings)
    if as_json:
        print_json(_to_dict(settings, values))
        return
    for line in _as_yaml(settings, values, origin=origin):
        echo(line)


def _to_dict(settings: Settings, values: dict[str, Any]) -> dict[str, Any]:
    origins = {}
    for key, setting in settings_of(Config).items():
        layer, place = settings.origin(key)
        where = {"source": place.source, "line": place.line} if place else {}
        origins[setting.name] = {"layer": layer, **where}
    document = {
        "profile": settings.profile,
        "default_policy": settings.default_policy,
        "settings": values,
        "origins": origins,
    }
    return with_paths(document)


def _as_yaml(settings: Settings, values: dict[str, Any], *, origin: bool) -> Iterator[str]:
    lines: list[tuple[str, str]] = []
    section = ""
    for key in settings_of(Config):
        value: Any = values
        for part in key:
            value = value[part]
        if len(key) == 2 and key[0] != section:
            section = key[0]
            lines.append((f"{section}:", ""))
        layer, place = settings.origin(key)
        comment = f"{layer}: {place}" if place else layer
        lines.append((f"{'  ' * (len(key) - 1)}{key[-1]}: {as_yaml(value)}", f"# {comment}"))
    if not origin:
        yield from (line for line, _ in lines)
        return
    width = min(max(len(line) for line, _ in lines), 40)
    for line, comment in lines:
        yield f"{line:{width}}  {comment}".rstrip()

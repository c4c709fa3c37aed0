"""`vpo profiles show`: one profile and the settings that it overrides."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.config.text import print_mistakes, with_paths
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.completion import complete_profiles
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.config import profiles
from vpo.config.yaml_edit import as_yaml


@command("show")
@click.argument("name", shell_complete=complete_profiles)
@json_option
@global_options
@click.pass_context
def show(ctx: click.Context, /, name: str, as_json: bool) -> None:
    """Show a profile and the settings that it overrides."""
    app = ctx.ensure_object(App)
    shown = profiles.describe(profiles.read(os.environ, name))
    if as_json:
        mistakes = [mistake.to_dict() for mistake in shown.mistakes]
        document = with_paths({**shown.facts(), "overrides": shown.overrides})
        print_json({**document, "mistakes": mistakes})
        return
    echo(f"Profile: {name}")
    echo(f"Description: {display(shown.description or '-')}")
    echo(f"Location: {display(shown.path)}")
    echo(f"Default policy: {display(shown.default_policy or '-')}")
    for line in _overrides(shown.overrides):
        echo(line)
    if shown.mistakes:
        echo("")
        print_mistakes(app, shown.mistakes)


def _overrides(overrides: Mapping[str, Any]) -> Iterator[str]:
    for section, value in overrides.items():
        yield ""
        if not isinstance(value, dict):
            yield f"{section}: {as_yaml(value)}"
            continue
        yield f"{section}:"
        for key, inner in value.items():
            yield f"  {key}: {as_yaml(inner)}"

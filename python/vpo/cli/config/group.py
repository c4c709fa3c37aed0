"""`vpo config`: what the settings are, where they come from, what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.paths import display, to_json, to_stored
from vpo.cli.app import App, Group, echo, global_options
from vpo.cli.options.common import json_option
from vpo.cli.output.failure import print_json
from vpo.config import load as layers
from vpo.config.layers import Mistake, settings_of
from vpo.config.models import Config


@click.group("config", cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@global_options
def config() -> None:
    """Show and check the settings."""


@config.command("show")
@click.option("--origin", is_flag=True, help="Say of each setting what set it.")
@json_option
@global_options
@click.pass_context
def show_command(ctx: click.Context, /, origin: bool, as_json: bool) -> None:
    """Show the effective settings, as YAML.

    Settings come from the defaults, the config file, the profile, the environment
    and the command line, the later over the earlier.
    """
    app = ctx.ensure_object(App)
    settings = app.settings()
    shown: dict[str, Any] = asdict(settings.config)
    shown["database_path"] = app.library_path(settings)
    if not as_json:
        for line in _as_yaml(settings, shown, origin=origin):
            echo(line)
        return
    origins = {}
    for key, setting in settings_of(Config).items():
        layer, place = settings.origin(key)
        where = {"source": place.source, "line": place.line} if place else {}
        origins[setting.name] = {"layer": layer, **where}
    document = {
        "profile": settings.profile,
        "default_policy": settings.default_policy,
        "settings": shown,
        "origins": origins,
    }
    print_json(with_paths(document))


def with_paths(document: dict[str, Any]) -> dict[str, Any]:
    """A document in whose texts may be paths, as the contract's JSON has those."""
    shown: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            shown[key] = with_paths(value)
        elif isinstance(value, str):
            shown.update(to_json(to_stored(os.fsencode(value)), key))
        elif isinstance(value, (list, tuple)):
            items = [with_paths({key: item}) for item in value]
            shown[key] = [item[key] for item in items]
            if any(len(item) > 1 for item in items):
                shown[f"{key}_b64"] = [item.get(f"{key}_b64") for item in items]
        else:
            shown[key] = value
    return shown


def _as_yaml(settings: layers.Settings, shown: dict[str, Any], *, origin: bool) -> Iterator[str]:
    lines: list[tuple[str, str]] = []
    section = ""
    for key in settings_of(Config):
        value: Any = shown
        for part in key:
            value = value[part]
        if len(key) == 2 and key[0] != section:
            section = key[0]
            lines.append((f"{section}:", ""))
        layer, place = settings.origin(key)
        said = f"{layer}: {place}" if place else layer
        lines.append((f"{'  ' * (len(key) - 1)}{key[-1]}: {yaml_value(value)}", f"# {said}"))
    if not origin:
        yield from (line for line, _ in lines)
        return
    width = min(max(len(line) for line, _ in lines), 40)
    for line, comment in lines:
        yield f"{line:{width}}  {comment}".rstrip()


def yaml_value(value: object) -> str:
    """A value as YAML has it, on one line and harmless to a terminal."""
    import yaml

    plain = list(value) if isinstance(value, tuple) else value

    def dump(**style: Any) -> str:
        text: str = yaml.safe_dump(plain, default_flow_style=True, width=2**31, **style)
        return text.removesuffix("\n").removesuffix("...").rstrip()

    text = dump(allow_unicode=True)
    return text if text.isprintable() else dump(default_style='"')


@config.command("path")
@global_options
@click.pass_context
def path_command(ctx: click.Context, /) -> None:
    """Print the path of the config file, whether it exists or not."""
    app = ctx.ensure_object(App)
    echo(os.path.abspath(layers.config_path(os.environ, app.config)))


@config.command("validate")
@json_option
@global_options
@click.pass_context
def validate_command(ctx: click.Context, /, as_json: bool) -> None:
    """Check the config file, the environment, and the profile if one is named.

    Exit status: 0 nothing is wrong, 1 there are mistakes, 2 a file cannot be read.
    """
    app = ctx.ensure_object(App)
    mistakes = layers.find_mistakes(os.environ, config=app.config, profile=app.profile)
    if as_json:
        print_json({"valid": not mistakes, "mistakes": [each.to_dict() for each in mistakes]})
    else:
        print_mistakes(app, mistakes)
        if not mistakes and not app.quiet:
            path = layers.config_path(os.environ, app.config)
            is_there = os.path.lexists(path)
            said = "is valid" if is_there else "is not there: the defaults hold"
            echo(f"`{display(path)}` {said}.")
    ctx.exit(EXIT_DONE_WITH_ERRORS if mistakes else 0)


def print_mistakes(app: App, mistakes: list[Mistake]) -> None:
    """Prints each mistake, and below it what to do."""
    for mistake in mistakes:
        echo(f"{app.paint('Mistake:', 'red')} {mistake}.")
        if mistake.hint:
            echo(f"  {mistake.hint}")


@config.command("schema")
@global_options
def schema_command() -> None:
    """Print the JSON Schema of the config file, for editors to complete and check it."""
    print_schema(Config, "The config file of vpo")


def print_schema(model: type, title: str) -> None:
    """Prints the JSON Schema of a model, laid out to be read."""
    import orjson

    from vpo.config.schema import schema_of

    echo(orjson.dumps(schema_of(model, title), option=orjson.OPT_INDENT_2).decode())

"""`vpo profiles`: settings under a name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS, ConfigError
from vpo.base.paths import display
from vpo.cli.app import App, Group, complete_profiles, echo, global_options
from vpo.cli.config.group import print_mistakes, print_schema, with_paths, yaml_value
from vpo.cli.options.common import json_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.table import table
from vpo.config import load as layers
from vpo.config import profiles as store
from vpo.config.check import check
from vpo.config.layers import Layer, Mistake, Place, settings_of
from vpo.config.models import Profile

# What a profile says of itself, as against the settings it changes.
_OF_ITSELF = ("name", "description", "default_policy")


@click.group("profiles", cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@global_options
def profiles() -> None:
    """Show, make and check profiles: settings under a name."""


@profiles.command("list")
@json_option
@global_options
@click.pass_context
def list_command(ctx: click.Context, /, as_json: bool) -> None:
    """List the profiles."""
    app = ctx.ensure_object(App)
    found = [_describe(_read_any(name)) for name in store.names(os.environ)]
    if as_json:
        print_json([{**with_paths(each.facts), "valid": not each.mistakes} for each in found])
        return
    rows = []
    for each in found:
        policy = each.facts["default_policy"]
        note = " (has mistakes)" if each.mistakes else ""
        rows.append(
            (
                each.facts["name"],
                display(each.facts["description"] or "-") + note,
                display(os.path.basename(policy)) if policy else "-",
            )
        )
    if rows:
        for line in table(("NAME", "DESCRIPTION", "POLICY"), rows):
            echo(line)
    elif not app.quiet:
        echo("There are no profiles. Make one with `vpo profiles create NAME`.", err=True)


def _read_any(name: str) -> Layer:
    """A profile; that it cannot be read is a mistake as others are."""
    try:
        return store.read(os.environ, name)
    except ConfigError as error:
        layer = Layer(store.LAYER, Place(store.path_of(os.environ, name)), profile=name)
        said = f"cannot be read: {error.details.get('reason', error.message)}"
        layer.mistakes.append(Mistake(layer.place, said, error.hint))
        return layer


@dataclass
class _Description:
    facts: dict[str, Any]
    overrides: dict[str, Any]
    """As they are written, those with mistakes left out."""
    mistakes: list[Mistake]


def _describe(layer: Layer) -> _Description:
    mistakes = layers.mistakes_in(layer)
    facts: dict[str, Any] = {"name": layer.profile, "description": None, "default_policy": None}
    overrides: dict[str, Any] = {}
    valid = dict(check(layer, Profile))
    for key in filter(valid.__contains__, settings_of(Profile)):
        _, value = layer.get(key)
        if len(key) == 2:
            overrides.setdefault(key[0], {})[key[1]] = value
        elif key[0] not in _OF_ITSELF:
            overrides[key[0]] = value
        elif key[0] in facts:
            facts[key[0]] = value
    return _Description({**facts, "path": layer.place.source}, overrides, mistakes)


@profiles.command("show")
@click.argument("name", shell_complete=complete_profiles)
@json_option
@global_options
@click.pass_context
def show_command(ctx: click.Context, /, name: str, as_json: bool) -> None:
    """Show a profile and the settings that it overrides."""
    app = ctx.ensure_object(App)
    shown = _describe(store.read(os.environ, name))
    if as_json:
        listed = [mistake.to_dict() for mistake in shown.mistakes]
        print_json(
            {**with_paths({**shown.facts, "overrides": shown.overrides}), "mistakes": listed}
        )
        return
    echo(f"Profile: {name}")
    echo(f"Description: {display(shown.facts['description'] or '-')}")
    echo(f"Location: {display(shown.facts['path'])}")
    echo(f"Default policy: {display(shown.facts['default_policy'] or '-')}")
    for line in _overridden(shown.overrides):
        echo(line)
    if shown.mistakes:
        echo("")
        print_mistakes(app, shown.mistakes)


def _overridden(overrides: dict[str, Any]) -> Iterator[str]:
    for section, value in overrides.items():
        yield ""
        if not isinstance(value, dict):
            yield f"{section}: {yaml_value(value)}"
            continue
        yield f"{section}:"
        for key, inner in value.items():
            yield f"  {key}: {yaml_value(inner)}"


@profiles.command("create")
@click.argument("name")
@click.option("--description", metavar="TEXT", help="What it is for, in a line.")
@click.option(
    "--policy",
    metavar="FILE",
    type=click.Path(),
    help="The policy applied unless another is named.",
)
@click.option(
    "--directory",
    "directories",
    metavar="DIR",
    type=click.Path(),
    multiple=True,
    help="A directory that `vpo scan --profile NAME` scans (repeatable).",
)
@global_options
@click.pass_context
def create_command(
    ctx: click.Context,
    /,
    name: str,
    description: str | None,
    policy: str | None,
    directories: tuple[str, ...],
) -> None:
    """Make a profile."""
    app = ctx.ensure_object(App)
    path = store.create(
        os.environ,
        name,
        description=description,
        default_policy=os.path.abspath(policy) if policy else None,
        directories=[os.path.abspath(directory) for directory in directories],
    )
    if not app.quiet:
        echo(f"Made `{display(path)}`. Change it with `vpo profiles edit {name}`.")


@profiles.command("edit")
@click.argument("name", shell_complete=complete_profiles)
@global_options
@click.pass_context
def edit_command(ctx: click.Context, /, name: str) -> None:
    """Edit a profile in $VISUAL or $EDITOR; it is checked before it is saved."""
    app = ctx.ensure_object(App)
    with store.draft(os.environ, name) as draft:
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


@profiles.command("validate")
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_profiles)
@json_option
@global_options
@click.pass_context
def validate_command(ctx: click.Context, /, names: tuple[str, ...], as_json: bool) -> None:
    """Check profiles: those named, or all.

    Exit status: 0 nothing is wrong, 1 there are mistakes, 2 one that was named is
    not there or cannot be read.
    """
    app = ctx.ensure_object(App)
    wrong = False
    checked = []
    found = map(_read_any, store.names(os.environ))
    for layer in (store.read(os.environ, name) for name in names) if names else found:
        name = layer.profile
        mistakes = layers.mistakes_in(layer)
        wrong = wrong or bool(mistakes)
        listed = [mistake.to_dict() for mistake in mistakes]
        checked.append({"name": name, "valid": not mistakes, "mistakes": listed})
        if as_json:
            continue
        print_mistakes(app, mistakes)
        if not mistakes and not app.quiet:
            echo(f"{name} is valid.")
    if as_json:
        print_json(checked)
    elif not checked and not app.quiet:
        echo("There are no profiles.", err=True)
    ctx.exit(EXIT_DONE_WITH_ERRORS if wrong else 0)


@profiles.command("schema")
@global_options
def schema_command() -> None:
    """Print the JSON Schema of profiles, for editors to complete and check them."""
    print_schema(Profile, "A profile of vpo")

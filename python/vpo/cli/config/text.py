"""Settings and their mistakes, as text and as JSON: for `vpo config` and `vpo profiles`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vpo.base.paths import display, to_json, to_stored
from vpo.cli.app import App
from vpo.cli.output.streams import echo
from vpo.config.layers import Mistake

if TYPE_CHECKING:
    from vpo.config.draft import SettingsFile


def with_paths(document: dict[str, Any]) -> dict[str, Any]:
    """A document for JSON. A text that is not UTF-8 (a path may be) gets a second key, `…_b64`."""
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


def edit_file(app: App, file: SettingsFile) -> None:
    """Opens a copy of a file in an editor, and saves it once it has no mistakes.

    Raises ConfigError if the user gives up, or if the file cannot be saved.
    """
    import click

    from vpo.config.draft import draft

    with draft(file) as copy:
        while True:
            click.edit(filename=copy.path)
            mistakes = copy.mistakes()
            if not mistakes:
                break
            print_mistakes(app, mistakes)
            is_interactive = os.isatty(0) and os.isatty(1)
            if not (is_interactive and click.confirm("Edit again?", default=True)):
                copy.refuse(mistakes)
        is_changed = copy.save()
    if not app.quiet:
        echo(f"Saved `{display(file.path)}`." if is_changed else "Nothing was changed.")


def print_mistakes(app: App, mistakes: list[Mistake]) -> None:
    """Prints each mistake, and below it what to do."""
    for mistake in mistakes:
        echo(f"{app.paint('Mistake:', 'red')} {mistake}.")
        if mistake.hint:
            echo(f"  {mistake.hint}")


def print_schema(model: type, title: str) -> None:
    """Prints the JSON Schema of a model, indented."""
    import orjson

    from vpo.config.schema import schema_of

    echo(orjson.dumps(schema_of(model, title), option=orjson.OPT_INDENT_2).decode())

"""Settings and their mistakes, as text and as JSON: for `vpo config` and `vpo profiles`."""

from __future__ import annotations

import os
from typing import Any

from vpo.base.paths import to_json, to_stored
from vpo.cli.app import App
from vpo.cli.output.streams import echo
from vpo.config.layers import Mistake


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


def yaml_value(value: object) -> str:
    """A value as YAML on one line, without characters that a terminal would interpret."""
    import yaml

    plain = list(value) if isinstance(value, tuple) else value

    def dump(**style: Any) -> str:
        text: str = yaml.safe_dump(plain, default_flow_style=True, width=2**31, **style)
        return text.removesuffix("\n").removesuffix("...").rstrip()

    text = dump(allow_unicode=True)
    return text if text.isprintable() else dump(default_style='"')


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

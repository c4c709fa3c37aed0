"""Checking what a layer says against the model."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import Any

from vpo.base.paths import display
from vpo.config.layers import Key, Layer, Mistake, settings_of
from vpo.config.models import COMMAND, PATH, ScanConfig

# What the seeds' contract says of these; pydantic has its own words for the rest.
_WORDING = {
    ("logging", "level"): "Invalid log level: {value}",
    ("logging", "format"): "Invalid log format: {value}",
}

# Compared without regard to case.
_FOLDED = tuple(_WORDING)


def check(
    layer: Layer, model: type, *, sections: Collection[str] | None = None
) -> Iterator[tuple[Key, Any]]:
    """The settings that a layer gives, as the model's types; paths are absolute.

    What is wrong with them is added to the layer's mistakes, and not given.
    With `sections`, other sections (and other keys at the top) are left alone.
    """
    given: dict[Key, Any] = {}
    for key, setting in settings_of(model).items():
        if sections is not None and key[0] not in sections:
            continue
        is_given, value = layer.get(key)
        # At the top, `key:` without a value is as good as no key.
        if not is_given or (value is None and len(key) == 1):
            continue
        if key in _FOLDED and isinstance(value, str):
            value = value.lower()
        if isinstance(value, bool) and _is_number(setting.hint):
            layer.mistakes.append(
                Mistake(layer.place_of(key), f"`{setting.name}`: a number, not `{value}`")
            )
            continue
        given[key] = value
    _find_wrong_sections(layer, model, sections)
    for key, value in _validate(layer, model, given):
        yield key, _make_absolute(layer, model, key, value)


def _is_number(hint: Any) -> bool:
    return getattr(hint, "__origin__", hint) is int


def _find_wrong_sections(layer: Layer, model: type, sections: Collection[str] | None) -> None:
    for section in {key[0] for key in settings_of(model) if len(key) == 2}:
        if sections is not None and section not in sections:
            continue
        value = layer.settings.get(section)
        if value is not None and not isinstance(value, dict):
            layer.mistakes.append(
                Mistake(
                    layer.place_of((section,)),
                    f"`{section}`: a section holds `key: value` lines",
                    f"For example: `{section}:` and, indented below it, `key: value`.",
                )
            )


def _validate(layer: Layer, model: type, given: dict[Key, Any]) -> Iterator[tuple[Key, Any]]:
    # All that most commands ask for, and pydantic is ten times their start-up.
    # Nor would it take bytes that are not UTF-8, which a path may have.
    paths = {key: value for key, value in given.items() if _are_paths(model, key, value)}
    for key, value in paths.items():
        mistake = _check_paths(layer, key, value)
        if mistake is None:
            yield key, tuple(value) if isinstance(value, list) else value
        else:
            layer.mistakes.append(mistake)
    given = {key: value for key, value in given.items() if key not in paths}
    if not given:
        return
    from pydantic import TypeAdapter, ValidationError

    document: dict[str, Any] = {}
    for key, value in given.items():
        inner = document
        for part in key[:-1]:
            inner = inner.setdefault(part, {})
        inner[key[-1]] = value
    wrong: set[Key] = set()
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    try:
        checked = adapter.validate_python(document)
    except ValidationError as error:
        for problem in error.errors():
            place = tuple(str(part) for part in problem["loc"])
            known = next(key for key in given if key == place[: len(key)])
            # Once for each: `str | None` fails twice, as either.
            if known not in wrong or known != place:
                layer.mistakes.append(_mistake(layer, place, known, problem))
            wrong.add(known)
        if wrong == set(given):
            return
        yield from _validate(
            layer, model, {key: value for key, value in given.items() if key not in wrong}
        )
        return
    for key in given:
        value = checked
        for part in key:
            value = getattr(value, part)
        rule_mistake = _check_rule(layer, key, value)
        if rule_mistake is None:
            yield key, value
        else:
            layer.mistakes.append(rule_mistake)


def _are_paths(model: type, key: Key, value: object) -> bool:
    setting = settings_of(model)[key]
    if not (setting.is_marked(PATH) or setting.is_marked(COMMAND)):
        return False
    values = value if setting.is_list else [value]
    return isinstance(values, list) and all(isinstance(path, str) and path for path in values)


def _check_paths(layer: Layer, key: Key, value: str | list[str]) -> Mistake | None:
    """Finds the character that YAML can write and no path can hold."""
    for number, path in enumerate([value] if isinstance(value, str) else value):
        if "\0" in path:
            place = layer.place_of((*key, str(number)))
            return Mistake(place, f"`{'.'.join(key)}`: `{display(path)}` cannot be a path")
    return None


def _mistake(layer: Layer, place: Key, key: Key, problem: Any) -> Mistake:
    value = problem["input"]
    is_word = isinstance(value, (str, int, float))
    if key in _WORDING and is_word:
        hint = f"One of: {problem['ctx']['expected']}." if "ctx" in problem else None
        # As it was written, that is, before it was folded.
        message = _WORDING[key].format(value=display(str(layer.get(key)[1])))
        return Mistake(layer.place_of(place), message, hint)
    said = problem["msg"][:1].lower() + problem["msg"][1:]
    shown = f", not `{display(str(value))}`" if is_word else ""
    return Mistake(layer.place_of(place), f"`{'.'.join(key)}`: {said}{shown}")


def _check_rule(layer: Layer, key: Key, value: Any) -> Mistake | None:
    """Finds globs and extensions that the engine would not take."""
    if key not in {("scan", "exclude"), ("scan", "extensions")} or not value:
        return None
    from vpo._engine import Rules

    for number, item in enumerate(value):
        try:
            if key[1] == "exclude":
                Rules(b"/", ScanConfig(exclude=(item,)))
            else:
                Rules(b"/", ScanConfig(extensions=(item,)))
        except ValueError as error:
            place = layer.place_of((*key, str(number)))
            return Mistake(place, f"`{'.'.join(key)}`: {display(str(error))}")
    return None


def _make_absolute(layer: Layer, model: type, key: Key, value: Any) -> Any:
    """A path in a file is one below the file's directory, else below the current one."""
    setting = settings_of(model)[key]
    if value is None or not (setting.is_marked(PATH) or setting.is_marked(COMMAND)):
        return value
    in_file = layer.place_of(key).line is not None
    base = os.path.dirname(os.path.abspath(layer.place.source)) if in_file else os.getcwd()

    def absolute(path: str) -> str:
        if setting.is_marked(COMMAND) and "/" not in path:
            return path
        return os.path.normpath(os.path.join(base, os.path.expanduser(path)))

    return tuple(map(absolute, value)) if setting.is_list else absolute(value)

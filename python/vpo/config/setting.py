"""Changing one setting in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from vpo.base.errors import ConfigError, UsageError
from vpo.base.paths import display
from vpo.config import document
from vpo.config.check import mistakes_in
from vpo.config.draft import Draft, SettingsFile, draft
from vpo.config.layers import Key, Layer, Setting, nearest, settings_of
from vpo.config.models import COMMAND, PATH
from vpo.config.yaml_edit import CannotEditError, as_yaml, with_value

_YES = ("true", "yes", "on")
_NO = ("false", "no", "off")


@dataclass(frozen=True)
class Change:
    """A setting that was changed."""

    name: str
    path: str
    before: Any
    """The value in the file, None if it was not set there."""
    after: Any
    line: int | None
    is_changed: bool


def find_setting(model: type, name: str) -> Setting:
    """The setting of a model that users call `name`. Raises ConfigError if there is none."""
    settings = {setting.name: setting for setting in settings_of(model).values()}
    if name in settings:
        return settings[name]
    inside = [each.key[1] for each in settings.values() if each.key[0] == name]
    if inside:
        hint = f"`{display(name)}` is a section. Name one of its keys: {', '.join(inside)}."
    else:
        hint = nearest(name, settings, what="settings")
    raise ConfigError(f"There is no setting `{display(name)}`", hint=hint)


def value_of(setting: Setting, words: Sequence[str]) -> object:
    """The value that words of the command line mean. It need not be valid.

    Raises UsageError if there are several words for one value.
    """
    if setting.is_list:
        return [_path_of(setting, word) for word in words]
    if len(words) != 1:
        raise UsageError(
            f"`{setting.name}` has one value, not {len(words)}",
            hint="Put a value with spaces in quotes.",
        )
    (word,) = words
    if setting.hint is bool and word.lower() in (*_YES, *_NO):
        return word.lower() in _YES
    if setting.is_number and re.fullmatch("-?[0-9]{1,30}", word):
        return int(word)
    return _path_of(setting, word)


def _path_of(setting: Setting, word: str) -> str:
    """A relative path is meant from the current directory, not from that of the file."""
    is_path = setting.is_marked(PATH) or (setting.is_marked(COMMAND) and "/" in word)
    return os.path.abspath(word) if is_path and word and not word.startswith("~") else word


def change(file: SettingsFile, model: type, setting: Setting, value: object) -> Change:
    """Sets a value in a file, and changes nothing else in it.

    Raises ConfigError if the file would have mistakes that it does not have now, or if it is
    written in a way that vpo cannot change.
    """
    with draft(file) as copy:
        before = file.read(copy.path)
        is_given, old = before.get(setting.key)
        if is_given and type(old) is type(value) and old == value:
            line = before.place_of(setting.key).line
            return Change(setting.name, file.path, old, value, line, False)
        _write(copy, model, before, setting, value)
        after = file.read(copy.path)
        known = {mistake.message for mistake in mistakes_in(before)}
        mistakes = [each for each in mistakes_in(after) if each.message not in known]
        if mistakes:
            raise ConfigError(
                f"`{setting.name}` was not changed: {mistakes[0].message}", hint=mistakes[0].hint
            )
        copy.save()
        line = after.place_of(setting.key).line
        return Change(setting.name, file.path, old, value, line, True)


def _write(copy: Draft, model: type, before: Layer, setting: Setting, value: object) -> None:
    """Writes the value into the copy. Nothing else in it may change its meaning."""
    with open(copy.path, "rb") as file:
        content = file.read()
    cannot = ConfigError(
        f"vpo cannot change `{setting.name}` in `{display(copy.file.path)}` and keep all that is"
        " there as it is",
        hint=f"Change it yourself, for example with `vpo config edit`. The value is: "
        f"{display(as_yaml(value))}",
    )
    try:
        text = content.decode()
        edited = with_value(text, document.node_of(text, copy.path), setting.key, value)
    except (UnicodeError, CannotEditError) as error:
        raise cannot from error
    meant = _with(before.settings, setting.key, value)
    found = document.parse(edited.encode(errors="replace"), copy.path, model, name=before.name)
    if found.settings != meant:
        raise cannot
    with open(copy.path, "wb") as file:
        file.write(edited.encode())


def _with(settings: dict[str, Any], key: Key, value: object) -> dict[str, Any]:
    meant = deepcopy(settings)
    inner = meant
    for section in key[:-1]:
        if not isinstance(inner.get(section), dict):
            inner[section] = {}
        inner = inner[section]
    inner[key[-1]] = value
    return meant

"""A layer: the settings from one source, the place of each, and the mistakes in them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, is_dataclass
from functools import lru_cache
from typing import Any, get_args, get_type_hints

from vpo.base.paths import display, to_json, to_stored

Key = tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where a setting was given: in a file, at a line and column, or in a variable."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        shown = f"`{display(self.source)}`"
        return shown if self.line is None else f"{shown}, line {self.line}, column {self.column}"


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a setting, where it is, and what to do about it."""

    place: Place
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"

    def to_dict(self) -> dict[str, object]:
        """The mistake as JSON."""
        return {
            **to_json(to_stored(os.fsencode(self.place.source)), "source"),
            "line": self.place.line,
            "column": self.place.column,
            "message": self.message,
            "hint": self.hint,
        }


@dataclass
class Layer:
    """The settings from one source."""

    name: str
    """`config file`, `profile`, `environment` or `command line`."""
    place: Place
    settings: dict[str, Any] = field(default_factory=dict)
    places: dict[Key, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    profile: str | None = None
    """The name of the profile, if the source is one."""
    valid: dict[Key, Any] | None = None
    """The values of a layer without mistakes that was checked before; `settings` is empty."""

    def place_of(self, key: Key) -> Place:
        """Where a setting was given, or else the section that it belongs to."""
        while key and key not in self.places:
            key = key[:-1]
        return self.places.get(key, self.place)

    def put(self, key: Key, value: object, place: Place) -> None:
        """Adds a setting."""
        *sections, name = key
        settings = self.settings
        for section in sections:
            settings = settings.setdefault(section, {})
        settings[name] = value
        self.places[key] = place

    def get(self, key: Key) -> tuple[bool, Any]:
        """Whether the layer gives a setting, and its value."""
        value: Any = self.settings
        for part in key:
            if not isinstance(value, dict) or part not in value:
                return False, None
            value = value[part]
        return True, value


@dataclass(frozen=True)
class Setting:
    """A setting of a model: its key, and the type with its bounds."""

    key: Key
    hint: Any

    @property
    def name(self) -> str:
        """The key as users write it: `scan.hidden`."""
        return ".".join(self.key)

    @property
    def is_list(self) -> bool:
        """Whether the setting holds several values."""
        return getattr(self.hint, "__origin__", None) is tuple

    @property
    def is_number(self) -> bool:
        """Whether the setting holds a whole number."""
        return getattr(self.hint, "__origin__", self.hint) is int

    def is_marked(self, mark: str) -> bool:
        """Whether the type of the value (in a list, of each value) has this mark."""
        return _is_marked(self.hint, mark)


def _is_marked(hint: Any, mark: str) -> bool:
    if mark in getattr(hint, "__metadata__", ()):
        return True
    return any(_is_marked(argument, mark) for argument in get_args(hint))


@lru_cache
def names_in(model: type) -> dict[str, Any]:
    """The keys of a model, and their types with bounds and marks."""
    return get_type_hints(model, include_extras=True)


@lru_cache
def settings_of(model: type) -> dict[Key, Setting]:
    """All settings of a model, including those in sections."""
    found: dict[Key, Setting] = {}
    for name, hint in names_in(model).items():
        if is_dataclass(hint):
            for (inner,), setting in settings_of(hint).items():  # type: ignore[arg-type]
                found[name, inner] = Setting((name, inner), setting.hint)
        else:
            found[name,] = Setting((name,), hint)
    return found


def nearest(name: str, known: Iterable[str], *, what: str = "keys") -> str:
    """A hint for an unknown name: the most similar known name, and all known names."""
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Known {what}: {', '.join(names)}."
    return f"Did you mean `{near[0]}`? {hint}" if near else hint

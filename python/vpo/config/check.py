"""Checking the settings of a layer against the model."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from vpo.base.paths import display
from vpo.config.environment import expand_home
from vpo.config.layers import Key, Layer, Mistake, settings_of
from vpo.config.models import COMMAND, PATH, Config, Profile, ScanConfig

# These settings are compared without regard to case, and have messages of their own.
_MESSAGES = {
    ("logging", "level"): "Invalid log level: {value}",
    ("logging", "format"): "Invalid log format: {value}",
}

# What to say instead of pydantic's own words, by the type of its error.
_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} character",
}


@dataclass(frozen=True)
class Checked:
    """The valid settings of a layer, and what is wrong with the others."""

    values: dict[Key, Any]
    """With the types of the model; paths are absolute."""
    mistakes: list[Mistake]


def check(layer: Layer, sections: Collection[str] | None = None) -> Checked:
    """Checks the settings of a layer.

    With `sections`, only these sections (and keys at the top) are checked and returned.
    """
    checker = _Checker(layer, sections)
    values = {key: checker.absolute(key, value) for key, value in checker.valid()}
    return Checked(values, checker.mistakes)


def check_values(layer: Layer) -> Checked:
    """Does the same as `check`, but leaves paths as they are written."""
    checker = _Checker(layer, None)
    return Checked(dict(checker.valid()), checker.mistakes)


def mistakes_in(layer: Layer) -> list[Mistake]:
    """All that is wrong with a layer, in the order of its lines."""
    unique = dict.fromkeys((*layer.mistakes, *check(layer).mistakes))
    return sorted(unique, key=lambda each: (each.place.line or 0, each.place.column or 0))


class _Checker:
    def __init__(self, layer: Layer, sections: Collection[str] | None) -> None:
        self.layer = layer
        self.model: type = Profile if layer.profile else Config
        self.settings = settings_of(self.model)
        self.sections = sections
        self.mistakes: list[Mistake] = []

    def valid(self) -> Iterator[tuple[Key, Any]]:
        """The settings that are valid; the mistakes of the others are noted."""
        if self.layer.valid is not None:
            yield from (item for item in self.layer.valid.items() if self._is_wanted(item[0][0]))
            return
        given = self._given()
        self._check_sections()
        # Most commands need only paths, which are checked without pydantic: importing it takes
        # ten times as long as starting a command, and it refuses paths that are not UTF-8.
        paths = {key: value for key, value in given.items() if self._holds_paths(key, value)}
        yield from self._valid_paths(paths)
        others = {key: value for key, value in given.items() if key not in paths}
        if others:
            yield from self._valid_values(others)

    def _note(self, key: Key, message: str, hint: str | None = None) -> None:
        self.mistakes.append(Mistake(self.layer.place_of(key), message, hint))

    def _is_wanted(self, section: str) -> bool:
        return self.sections is None or section in self.sections

    def _given(self) -> dict[Key, Any]:
        """The values in the layer, for the sections that are wanted."""
        given: dict[Key, Any] = {}
        for key, setting in self.settings.items():
            is_given, value = self.layer.get(key)
            # At the top, `key:` without a value is the same as no key.
            if not is_given or not self._is_wanted(key[0]) or (value is None and len(key) == 1):
                continue
            if isinstance(value, bool) and setting.is_number:
                # pydantic takes True for 1.
                self._note(key, f"`{setting.name}` must be a whole number, not `{value}`")
                continue
            given[key] = value.lower() if key in _MESSAGES and isinstance(value, str) else value
        return given

    def _check_sections(self) -> None:
        """Notes sections that are not sections but a word or a list."""
        for section in dict.fromkeys(key[0] for key in self.settings if len(key) == 2):
            value = self.layer.settings.get(section)
            if self._is_wanted(section) and value is not None and not isinstance(value, dict):
                self._note(
                    (section,),
                    f"`{section}` must be a section, which holds `key: value` lines",
                    f"Write `{section}:` and, indented below it, `key: value` lines.",
                )

    # -- Paths -------------------------------------------------------------------------

    def _holds_paths(self, key: Key, value: object) -> bool:
        """Whether the value of a setting for paths is a text that can be checked as one."""
        setting = self.settings[key]
        if not (setting.is_marked(PATH) or setting.is_marked(COMMAND)):
            return False
        values = value if setting.is_list else [value]
        return isinstance(values, list) and all(isinstance(path, str) and path for path in values)

    def _valid_paths(self, given: dict[Key, Any]) -> Iterator[tuple[Key, Any]]:
        for key, value in given.items():
            # YAML can write a NUL character, which no path can contain.
            paths = value if isinstance(value, list) else [value]
            wrong = [number for number, path in enumerate(paths) if "\0" in path]
            if not wrong:
                yield key, tuple(value) if isinstance(value, list) else value
                continue
            shown = display(paths[wrong[0]])
            self._note((*key, str(wrong[0])), f"`{'.'.join(key)}`: `{shown}` is not a valid path")

    def absolute(self, key: Key, value: Any) -> Any:
        """Makes paths absolute.

        A relative path in a file is relative to the file's directory, any other to the
        current directory. The bare name of a command stays: it is looked for on PATH.
        """
        setting = self.settings[key]
        if value is None or not (setting.is_marked(PATH) or setting.is_marked(COMMAND)):
            return value
        in_file = self.layer.place_of(key).line is not None
        source = self.layer.place.source
        base = os.path.dirname(os.path.abspath(source)) if in_file else os.getcwd()

        def make_absolute(path: str) -> str:
            if setting.is_marked(COMMAND) and "/" not in path:
                return path
            return os.path.normpath(os.path.join(base, expand_home(path)))

        return tuple(map(make_absolute, value)) if setting.is_list else make_absolute(value)

    # -- Values that pydantic checks -----------------------------------------------------

    def _valid_values(self, given: dict[Key, Any]) -> Iterator[tuple[Key, Any]]:
        from pydantic import TypeAdapter, ValidationError

        adapter: TypeAdapter[Any] = TypeAdapter(self.model)
        while given:
            try:
                valid = adapter.validate_python(_as_document(given))
            except ValidationError as error:
                # pydantic gives all or nothing, so the rest is checked once more.
                wrong = self._note_errors(given, error.errors())
                given = {key: value for key, value in given.items() if key not in wrong}
            else:
                break
        for key in given:
            value = valid
            for part in key:
                value = getattr(value, part)
            if self._follows_rules(key, value):
                yield key, value

    def _note_errors(self, given: dict[Key, Any], errors: list[Any]) -> set[Key]:
        """Notes pydantic's errors; returns the keys that have some."""
        wrong: set[Key] = set()
        for error in errors:
            place = tuple(str(part) for part in error["loc"])
            key = next(key for key in given if key == place[: len(key)])
            # A `str | None` fails twice, as either type; the items of a list each fail once.
            if key not in wrong or key != place:
                self._note(place, *self._message_of(key, error))
            wrong.add(key)
        return wrong

    def _message_of(self, key: Key, error: Any) -> tuple[str, str | None]:
        """What is wrong, and a hint if there is one."""
        value = error["input"]
        is_word = isinstance(value, (str, int, float))
        if key in _MESSAGES and is_word:
            hint = f"Use one of: {error['ctx']['expected']}." if "ctx" in error else None
            as_written = display(str(self.layer.get(key)[1]))
            return _MESSAGES[key].format(value=as_written), hint
        words = _WORDS.get(error["type"])
        if words is None:
            words = error["msg"].replace("Input should be", "must be")
        shown = f", not `{display(str(value))}`" if is_word else ""
        return f"`{'.'.join(key)}` {words.format(**error.get('ctx', {}))}{shown}", None

    def _follows_rules(self, key: Key, value: Any) -> bool:
        """Whether the engine accepts the globs and extensions; notes a mistake if not."""
        if key not in {("scan", "exclude"), ("scan", "extensions")} or not value:
            return True
        from vpo._engine import Rules

        for number, item in enumerate(value):
            try:
                if key[1] == "exclude":
                    Rules(b"/", ScanConfig(exclude=(item,)))
                else:
                    Rules(b"/", ScanConfig(extensions=(item,)))
            except ValueError as error:
                self._note((*key, str(number)), f"`{'.'.join(key)}`: {display(str(error))}")
                return False
        return True


def _as_document(given: dict[Key, Any]) -> dict[str, Any]:
    """Settings as nested sections, the way a file has them."""
    document: dict[str, Any] = {}
    for key, value in given.items():
        inner = document
        for section in key[:-1]:
            inner = inner.setdefault(section, {})
        inner[key[-1]] = value
    return document

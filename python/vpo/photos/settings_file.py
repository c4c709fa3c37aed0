"""The settings of photo collections in a YAML file: where it is, reading and writing it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vpo.base.errors import CollectionSettingError, ConfigError
from vpo.base.paths import display
from vpo.config.content import content_of
from vpo.photos.settings_rules import (
    EXTENSION_KEYS,
    Category,
    NotText,
    Number,
    SettingKey,
    Value,
    normalise,
    setting_of,
)

if TYPE_CHECKING:
    from vpo.config.layers import Mistake

SECTIONS: Mapping[str, Category] = {
    "camera_mappings": "cameras",
    "processing_methods": "processing_methods",
}
"""The keys at the top of the file, besides those of extensions, in the order of an export."""

KEYS = (*EXTENSION_KEYS, *SECTIONS)

_NAME = "settings file"
_TAG = "tag:yaml.org,2002:"


@dataclass
class FileSettings:
    """The settings in a file."""

    path: str
    values: dict[SettingKey, Value] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    """Keys that are no settings of photo collections, such as `a` or `cameras.AB3D.colour`."""
    mistakes: list[Mistake] = field(default_factory=list)
    is_yaml: bool = True
    """Whether the file is a mapping in YAML. If not, the mistakes say why."""
    has_settings: bool = False
    """Whether it has one of the keys, whatever the value is."""

    def check(self) -> None:
        """Raises CollectionSettingError for the first mistake, with all in its details."""
        if self.mistakes:
            first = self.mistakes[0]
            raise CollectionSettingError(
                f"{first} (one of {len(self.mistakes)} mistakes)"
                if len(self.mistakes) > 1
                else str(first),
                hint=first.hint,
                mistakes=[mistake.to_dict() for mistake in self.mistakes],
            )


def places(environment: Mapping[str, str]) -> list[str]:
    """Where a file of settings is looked for, in this order.

    The directory `config` and the working directory; the config file of vpo in the home
    directory; the directory in which vpo is installed.
    """
    from vpo.config.load import config_path

    found = [os.path.join("config", "config.yaml"), "config.yaml"]
    with suppress(ConfigError):  # There may be no home directory.
        found.append(config_path(environment, None))
    return [*found, os.path.join(sys.prefix, "config", "config.yaml")]


def find(candidates: list[str]) -> tuple[FileSettings | None, list[str]]:
    """The first file that has settings of photo collections, and warnings about the others.

    Many programs have a `config.yaml`, so the file may belong to another one.
    """
    warnings = []
    for path in candidates:
        try:
            # A pipe could keep the program waiting.
            if not os.path.isfile(path):
                continue
            found = read(path)
        except ConfigError as error:
            warnings.append(f"{error.message}. vpo ignores this file")
            continue
        if not found.is_yaml:
            warnings.append(f"{found.mistakes[0]}. vpo ignores this file")
        elif found.has_settings:
            warnings += [f"{mistake}. vpo ignores this setting" for mistake in found.mistakes]
            return found, warnings
    return None, warnings


def read(path: str) -> FileSettings:
    """The settings in the file at `path`. Raises ConfigError if it cannot be read."""
    return parse(content_of(path, name=_NAME), path)


def parse(content: bytes, path: str) -> FileSettings:
    """The settings in the content of a file. `path` is what to call it."""
    from vpo.config.document import mapping_in

    found = FileSettings(path)
    node, found.mistakes = mapping_in(content, path, name=_NAME)
    found.is_yaml = not found.mistakes
    if node is not None and found.is_yaml:
        for key_node, value_node in node.value:
            _read_key(found, _key_of(key_node), key_node, value_node)
    return found


def document_of(settings: Mapping[SettingKey, Value]) -> dict[str, Any]:
    """Settings as the document of a file. Keys without values are left out."""
    document: dict[str, Any] = {}
    for key in EXTENSION_KEYS:
        value = settings.get(SettingKey("extensions", key))
        if value:
            document[key] = value
    for key, category in SECTIONS.items():
        section = {
            setting.key: value
            for setting, value in sorted(settings.items())
            if setting.category == category
        }
        if section:
            document[key] = section
    return document


def to_yaml(document: dict[str, Any]) -> str:
    """A document as YAML that `read` reads."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes characters that no editor shows as escapes."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    def represent(dumper: Any, text: str) -> Any:
        style = None if text.isprintable() else '"'
        return dumper.represent_scalar(f"{_TAG}str", text, style=style)

    Dumper.add_representer(str, represent)
    if not document:
        return ""
    text: str = yaml.dump(
        document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=sys.maxsize
    )
    return text


def _read_key(found: FileSettings, key: str | None, key_node: Any, value_node: Any) -> None:
    if key not in KEYS:
        found.ignored.append(_shown(key))
        return
    found.has_settings = True
    value = _value_of(value_node)
    if value is None:
        return
    if key in EXTENSION_KEYS:
        _put(found, "extensions", key, value, value_node)
    elif not isinstance(value, dict):
        error = CollectionSettingError(
            f"`{key}` must be a mapping", hint="Indent `key: value` lines below it."
        )
        _note(found, error, key_node)
    else:
        for item_key, item_node in value_node.value:
            name = _key_of(item_key)
            unknown = _put(found, SECTIONS[key], name or "", _value_of(item_node), item_key)
            found.ignored += [f"{key}.{_shown(name)}.{_shown(each)}" for each in unknown]


def _put(found: FileSettings, category: Category, key: str, value: object, node: Any) -> list[str]:
    """Adds a setting, or notes what is wrong with it. Returns the unknown properties."""
    unknown: list[str] = []
    try:
        setting = setting_of(category, key)
        found.values[setting] = normalise(setting, value, unknown)
    except CollectionSettingError as error:
        _note(found, error, node)
    return unknown


def _note(found: FileSettings, error: CollectionSettingError, node: Any) -> None:
    from vpo.config.layers import Mistake, Place

    mark = node.start_mark
    place = Place(found.path, mark.line + 1, mark.column + 1)
    found.mistakes.append(Mistake(place, error.message, error.hint))


def _shown(key: str | None) -> str:
    return "?" if key is None else display(key if len(key) <= 60 else key[:60] + "…")


def _key_of(node: Any) -> str | None:
    """The text of a key. `NO`, `0123` and `1E5` are texts here, whatever they are in YAML."""
    return node.value if isinstance(node.value, str) else None


def _value_of(node: Any) -> object:
    """The value of a node. Whole numbers stay as they are written: they may begin with zeros."""
    if isinstance(node.value, str):
        if node.tag == f"{_TAG}str":
            return str(node.value)
        if node.tag == f"{_TAG}null":
            return None
        return Number(node.value) if node.tag == f"{_TAG}int" else NotText(node.value)
    if node.tag == f"{_TAG}seq":
        return [_value_of(item) for item in node.value]
    if node.tag == f"{_TAG}map":
        return {key: _value_of(value) for key, value in _pairs(node)}
    return NotText(node.tag.rpartition(":")[2])


def _pairs(node: Any) -> Iterator[tuple[str, Any]]:
    for key_node, value_node in node.value:
        yield _key_of(key_node) or "", value_node

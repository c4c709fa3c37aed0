"""The settings that an analysis uses, and where each comes from.

For each setting by itself: the file that `--config` names, then the catalogue, then a YAML file
that is found, then the default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, NamedTuple

from vpo.db.library import Library
from vpo.photos import settings_file
from vpo.photos.model import Camera, PhotoSettings
from vpo.photos.settings_rules import EXTENSION_KEYS, SettingKey, Value, default_of
from vpo.photos.settings_store import kept_in


class Source(NamedTuple):
    """Where the value of a setting comes from."""

    kind: Literal["config", "database", "yaml", "default"]
    path: str | None = None
    """The file of `config` and `yaml`."""

    def to_dict(self) -> dict[str, str | None]:
        """The source as JSON."""
        return {"source": self.kind, "path": self.path}


class Effective(NamedTuple):
    """The settings that an analysis uses."""

    settings: PhotoSettings
    values: Mapping[SettingKey, Value]
    """All of them, extensions first."""
    sources: Mapping[SettingKey, Source]
    warnings: list[str]
    """Settings that vpo ignores, and why: for people, without a full stop."""


def effective(
    library: Library, config_file: str | None, environment: Mapping[str, str] = os.environ
) -> Effective:
    """The settings that an analysis uses.

    `config_file` is the file that `--config` names. `environment` says where the home of vpo is.

    Raises ConfigError if `config_file` cannot be read, and CollectionSettingError if it has a
    mistake. A mistake in the catalogue or in a file that is found is a warning.
    """
    layers: list[tuple[Source, Mapping[SettingKey, Value]]] = []
    warnings: list[str] = []
    if config_file is not None:
        named = settings_file.read(config_file)
        named.check()
        layers.append((Source("config", config_file), named.values))
    with library.reading() as connection:
        kept = kept_in(connection)
    layers.append((Source("database"), kept.values))
    warnings += [f"{problem}. vpo ignores this setting" for problem in kept.problems.values()]
    found, about_files = settings_file.find(settings_file.places(environment))
    warnings += about_files
    if found is not None:
        layers.append((Source("yaml", os.path.abspath(found.path)), found.values))
    defaults = {
        setting: value
        for setting in (SettingKey("extensions", key) for key in EXTENSION_KEYS)
        if (value := default_of(setting)) is not None
    }
    layers.append((Source("default"), defaults))
    values: dict[SettingKey, Value] = dict(defaults)
    sources: dict[SettingKey, Source] = {}
    for source, layer in reversed(layers):
        for setting, value in sorted(layer.items()):
            values[setting], sources[setting] = value, source
    _fit_sidecars(values, sources, warnings)
    return Effective(_model(values), values, sources, warnings)


def _fit_sidecars(
    values: dict[SettingKey, Value], sources: Mapping[SettingKey, Source], warnings: list[str]
) -> None:
    """Leaves out extensions of `require_sidecar` that are not photos, by whichever source."""
    setting = SettingKey("extensions", "require_sidecar")
    photos = values[SettingKey("extensions", "photo_extensions")]
    beyond = [each for each in values[setting] if each not in photos]
    if beyond:
        values[setting] = [each for each in values[setting] if each in photos]
        if sources[setting].kind != "default":
            warnings.append(
                f"`{setting}` has extensions that photo_extensions does not have:"
                f" {', '.join(beyond)}. vpo ignores them"
            )


def _model(values: Mapping[SettingKey, Value]) -> PhotoSettings:
    extensions: dict[str, tuple[str, ...]] = {}
    cameras: dict[str, Camera] = {}
    methods: dict[str, str] = {}
    for setting, value in values.items():
        if isinstance(value, list):
            extensions[setting.key] = tuple(value)
        elif isinstance(value, dict):
            cameras[setting.key] = Camera(value["name"], value["serial_number"])
        else:
            methods[setting.key] = value
    return PhotoSettings(**extensions, cameras=cameras, processing_methods=methods)

"""The settings in effect, from layers that override each other key by key.

Defaults < config file < profile < environment < command line.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vpo.base.errors import ConfigError
from vpo.config import environment as variables
from vpo.config import profiles
from vpo.config.layers import Key, Layer, Mistake, Place, settings_of
from vpo.config.models import Config

DEFAULT = "default"
CONFIG_FILE = "config file"


@dataclass(frozen=True)
class Settings:
    """The settings in effect, and where each comes from."""

    config: Config
    profile: str | None = None
    default_policy: str | None = None
    origins: Mapping[Key, tuple[str, Place | None]] = field(default_factory=dict)
    """For each key that is not at its default: the name of the layer, and the place in it."""

    def origin(self, key: Key) -> tuple[str, Place | None]:
        """The name of the layer that set a key, and the place in it."""
        return self.origins.get(key, (DEFAULT, None))

    def is_given(self, section: str) -> bool:
        """Whether any layer sets something in a section."""
        return any(key[0] == section for key in self.origins)


def config_path(environment: Mapping[str, str], named: str | None) -> str:
    """The path of the config file: `named`, or `VPO_CONFIG_PATH`, or the one in `home`."""
    if named:
        return named
    given = variables.expand_home(environment.get(variables.CONFIG_PATH, ""))
    return given or os.path.join(variables.home(environment), "config.yaml")


def load(
    environment: Mapping[str, str],
    *,
    config: str | None = None,
    profile: str | None = None,
    command_line: Mapping[Key, object] | None = None,
    sections: Collection[str] | None = None,
) -> Settings:
    """The settings in effect.

    `config` names a file to read instead of the one in `home`; that file must exist.
    `command_line` has the values of options. With `sections`, only these sections (and
    keys at the top) are checked and returned.

    Raises ConfigError for mistakes, with the file and line, or the variable.
    """
    layers = _read_layers(environment, config, profile)
    settings, mistakes = _merge(layers, sections)
    if mistakes:
        raise mistakes_error(mistakes)
    return _with_command_line(settings, command_line or {})


def find_mistakes(
    environment: Mapping[str, str], *, config: str | None = None, profile: str | None = None
) -> list[Mistake]:
    """All that is wrong with the settings that `load` would read.

    Raises ConfigError if a file cannot be read, or ProfileNotFoundError.
    """
    from vpo.config.check import mistakes_in

    layers = _read_layers(environment, config, profile)
    return [mistake for layer in layers for mistake in mistakes_in(layer)]


def _read_layers(
    environment: Mapping[str, str], config: str | None, profile: str | None
) -> list[Layer]:
    layers: list[Layer] = []
    path = config_path(environment, config)
    is_named = bool(config or environment.get(variables.CONFIG_PATH))
    if is_named or os.path.lexists(path):
        from vpo.config import document

        layers.append(document.read(path, Config, name=CONFIG_FILE))
    profile = profile or environment.get(variables.PROFILE) or None
    if profile is not None:
        layers.append(profiles.read(environment, profile))
    layers.append(variables.read(environment))
    return layers


def mistakes_error(mistakes: list[Mistake]) -> ConfigError:
    """The error for wrong settings: the first mistake, and how many there are."""
    first = mistakes[0]
    hint = first.hint
    if len(mistakes) > 1:
        more = f"Mistakes: {len(mistakes)}. `vpo config validate` lists them all."
        hint = f"{hint}\n\n{more}" if hint else more
    return ConfigError(str(first), hint=hint, mistakes=[mistake.to_dict() for mistake in mistakes])


def _merge(layers: list[Layer], sections: Collection[str] | None) -> tuple[Settings, list[Mistake]]:
    """The settings of the layers, each over those before it, and the mistakes in them."""
    mistakes: list[Mistake] = []
    values: dict[Key, Any] = {}
    origins: dict[Key, tuple[str, Place | None]] = {}
    for layer in layers:
        mistakes += layer.mistakes
        if not layer.settings:
            continue
        from vpo.config.check import check

        checked = check(layer, sections)
        mistakes += checked.mistakes
        values.update(checked.values)
        origins.update({key: (layer.name, layer.place_of(key)) for key in checked.values})
    policy = values.get(("default_policy",))
    of_config = settings_of(Config)
    values = {key: value for key, value in values.items() if key in of_config}
    origins = {key: origin for key, origin in origins.items() if key in of_config}
    profile = next((layer.profile for layer in layers if layer.profile), None)
    return Settings(_replace(Config(), values), profile, policy, origins), mistakes


def _replace(config: Config, values: Mapping[Key, Any]) -> Config:
    """A copy of the configuration with some values replaced."""
    changes: dict[str, Any] = {}
    for key, value in values.items():
        if len(key) == 1:
            changes[key[0]] = value
        else:
            changes.setdefault(key[0], {})[key[1]] = value
    return replace(
        config,
        **{
            name: replace(getattr(config, name), **value) if isinstance(value, dict) else value
            for name, value in changes.items()
        },
    )


def _with_command_line(settings: Settings, given: Mapping[Key, object]) -> Settings:
    """Adds the values of options. They were checked when the command line was parsed."""
    values = {key: value for key, value in given.items() if value is not None}
    assert values.keys() <= settings_of(Config).keys()
    place: tuple[str, Place | None] = ("command line", None)
    return replace(
        settings,
        config=_replace(settings.config, values),
        origins={**settings.origins, **dict.fromkeys(values, place)},
    )

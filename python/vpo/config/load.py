"""The effective settings, from layers put over each other key by key.

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
from vpo.config.models import Config, Profile

DEFAULT = "default"


@dataclass(frozen=True)
class Settings:
    """The effective settings, and where each comes from."""

    config: Config
    profile: str | None = None
    default_policy: str | None = None
    origins: Mapping[Key, tuple[str, Place | None]] = field(default_factory=dict)
    """The name of the layer that gave a key, and the place in it."""

    def origin(self, key: Key) -> tuple[str, Place | None]:
        """The layer that set a key, and where in it."""
        return self.origins.get(key, (DEFAULT, None))

    def is_given(self, section: str) -> bool:
        """Whether anything of a section is other than by default."""
        return any(key[0] == section for key in self.origins)


def config_path(environment: Mapping[str, str], named: str | None) -> str:
    """The path of the config file: the one named, or that in `home`."""
    if named:
        return named
    given = os.path.expanduser(environment.get(variables.CONFIG_PATH, ""))
    return given or os.path.join(variables.home(environment), "config.yaml")


def load(
    environment: Mapping[str, str],
    *,
    config: str | None = None,
    profile: str | None = None,
    command_line: Mapping[Key, object] | None = None,
    sections: Collection[str] | None = None,
) -> Settings:
    """The effective settings.

    `config` names the file to read instead of the one in `home`; it must exist
    then. `command_line` has what options gave. `sections` are those that are
    asked for, top-level keys among them; what other sections say is not
    checked. None stands for all.

    Raises ConfigError, which says file and line or variable, for mistakes.
    """
    layers = _read_layers(environment, config, profile)
    settings = _put_together(layers, sections)
    mistakes = [mistake for layer in layers for mistake in layer.mistakes]
    if mistakes:
        raise mistakes_error(mistakes)
    return _with_command_line(settings, command_line or {})


def find_mistakes(
    environment: Mapping[str, str], *, config: str | None = None, profile: str | None = None
) -> list[Mistake]:
    """All that is wrong with the settings that `load` would read.

    Raises ConfigError if a file cannot be read, ProfileNotFoundError.
    """
    layers = _read_layers(environment, config, profile)
    return [mistake for layer in layers for mistake in mistakes_in(layer)]


def mistakes_in(layer: Layer) -> list[Mistake]:
    """What is wrong with a layer, its values included, in the order of its lines."""
    from vpo.config.check import check

    for _ in check(layer, _model_of(layer)):
        pass
    unique = dict.fromkeys(layer.mistakes)
    return sorted(unique, key=lambda each: (each.place.line or 0, each.place.column or 0))


def _read_layers(
    environment: Mapping[str, str], config: str | None, profile: str | None
) -> list[Layer]:
    layers: list[Layer] = []
    path = config_path(environment, config)
    is_named = bool(config or environment.get(variables.CONFIG_PATH))
    if is_named or os.path.lexists(path):
        from vpo.config import document

        layers.append(document.read(path, Config, name="config file"))
    profile = profile or environment.get(variables.PROFILE) or None
    if profile is not None:
        layers.append(profiles.read(environment, profile))
    layers.append(variables.read(environment))
    return layers


def mistakes_error(mistakes: list[Mistake]) -> ConfigError:
    """The error that says what is wrong with settings: the first, and how many more."""
    first = mistakes[0]
    is_told = first.message.startswith("The environment variable")
    hint = first.hint
    if len(mistakes) > 1:
        more = f"Mistakes: {len(mistakes)}. `vpo config validate` lists them all."
        hint = f"{hint}\n\n{more}" if hint else more
    return ConfigError(
        first.message if is_told else str(first),
        hint=hint,
        mistakes=[mistake.to_dict() for mistake in mistakes],
    )


def _put_together(layers: list[Layer], sections: Collection[str] | None) -> Settings:
    values: dict[Key, Any] = {}
    origins: dict[Key, tuple[str, Place | None]] = {}
    if any(layer.settings for layer in layers):
        from vpo.config.check import check

        for layer in layers:
            for key, value in check(layer, _model_of(layer), sections=sections):
                values[key] = value
                origins[key] = (layer.name, layer.place_of(key))
    policy = values.get(("default_policy",))
    of_config = settings_of(Config)
    values = {key: value for key, value in values.items() if key in of_config}
    origins = {key: origin for key, origin in origins.items() if key in of_config}
    profile = next((layer.profile for layer in layers if layer.profile), None)
    return Settings(_replace(Config(), values), profile, policy, origins)


def _model_of(layer: Layer) -> type:
    return Profile if layer.profile else Config


def _replace(config: Config, values: Mapping[Key, Any]) -> Config:
    """A copy of the configuration with other values."""
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
    """Options are checked where they are parsed; here they are put over the rest."""
    values = {key: value for key, value in given.items() if value is not None}
    assert values.keys() <= settings_of(Config).keys()
    place: tuple[str, Place | None] = ("command line", None)
    return replace(
        settings,
        config=_replace(settings.config, values),
        origins={**settings.origins, **dict.fromkeys(values, place)},
    )

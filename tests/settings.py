"""Settings made up for tests, in each form that a layer gives them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from hypothesis import strategies as st

from vpo.config.bounds import AtLeast, AtMost
from vpo.config.environment import variable_of
from vpo.config.layers import Key, Setting, settings_of
from vpo.config.load import Settings, load
from vpo.config.models import COMMAND, PATH, Config

KEYS: dict[Key, Setting] = dict(settings_of(Config))

# From the lowest to the highest.
LAYERS = ("config file", "profile", "environment", "command line")

# Any names but those with what separates paths and lists, or surrounds them.
_NAMES = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters="/:,~"), min_size=1, max_size=8
).filter(lambda name: name not in (".", ".."))
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map(lambda names: "/" + "/".join(names))

# Of these, not every text will do.
_ITEMS: dict[Key, st.SearchStrategy[str]] = {
    ("scan", "extensions"): st.from_regex(r"[a-z0-9]{1,4}", fullmatch=True),
    ("scan", "skip_names"): st.from_regex(r"[a-z]{1,4}\*?", fullmatch=True),
    ("scan", "exclude"): st.from_regex(r"/?[a-z]{1,4}[*/]?", fullmatch=True),
}


def values(key: Key) -> st.SearchStrategy[Any]:
    """Values that a setting can have, as YAML has them; None is not among them."""
    return _values(key, KEYS[key].hint)


def _values(key: Key, hint: Any) -> st.SearchStrategy[Any]:
    marks: tuple[Any, ...] = getattr(hint, "__metadata__", ())
    if PATH in marks:
        return _PATHS
    if COMMAND in marks:
        return st.one_of(_PATHS, _NAMES)
    if marks:
        low: Any = next(mark.bound for mark in marks if isinstance(mark, AtLeast))
        high: Any = next(mark.bound for mark in marks if isinstance(mark, AtMost))
        return st.integers(low, high)
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is bool:
        return st.booleans()
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        items = _ITEMS[key] if key in _ITEMS else _values(key, arguments[0])
        return st.lists(items, max_size=3)
    if origin in (Union, UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return _values(key, inner)
    raise AssertionError(f"no values are known for {key}")


def as_yaml(settings: Mapping[Key, Any]) -> str:
    """A file with these settings."""
    document: dict[str, Any] = {}
    for key, value in settings.items():
        inner = document
        for section in key[:-1]:
            inner = inner.setdefault(section, {})
        inner[key[-1]] = value
    return yaml.safe_dump(document, allow_unicode=True) if document else ""


def as_text(key: Key, value: Any) -> str:
    """A value as a variable gives it."""
    if isinstance(value, list):
        return (os.pathsep if KEYS[key].is_marked(PATH) else ",").join(value)
    return str(value)


def as_variables(settings: Mapping[Key, Any]) -> dict[str, str]:
    """Variables that give these settings."""
    return {variable_of(key): as_text(key, value) for key, value in settings.items()}


def as_held(value: Any) -> Any:
    """A value as the model holds it."""
    return tuple(value) if isinstance(value, list) else value


def effective(settings: Settings) -> dict[Key, Any]:
    """All effective values by key."""
    found: dict[Key, Any] = {}
    for key in KEYS:
        value: Any = settings.config
        for part in key:
            value = getattr(value, part)
        found[key] = value
    return found


@dataclass
class Layered:
    """A home in which each layer gives the chosen settings."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.home / "profiles").mkdir(parents=True, exist_ok=True)

    @property
    def config(self) -> Path:
        """The config file."""
        return self.home / "config.yaml"

    @property
    def profile(self) -> Path:
        """The profile `movies`."""
        return self.home / "profiles/movies.yaml"

    def write(self, given: Mapping[str, Mapping[Key, Any]]) -> None:
        """Writes the layers below the command line; one without settings says nothing."""
        self.config.write_text(as_yaml(given.get("config file", {})))
        self.profile.write_text(as_yaml(given.get("profile", {})))
        self.environment = as_variables(given.get("environment", {}))

    def load(self, given: Mapping[str, Mapping[Key, Any]]) -> Settings:
        """The settings that come of these layers."""
        self.write(given)
        options = {key: as_held(value) for key, value in given.get("command line", {}).items()}
        environment = {"VPO_HOME": str(self.home), **self.environment}
        return load(environment, profile="movies", command_line=options)


def by_layer(
    chosen: Mapping[Key, Mapping[str, Any]], layers: Iterable[str] = LAYERS
) -> dict[str, dict[Key, Any]]:
    """The settings of each layer, from the values of each key in the layers."""
    return {
        layer: {key: given[layer] for key, given in chosen.items() if layer in given}
        for layer in layers
    }

"""Profiles: named settings, each in a file `~/.vpo/profiles/NAME.yaml`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vpo.base.errors import ConfigError, ProfileNameError, ProfileNotFoundError
from vpo.base.paths import display
from vpo.config.environment import expand_home, home
from vpo.config.layers import Layer, Mistake, Place, nearest, settings_of
from vpo.config.models import Profile

LAYER = "profile"
SUFFIX = ".yaml"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")

# The keys that describe a profile. All others override settings.
_ABOUT = ("name", "description", "default_policy")


def directory(environment: Mapping[str, str]) -> str:
    """The directory of the profiles."""
    return os.path.join(home(environment), "profiles")


def check_name(name: str) -> None:
    """Raises ProfileNameError if the name is not valid."""
    if not _NAME.fullmatch(name):
        raise ProfileNameError(
            f"Profile name must be alphanumeric (hyphens and underscores may be used):"
            f" `{display(name)}`",
            hint="Use 1 to 100 letters, digits, hyphens and underscores.",
            name=name,
        )


def path_of(environment: Mapping[str, str], name: str) -> str:
    """The path of a profile, whether it exists or not. Raises ProfileNameError."""
    check_name(name)
    return os.path.join(directory(environment), name + SUFFIX)


def names(environment: Mapping[str, str]) -> list[str]:
    """The names of all profiles, sorted.

    Raises ConfigError if their directory cannot be listed.
    """
    place = directory(environment)
    try:
        files = os.listdir(place)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(
            f"The profiles in `{display(place)}` cannot be listed: {error.strerror}",
            hint="Check the directory's permissions.",
        ) from error
    found = (file.removesuffix(SUFFIX) for file in files if file.endswith(SUFFIX))
    return sorted(name for name in found if _NAME.fullmatch(name))


def read(environment: Mapping[str, str], name: str) -> Layer:
    """A profile as a layer; the layer's mistakes include unknown keys.

    Raises ProfileNameError, ProfileNotFoundError (with the names of all profiles), or
    ConfigError if the file cannot be read.
    """
    return read_file(find(environment, name), name)


def find(environment: Mapping[str, str], name: str) -> str:
    """The path of a profile that exists.

    Raises ProfileNameError, or ProfileNotFoundError with the names of all profiles.
    """
    path = path_of(environment, name)
    if not os.path.lexists(path):
        known = names(environment)
        hint = "There are no profiles. Create one with `vpo profiles create NAME`."
        raise ProfileNotFoundError(
            f"There is no profile named `{name}`",
            hint=nearest(name, known, what="profiles") if known else hint,
            name=name,
            profiles=known,
        )
    return path


def read_any(environment: Mapping[str, str], name: str) -> Layer:
    """As `read`, but if the file cannot be read, that is a mistake in the layer."""
    try:
        return read(environment, name)
    except ConfigError as error:
        layer = Layer(LAYER, Place(path_of(environment, name)), profile=name)
        message = f"cannot be read: {error.details.get('reason', error.message)}"
        layer.mistakes.append(Mistake(layer.place, message, error.hint))
        return layer


def read_file(path: str, name: str) -> Layer:
    """The file at `path` as the layer of a profile called `name`. Raises ConfigError."""
    from vpo.config import document

    return _with_mistakes(document.read(path, Profile, name=LAYER), name)


def parse(content: bytes, path: str, name: str) -> Layer:
    """Does the same as `read_file`, for the content of a file."""
    from vpo.config import document

    return _with_mistakes(document.parse(content, path, Profile, name=LAYER), name)


def _with_mistakes(layer: Layer, name: str) -> Layer:
    """Notes what is wrong with the keys that only profiles have."""
    layer.profile = name
    name_in_file = layer.settings.get("name")
    if isinstance(name_in_file, str) and name_in_file != name:
        place = layer.place_of(("name",))
        hint = "The name of the file is the name of the profile. You can leave out the key `name`."
        message = (
            f"the profile is named `{display(name_in_file)}`, but its file is `{name}{SUFFIX}`"
        )
        layer.mistakes.append(Mistake(place, message, hint))
    policy = layer.settings.get("default_policy")
    if isinstance(policy, str) and policy:
        base = os.path.dirname(os.path.abspath(layer.place.source))
        path = os.path.join(base, expand_home(policy))
        if not os.path.isfile(path):
            place = layer.place_of(("default_policy",))
            message = f"Policy file not found: {display(policy)}"
            layer.mistakes.append(Mistake(place, message, f"vpo looked for `{display(path)}`."))
    return layer


@dataclass(frozen=True)
class ProfileDescription:
    """A profile as it is written: what it is for, and what it overrides."""

    name: str
    description: str | None
    default_policy: str | None
    path: str
    overrides: Mapping[str, Any]
    """By section and key, as written in the file; invalid values are left out."""
    mistakes: list[Mistake]

    def facts(self) -> dict[str, Any]:
        """The profile itself, without what it overrides, as JSON (paths are plain text)."""
        return {
            "name": self.name,
            "description": self.description,
            "default_policy": self.default_policy,
            "path": self.path,
        }


def describe(layer: Layer) -> ProfileDescription:
    """Describes a profile that was read."""
    from vpo.config.check import check, mistakes_in

    valid = check(layer).values
    about: dict[str, Any] = {}
    overrides: dict[str, Any] = {}
    for key in filter(valid.__contains__, settings_of(Profile)):
        _, value = layer.get(key)
        if len(key) == 2:
            overrides.setdefault(key[0], {})[key[1]] = value
        elif key[0] in _ABOUT:
            about[key[0]] = value
        else:
            overrides[key[0]] = value
    assert layer.profile is not None
    return ProfileDescription(
        layer.profile,
        about.get("description"),
        about.get("default_policy"),
        layer.place.source,
        overrides,
        mistakes_in(layer),
    )

"""Profiles: settings under a name, each in `~/.vpo/profiles/NAME.yaml`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from vpo.config.environment import home
from vpo.config.layers import Layer, Mistake, nearest
from vpo.config.models import Profile
from vpo.errors import ConfigError, ProfileNameError, ProfileNotFoundError
from vpo.paths import display

LAYER = "profile"
SUFFIX = ".yaml"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


def directory(environment: Mapping[str, str]) -> str:
    """Where the profiles are."""
    return os.path.join(home(environment), "profiles")


def check_name(name: str) -> None:
    """Raises ProfileNameError for a name that no profile can have."""
    if not _NAME.fullmatch(name):
        raise ProfileNameError(
            f"Profile name must be alphanumeric: `{display(name)}`",
            hint="A name is made of letters, digits, hyphens and underscores.",
            name=name,
        )


def path_of(environment: Mapping[str, str], name: str) -> str:
    """The path of a profile, whether it exists or not. Raises ProfileNameError."""
    check_name(name)
    return os.path.join(directory(environment), name + SUFFIX)


def names(environment: Mapping[str, str]) -> list[str]:
    """The profiles there are, sorted.

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
    """A profile as a layer; what is wrong with it is among the layer's mistakes.

    Raises ProfileNameError, ProfileNotFoundError (with the names there are), or
    ConfigError if it cannot be read.
    """
    path = path_of(environment, name)
    if not os.path.lexists(path):
        there = names(environment)
        hint = "There are no profiles; make one with `vpo profiles create NAME`."
        raise ProfileNotFoundError(
            f"There is no profile named `{name}`",
            hint=nearest(name, there, what="profiles") if there else hint,
            name=name,
            profiles=there,
        )
    from vpo.config import document

    return _checked(document.read(path, Profile, name=LAYER), name)


def parse(content: bytes, path: str, name: str) -> Layer:
    """As `read`, of what is to be written as a profile."""
    from vpo.config import document

    return _checked(document.parse(content, path, Profile, name=LAYER), name)


def _checked(layer: Layer, name: str) -> Layer:
    """Adds what is wrong with the keys that only profiles have."""
    said = layer.settings.get("name")
    if isinstance(said, str) and said != name:
        place = layer.place_of(("name",))
        hint = "A profile is known by the name of its file; the key can be left out."
        message = f"the profile is named `{display(said)}`, but its file is `{name}{SUFFIX}`"
        layer.mistakes.append(Mistake(place, message, hint))
    policy = layer.settings.get("default_policy")
    if isinstance(policy, str) and policy:
        base = os.path.dirname(os.path.abspath(layer.place.source))
        path = os.path.join(base, os.path.expanduser(policy))
        if not os.path.isfile(path):
            place = layer.place_of(("default_policy",))
            message = f"Policy file not found: {display(policy)}"
            layer.mistakes.append(Mistake(place, message, f"Looked for at `{display(path)}`."))
    return layer

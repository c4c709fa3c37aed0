"""Profiles: settings under a name, each in `~/.vpo/profiles/NAME.yaml`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vpo.base.errors import ConfigError, ProfileExistsError, ProfileNameError, ProfileNotFoundError
from vpo.base.paths import display
from vpo.config.environment import home
from vpo.config.layers import Layer, Mistake, nearest
from vpo.config.models import Profile

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
            hint="A name is made of letters, digits, hyphens and underscores, 100 at most.",
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


def _checked(layer: Layer, name: str) -> Layer:
    """Adds what is wrong with the keys that only profiles have."""
    layer.profile = name
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


def create(
    environment: Mapping[str, str],
    name: str,
    *,
    description: str | None,
    default_policy: str | None,
    directories: Sequence[str],
) -> str:
    """Makes a profile and returns its path; paths given are absolute.

    Raises ProfileNameError, ProfileExistsError, or ConfigError if it would have
    mistakes or cannot be written.
    """
    path = path_of(environment, name)
    settings: dict[str, object] = {}
    if description:
        settings["description"] = description
    if default_policy:
        settings["default_policy"] = default_policy
    if directories:
        settings["scan"] = {"directories": list(directories)}
    content = _text_of(name, settings)
    mistakes = _parse(content, path, name).mistakes
    if mistakes:
        raise ConfigError(mistakes[0].message, hint=mistakes[0].hint)
    try:
        os.makedirs(directory(environment), mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The directory `{display(directory(environment))}` cannot be made: {error.strerror}",
            hint="Check what is there, and the permissions of the directory above.",
        ) from error
    try:
        # Not over one that came in between.
        with open(path, "xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise ProfileExistsError(
            f"There is a profile named `{name}` already",
            hint=f"Change it with `vpo profiles edit {name}`.",
            name=name,
            path=path,
        ) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def _text_of(name: str, settings: Mapping[str, object]) -> bytes:
    import yaml

    head = f"# Settings of the profile {name}, put over those of the config file.\n"
    body = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True) if settings else ""
    return (head + body).encode(errors="surrogateescape")


def _parse(content: bytes, path: str, name: str) -> Layer:
    from vpo.config import document

    return _checked(document.parse(content, path, Profile, name=LAYER), name)


def _unwritable(path: str, error: OSError) -> ConfigError:
    return ConfigError(
        f"The profile `{display(path)}` cannot be written: {error.strerror}",
        hint="Check the permissions of its directory.",
    )


@dataclass
class Draft:
    """A copy of a profile that is being edited, beside it."""

    name: str
    target: str
    path: str
    is_kept: bool = False

    def mistakes(self) -> list[Mistake]:
        """What is wrong with the copy as it is now."""
        from vpo.config import document
        from vpo.config.load import mistakes_in

        return mistakes_in(_checked(document.read(self.path, Profile, name=LAYER), self.name))

    def refuse(self, mistakes: Sequence[Mistake]) -> None:
        """Leaves the profile as it was, and the copy where it is. Raises ConfigError."""
        self.is_kept = True
        raise ConfigError(
            f"The profile `{self.name}` was not saved, as it has mistakes",
            hint=f"What you wrote is in `{display(self.path)}`.",
            mistakes=[mistake.to_dict() for mistake in mistakes],
        )

    def save(self) -> bool:
        """Puts the copy in the profile's place; says whether anything is different.

        Raises ConfigError, and leaves the copy where it is, if that cannot be done.
        """
        import shutil

        try:
            with open(self.path, "rb") as edited, open(self.target, "rb") as before:
                if edited.read() == before.read():
                    return False
                os.fsync(edited.fileno())
                os.chmod(self.path, os.fstat(before.fileno()).st_mode & 0o777)
            if os.path.islink(self.target):
                # The file may be in a repository of such; the link is to stay.
                shutil.copyfile(self.path, self.target)
            else:
                os.replace(self.path, self.target)
        except OSError as error:
            self.is_kept = True
            raise ConfigError(
                f"The profile `{self.name}` cannot be saved: {error.strerror}",
                hint=f"What you wrote is in `{display(self.path)}`.",
            ) from error
        return True


@contextmanager
def draft(environment: Mapping[str, str], name: str) -> Iterator[Draft]:
    """A copy of a profile to edit, removed at the end unless it is refused.

    Raises what `read` does, and ConfigError if it cannot be written.
    """
    import tempfile

    target = read(environment, name).place.source
    try:
        # Beside it, as paths in it may be relative to where it is; not over one that was kept.
        descriptor, path = tempfile.mkstemp(SUFFIX, f".{name}.", directory(environment))
        with open(target, "rb") as original, open(descriptor, "wb") as file:
            file.write(original.read())
    except OSError as error:
        raise _unwritable(target, error) from error
    copy = Draft(name, target, path)
    try:
        yield copy
    finally:
        if not copy.is_kept and os.path.exists(copy.path):
            os.unlink(copy.path)

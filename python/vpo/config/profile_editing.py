"""Creating profiles, and changing them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from vpo.base.errors import ConfigError, ProfileExistsError
from vpo.base.paths import display
from vpo.config import profiles
from vpo.config.draft import SettingsFile
from vpo.config.environment import home


def create(
    environment: Mapping[str, str],
    name: str,
    *,
    description: str | None,
    default_policy: str | None,
    directories: Sequence[str],
) -> str:
    """Creates a profile and returns its path. The paths given are absolute.

    Raises ProfileNameError, ProfileExistsError, or ConfigError if the profile would have
    mistakes or cannot be written.
    """
    path = profiles.path_of(environment, name)
    settings: dict[str, object] = {}
    if description:
        settings["description"] = description
    if default_policy:
        settings["default_policy"] = default_policy
    if directories:
        settings["scan"] = {"directories": list(directories)}
    content = _text_of(name, settings)
    mistakes = profiles.parse(content, path, name).mistakes
    if mistakes:
        raise ConfigError(mistakes[0].message, hint=mistakes[0].hint)
    directory = profiles.directory(environment)
    try:
        os.makedirs(directory, mode=_mode_of(home(environment)), exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The directory `{display(directory)}` cannot be created: {error.strerror}",
            hint="Check what exists at that path, and the permissions of the directory above.",
        ) from error
    try:
        # "x": another process may have created the same profile just now.
        with open(path, "xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise ProfileExistsError(
            f"There is already a profile named `{name}`",
            hint=f"Change it with `vpo profiles edit {name}`.",
            name=name,
            path=path,
        ) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def _mode_of(directory: str) -> int:
    """The mode for a directory below: the group may use it if it may use this one."""
    try:
        return os.stat(directory).st_mode & 0o070 | 0o700
    except FileNotFoundError:
        return 0o700


def _text_of(name: str, settings: Mapping[str, object]) -> bytes:
    import yaml

    head = f"# Settings of the profile {name}. They override those of the config file.\n"
    body = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True) if settings else ""
    return (head + body).encode(errors="surrogateescape")


def _unwritable(path: str, error: OSError) -> ConfigError:
    return ConfigError(
        f"The profile `{display(path)}` cannot be written: {error.strerror}",
        hint="Check the permissions of its directory.",
    )


def settings_file(environment: Mapping[str, str], name: str) -> SettingsFile:
    """A profile as a file that is to be changed.

    Raises what `profiles.read` raises.
    """
    path = profiles.read(environment, name).place.source
    return SettingsFile(f"profile `{name}`", path, lambda copy: profiles.read_file(copy, name))

"""Creating profiles, and editing them without ever saving one that has mistakes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vpo.base.errors import ConfigError, ProfileExistsError
from vpo.base.paths import display
from vpo.config import profiles
from vpo.config.check import mistakes_in
from vpo.config.layers import Mistake


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
        os.makedirs(directory, mode=0o700, exist_ok=True)
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


@dataclass
class Draft:
    """A copy of a profile that is being edited. It is in the same directory."""

    name: str
    target: str
    path: str
    is_kept: bool = False

    def mistakes(self) -> list[Mistake]:
        """What is wrong with the copy now."""
        return mistakes_in(profiles.read_file(self.path, self.name))

    def refuse(self, mistakes: Sequence[Mistake]) -> None:
        """Keeps the copy, and leaves the profile unchanged. Always raises ConfigError."""
        self.is_kept = True
        raise ConfigError(
            f"The profile `{self.name}` was not saved because it has mistakes",
            hint=f"What you wrote is in `{display(self.path)}`.",
            mistakes=[mistake.to_dict() for mistake in mistakes],
        )

    def save(self) -> bool:
        """Replaces the profile with the copy. Returns whether anything changed.

        Raises ConfigError, and keeps the copy, if that fails.
        """
        import shutil

        try:
            with open(self.path, "rb") as edited, open(self.target, "rb") as before:
                if edited.read() == before.read():
                    return False
                os.fsync(edited.fileno())
                os.chmod(self.path, os.fstat(before.fileno()).st_mode & 0o777)
            if os.path.islink(self.target):
                # People keep such files elsewhere, say in a repository: keep the link.
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
    """A copy of a profile to edit. It is deleted at the end unless it is kept.

    Raises what `profiles.read` raises, and ConfigError if the copy cannot be written.
    """
    import tempfile

    target = profiles.read(environment, name).place.source
    try:
        # In the same directory, so that relative paths in it mean the same. The name is
        # new each time, so that a copy kept earlier is not overwritten.
        descriptor, path = tempfile.mkstemp(
            profiles.SUFFIX, f".{name}.", profiles.directory(environment)
        )
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

"""Changing a file of settings without ever saving one that has mistakes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vpo.base.errors import ConfigError
from vpo.base.paths import display
from vpo.config.check import mistakes_in
from vpo.config.layers import Layer, Mistake


@dataclass
class SettingsFile:
    """A file of settings that is to be changed."""

    name: str
    """What to call it: `config file`, or `` profile `films` ``."""
    path: str
    read: Callable[[str], Layer]
    """Reads a copy of the file. Raises ConfigError."""
    new_content: bytes = b""
    """What a copy holds if there is no such file yet."""


@dataclass
class Draft:
    """A copy of a file that is being edited. It is in the same directory."""

    file: SettingsFile
    path: str
    original: bytes | None
    """What the file held when it was copied, None if it did not exist."""
    is_kept: bool = False

    def mistakes(self) -> list[Mistake]:
        """What is wrong with the copy now."""
        return mistakes_in(self.file.read(self.path))

    def refuse(self, mistakes: Sequence[Mistake]) -> None:
        """Keeps the copy, and leaves the file unchanged. Always raises ConfigError."""
        self.is_kept = True
        raise ConfigError(
            f"The {self.file.name} was not saved because it has mistakes",
            hint=f"What you wrote is in `{display(self.path)}`.",
            mistakes=[mistake.to_dict() for mistake in mistakes],
        )

    def save(self) -> bool:
        """Replaces the file with the copy. Returns whether anything changed.

        Raises ConfigError, and keeps the copy, if that fails.
        """
        try:
            with open(self.path, "rb") as edited:
                content = edited.read()
                if content == (self.file.new_content if self.original is None else self.original):
                    return False
                os.fsync(edited.fileno())
            self._check_unchanged()
            self._replace()
        except OSError as error:
            self.is_kept = True
            raise ConfigError(
                f"The {self.file.name} cannot be saved: {error.strerror}",
                hint=f"What you wrote is in `{display(self.path)}`.",
            ) from error
        return True

    def _check_unchanged(self) -> None:
        if _content_of(self.file.path) != self.original:
            self.is_kept = True
            raise ConfigError(
                f"The {self.file.name} was not saved because another program has changed it",
                hint=f"What you wrote is in `{display(self.path)}`.",
            )

    def _replace(self) -> None:
        import shutil

        from vpo.base.atomic_file import umask

        if self.original is None:
            os.chmod(self.path, 0o666 & ~umask())
            os.replace(self.path, self.file.path)
        elif os.path.islink(self.file.path):
            # People keep such files elsewhere, say in a repository: keep the link.
            shutil.copyfile(self.path, self.file.path)
        else:
            os.chmod(self.path, os.stat(self.file.path).st_mode & 0o777)
            os.replace(self.path, self.file.path)


@contextmanager
def draft(file: SettingsFile) -> Iterator[Draft]:
    """A copy of a file to edit. It is deleted at the end unless it is kept.

    Raises ConfigError if the file cannot be read, or the copy cannot be written.
    """
    import tempfile

    directory, name = os.path.split(os.path.abspath(file.path))
    stem, suffix = os.path.splitext(name)
    if os.path.lexists(file.path):
        file.read(file.path)
    try:
        original = _content_of(file.path)
        # In the same directory, so that relative paths in it mean the same. The name is
        # new each time, so that a copy kept earlier is not overwritten.
        descriptor, path = tempfile.mkstemp(suffix, f".{stem}.", directory)
        with open(descriptor, "wb") as copy:
            copy.write(file.new_content if original is None else original)
    except OSError as error:
        raise ConfigError(
            f"The {file.name} `{display(file.path)}` cannot be written: {error.strerror}",
            hint="Check the permissions of its directory.",
        ) from error
    edited = Draft(file, path, original)
    try:
        yield edited
    finally:
        if not edited.is_kept and os.path.exists(edited.path):
            os.unlink(edited.path)


def _content_of(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None

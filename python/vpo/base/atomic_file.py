"""Files that appear at their path only when they are complete."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO

from vpo.base.errors import OutputError, OutputExistsError
from vpo.base.paths import absolute, display, to_stored


class NewFile:
    """A file that is written under a temporary name, and renamed when it is complete.

    Use it as a context manager: unless `finish` is called, nothing is left behind.
    """

    def __init__(self, path: bytes, *, replaces: bool, mode: int | None = None) -> None:
        """Creates the temporary file in the directory of `path`.

        `mode` holds the permissions; None means those that the umask gives.

        Raises OutputExistsError if something exists at `path` and must not be replaced,
        OutputError if the file cannot be written.
        """
        self.path = absolute(path)
        self._replaces = replaces
        self._mode = mode
        self._temporary: bytes | None = None
        try:
            self._check_place()
            directory, name = os.path.split(self.path)
            descriptor, self._temporary = tempfile.mkstemp(b".tmp", b"." + name[:200], directory)
            self.file: BinaryIO = os.fdopen(descriptor, "wb", 1 << 16)
        except OSError as error:
            raise self._failed(error) from error

    def _check_place(self) -> None:
        try:
            there = os.lstat(self.path)
        except FileNotFoundError:
            return
        shown = display(to_stored(self.path))
        if not stat.S_ISREG(there.st_mode):
            raise OutputExistsError(
                f"`{shown}` exists, and is not a regular file",
                hint="Name a new file, or use `-` for standard output.",
            )
        if not self._replaces:
            raise OutputExistsError(
                f"The file `{shown}` already exists",
                hint="Name another file, or replace this one with `--force`.",
            )

    def _failed(self, error: OSError) -> OutputError:
        shown = display(to_stored(self.path))
        return OutputError(f"`{shown}` cannot be written: {error.strerror}")

    def __enter__(self) -> NewFile:
        return self

    def write(self, data: bytes) -> None:
        """Appends to the file. Raises OutputError, for example if the disk is full."""
        try:
            self.file.write(data)
        except OSError as error:
            raise self._failed(error) from error

    def finish(self) -> None:
        """Syncs the file to disk and renames it. Raises the same errors as the constructor."""
        assert self._temporary is not None
        try:
            self.file.flush()
            mode = 0o666 & ~umask() if self._mode is None else self._mode
            os.fchmod(self.file.fileno(), mode)
            os.fsync(self.file.fileno())
            self.file.close()
            self._check_place()
            if self._replaces:
                os.rename(self._temporary, self.path)
            else:
                self._place_new(self._temporary)
            self._temporary = None
            sync_directory(os.path.dirname(self.path))
        except OSError as error:
            raise self._failed(error) from error

    def _place_new(self, temporary: bytes) -> None:
        """Renames the file without replacing one that another process has just created."""
        try:
            os.link(temporary, self.path)
        except FileExistsError:
            self._check_place()
            raise
        except OSError:
            # This file system has no links, so a small gap since the check remains.
            os.rename(temporary, self.path)
        else:
            os.unlink(temporary)

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._temporary is None:
            return
        # The disk may be too full for what is still buffered. It is not needed.
        with suppress(OSError):
            self.file.close()
        os.unlink(self._temporary)


def sync_directory(path: bytes) -> None:
    """Syncs a directory, so that the names in it are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def umask() -> int:
    """The permissions that new files do not get."""
    # Reading the umask is only possible by setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

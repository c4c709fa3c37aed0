"""Files that appear when they are whole, in place of regular files alone."""

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
    """A file that is written beside its place, and put there whole.

    As a context manager: what was not `finish`ed leaves nothing behind.
    """

    def __init__(self, path: bytes, *, replaces: bool, mode: int | None = None) -> None:
        """Begins it; nothing is at `path` yet. `mode` None: as the umask has it.

        Raises OutputExistsError if something is there that is not to be replaced,
        OutputError if it cannot be written.
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
                f"`{shown}` is there, and is not a regular file",
                hint="Name a file that is still to be made, or `-` for standard output.",
            )
        if not self._replaces:
            raise OutputExistsError(
                f"There is a file `{shown}` already",
                hint="Name another one, or replace it with `--force`.",
            )

    def _failed(self, error: OSError) -> OutputError:
        shown = display(to_stored(self.path))
        return OutputError(f"`{shown}` cannot be written: {error.strerror}")

    def __enter__(self) -> NewFile:
        return self

    def write(self, data: bytes) -> None:
        """Appends to it. Raises OutputError if there is no room, say."""
        try:
            self.file.write(data)
        except OSError as error:
            raise self._failed(error) from error

    def finish(self) -> None:
        """Puts it in its place, on the disk. Raises as the constructor."""
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
        """As rename, but never over anything that came meanwhile."""
        try:
            os.link(temporary, self.path)
        except FileExistsError:
            self._check_place()
            raise
        except OSError:
            # A file system without links; the moment since the look has to do.
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
        # What is still buffered may have no room, and is not to be kept anyway.
        with suppress(OSError):
            self.file.close()
        os.unlink(self._temporary)


def sync_directory(path: bytes) -> None:
    """Has the names in a directory written to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def umask() -> int:
    """What new files may not have of their permissions."""
    # It can only be asked for by setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

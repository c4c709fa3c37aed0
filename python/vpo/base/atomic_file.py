"""Files that appear at their path only when they are complete."""

from __future__ import annotations

import errno
import os
import stat
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

        `mode` holds the permissions; None means those that the umask gives. The directory is
        opened once. A link of another user on the way to it is refused.

        Raises OutputExistsError if something exists at `path` and must not be replaced,
        OutputError if the file cannot be written.
        """
        self.path = absolute(path)
        self._replaces = replaces
        self._mode = mode
        self._temporary: bytes | None = None
        directory, self._name = os.path.split(self.path)
        try:
            self._directory = open_output_directory(directory)
        except OSError as error:
            raise output_error(self.path, error) from error
        try:
            self._check_place()
            self._temporary = temporary_name(self._name)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._temporary, flags, 0o600, dir_fd=self._directory)
            self.file: BinaryIO = os.fdopen(descriptor, "wb", 1 << 16)
        except OSError as error:
            os.close(self._directory)
            raise output_error(self.path, error) from error
        except OutputExistsError:
            os.close(self._directory)
            raise

    def _check_place(self) -> None:
        try:
            there = os.stat(self._name, dir_fd=self._directory, follow_symlinks=False)
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

    def __enter__(self) -> NewFile:
        return self

    def write(self, data: bytes) -> None:
        """Appends to the file. Raises OutputError, for example if the disk is full."""
        try:
            self.file.write(data)
        except OSError as error:
            raise output_error(self.path, error) from error

    def finish(self) -> None:
        """Syncs the file to disk and renames it. Raises the same errors as the constructor."""
        assert self._temporary is not None
        try:
            self.file.flush()
            mode = 0o666 & ~umask() if self._mode is None else self._mode
            os.fchmod(self.file.fileno(), mode)
            os.fsync(self.file.fileno())
            check_is_at(self._directory, self._temporary, self.file.fileno())
            self.file.close()
            self._check_place()
            if self._replaces:
                self._rename(self._temporary)
            else:
                self._place_new(self._temporary)
            self._temporary = None
            os.fsync(self._directory)
        except OSError as error:
            raise output_error(self.path, error) from error

    def _rename(self, temporary: bytes) -> None:
        directory = self._directory
        os.rename(temporary, self._name, src_dir_fd=directory, dst_dir_fd=directory)

    def _place_new(self, temporary: bytes) -> None:
        """Renames the file without replacing one that another process has just created."""
        try:
            os.link(
                temporary,
                self._name,
                src_dir_fd=self._directory,
                dst_dir_fd=self._directory,
                follow_symlinks=False,
            )
        except FileExistsError:
            self._check_place()
            raise
        except OSError:
            # This file system has no links, so a small gap since the check remains.
            self._rename(temporary)
        else:
            os.unlink(temporary, dir_fd=self._directory)

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        try:
            if self._temporary is None:
                return
            # The disk may be too full for what is still buffered. It is not needed.
            with suppress(OSError):
                self.file.close()
            with suppress(FileNotFoundError):
                os.unlink(self._temporary, dir_fd=self._directory)
        finally:
            os.close(self._directory)


def open_output_directory(path: bytes) -> int:
    """Opens a directory that the user has named, to create files in it.

    Raises OSError: ELOOP for a link on the way that belongs to another user, who could make it
    lead anywhere.
    """
    # Imported here: most commands write no file.
    from vpo._engine import open_trusted

    return open_trusted(path, os.O_RDONLY | os.O_DIRECTORY)


def temporary_name(name: bytes) -> bytes:
    """A hidden name that no file has, for a file that gets the name `name` later."""
    return b".%s.%s.tmp" % (name[:200], os.urandom(8).hex().encode())


def check_is_at(directory: int, name: bytes, descriptor: int) -> None:
    """Raises OSError if a name in an open directory does not belong to an open file any more."""
    there = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if not os.path.samestat(there, os.fstat(descriptor)):
        raise OSError(errno.ESTALE, "another program has replaced it", name)


def output_error(path: bytes, error: OSError) -> OutputError:
    """The error for a file or directory that cannot be written."""
    shown = display(to_stored(path))
    if error.errno == errno.ELOOP:
        return OutputError(
            f"`{shown}` cannot be written: a symbolic link on the way belongs to another user",
            hint="Name the directory that the link leads to.",
        )
    return OutputError(f"`{shown}` cannot be written: {error.strerror}")


def umask() -> int:
    """The permissions that new files do not get."""
    # Reading the umask is only possible by setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

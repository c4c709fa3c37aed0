"""Directories that appear at their path only when they are complete."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from types import TracebackType

from vpo.base.atomic_file import check_is_at, open_output_directory, temporary_name

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NewDirectory:
    """A directory that is filled under a temporary name, and renamed when it is complete.

    Until then, nobody else can look into it. Everything in it is created relative to its
    descriptor, because whoever owns the directory above can give its name to another one.

    Use it as a context manager: unless `finish` is called, nothing is left behind.
    """

    def __init__(self, path: bytes) -> None:
        """Creates the temporary directory beside `path`. Raises OSError."""
        above, self._name = os.path.split(path)
        self._above = open_output_directory(above)
        self._temporary = temporary_name(self._name)
        self._is_finished = False
        self.path = os.path.join(above, self._temporary)
        """Where it is until it is finished."""
        try:
            os.mkdir(self._temporary, 0o700, dir_fd=self._above)
            self.descriptor = os.open(self._temporary, _DIRECTORY, dir_fd=self._above)
            status = os.fstat(self.descriptor)
            if status.st_uid != os.geteuid() or os.listdir(self.descriptor):
                os.close(self.descriptor)
                raise OSError(errno.EEXIST, "another directory has taken its place", path)
        except OSError:
            os.close(self._above)
            raise

    def __enter__(self) -> NewDirectory:
        return self

    def finish(self) -> None:
        """Gives the directory its name. Raises OSError."""
        above = self._above
        check_is_at(above, self._temporary, self.descriptor)
        os.rename(self._temporary, self._name, src_dir_fd=above, dst_dir_fd=above)
        self._is_finished = True
        os.fsync(above)

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        try:
            if not self._is_finished:
                _empty(self.descriptor)
                # Whoever may rename it may have put something else in its place.
                with suppress(OSError):
                    os.rmdir(self._temporary, dir_fd=self._above)
        finally:
            os.close(self.descriptor)
            os.close(self._above)


def _empty(directory: int) -> None:
    """Removes everything in an open directory."""
    for _, directories, files, descriptor in os.fwalk(b".", topdown=False, dir_fd=directory):
        for name in files:
            os.unlink(name, dir_fd=descriptor)
        for name in directories:
            os.rmdir(name, dir_fd=descriptor)


def make_directories(root: int, path: bytes) -> None:
    """Creates a directory beneath an open one, and those above it, for this user only.

    Nobody else may be able to write there. Raises OSError.
    """
    try:
        os.mkdir(path, 0o700, dir_fd=root)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_directories(root, os.path.dirname(path))
        os.mkdir(path, 0o700, dir_fd=root)


def set_mode(descriptor: int, mode: int) -> None:
    """Sets the permissions of an open file, if its file system has such permissions."""
    try:
        os.fchmod(descriptor, mode)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            raise

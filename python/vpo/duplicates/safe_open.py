"""Files that are to be changed: opened so that they stay the same one, and compared.

A name can be given to another file at any moment. What is compared is therefore what
is changed: files are opened once, by their name in a directory that is kept open, and
everything after that is asked of the open file, or checked against it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Callable
from functools import cache
from types import TracebackType
from typing import Any, NamedTuple

from vpo.base.errors import ActionError
from vpo.base.paths import display, to_stored
from vpo.db.stored_stat import stored_mtime

COMPARE_BYTES = 1024 * 1024

# From linux/fs.h.
_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Identity(NamedTuple):
    """What tells that a file is the one that was looked at, and has not changed."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    """As the library has it."""

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        """Of the file with that status."""
        return cls(status.st_dev, status.st_ino, status.st_size, stored_mtime(status.st_mtime_ns))


class OpenFile:
    """A regular file that is open, and so is its directory. Use it as a context manager."""

    def __init__(self, path: bytes) -> None:
        """Raises ActionError if it cannot be opened, or is no regular file."""
        self.path = path
        directory, self.name = os.path.split(path)
        try:
            self.directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _not_opened(path, error) from error
        try:
            self.descriptor = os.open(self.name, _OPEN, dir_fd=self.directory)
        except OSError as error:
            os.close(self.directory)
            raise _not_opened(path, error) from error
        self.status = os.fstat(self.descriptor)
        if not stat.S_ISREG(self.status.st_mode):
            self.close()
            raise ActionError(f"`{display(to_stored(path))}` is no regular file any more")

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file and its directory."""
        os.close(self.descriptor)
        os.close(self.directory)

    @property
    def identity(self) -> Identity:
        """As it was when it was opened."""
        return Identity.of(self.status)

    def check_identity(self, expected: Identity) -> None:
        """Raises ActionError if it is not the file that is expected here."""
        if self.identity != expected:
            raise changed(self.path)

    def check_unchanged(self) -> None:
        """Raises ActionError if it was written to since it was opened."""
        now = os.fstat(self.descriptor)
        if (Identity.of(now), now.st_ctime_ns) != (self.identity, self.status.st_ctime_ns):
            raise changed(self.path)

    def check_in_place(self) -> None:
        """Raises ActionError if its name is that of another file by now."""
        if not self.is_at(self.directory, self.name):
            raise changed(self.path)

    def is_at(self, directory: int, name: bytes) -> bool:
        """Whether a name in an open directory is that of this file."""
        try:
            there = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (self.status.st_dev, self.status.st_ino)


def changed(path: bytes) -> ActionError:
    """The error for a file that is not any more as it was looked at."""
    return ActionError(
        f"`{display(to_stored(path))}` was changed meanwhile",
        hint="Scan its directory, and run the command again.",
        reason="changed",
    )


def _not_opened(path: bytes, error: OSError) -> ActionError:
    shown = display(to_stored(path))
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        return changed(path)
    return ActionError(f"`{shown}` cannot be opened: {error.strerror}", reason="system")


def compare(kept: OpenFile, duplicate: OpenFile, go_on: Callable[[], None]) -> None:
    """Compares two files byte by byte, and that they did not change meanwhile.

    `go_on` is called between pieces, and may raise to end it.

    Raises ActionError if they differ or change.
    """
    offset = 0
    if kept.status.st_size != duplicate.status.st_size:
        raise _differs(kept, duplicate)
    while True:
        try:
            pieces = [
                os.pread(each.descriptor, COMPARE_BYTES, offset) for each in (kept, duplicate)
            ]
        except OSError as error:
            raise ActionError(
                f"`{display(to_stored(duplicate.path))}` and `{display(to_stored(kept.path))}`"
                f" cannot be compared: {error.strerror}",
                reason="unreadable",
            ) from error
        if pieces[0] != pieces[1]:
            raise _differs(kept, duplicate)
        if not pieces[0]:
            break
        offset += len(pieces[0])
        go_on()
    if offset != kept.status.st_size:
        raise changed(kept.path)
    for each in (kept, duplicate):
        each.check_unchanged()
        each.check_in_place()


def _differs(kept: OpenFile, duplicate: OpenFile) -> ActionError:
    return ActionError(
        f"`{display(to_stored(duplicate.path))}` differs from `{display(to_stored(kept.path))}`,"
        " though their recorded digests are the same",
        hint="One of them changed unseen: `vpo verify` tells which.",
        reason="differs",
    )


# -- Renaming --------------------------------------------------------------------


@cache
def _renameat2() -> Any:
    """The C library's function; None where it has none."""
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


def _rename(source: tuple[int, bytes], target: tuple[int, bytes], flags: int) -> bool:
    """Renames (directory and name) with flags; False if the file system knows none.

    Raises OSError.
    """
    function = _renameat2()
    if function is None:
        return False
    if function(*source, *target, ctypes.c_uint(flags)) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(number, os.strerror(number), target[1])


def exchange(directory: int, one: bytes, other: bytes) -> bool:
    """Gives each of two names in a directory the file of the other, in one step.

    False if the file system cannot. Raises OSError.
    """
    return _rename((directory, one), (directory, other), _RENAME_EXCHANGE)


def move_to_free_place(
    source: tuple[int, bytes], target: tuple[int, bytes], *, is_reserved: bool = False
) -> None:
    """Renames (directory and name), unless there is something at the target.

    The file system may know no such rename (NFS, most of FUSE). Then it depends on who else
    may take a name in between. With `is_reserved`, nobody else gives a file the target's name,
    and whatever has the source's is moved in one step. Without, nobody else gives a file
    the source's: a link never replaces what is at the target, and has both names for a moment.
    Only where there are no links either (FAT on an old kernel), a file that takes the
    target's name after the look is lost.

    Raises FileExistsError if there is, OSError where it cannot be done.
    """
    if _rename(source, target, _RENAME_NOREPLACE):
        return
    if not is_reserved:
        try:
            os.link(
                source[1],
                target[1],
                src_dir_fd=source[0],
                dst_dir_fd=target[0],
                follow_symlinks=False,
            )
        except FileExistsError:
            raise
        except OSError:
            # As it is done below.
            pass
        else:
            os.unlink(source[1], dir_fd=source[0])
            return
    if _exists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target[1])
    os.rename(source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0])


def _exists(place: tuple[int, bytes]) -> bool:
    try:
        os.stat(place[1], dir_fd=place[0], follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def sync_directory(path: bytes) -> None:
    """Has the names in a directory written to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Opening and comparing files that are about to be changed.

A name can be given to another file at any moment. So files are opened once, by their name in a
directory that stays open, and everything after that is checked against the open file: the file
that was compared is the file that is changed. The directory is opened beneath its root (see
`vpo.places.beneath`), and names are changed only in it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import TracebackType
from typing import Any, NamedTuple

from vpo._engine import Roots
from vpo.base.errors import ActionError
from vpo.base.paths import display, to_stored
from vpo.db.stored_stat import stored_mtime

COMPARE_BYTES = 1024 * 1024

ALIAS_HINT = (
    "vpo does not change it, because whoever removes one of two paths to a file removes the file."
    " Scan the files through one path only."
)

# From linux/fs.h.
_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Identity(NamedTuple):
    """What shows that a file is the one that was looked at, and has not changed."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    """As the catalogue has it."""

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        """The identity of the file with this status."""
        return cls(status.st_dev, status.st_ino, status.st_size, stored_mtime(status.st_mtime_ns))


class OpenFile:
    """A regular file, open together with its directory. Use it as a context manager."""

    def __init__(self, path: bytes, directory: int) -> None:
        """Opens a file in an open directory, which belongs to this object from then on.

        Raises ActionError if it cannot be opened, or is not a regular file.
        """
        self.path = path
        self.name = os.path.basename(path)
        self.directory = directory
        try:
            self.descriptor = os.open(self.name, _OPEN, dir_fd=self.directory)
        except OSError as error:
            os.close(self.directory)
            raise _not_opened(path, error) from error
        self.status = os.fstat(self.descriptor)
        if not stat.S_ISREG(self.status.st_mode):
            self.close()
            raise ActionError(f"`{display(to_stored(path))}` is not a regular file any more")

    @classmethod
    def beneath(cls, roots: Roots, path: bytes) -> OpenFile:
        """Opens a file and its directory beneath one of the roots.

        Raises ActionError if it cannot be opened, or is not a regular file.
        """
        try:
            directory = roots.open_directory(os.path.dirname(path))
        except OSError as error:
            raise _not_opened(path, error) from error
        return cls(path, directory)

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file and its directory."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        os.close(self.directory)

    @contextmanager
    def put_aside(self) -> Iterator[None]:
        """Closes the file, though not its directory, and opens it again at the end.

        Raises ActionError if the name belongs to another file by then.
        """
        os.close(self.descriptor)
        self.descriptor = -1
        try:
            yield
        finally:
            try:
                self.descriptor = os.open(self.name, _OPEN, dir_fd=self.directory)
            except OSError as error:
                raise _not_opened(self.path, error) from error
            if Identity.of(os.fstat(self.descriptor)) != self.identity:
                raise changed(self.path)

    @property
    def identity(self) -> Identity:
        """The identity that it had when it was opened."""
        return Identity.of(self.status)

    def check_identity(self, expected: Identity) -> None:
        """Raises ActionError if it is another file than expected."""
        if self.identity != expected:
            raise changed(self.path)

    def check_unchanged(self) -> None:
        """Raises ActionError if it was written to since it was opened."""
        now = os.fstat(self.descriptor)
        if (Identity.of(now), now.st_ctime_ns) != (self.identity, self.status.st_ctime_ns):
            raise changed(self.path)

    def check_in_place(self) -> None:
        """Raises ActionError if its name now belongs to another file."""
        if not self.is_at(self.directory, self.name):
            raise changed(self.path)

    def check_has_no_other_names(self, known: int) -> None:
        """Raises ActionError if the file has more names than the catalogue knows, or fewer."""
        shown = display(to_stored(self.path))
        if self.status.st_nlink < known:
            raise ActionError(
                f"The catalogue has {known} paths of `{shown}`, which has fewer names: some paths"
                " lead to the same name",
                hint=ALIAS_HINT,
                reason="alias",
            )
        if self.status.st_nlink != known:
            raise ActionError(
                f"`{shown}` has other hard links that the catalogue does"
                " not know, so no space would be freed",
                hint="Scan the directories that they are in.",
                reason="other_names",
            )

    def is_same_file(self, other: OpenFile) -> bool:
        """Whether the other one is open under another name of this file."""
        return os.path.samestat(self.status, other.status)

    def is_at(self, directory: int, name: bytes) -> bool:
        """Whether a name in an open directory belongs to this file."""
        try:
            there = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, self.status)


def changed(path: bytes) -> ActionError:
    """The error for a file that has changed since it was looked at."""
    return ActionError(
        f"`{display(to_stored(path))}` was changed in the meantime",
        hint="Scan its directory, and run the command again.",
        reason="changed",
    )


def _not_opened(path: bytes, error: OSError) -> ActionError:
    shown = display(to_stored(path))
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV):
        return changed(path)
    return ActionError(f"`{shown}` cannot be opened: {error.strerror}", reason="system")


def compare(kept: OpenFile, duplicate: OpenFile, check: Callable[[], None]) -> None:
    """Compares two files byte by byte, and checks that they do not change while it does.

    `check` is called after each piece, and may raise StoppedError.

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
        check()
    if offset != kept.status.st_size:
        raise changed(kept.path)
    for each in (kept, duplicate):
        each.check_unchanged()
        each.check_in_place()


def _differs(kept: OpenFile, duplicate: OpenFile) -> ActionError:
    return ActionError(
        f"`{display(to_stored(duplicate.path))}` differs from `{display(to_stored(kept.path))}`,"
        " although their recorded digests are the same",
        hint="The content of one of them has changed unnoticed. `vpo verify` shows which one.",
        reason="differs",
    )


# -- Renaming --------------------------------------------------------------------


@cache
def _renameat2() -> Any:
    """The C library's function. None: the library does not have it."""
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


def _rename(source: tuple[int, bytes], target: tuple[int, bytes], flags: int) -> bool:
    """Renames with flags. False: the file system does not support them.

    `source` and `target` are each an open directory and a name in it.

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
    """Exchanges the files of two names in a directory, in one step.

    False: the file system cannot do this. Raises OSError.
    """
    return _rename((directory, one), (directory, other), _RENAME_EXCHANGE)


def move_to_free_place(
    source: tuple[int, bytes], target: tuple[int, bytes], *, is_reserved: bool = False
) -> None:
    """Renames, unless there is a file at the target.

    `source` and `target` are each an open directory and a name in it.

    Some file systems have no such rename (NFS, most of FUSE). There, `is_reserved` decides how
    the file is moved. True: no other program creates the target, so a plain rename is safe,
    which moves whatever has the source's name. False: no other program changes the source, so
    the file gets a second name by a link, which never replaces a file, and loses the first. If
    the file system has no links either (FAT on an old kernel), a file that another program
    creates at the target in the last moment is lost.

    Raises FileExistsError if there is a file at the target, OSError if it cannot be renamed.
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
            # The file system has no links: rename it, as below.
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

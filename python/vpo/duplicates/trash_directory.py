"""Where the trash of a file is, and opening it where other users can write.

FreeDesktop.org Trash specification 1.0: the home trash for files on the same file system, else
`.Trash/UID` or `.Trash-UID` at the top of the file's own.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple

from vpo._engine import open_beneath, open_trusted
from vpo.base.paths import from_json, from_stored, real_path
from vpo.duplicates.safe_open import OpenFile


class Trash(NamedTuple):
    """Where a trash is."""

    directory: bytes
    top: bytes | None
    """The directory that the paths in it are relative to. None: they are absolute."""


def trash_of(file: OpenFile) -> Trash:
    """The trash that a file belongs into, by the specification."""
    device = file.status.st_dev
    home = _home_trash()
    if os.stat(_nearest(home)).st_dev == device:
        return Trash(home, None)
    top = _top(file)
    shared = os.path.join(top, b".Trash")
    uid = str(os.getuid()).encode()
    try:
        status = os.lstat(shared)
    except OSError:
        status = None
    if status is not None and stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
        return Trash(os.path.join(shared, uid), top)
    return Trash(os.path.join(top, b".Trash-" + uid), top)


def _home_trash() -> bytes:
    data = os.environb.get(b"XDG_DATA_HOME", b"")
    # The specification of the base directories ignores relative ones.
    if not data.startswith(b"/"):
        data = os.path.join(os.path.expanduser(b"~"), b".local", b"share")
    return os.path.join(data, b"Trash")


def _nearest(path: bytes) -> bytes:
    """The path, or the nearest directory above it that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _top(file: OpenFile) -> bytes:
    """The directory at the top of a file's file system."""
    top = real_path(os.path.dirname(file.path))
    while top != b"/":
        above = os.path.dirname(top)
        if os.lstat(above).st_dev != file.status.st_dev:
            break
        top = above
    return top


def _top_of(trash: bytes) -> bytes:
    """The directory that the paths in a trash are relative to, if it is not the home trash."""
    above, name = os.path.split(trash)
    return above if name.startswith(b".Trash-") else os.path.dirname(above)


def trash_in(facts: Mapping[str, Any]) -> Trash:
    """The trash that an operation has recorded."""
    trash = from_stored(from_json(facts, "trash"))
    return Trash(trash, None if facts["is_home"] else _top_of(trash))


@contextmanager
def open_trash(trash: Trash, *, device: int | None = None) -> Iterator[tuple[int, int]]:
    """Opens `files` and `info` of a trash.

    With `device`, the one of the file that is to be moved there, what does not exist yet is
    created. Other users may have put links or directories of theirs in the way, which are refused.

    Raises OSError.
    """
    creates = device is not None
    above, name = os.path.split(trash.directory)
    if creates and trash.top is None:
        os.makedirs(above, mode=0o700, exist_ok=True)
    with ExitStack() as closing:

        def keep(descriptor: int) -> int:
            closing.callback(os.close, descriptor)
            return descriptor

        def enter(directory: int, name: bytes) -> int:
            if creates:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=directory)
            return keep(open_beneath(directory, name, os.O_RDONLY | os.O_DIRECTORY))

        directory = keep(open_trusted(trash.top or above, os.O_RDONLY | os.O_DIRECTORY))
        if trash.top is not None:
            if device not in (None, os.fstat(directory).st_dev):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), trash.top)
            if above != trash.top:
                shared = open_beneath(directory, os.path.basename(above), os.O_DIRECTORY)
                directory = keep(shared)
                if not os.fstat(directory).st_mode & stat.S_ISVTX:
                    raise PermissionError(errno.EPERM, "the trash is not sticky", above)
        directory = enter(directory, name)
        status = os.fstat(directory)
        is_open_to_others = trash.top is not None and status.st_mode & 0o022
        if status.st_uid != os.getuid() or is_open_to_others:
            message = "the trash belongs to another user, or others can write to it"
            raise PermissionError(errno.EPERM, message, trash.directory)
        yield enter(directory, b"files"), enter(directory, b"info")

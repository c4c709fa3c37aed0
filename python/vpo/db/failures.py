"""SQLite's errors in plain English: what happened to the catalogue, and what to do."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from vpo.base.errors import (
    DiskFullError,
    LibraryBusyError,
    LibraryDamagedError,
    LibraryError,
    LibraryUnreadableError,
    LibraryUnwritableError,
    NotALibraryError,
)
from vpo.base.paths import display

OTHER_CATALOGUE = "name another catalogue with `--db PATH`"

# The index of the WAL grows in steps of this size (https://sqlite.org/walformat.html#wal_index).
_WAL_INDEX_BYTES = 32 * 1024

# SQLite reports a missing table or column, or text that is not UTF-8, when another
# program has changed the file.
_DAMAGE = ("malformed", "corrupt", "no such table", "no such column", "decode to UTF-8")


@contextmanager
def plain_errors(path: str, *, reads: bool = False) -> Iterator[None]:
    """Turns SQLite's errors into errors that say what to do.

    `reads`: the catalogue is opened only to read it.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        # The sqlite3 module raises this for an error message that quotes invalid text.
        raise damaged(path, "it contains text that is not UTF-8") from error
    except sqlite3.Error as error:
        if expected := _explain(error, path, reads=reads):
            raise expected from error
        raise


def _explain(error: sqlite3.Error, path: str, *, reads: bool) -> LibraryError | None:
    # Python 3.10 does not expose SQLite's error codes, so this looks at the messages. They are
    # part of SQLite's interface (sqlite3_errstr) and have not changed.
    message = str(error)
    shown = display(path)
    if "locked" in message or "busy" in message:
        return LibraryBusyError(
            f"The catalogue `{shown}` is in use by another process",
            hint="Try again when the other process has finished.",
            path=path,
        )
    is_disk_error = isinstance(error, sqlite3.OperationalError) and "disk I/O error" in message
    # All processes map the index of the WAL. If the disk has no room for it, SQLite reports
    # an I/O error.
    if "database or disk is full" in message or (
        is_disk_error and has_no_room(path, _WAL_INDEX_BYTES)
    ):
        return disk_full(path)
    if is_disk_error and (limited := _limited(path)):
        return limited
    if "not a database" in message or (reads and os.path.isdir(path)):
        return NotALibraryError(
            f"`{shown}` is not a vpo catalogue",
            hint="Name the catalogue with `--db PATH`.",
            path=path,
        )
    if "too big" in message:
        return damaged(path, "it contains a value that is far too long")
    if any(sign in message for sign in _DAMAGE):
        return damaged(path, message)
    if "readonly" in message or "read-only" in message or "unable to open" in message:
        return not_opened(
            path, message, LibraryUnreadableError if reads else LibraryUnwritableError
        )
    if is_disk_error:
        return LibraryError(
            f"The disk that holds the catalogue `{shown}` failed: {message}",
            hint="Check the disk (`dmesg` shows details) before you run vpo again.",
            path=path,
        )
    return None


def _limited(path: str) -> LibraryError | None:
    """The error if a limit, and not the disk, keeps this process from writing beside the catalogue.

    SQLite reports both as an I/O error.
    """
    import errno
    import resource
    import tempfile

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY:
        sizes = [os.path.getsize(each) for each in (path, f"{path}-wal") if os.path.exists(each)]
        if max(sizes, default=0) + _WAL_INDEX_BYTES > limit:
            return LibraryError(
                f"The catalogue `{display(path)}` cannot grow: files of this process may have at"
                f" most {limit:,} bytes",
                hint="Raise the limit of file sizes (`ulimit -f`, or `LimitFSIZE` of systemd)"
                " and run the command again. What was recorded before is kept.",
                path=path,
            )
    try:
        with tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(path))) as file:
            file.write(b"x" * 2 * _WAL_INDEX_BYTES)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno == errno.EDQUOT:
            return DiskFullError(
                f"The quota leaves no room to write the catalogue `{display(path)}`",
                hint="Free some space that counts for the same quota, or raise it, and run the"
                " command again. What was recorded before is kept.",
                path=path,
            )
        if error.errno == errno.ENOSPC:
            return disk_full(path)
    return None


def disk_full(path: str) -> DiskFullError:
    """The error for a catalogue that cannot be written because the disk is full."""
    return DiskFullError(
        f"The disk has no room left to write the catalogue `{display(path)}`",
        hint="Free some space and run the command again. What was recorded before is kept.",
        path=path,
    )


def has_no_room(path: str, least_bytes: int, *, block_bytes: int = sys.maxsize) -> bool:
    """Whether the file system has less free space than this, and smaller blocks than this."""
    try:
        found = os.statvfs(os.path.dirname(os.path.abspath(path)))
    except OSError:
        return False
    return found.f_frsize < block_bytes and found.f_bavail * found.f_frsize < least_bytes


def damaged(path: str, message: str) -> LibraryDamagedError:
    """The error for a catalogue whose content SQLite cannot make sense of."""
    return LibraryDamagedError(
        f"The catalogue `{display(path)}` is damaged: {message}",
        hint="Replace it with a backup, or move it away and scan again.",
        path=path,
    )


def not_opened(path: str, message: str, kind: type[LibraryError]) -> LibraryError:
    """The error, of this `kind`, for a catalogue that cannot be opened."""
    reads = kind is LibraryUnreadableError
    purpose = "reading" if reads else "writing"
    reason, remedy = _reason_and_remedy(path, message, reads=reads)
    return kind(
        f"The catalogue `{display(path)}` cannot be opened for {purpose}: {reason}",
        hint=f"{remedy}, or {OTHER_CATALOGUE}.",
        path=path,
    )


def _reason_and_remedy(path: str, message: str, *, reads: bool) -> tuple[str, str]:
    """Why a catalogue cannot be opened, and what to do about it."""
    directory = os.path.dirname(os.path.abspath(path))
    shown = display(directory)
    if os.path.isdir(path):
        return "it is a directory", "Name a file in this directory"
    try:
        os.stat(directory)
    except PermissionError:
        return "permission denied", f"Check the permissions of the directories above `{shown}`"
    except OSError:
        return "its directory does not exist", f"Create the directory `{shown}`"
    if not os.path.isdir(directory):
        return f"`{shown}` is not a directory", "Choose another path"
    if os.path.exists(path):
        if not os.access(path, os.R_OK):
            return "permission denied", "Check its permissions"
    elif not os.access(directory, os.X_OK):
        return "permission denied", f"Check the permissions of `{shown}`"
    elif not (reads or os.access(directory, os.W_OK)):
        return "its directory is not writable", f"Check the permissions of `{shown}`"
    return message, f"Check the permissions of the file and of its directory `{shown}`"

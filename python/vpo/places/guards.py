"""The guards of a scan: a file that vpo could not see must never count as deleted."""

from __future__ import annotations

import errno
import os
import sqlite3

from vpo._engine import Progress, open_trusted
from vpo.base.errors import (
    DirectoryNotFoundError,
    DirectoryUnreadableError,
    MassRemovalError,
    NotADirectoryToScanError,
    RootOfflineError,
    VpoError,
)
from vpo.base.paths import display, to_stored
from vpo.db import directories as directory_table
from vpo.db import roots as root_table
from vpo.places.filesystems import identity
from vpo.places.patience import answers, no_answer
from vpo.places.recognition import is_same_filesystem

# This many files may be gone at once without a question: people delete a season now and then.
MASS_REMOVAL_FILES = 100

OFFLINE_HINT = "Nothing was marked missing. Check that the disk or share is mounted."


def check_root(connection: sqlite3.Connection, path: bytes, *, new_device: bool) -> None:
    """Checks that a root can be read and, if it was scanned before, is on the same file system.

    Raises RootOfflineError if it is gone or on another file system (unless `new_device`), or
    the error that keeps it from being scanned.
    """
    if not answers(path):
        raise no_answer(path)
    try:
        descriptor = open_trusted(path, os.O_RDONLY | os.O_DIRECTORY)
        device = os.fstat(descriptor).st_dev
        os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError) as error:
        if is_known(connection, path):
            raise RootOfflineError(
                f"`{display(path)}` was scanned before, but is not there now",
                hint=OFFLINE_HINT,
            ) from error
        raise unreadable_root(path, error) from error
    except OSError as error:
        raise unreadable_root(path, error) from error
    name = identity(path, device)
    before = _recorded_filesystem(connection, path)
    if name is None or before is None or new_device:
        return
    if not is_same_filesystem(connection, path, before, name):
        raise RootOfflineError(
            f"`{display(path)}` is on another file system than when it was last scanned",
            hint=f"{OFFLINE_HINT} If you moved the files to another disk, use `--new-device` once.",
            filesystem=name,
        )


def _recorded_filesystem(connection: sqlite3.Connection, path: bytes) -> int | None:
    root = root_table.find_root(connection, to_stored(path))
    if root is not None and root.filesystem_id is not None:
        return root.filesystem_id
    directory = directory_table.find_directory(connection, to_stored(path))
    return directory.filesystem_id if directory else None


def is_known(connection: sqlite3.Connection, path: bytes) -> bool:
    """Whether the catalogue knows a root, or has files below it."""
    if root_table.find_root(connection, to_stored(path)) is not None:
        return True
    return directory_table.holds_present_files(connection, path)


def unreadable_root(path: bytes, error: OSError) -> VpoError:
    """The error that says why `path` cannot be scanned."""
    shown = display(path)
    if isinstance(error, FileNotFoundError):
        return DirectoryNotFoundError(
            f"There is no directory `{shown}`",
            hint="Check the path, and that the disk or share is mounted.",
        )
    if isinstance(error, NotADirectoryError):
        return NotADirectoryToScanError(
            f"`{shown}` is not a directory", hint="Give the directory that holds the file."
        )
    if error.errno == errno.ELOOP:
        return DirectoryUnreadableError(
            f"`{shown}` cannot be read: a symbolic link on the way belongs to another user",
            hint="That user could make it lead anywhere. Name the directory that it leads to.",
        )
    return DirectoryUnreadableError(
        f"`{shown}` cannot be read: {error.strerror}", hint="Check its permissions and its disk."
    )


def has_seen_something(progress: Progress) -> bool:
    """Whether a walk saw a file, or a directory below the root, or that there is none.

    If all that it saw are errors, the scan is no success, though it is complete.
    """
    return bool(progress.files or progress.directories > 1 or not progress.failures)


def check_not_emptied(connection: sqlite3.Connection, root: bytes, progress: Progress) -> None:
    """Refuses a root that is empty although the catalogue has files in it.

    That is what the mount point of a disk looks like when the disk is not mounted.
    """
    if progress.files or progress.directories > 1 or progress.failures:
        return
    if directory_table.holds_present_files(connection, root):
        raise RootOfflineError(
            f"`{display(root)}` contains no media files now, but the catalogue lists files there",
            hint=f"{OFFLINE_HINT} If you deleted all files, use `--allow-mass-removal`.",
        )


def check_no_mass_removal(root: bytes, *, missing: int, there: int) -> None:
    """Refuses to mark more than 100 files missing if they are more than half of a root."""
    known = missing + there
    if missing > MASS_REMOVAL_FILES and missing * 2 > known:
        raise MassRemovalError(
            f"{missing:,} of the {known:,} known files in `{display(root)}` are gone",
            hint="Nothing was marked missing. If you removed or moved these files, use"
            " `--allow-mass-removal`.",
            missing=missing,
            known=known,
        )

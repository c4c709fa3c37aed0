"""The guards of a scan: "could not look" must never be taken for "gone"."""

from __future__ import annotations

import os
import sqlite3

from vpo._engine import Progress
from vpo.db import directories as directory_table
from vpo.db import roots as root_table
from vpo.errors import (
    DirectoryNotFoundError,
    DirectoryUnreadableError,
    MassRemovalError,
    NotADirectoryToScanError,
    RootOfflineError,
    VpoError,
)
from vpo.paths import StoredPath, display, to_stored
from vpo.scanner.filesystems import identity
from vpo.scanner.models import Issue

# Fewer files than this may go at once; people delete a season now and then.
MASS_REMOVAL_FILES = 100

OFFLINE_HINT = "Nothing was marked missing. Check that the disk or share is mounted."


def check_root_is_online(
    connection: sqlite3.Connection,
    root: root_table.Root | None,
    path: bytes,
    *,
    new_device: bool,
) -> None:
    """Checks that a known root is there, on the file system where it was.

    Raises RootOfflineError, or what else keeps `path` from being scanned.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        if isinstance(error, (FileNotFoundError, NotADirectoryError)) and _is_known(
            connection, root, path
        ):
            raise RootOfflineError(
                f"`{display(path)}` is gone, but the library knows files in it",
                hint=OFFLINE_HINT,
            ) from error
        raise unreadable_root(path, error) from error
    name = identity(path, status.st_dev)
    filesystem_id = None if name is None else root_table.find_filesystem(connection, name)
    before = root.filesystem_id if root else None
    if before is None and (known := directory_table.find_directory(connection, to_stored(path))):
        before = known.filesystem_id
    if name is None or before is None or before == filesystem_id or new_device:
        return
    raise RootOfflineError(
        f"`{display(path)}` is on another file system than when it was last scanned",
        hint=f"{OFFLINE_HINT} If the library moved to another disk, use `--new-device` once.",
        filesystem=name,
    )


def _is_known(connection: sqlite3.Connection, root: root_table.Root | None, path: bytes) -> bool:
    return root is not None or directory_table.holds_present_files(connection, path)


def unreadable_root(path: bytes, error: OSError) -> VpoError:
    """The error that says why `path` cannot be scanned."""
    shown = display(path)
    if isinstance(error, FileNotFoundError):
        return DirectoryNotFoundError(
            f"There is no directory `{shown}`", hint="Check the path, and that it is mounted."
        )
    if isinstance(error, NotADirectoryError):
        return NotADirectoryToScanError(
            f"`{shown}` is not a directory", hint="Name the directory that holds the file."
        )
    return DirectoryUnreadableError(
        f"`{shown}` cannot be read: {error.strerror}", hint="Check its permissions and its disk."
    )


def check_not_emptied(connection: sqlite3.Connection, root: bytes, progress: Progress) -> None:
    """Refuses a root that is empty though files are known in it.

    An empty directory where a disk should be mounted looks just like that.
    """
    if progress.files or progress.directories > 1 or progress.failures:
        return
    if directory_table.holds_present_files(connection, root):
        raise RootOfflineError(
            f"`{display(root)}` is empty, but the library knows files in it",
            hint=f"{OFFLINE_HINT} If all was deleted on purpose, use `--allow-mass-removal`.",
        )


def check_no_mass_removal(root: bytes, *, missing: int, there: int) -> None:
    """Refuses to mark more than half of a root, and over 100 files, missing."""
    known = missing + there
    if missing > MASS_REMOVAL_FILES and missing * 2 > known:
        raise MassRemovalError(
            f"{missing:,} of the {known:,} known files in `{display(root)}` are gone",
            hint="Nothing was marked missing. If they were removed or moved on purpose,"
            " use `--allow-mass-removal`.",
            missing=missing,
            known=known,
        )


def other_filesystem(directory: StoredPath) -> Issue:
    """A directory that is there, but on another file system, without its files."""
    return Issue(
        directory,
        "believe",
        "files are gone, and it is on another file system than before;"
        " they are kept (if the disk was replaced, use `--new-device` once)",
    )


def not_mounted(directory: StoredPath) -> Issue:
    """A directory whose file system is not mounted where it was."""
    return Issue(
        directory,
        "find",
        "the file system it was on is not mounted there; its files are kept"
        " (if it was replaced, use `--new-device` once)",
    )

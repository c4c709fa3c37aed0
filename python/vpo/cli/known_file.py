"""The one file that a command names, as the library may know it."""

from __future__ import annotations

import os
import sqlite3

from vpo.db import files as file_table
from vpo.errors import FileNotInLibraryError
from vpo.paths import display, to_stored


def spellings(path: bytes) -> list[bytes]:
    """The paths that the library may have for `path`: as given, and without links above it."""
    given = os.path.abspath(path)
    directory, name = os.path.split(given)
    return list(dict.fromkeys((given, os.path.join(os.path.realpath(directory), name))))


def find(db: sqlite3.Connection, path: bytes) -> sqlite3.Row | None:
    """The record of the file at `path`, one of its spellings."""
    directory, name = os.path.split(path)
    return file_table.find_file(db, to_stored(directory), to_stored(name))


def unknown(path: bytes) -> FileNotInLibraryError:
    """The error for a file that the library does not know."""
    return FileNotInLibraryError(
        f"The library knows no file `{display(to_stored(path))}`",
        hint="Scan its directory, or see `vpo files list --under DIR`.",
    )

"""Files and directories that people name, as the library may know them.

Scans record paths without links above them, unless they follow links: then both the path
through the link and the one without may be what is recorded.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence

from vpo.base.errors import FileNotInLibraryError
from vpo.base.paths import absolute, display, from_stored, is_within, to_stored
from vpo.db import files as file_table
from vpo.db.counts import list_roots
from vpo.db.library import Library
from vpo.db.verification import knows_files


def spellings(path: bytes) -> tuple[bytes, ...]:
    """The paths that the library may have for a file: as given, and without links above it."""
    given = absolute(path)
    directory, name = os.path.split(given)
    return tuple(dict.fromkeys((given, os.path.join(os.path.realpath(directory), name))))


def places(directory: bytes) -> tuple[bytes, ...]:
    """Likewise for a directory, which may be a link itself."""
    return tuple(dict.fromkeys((*spellings(directory), os.path.realpath(directory))))


def find_file(connection: sqlite3.Connection, path: bytes) -> sqlite3.Row | None:
    """The record of the file at a path, None if there is none."""
    for each in spellings(path):
        directory, name = map(to_stored, os.path.split(each))
        if (row := file_table.find_file(connection, directory, name)) is not None:
            return row
    return None


def known_places(library: Library, directories: Sequence[bytes]) -> tuple[bytes, ...]:
    """The paths below which the library knows files of these directories.

    Raises FileNotInLibraryError for one in which it knows none.
    """
    found: dict[bytes, None] = {}
    with library.reading() as connection:
        for directory in directories:
            known = [each for each in places(directory) if knows_files(connection, each)]
            if not known:
                raise unknown_place(directory)
            found.update(dict.fromkeys(known))
    return tuple(found)


def check_searched(library: Library, directory: bytes) -> None:
    """Checks that the library knows files in a directory, or that it is one without files.

    Else a typing error would pass for an answer. Raises FileNotInLibraryError.
    """
    with library.reading() as connection:
        roots = [from_stored(root.path) for root in list_roots(connection)]
    for place in places(directory):
        if os.path.isdir(place) and any(is_within(place, root) for root in roots):
            return
    known_places(library, [directory])


def unknown_file(path: bytes) -> FileNotInLibraryError:
    """The error for a file that the library does not know."""
    return FileNotInLibraryError(
        f"The library knows no file `{display(to_stored(path))}`",
        hint="Scan its directory, or see `vpo files list --under DIR`.",
    )


def unknown_place(path: bytes) -> FileNotInLibraryError:
    """The error for a directory in which the library knows no files."""
    return FileNotInLibraryError(
        f"The library knows no files in `{display(to_stored(path))}`",
        hint="Scan it first, with `vpo scan DIRECTORY`.",
    )

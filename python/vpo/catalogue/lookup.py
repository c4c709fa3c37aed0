"""Finds the files and directories that people name in the catalogue.

Scans record paths with links in the directories above resolved, unless they follow links. In
that case the catalogue may have the path through the link, or the path without it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence

from vpo.base.errors import FileNotInLibraryError
from vpo.base.paths import absolute, display, from_stored, is_within, real_path, to_stored
from vpo.db import files as file_table
from vpo.db.counts import list_roots
from vpo.db.files import FoundFile
from vpo.db.library import Library


def spellings(path: bytes) -> tuple[bytes, ...]:
    """The paths that the catalogue may have for a file: as given, and without links above it."""
    given = absolute(path)
    directory, name = os.path.split(given)
    return tuple(dict.fromkeys((given, os.path.join(real_path(directory), name))))


def places(directory: bytes) -> tuple[bytes, ...]:
    """The paths that the catalogue may have for a directory, which may itself be a link."""
    return tuple(dict.fromkeys((*spellings(directory), real_path(directory))))


def find_file(connection: sqlite3.Connection, path: bytes) -> FoundFile | None:
    """The record of the file at a path, None if there is none."""
    for spelling in spellings(path):
        directory, name = map(to_stored, os.path.split(spelling))
        if (file := file_table.find_file(connection, directory, name)) is not None:
            return file
    return None


def known_places(library: Library, directories: Sequence[bytes]) -> tuple[bytes, ...]:
    """The paths of these directories below which the catalogue knows files.

    Raises FileNotInLibraryError for a directory in which it knows none.
    """
    found: dict[bytes, None] = {}
    with library.reading() as connection:
        for directory in directories:
            known = [
                place for place in places(directory) if file_table.knows_files(connection, place)
            ]
            if not known:
                raise unknown_place(directory)
            found.update(dict.fromkeys(known))
    return tuple(found)


def check_searched(library: Library, directory: bytes) -> None:
    """Checks that the catalogue knows files in a directory, or that a scan found it empty.

    Otherwise a mistyped path would look like an answer. Raises FileNotInLibraryError.
    """
    with library.reading() as connection:
        roots = [from_stored(root.path) for root in list_roots(connection)]
    for place in places(directory):
        if os.path.isdir(place) and any(is_within(place, root) for root in roots):
            return
    known_places(library, [directory])


def unknown_file(path: bytes) -> FileNotInLibraryError:
    """The error for a file that the catalogue does not have."""
    shown = display(to_stored(path))
    if os.path.lexists(path):
        return FileNotInLibraryError(
            f"The catalogue has no file `{shown}`",
            hint="Scan its directory first with `vpo scan DIRECTORY`.",
        )
    return FileNotInLibraryError(
        f"The catalogue has no file `{shown}`, and the path does not exist",
        hint="Check the path. `vpo files list --under DIR` lists the known files.",
    )


def unknown_place(path: bytes) -> FileNotInLibraryError:
    """The error for a directory in which the catalogue has no files."""
    shown = display(to_stored(path))
    if os.path.lexists(path):
        return FileNotInLibraryError(
            f"The catalogue has no files in `{shown}`",
            hint="Scan it first with `vpo scan DIRECTORY`.",
        )
    return FileNotInLibraryError(
        f"The catalogue has no files in `{shown}`, and the path does not exist",
        hint="Check the path. `vpo status` lists the directories that were scanned.",
    )

"""The files of a collection, from the records of the catalogue."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vpo.base.paths import StoredPath, from_stored, join, to_stored
from vpo.db.photos import listing as table
from vpo.photos.model import FilesOfDirectory

# What macOS and Windows write into folders that people look at.
_NOT_LISTED = frozenset({".DS_Store", "Thumbs.db"})
_APPLE_DOUBLE = "._"


class ListedFile(NamedTuple):
    """A file of a collection."""

    path: StoredPath
    """Relative to the collection."""
    size_bytes: int
    mtime_ns: int


class CatalogueListing:
    """A `Listing` of a place in the library.

    Use it while the connection is in one transaction, so that it is the same each time.
    """

    def __init__(self, connection: sqlite3.Connection, place: bytes) -> None:
        self._connection = connection
        start = len(place.rstrip(b"/")) + 1
        known = [
            (from_stored(row.path)[start:], row) for row in table.directories(connection, place)
        ]
        known.sort(key=lambda each: each[0])
        self._ids = [row.id for _, row in known]
        self._directories = [to_stored(path) for path, _ in known]
        self._files = sum(row.files for _, row in known)

    @property
    def directories(self) -> Sequence[StoredPath]:
        """The directories in byte order, relative to the collection, which itself is `""`."""
        return self._directories

    @property
    def files(self) -> int:
        """About the number of files: with missing ones, and with those that are not listed."""
        return self._files

    def __iter__(self) -> Iterator[FilesOfDirectory]:
        """The directories that have files."""
        for directory, directory_id in enumerate(self._ids):
            rows = self._rows(directory_id)
            if rows:
                names, sizes, _ = zip(*rows, strict=True)
                yield FilesOfDirectory(directory, names, sizes)

    def files_in_order(self) -> Iterator[ListedFile]:
        """All files, by directory and name."""
        for directory, directory_id in zip(self._directories, self._ids, strict=True):
            for name, size_bytes, mtime_ns in self._rows(directory_id):
                yield ListedFile(join(directory, name) if directory else name, size_bytes, mtime_ns)

    def _rows(self, directory_id: int) -> list[tuple[StoredPath, int, int]]:
        rows = table.files(self._connection, directory_id)
        if rows and isinstance(rows[-1][0], bytes):
            rows = [row for row in rows if not _is_unlisted(row[0])]
            return sorted(rows, key=lambda row: from_stored(row[0]))
        return [row for row in rows if row[0][:2] != _APPLE_DOUBLE and row[0] not in _NOT_LISTED]


def _is_unlisted(name: StoredPath) -> bool:
    text = name if isinstance(name, str) else name.decode(errors="replace")
    return text.startswith(_APPLE_DOUBLE) or text in _NOT_LISTED

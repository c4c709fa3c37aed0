"""The files of a place, directory by directory."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from vpo.base.paths import StoredPath
from vpo.db.conditions import below


class DirectoryRow(NamedTuple):
    """A directory that has records of files."""

    id: int
    path: StoredPath
    files: int
    """With missing ones."""


def directories(connection: sqlite3.Connection, place: bytes) -> list[DirectoryRow]:
    """The directories at and below a place that have records of files."""
    condition, parameters = below(place, "d.path")
    # Without the status, an index has all that is to be counted.
    rows = connection.execute(
        "SELECT d.id, d.path, (SELECT count(*) FROM files f WHERE f.directory_id = d.id) AS files"
        f" FROM directories d WHERE {condition} AND files > 0",
        parameters,
    )
    return [DirectoryRow._make(row) for row in rows]


def count_files(connection: sqlite3.Connection, place: bytes) -> int:
    """The number of files at and below a place, without missing ones."""
    condition, parameters = below(place, "d.path")
    row = connection.execute(
        "SELECT count(*) FROM files f WHERE f.scan_status <> 'missing'"
        f" AND f.directory_id IN (SELECT d.id FROM directories d WHERE {condition})",
        parameters,
    ).fetchone()
    return int(row[0])


def files(connection: sqlite3.Connection, directory_id: int) -> list[tuple[StoredPath, int, int]]:
    """Name, size in bytes and mtime in ns of the files in a directory, in the order of names.

    Names that are not UTF-8 come last.
    """
    return connection.execute(
        "SELECT name, size_bytes, mtime_ns FROM files"
        " WHERE directory_id = ? AND scan_status <> 'missing' ORDER BY name",
        (directory_id,),
    ).fetchall()


def has_records(connection: sqlite3.Connection, place: bytes) -> bool:
    """Whether the catalogue knows any directory at or below a place."""
    condition, parameters = below(place, "d.path")
    row = connection.execute(
        f"SELECT 1 FROM directories d WHERE {condition} LIMIT 1", parameters
    ).fetchone()
    return row is not None

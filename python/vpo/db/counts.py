"""Counts over the whole catalogue."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from vpo.base.paths import StoredPath, from_stored
from vpo.db.conditions import below
from vpo.db.selection import STATUSES


class RootRow(NamedTuple):
    """A root and its last scan."""

    path: StoredPath
    last_scan_at: str | None
    last_job_id: str | None
    last_scan_sequence: int | None


def list_roots(connection: sqlite3.Connection) -> list[RootRow]:
    """All roots, sorted by path."""
    rows = connection.execute(f"SELECT {', '.join(RootRow._fields)} FROM roots ORDER BY path")
    return [RootRow._make(row) for row in rows]


def files_below(
    connection: sqlite3.Connection, directory: StoredPath
) -> dict[str, tuple[int, int]]:
    """Number and bytes of the files below a directory, by status."""
    condition, parameters = below(from_stored(directory), "d.path")
    counts = dict.fromkeys(STATUSES, (0, 0))
    for status, count, size in connection.execute(
        "SELECT f.scan_status, count(*), sum(f.size_bytes) FROM directories d"
        f" CROSS JOIN files f ON f.directory_id = d.id WHERE {condition} GROUP BY f.scan_status",
        parameters,
    ):
        counts[status] = (count, size)
    return counts

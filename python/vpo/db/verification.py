"""Columns of `files` that say what content is, and when that was last seen to be so."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple


class Verified(NamedTuple):
    """A file whose content was read and found right, or read for the first time."""

    file_id: int
    content_hash: str
    """With its algorithm: `blake3:…`."""
    size_bytes: int
    """Size and mtime of the file that was read; only a record of just these is written."""
    mtime_ns: int
    ctime_ns: int
    verified_at: str
    """UTC, ISO-8601."""


def record_verified(connection: sqlite3.Connection, rows: Iterable[Verified]) -> int:
    """Records digests, and when they were right; returns for how many files.

    Of a file that a scan has meanwhile found to be another, nothing is recorded.
    """
    cursor = connection.executemany(
        "UPDATE files SET content_hash = ?2, verified_at = ?6, ctime_ns = ?5"
        " WHERE id = ?1 AND size_bytes = ?3 AND mtime_ns = ?4",
        rows,
    )
    return cursor.rowcount

"""Table `heads`: the first bytes of files, by which a search for duplicates saves reading."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable


def record(connection: sqlite3.Connection, rows: Iterable[tuple[int, int, int, str]]) -> None:
    """Records heads: rows of file id, size and mtime of the file that was read, and head."""
    connection.executemany(
        # A scan may have deleted the record of a file while the file was read.
        "INSERT OR REPLACE INTO heads (file_id, size_bytes, mtime_ns, head)"
        " SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM files WHERE id = ?1)",
        rows,
    )


def forget(connection: sqlite3.Connection, file_ids: Iterable[int]) -> None:
    """Deletes the heads of files."""
    connection.executemany(
        "DELETE FROM heads WHERE file_id = ?", ((file_id,) for file_id in file_ids)
    )


def mark_settled(connection: sqlite3.Connection) -> None:
    """Records that all files with the same head as another were compared."""
    connection.execute("UPDATE heads SET is_settled = 1 WHERE NOT is_settled")


def are_settled(connection: sqlite3.Connection) -> bool:
    """Whether all files with the same head as another were compared."""
    row = connection.execute("SELECT 1 FROM heads WHERE NOT is_settled LIMIT 1").fetchone()
    return row is None

"""Table `file_changes`: what each job changed about files, and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from vpo.base.paths import StoredPath


class FileChange(NamedTuple):
    """A change to a known file. The fields are columns in this order."""

    file_id: int
    change: str
    reason: str | None = None
    size_before: int | None = None
    mtime_ns_before: int | None = None
    size_after: int | None = None
    mtime_ns_after: int | None = None
    path: StoredPath | None = None
    """The former path of the file, if its record was moved or deleted."""


def add_changes(connection: sqlite3.Connection, job: int, changes: Iterable[FileChange]) -> None:
    """Records the changes that a job (its number) made."""
    connection.executemany(
        f"INSERT INTO file_changes (job, {', '.join(FileChange._fields)})"
        f" VALUES ({int(job)}, ?, ?, ?, ?, ?, ?, ?, ?)",
        changes,
    )


def add_moved_directory(
    connection: sqlite3.Connection, job: int, directory_id: int, before: StoredPath
) -> None:
    """Records that all files in a directory moved with it. `before` is its former path."""
    connection.execute(
        "INSERT INTO file_changes (job, file_id, change, size_before, mtime_ns_before, size_after,"
        " mtime_ns_after, path)"
        " SELECT :job, id, 'moved', size_bytes, mtime_ns, size_bytes, mtime_ns,"
        " CASE WHEN typeof(:before) = 'blob' OR typeof(name) = 'blob'"
        " THEN CAST(rtrim(:before, '/') || '/' || name AS BLOB)"
        " ELSE rtrim(:before, '/') || '/' || name END"
        " FROM files WHERE directory_id = :directory",
        {"job": job, "directory": directory_id, "before": before},
    )


def forget_removals(connection: sqlite3.Connection, job: int, file_ids: Iterable[int]) -> None:
    """Deletes a job's records that files were removed, because they were only moved."""
    connection.executemany(
        f"DELETE FROM file_changes WHERE job = {int(job)} AND file_id = ? AND change = 'removed'",
        ((file_id,) for file_id in file_ids),
    )

"""Tables `roots` and `filesystems`: the scanned directories, and the file systems they are on."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from vpo.base.paths import StoredPath
from vpo.db.conditions import below


@dataclass(frozen=True)
class Root:
    """A directory that was scanned."""

    id: int
    path: StoredPath
    filesystem_id: int | None
    file_count: int | None


def find_root(connection: sqlite3.Connection, path: StoredPath) -> Root | None:
    """The root at exactly this path."""
    row = connection.execute(
        "SELECT id, path, filesystem_id, file_count FROM roots WHERE path = ?", (path,)
    ).fetchone()
    return Root(*row) if row else None


def add_root(connection: sqlite3.Connection, path: StoredPath, at: str) -> int:
    """Adds a root, unless it exists, and returns its id."""
    connection.execute(
        "INSERT INTO roots (path, added_at) VALUES (?, ?) ON CONFLICT (path) DO NOTHING", (path, at)
    )
    row = connection.execute("SELECT id FROM roots WHERE path = ?", (path,)).fetchone()
    return int(row[0])


def record_look(
    connection: sqlite3.Connection, root_id: int, *, filesystem_id: int | None, file_count: int
) -> None:
    """Records what a scan that saw all of a root found."""
    connection.execute(
        "UPDATE roots SET filesystem_id = ?, file_count = ? WHERE id = ?",
        (filesystem_id, file_count, root_id),
    )


def complete_scan(
    connection: sqlite3.Connection, path: StoredPath, *, started_at: str, job_id: str
) -> None:
    """Records that a scan of a root was completed."""
    connection.execute(
        "UPDATE roots SET last_scan_at = :at, last_job_id = :job,"
        " last_scan_sequence = (SELECT sequence FROM jobs WHERE id = :job) WHERE path = :path",
        {"at": started_at, "job": job_id, "path": path},
    )


def filesystem_id(connection: sqlite3.Connection, identity: str) -> int:
    """The id of a file system. A new one is added."""
    known = find_filesystem(connection, identity)
    if known is not None:
        return known
    cursor = connection.execute("INSERT INTO filesystems (identity) VALUES (?)", (identity,))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def find_filesystem(connection: sqlite3.Connection, identity: str) -> int | None:
    """The id of a file system, None if it was never seen."""
    row = connection.execute(
        "SELECT id FROM filesystems WHERE identity = ?", (identity,)
    ).fetchone()
    return int(row[0]) if row else None


def identity_of(connection: sqlite3.Connection, filesystem_id: int) -> str | None:
    """The identity of a file system, None if it was never seen."""
    row = connection.execute(
        "SELECT identity FROM filesystems WHERE id = ?", (filesystem_id,)
    ).fetchone()
    return row[0] if row else None


def change_filesystem(
    connection: sqlite3.Connection, directory: bytes, before: int, now: int
) -> None:
    """Gives everything below a directory that is on one file system another one."""
    condition = below(directory)
    for table in ("roots", "directories"):
        connection.execute(
            f"UPDATE {table} SET filesystem_id = ? WHERE filesystem_id = ? AND ({condition.sql})",
            (now, before, *condition.parameters),
        )

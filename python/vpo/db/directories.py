"""Table `directories`: paths and fingerprints."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from vpo.base.paths import StoredPath
from vpo.db.conditions import below


@dataclass(frozen=True)
class KnownDirectory:
    """What the catalogue knows of a directory."""

    id: int
    path: StoredPath
    filesystem_id: int | None
    is_present: bool
    via_symlink: bool


def fingerprints(
    connection: sqlite3.Connection, root: bytes
) -> Iterable[tuple[StoredPath, bytes | None, int]]:
    """Path, fingerprint and id of every present directory under `root`."""
    condition, parameters = below(root)
    return connection.execute(
        f"SELECT path, fingerprint, id FROM directories WHERE is_present AND {condition}",
        parameters,
    )


def gone_directories(connection: sqlite3.Connection, root: bytes) -> dict[StoredPath, int]:
    """The ids, by path, of directories under `root` that no longer exist but have records."""
    condition, parameters = below(root)
    return dict(
        connection.execute(
            f"SELECT path, id FROM directories WHERE NOT is_present AND {condition}",
            parameters,
        )
    )


_KNOWN = "SELECT id, path, filesystem_id, is_present, via_symlink FROM directories"


def get_directory(connection: sqlite3.Connection, directory_id: int) -> KnownDirectory | None:
    """The directory with this id."""
    row = connection.execute(f"{_KNOWN} WHERE id = ?", (directory_id,)).fetchone()
    return _known(row)


def find_directory(connection: sqlite3.Connection, path: StoredPath) -> KnownDirectory | None:
    """The directory at this path."""
    return _known(connection.execute(f"{_KNOWN} WHERE path = ?", (path,)).fetchone())


def _known(row: sqlite3.Row | tuple[Any, ...] | None) -> KnownDirectory | None:
    if row is None:
        return None
    return KnownDirectory(row[0], row[1], row[2], bool(row[3]), bool(row[4]))


def add_directory(
    connection: sqlite3.Connection,
    path: StoredPath,
    *,
    filesystem_id: int | None,
    fingerprint: bytes | None,
    via_symlink: bool,
) -> int:
    """Adds a directory and returns its id."""
    cursor = connection.execute(
        "INSERT INTO directories (path, filesystem_id, fingerprint, via_symlink)"
        " VALUES (?, ?, ?, ?)",
        (path, filesystem_id, fingerprint, via_symlink),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def update_directory(
    connection: sqlite3.Connection,
    directory_id: int,
    *,
    filesystem_id: int | None,
    fingerprint: bytes | None,
    via_symlink: bool,
) -> None:
    """Records what a scan saw of a known directory."""
    connection.execute(
        "UPDATE directories SET filesystem_id = ?, fingerprint = ?, via_symlink = ?, is_present = 1"
        " WHERE id = ?",
        (filesystem_id, fingerprint, via_symlink, directory_id),
    )


def set_path(connection: sqlite3.Connection, directory_id: int, path: StoredPath) -> None:
    """Gives a directory another path."""
    connection.execute("UPDATE directories SET path = ? WHERE id = ?", (path, directory_id))


def settle(connection: sqlite3.Connection, settled: Iterable[tuple[bytes, int]]) -> None:
    """Stores the fingerprints (with the ids) of directories that are now recorded completely."""
    connection.executemany("UPDATE directories SET fingerprint = ? WHERE id = ?", settled)


def unsettle(connection: sqlite3.Connection, directory_ids: Iterable[int]) -> None:
    """Makes the next scan compare directories, whatever their fingerprints."""
    connection.executemany(
        "UPDATE directories SET fingerprint = NULL WHERE id = ?",
        ((directory_id,) for directory_id in directory_ids),
    )


def unsettle_directories_of(connection: sqlite3.Connection, file_ids: Iterable[int]) -> None:
    """Makes the next scan compare the directories that hold files."""
    connection.executemany(
        "UPDATE directories SET fingerprint = NULL"
        " WHERE id = (SELECT directory_id FROM files WHERE id = ?) AND fingerprint IS NOT NULL",
        ((file_id,) for file_id in file_ids),
    )


def mark_present_directory_of(connection: sqlite3.Connection, file_id: int) -> None:
    """Records that the directory that holds a file exists again."""
    connection.execute(
        "UPDATE directories SET is_present = 1"
        " WHERE id = (SELECT directory_id FROM files WHERE id = ?)",
        (file_id,),
    )


def mark_gone(
    connection: sqlite3.Connection, directories: Iterable[tuple[int, StoredPath]]
) -> None:
    """Records that directories (ids and paths) no longer exist."""
    connection.executemany(
        "UPDATE directories SET is_present = 0, fingerprint = NULL WHERE id = ? AND path = ?",
        directories,
    )


def delete_unused(connection: sqlite3.Connection, root: bytes) -> None:
    """Deletes directories under `root` that no longer exist and have no files recorded."""
    condition, parameters = below(root)
    connection.execute(
        f"DELETE FROM directories WHERE NOT is_present AND {condition}"
        " AND NOT EXISTS (SELECT 1 FROM files WHERE directory_id = directories.id)",
        parameters,
    )


def delete_empty(connection: sqlite3.Connection, paths: Iterable[StoredPath]) -> None:
    """Deletes those of the directories that have no files recorded. Others are to be compared."""
    rows = [(path,) for path in paths]
    connection.executemany(
        "DELETE FROM directories WHERE path = ?"
        " AND NOT EXISTS (SELECT 1 FROM files WHERE directory_id = directories.id)",
        rows,
    )
    connection.executemany("UPDATE directories SET fingerprint = NULL WHERE path = ?", rows)


def holds_present_files(connection: sqlite3.Connection, root: bytes) -> bool:
    """Whether any file under `root` is recorded and not missing."""
    condition, parameters = below(root, "d.path")
    row = connection.execute(
        f"SELECT 1 FROM directories d WHERE d.is_present AND {condition} AND EXISTS ("
        "SELECT 1 FROM files f WHERE f.directory_id = d.id AND f.scan_status <> 'missing') LIMIT 1",
        parameters,
    ).fetchone()
    return row is not None


def linked_directories(connection: sqlite3.Connection) -> list[StoredPath]:
    """The paths of the directories that scans have reached through symbolic links."""
    rows = connection.execute("SELECT path FROM directories WHERE via_symlink")
    return [path for (path,) in rows]

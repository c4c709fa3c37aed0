"""Records of files and directories that turn up at another path, and keep them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import orjson

from vpo.paths import StoredPath

# The status of a file that was missing: what reading it had left.
_STATUS_BEFORE = (
    "CASE WHEN scan_status <> 'missing' THEN scan_status WHEN scan_error IS NOT NULL THEN 'error'"
    " WHEN EXISTS (SELECT 1 FROM media m WHERE m.file_id = files.id) THEN 'ok' ELSE 'pending' END"
)


class FormerDirectory(NamedTuple):
    """A directory that may be elsewhere now, and how many files it had."""

    id: int
    path: StoredPath
    filesystem_id: int | None
    files: int
    missing: int


class FormerFile(NamedTuple):
    """A file that may be elsewhere now."""

    id: int
    directory: StoredPath
    name: StoredPath
    filesystem_id: int | None
    size_bytes: int
    mtime_ns: int
    inode: int | None
    is_symlink: int
    scan_status: str
    ctime_ns: int | None
    content_hash: str | None


_COLUMNS = (
    "f.id, d.path, f.name, d.filesystem_id, f.size_bytes, f.mtime_ns, f.inode, f.is_symlink,"
    " f.scan_status, f.ctime_ns, f.content_hash"
)


class Move(NamedTuple):
    """Where a file is now; the fields are columns in this order."""

    directory_id: int
    name: StoredPath
    extension: str
    kind: str
    mtime_ns: int
    inode: int | None
    is_symlink: bool
    ctime_ns: int | None
    id: int


class NewFile(NamedTuple):
    """A file that was read for the first time, as it may be one that is known."""

    id: int
    size_bytes: int
    quick_hash: bytes
    directory_id: int
    directory: StoredPath
    name: StoredPath
    extension: str
    kind: str
    mtime_ns: int
    inode: int | None
    is_symlink: int


def directories_with_fingerprint(
    connection: sqlite3.Connection, fingerprint: bytes
) -> list[FormerDirectory]:
    """The directories that were so when they were last seen."""
    rows = connection.execute(
        "SELECT d.id, d.path, d.filesystem_id,"
        " (SELECT count(*) FROM files f WHERE f.directory_id = d.id),"
        " (SELECT count(*) FROM files f WHERE f.directory_id = d.id AND f.scan_status = 'missing')"
        " FROM directories d WHERE d.fingerprint = ?",
        (fingerprint,),
    )
    return [FormerDirectory._make(row) for row in rows]


def files_with_inodes(
    connection: sqlite3.Connection, inodes: Iterable[int]
) -> Iterator[FormerFile]:
    """The files that had one of these inodes, missing ones too."""
    rows = connection.execute(
        # In this order: the files of the library are many more.
        f"SELECT {_COLUMNS} FROM json_each(?) AS wanted"
        " CROSS JOIN files f ON f.inode = wanted.value"
        " CROSS JOIN directories d ON d.id = f.directory_id",
        (orjson.dumps(list(inodes)).decode(),),
    )
    return map(FormerFile._make, rows)


def files_with_quick_hash(
    connection: sqlite3.Connection, size_bytes: int, quick_hash: bytes, *, limit: int
) -> list[FormerFile]:
    """The files of this quick identity, missing ones too; `limit` of them at most."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM files f JOIN directories d ON d.id = f.directory_id"
        " WHERE f.quick_hash = ? AND f.size_bytes = ? LIMIT ?",
        (quick_hash, size_bytes, limit),
    )
    return [FormerFile._make(row) for row in rows]


def new_files(connection: sqlite3.Connection, ids: Iterable[int]) -> Iterator[NewFile]:
    """Those of the files that have content, a quick hash, and no history of changes."""
    rows = connection.execute(
        "SELECT f.id, f.size_bytes, f.quick_hash, d.id, d.path, f.name, f.extension, f.kind,"
        " f.mtime_ns, f.inode, f.is_symlink"
        " FROM json_each(?) AS wanted CROSS JOIN files f ON f.id = wanted.value"
        " CROSS JOIN directories d ON d.id = f.directory_id"
        " WHERE f.quick_hash IS NOT NULL AND f.size_bytes > 0 AND f.scan_status <> 'missing'"
        " AND NOT EXISTS (SELECT 1 FROM file_changes c WHERE c.file_id = f.id)",
        (orjson.dumps(list(ids)).decode(),),
    )
    return map(NewFile._make, rows)


def pending_among(connection: sqlite3.Connection, directory_id: int) -> list[int]:
    """The files of a directory that are to be read."""
    rows = connection.execute(
        "SELECT id FROM files WHERE directory_id = ? AND scan_status = 'pending'", (directory_id,)
    )
    return [file_id for (file_id,) in rows]


def move_directory(connection: sqlite3.Connection, directory_id: int, path: StoredPath) -> None:
    """Records that a directory is at another path, with all that is known in it."""
    connection.execute("UPDATE directories SET path = ? WHERE id = ?", (path, directory_id))


def move_files(connection: sqlite3.Connection, moves: Iterable[Move], scanned_at: str) -> None:
    """Records where files are now; no record may have their new place."""
    connection.executemany(
        "UPDATE files SET directory_id = ?, name = ?, extension = ?, kind = ?, mtime_ns = ?,"
        " inode = ?, is_symlink = ?, ctime_ns = ?, scanned_at = :at, missing_since = NULL,"
        f" scan_status = {_STATUS_BEFORE} WHERE id = ?".replace(
            ":at", "'" + scanned_at.replace("'", "''") + "'"
        ),
        moves,
    )


def forget_removal(connection: sqlite3.Connection, job: int, file_ids: Iterable[int]) -> None:
    """Takes back what a job said of files that it took for removed."""
    connection.executemany(
        f"DELETE FROM file_changes WHERE job = {int(job)} AND file_id = ? AND change = 'removed'",
        ((file_id,) for file_id in file_ids),
    )

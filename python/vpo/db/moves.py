"""Finds the records of files and directories that turn up at another path."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import orjson

from vpo.base.paths import StoredPath

_IDS_AT_A_TIME = 10_000


class FormerDirectory(NamedTuple):
    """The record of a directory that may have moved, and the number of its files."""

    id: int
    path: StoredPath
    filesystem_id: int | None
    via_symlink: int
    files: int
    missing: int


class FormerFile(NamedTuple):
    """The record of a file that may have moved."""

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
    kind: str
    scanned_at: str
    directory_id: int


_COLUMNS = (
    "f.id, d.path, f.name, d.filesystem_id, f.size_bytes, f.mtime_ns, f.inode, f.is_symlink,"
    " f.scan_status, f.ctime_ns, f.content_hash, f.kind, f.scanned_at, f.directory_id"
)


class NewFile(NamedTuple):
    """A file that was read for the first time. It may be a known file that has moved."""

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


def has_inode_index(connection: sqlite3.Connection) -> bool:
    """Whether the index on inodes exists."""
    row = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = 'idx_files_inode'"
    ).fetchone()
    return row is not None


def make_inode_index(connection: sqlite3.Connection) -> None:
    """Creates the index on inodes, in the caller's transaction.

    Call this after the first files were added: updating the index while a million files are
    added doubles the time, and creating it afterwards takes a tenth of that.
    """
    connection.execute(
        "CREATE INDEX IF NOT EXISTS idx_files_inode ON files(inode) WHERE inode IS NOT NULL"
    )


def directories_with_fingerprint(
    connection: sqlite3.Connection, fingerprint: bytes, *, limit: int
) -> list[FormerDirectory]:
    """The directories that had this fingerprint when they were last seen, at most `limit`."""
    rows = connection.execute(
        "SELECT d.id, d.path, d.filesystem_id, d.via_symlink,"
        " (SELECT count(*) FROM files f WHERE f.directory_id = d.id),"
        " (SELECT count(*) FROM files f WHERE f.directory_id = d.id AND f.scan_status = 'missing')"
        " FROM directories d WHERE d.fingerprint = ? LIMIT ?",
        (fingerprint, limit),
    )
    return [FormerDirectory._make(row) for row in rows]


def files_with_inodes(
    connection: sqlite3.Connection, inodes: Iterable[tuple[int, int, int]], *, limit: int
) -> Iterator[FormerFile]:
    """The files with these inodes, sizes and mtimes, at most `limit` of each, also missing ones."""
    rows = connection.execute(
        # CROSS JOIN keeps this order, because the catalogue has many more files.
        f"SELECT {_COLUMNS} FROM json_each(?) AS wanted"
        " CROSS JOIN files f ON f.id IN"
        " (SELECT same.id FROM files same WHERE same.inode = json_extract(wanted.value, '$[0]')"
        " AND same.size_bytes = json_extract(wanted.value, '$[1]')"
        " AND same.mtime_ns = json_extract(wanted.value, '$[2]') LIMIT ?)"
        " CROSS JOIN directories d ON d.id = f.directory_id",
        (orjson.dumps(list(inodes)).decode(), limit),
    )
    return map(FormerFile._make, rows)


def files_with_quick_hash(
    connection: sqlite3.Connection, size_bytes: int, quick_hash: bytes, *, limit: int
) -> list[FormerFile]:
    """The files with this size and quick hash, at most `limit`, also missing ones."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM files f JOIN directories d ON d.id = f.directory_id"
        " WHERE f.quick_hash = ? AND f.size_bytes = ? LIMIT ?",
        (quick_hash, size_bytes, limit),
    )
    return [FormerFile._make(row) for row in rows]


def former_files(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, FormerFile]:
    """The files with these ids, as they are recorded now."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM json_each(?) AS wanted CROSS JOIN files f ON f.id = wanted.value"
        " CROSS JOIN directories d ON d.id = f.directory_id",
        (orjson.dumps(list(ids)).decode(),),
    )
    return {file.id: file for file in map(FormerFile._make, rows)}


def found_elsewhere(
    connection: sqlite3.Connection, places: Mapping[int, tuple[StoredPath, StoredPath]]
) -> list[int]:
    """The ids of files that are no longer recorded at these places (directory, name)."""
    ids = list(places)
    there: set[int] = set()
    for start in range(0, len(ids), _IDS_AT_A_TIME):
        rows = connection.execute(
            "SELECT f.id, d.path, f.name FROM json_each(?) AS wanted"
            " CROSS JOIN files f ON f.id = wanted.value"
            " CROSS JOIN directories d ON d.id = f.directory_id",
            (orjson.dumps(ids[start : start + _IDS_AT_A_TIME]).decode(),),
        )
        there.update(file_id for file_id, *place in rows if places[file_id] == tuple(place))
    return [file_id for file_id in ids if file_id not in there]


def interrupted_scans(connection: sqlite3.Connection, root: StoredPath) -> list[int]:
    """The numbers of the scans of `root` that were stopped since the last completed scan."""
    rows = connection.execute(
        "SELECT number FROM jobs WHERE job_type = 'scan' AND file_path = :root"
        " AND status IN ('failed', 'cancelled') AND number > (SELECT coalesce(max(number), 0)"
        " FROM jobs WHERE job_type = 'scan' AND file_path = :root AND status = 'completed')",
        {"root": root},
    )
    return [number for (number,) in rows]


def new_files(
    connection: sqlite3.Connection, ids: Iterable[int], added_by: Collection[int]
) -> Iterator[NewFile]:
    """The files (of these ids) that may be known files that have moved.

    One of the jobs `added_by` has added them, and nothing was recorded of them since. They are
    not empty, and another file has the same size and quick hash.
    """
    rows = connection.execute(
        "SELECT f.id, f.size_bytes, f.quick_hash, d.id, d.path, f.name, f.extension, f.kind,"
        " f.mtime_ns, f.inode, f.is_symlink"
        " FROM json_each(?) AS wanted CROSS JOIN files f ON f.id = wanted.value"
        " CROSS JOIN directories d ON d.id = f.directory_id"
        " WHERE f.quick_hash IS NOT NULL AND f.size_bytes > 0 AND f.scan_status <> 'missing'"
        f" AND f.added_by IN ({', '.join(str(int(job)) for job in added_by)})"
        " AND EXISTS (SELECT 1 FROM files o WHERE o.quick_hash = f.quick_hash"
        " AND o.size_bytes = f.size_bytes AND o.id <> f.id)"
        # A deleted record may have had the id before.
        " AND NOT EXISTS (SELECT 1 FROM file_changes c WHERE c.file_id = f.id AND c.id >"
        " (SELECT coalesce(max(p.id), 0) FROM file_changes p"
        " WHERE p.file_id = f.id AND p.change = 'pruned'))",
        (orjson.dumps(list(ids)).decode(),),
    )
    return map(NewFile._make, rows)


def files_added_by(connection: sqlite3.Connection, jobs: Collection[int]) -> Iterator[FormerFile]:
    """The files that these jobs have added, that were read, and that are not missing."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM files f JOIN directories d ON d.id = f.directory_id"
        f" WHERE f.added_by IN ({', '.join(str(int(job)) for job in jobs)})"
        " AND f.quick_hash IS NOT NULL AND f.scan_status <> 'missing'"
    )
    return map(FormerFile._make, rows)


class FileOfDirectory(NamedTuple):
    """A file of a directory that may have been moved. No more of it: there are many."""

    name: StoredPath
    inode: int | None
    size_bytes: int
    mtime_ns: int
    id: int
    scan_status: str


def files_of_directory(connection: sqlite3.Connection, directory_id: int) -> list[FileOfDirectory]:
    """The files of a directory."""
    rows = connection.execute(
        "SELECT name, inode, size_bytes, mtime_ns, id, scan_status FROM files"
        " WHERE directory_id = ?",
        (directory_id,),
    )
    return [FileOfDirectory._make(row) for row in rows]

"""Records that a tree is at another place, and joins two records of one file.

What is known of content stays. What belongs to a place (inode, ctime, fingerprint) is void if
the files are on another file system, or copies.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from vpo.base.paths import StoredPath
from vpo.db import heads
from vpo.db.conditions import below

# -- Files to look at -----------------------------------------------------------------


class SampledFile(NamedTuple):
    """A recorded file that is compared with the file at its new place."""

    id: int
    directory: StoredPath
    name: StoredPath
    size_bytes: int
    mtime_ns: int
    inode: int | None
    content_hash: str | None
    quick_hash: bytes | None


def sample(connection: sqlite3.Connection, place: bytes, *, most: int) -> list[SampledFile]:
    """Files below a directory, evenly spread: at most `most`.

    Files that are not missing, or missing ones if there are no others. No links.
    """
    condition, values = below(place, "d.path")
    for status in ("<>", "="):
        ids = [
            file_id
            for (file_id,) in connection.execute(
                "SELECT f.id FROM directories d CROSS JOIN files f ON f.directory_id = d.id"
                f" WHERE {condition} AND f.scan_status {status} 'missing' AND NOT f.is_symlink"
                " AND NOT d.via_symlink",
                values,
            )
        ]
        if ids:
            break
    if len(ids) > most:
        ids = [ids[number * len(ids) // most] for number in range(most)]
    rows = connection.execute(
        "SELECT f.id, d.path, f.name, f.size_bytes, f.mtime_ns, f.inode,"
        # The content of a damaged file is known to be different.
        " CASE WHEN m.file_id IS NULL THEN f.content_hash END,"
        " CASE WHEN m.file_id IS NULL THEN f.quick_hash END"
        " FROM json_each(?) AS wanted CROSS JOIN files f ON f.id = wanted.value"
        " CROSS JOIN directories d ON d.id = f.directory_id"
        " LEFT JOIN damage m ON m.file_id = f.id ORDER BY f.id",
        (orjson.dumps(ids).decode(),),
    )
    return [SampledFile._make(row) for row in rows]


# -- Directories ------------------------------------------------------------------------


class PlacedDirectory(NamedTuple):
    """A recorded directory."""

    id: int
    path: StoredPath
    filesystem_id: int | None


def directories_below(connection: sqlite3.Connection, place: bytes) -> list[PlacedDirectory]:
    """All recorded directories at and below a path."""
    condition, values = below(place)
    rows = connection.execute(
        f"SELECT id, path, filesystem_id FROM directories WHERE {condition} ORDER BY path", values
    )
    return [PlacedDirectory._make(row) for row in rows]


class DirectoryMove(NamedTuple):
    """The new place of a directory. The fields are parameters in this order."""

    id: int
    path: StoredPath
    filesystem_id: int | None
    keeps_fingerprint: bool


def move_directories(connection: sqlite3.Connection, moves: Iterable[DirectoryMove]) -> None:
    """Gives directories another path. No other record may have it."""
    connection.executemany(
        "UPDATE directories SET path = ?2, filesystem_id = ?3,"
        " fingerprint = CASE WHEN ?4 THEN fingerprint END WHERE id = ?1",
        moves,
    )


def forget_inodes(connection: sqlite3.Connection, directory_ids: Iterable[int]) -> None:
    """Voids what tells the files of directories from their copies: inodes and ctimes."""
    connection.executemany(
        "UPDATE files SET inode = NULL, ctime_ns = NULL WHERE directory_id = ?",
        ((directory_id,) for directory_id in directory_ids),
    )


def mark_present(connection: sqlite3.Connection, directory_id: int) -> None:
    """Records that a directory exists."""
    connection.execute("UPDATE directories SET is_present = 1 WHERE id = ?", (directory_id,))


def delete_directory(connection: sqlite3.Connection, directory_id: int) -> None:
    """Deletes a directory without files."""
    connection.execute("DELETE FROM directories WHERE id = ?", (directory_id,))


# -- Two records of one file --------------------------------------------------------------


class Record(NamedTuple):
    """All that one row of `files` has."""

    id: int
    name: StoredPath
    size_bytes: int
    mtime_ns: int
    inode: int | None
    is_symlink: int
    scan_status: str
    scanned_at: str
    scan_error: str | None
    missing_since: str | None
    content_hash: str | None
    quick_hash: bytes | None
    verified_at: str | None
    ctime_ns: int | None
    container_format: str | None
    added_by: int | None


def records_in(connection: sqlite3.Connection, directory_id: int) -> dict[StoredPath, Record]:
    """The records of a directory's files, by name."""
    rows = connection.execute(
        f"SELECT {', '.join(Record._fields)} FROM files WHERE directory_id = ?", (directory_id,)
    )
    return {record.name: record for record in map(Record._make, rows)}


class Join(NamedTuple):
    """Two records of one file, of which one is dropped."""

    kept: int
    dropped: int
    takes_media: bool
    """Whether the kept record gets the media of the dropped one."""
    is_sound: bool = False
    """Whether the dropped record has the digest that the kept one asks for: damage to the file
    at its other place does not concern this one."""


# In this order: whether there are media decides about the others.
_MEDIA = ("tracks", "chapters", "photos", "media")


def join(connection: sqlite3.Connection, joins: Sequence[Join]) -> None:
    """Gives the history and the damage of dropped records to the kept ones, and deletes them."""
    taking = [(each.kept, each.dropped) for each in joins if each.takes_media]
    for table in _MEDIA:
        connection.executemany(
            f"DELETE FROM {table} WHERE file_id = ?", [(kept,) for kept, _ in taking]
        )
        connection.executemany(f"UPDATE {table} SET file_id = ?1 WHERE file_id = ?2", taking)
    pairs = [(each.kept, each.dropped) for each in joins]
    connection.executemany(
        "UPDATE file_changes SET file_id = ?1 WHERE file_id = ?2"
        # What is older is the history of a record that had the id before.
        " AND id > (SELECT coalesce(max(id), 0) FROM file_changes"
        " WHERE file_id = ?2 AND change = 'pruned')",
        pairs,
    )
    for table in ("operations", "jobs"):
        connection.executemany(f"UPDATE {table} SET file_id = ?1 WHERE file_id = ?2", pairs)
    connection.executemany(
        "DELETE FROM damage WHERE file_id = ?1"
        " AND NOT EXISTS (SELECT 1 FROM damage WHERE file_id = ?2)",
        [(each.kept, each.dropped) for each in joins if each.is_sound],
    )
    connection.executemany("UPDATE OR IGNORE damage SET file_id = ?1 WHERE file_id = ?2", pairs)
    heads.forget(connection, [file_id for pair in pairs for file_id in pair])
    connection.executemany("DELETE FROM files WHERE id = ?", [(each.dropped,) for each in joins])


def record_joined(
    connection: sqlite3.Connection, directory_id: int, records: Iterable[Record]
) -> None:
    """Records what is known of files in a directory, once their other records are deleted."""
    fields = [name for name in Record._fields if name not in ("id", "name")]
    connection.executemany(
        f"UPDATE files SET directory_id = {int(directory_id)},"
        f" {', '.join(f'{name} = :{name}' for name in fields)} WHERE id = :id",
        (record._asdict() for record in records),
    )


def move_files(connection: sqlite3.Connection, directory_id: int, ids: Iterable[int]) -> None:
    """Puts files into another directory. What may be the inode of another file is void."""
    connection.executemany(
        f"UPDATE files SET directory_id = {int(directory_id)}, inode = NULL, ctime_ns = NULL"
        " WHERE id = ?",
        ((file_id,) for file_id in ids),
    )

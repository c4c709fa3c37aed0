"""The content of files as the library knows it: what may be a duplicate, and what became of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from vpo.db.file_changes import FileChange, add_changes
from vpo.db.files import Observation, mark_missing, record_returned


class Replaced(NamedTuple):
    """A file in whose place another of the same content is."""

    file_id: int
    size_bytes: int
    mtime_ns_before: int
    inode: int
    """As the system says; stored as the engine does."""
    mtime_ns: int
    ctime_ns: int


def signed(inode: int) -> int:
    """An inode number as the library has it: 64 bits with a sign."""
    return inode - 2**64 if inode >= 2**63 else inode


def record_replaced(connection: sqlite3.Connection, job: int, replaced: Iterable[Replaced]) -> None:
    """Records files that have become hard links, or ceased to be.

    So that the next scan sees nothing new. What is known of their content stays.
    """
    rows = list(replaced)
    connection.executemany(
        # Where inodes do not last, none is recorded.
        "UPDATE files SET inode = CASE WHEN inode IS NULL THEN NULL ELSE ?1 END, mtime_ns = ?2,"
        " ctime_ns = CASE WHEN ctime_ns IS NULL THEN NULL ELSE ?3 END"
        " WHERE id = ?4 AND size_bytes = ?5 AND mtime_ns = ?6",
        (
            (
                signed(row.inode),
                row.mtime_ns,
                row.ctime_ns,
                row.file_id,
                row.size_bytes,
                row.mtime_ns_before,
            )
            for row in rows
        ),
    )
    add_changes(
        connection,
        job,
        (
            FileChange(
                row.file_id,
                "changed",
                "inode",
                row.size_bytes,
                row.mtime_ns_before,
                row.size_bytes,
                row.mtime_ns,
            )
            for row in rows
        ),
    )
    look_again(connection, (row.file_id for row in rows))


def record_ctime(connection: sqlite3.Connection, moved: Iterable[tuple[int, int, int]]) -> None:
    """Records the ctime (before, after) of files (ids) that got or lost a name, and no more.

    Else a later check would take it for a sign that they were rewritten.
    """
    connection.executemany("UPDATE files SET ctime_ns = ?3 WHERE id = ?1 AND ctime_ns = ?2", moved)


def record_trashed(
    connection: sqlite3.Connection, job: int, file_ids: Iterable[int], at: str
) -> None:
    """Records that files are gone, as a scan would."""
    ids = list(file_ids)
    mark_missing(connection, ids, at)
    add_changes(connection, job, (FileChange(file_id, "removed") for file_id in ids))
    look_again(connection, ids)


def look_again(connection: sqlite3.Connection, file_ids: Iterable[int]) -> None:
    """Has the next scan look into the directories of files, whatever it knows of them."""
    connection.executemany(
        "UPDATE directories SET fingerprint = NULL"
        " WHERE id = (SELECT directory_id FROM files WHERE id = ?) AND fingerprint IS NOT NULL",
        ((file_id,) for file_id in file_ids),
    )


def names_of_inode(connection: sqlite3.Connection, file_id: int) -> list[int]:
    """The ids of files that have the inode of one, on its file system, that one among them."""
    rows = connection.execute(
        "SELECT o.id FROM files f JOIN directories d ON d.id = f.directory_id"
        " JOIN files o ON o.inode = f.inode JOIN directories p ON p.id = o.directory_id"
        " WHERE f.id = ? AND p.filesystem_id IS d.filesystem_id",
        (file_id,),
    )
    return [row[0] for row in rows]


class PutBack(NamedTuple):
    """A file that is back from the trash."""

    file_id: int
    inode: int
    """As the system says."""
    ctime_ns: int


def record_put_back(connection: sqlite3.Connection, job: int, files: Iterable[PutBack]) -> None:
    """Records missing files that are back, as a scan would that finds them unchanged."""
    for file in files:
        row = connection.execute(
            "SELECT size_bytes, mtime_ns, inode, is_symlink, id FROM files"
            " WHERE id = ? AND scan_status = 'missing'",
            (file.file_id,),
        ).fetchone()
        if row is None:
            continue
        seen = Observation._make(row)
        if seen.inode is not None:
            seen = seen._replace(inode=signed(file.inode))
        record_returned(connection, [seen])
        connection.execute(
            "UPDATE files SET ctime_ns = ? WHERE id = ? AND ctime_ns IS NOT NULL",
            (file.ctime_ns, file.file_id),
        )
        connection.execute(
            "UPDATE directories SET is_present = 1"
            " WHERE id = (SELECT directory_id FROM files WHERE id = ?)",
            (file.file_id,),
        )
        add_changes(connection, job, [FileChange(file.file_id, "returned")])
        look_again(connection, [file.file_id])

"""What vpo did to files (linked, trashed, put back), recorded as a scan would record it.

The next scan then finds nothing new.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from vpo.base.paths import StoredPath, from_stored, join
from vpo.db import directories as directory_table
from vpo.db import file_facts
from vpo.db.file_changes import FileChange, add_changes
from vpo.db.file_facts import Replaced
from vpo.db.stored_stat import stored_inode, stored_mtime


def record_replaced(connection: sqlite3.Connection, job: int, replaced: Iterable[Replaced]) -> None:
    """Records files that became hard links of others, or stopped being hard links.

    Inodes and mtimes are as the system reports them. If the record of a file is not that of the
    file before, the next scan looks at it.
    """
    files = (
        file._replace(
            inode=stored_inode(file.inode),
            mtime_ns_before=stored_mtime(file.mtime_ns_before),
            mtime_ns=stored_mtime(file.mtime_ns),
        )
        for file in replaced
    )
    recorded = [file for file in files if file_facts.record_replaced(connection, file)]
    add_changes(
        connection,
        job,
        (
            FileChange(
                file.file_id,
                "changed",
                "inode",
                file.size_bytes,
                file.mtime_ns_before,
                file.size_bytes,
                file.mtime_ns,
            )
            for file in recorded
        ),
    )
    directory_table.unsettle_directories_of(connection, (file.file_id for file in recorded))


def record_trashed(
    connection: sqlite3.Connection, job: int, files: Iterable[tuple[int, StoredPath]], at: str
) -> None:
    """Records that files (ids and former paths) are in the trash: missing, for the catalogue."""
    ids = [
        file_id
        for file_id, path in files
        if _status_at(connection, file_id, path) not in (None, "missing")
    ]
    file_facts.record_missing(connection, ids, at)
    add_changes(connection, job, (FileChange(file_id, "removed") for file_id in ids))
    directory_table.unsettle_directories_of(connection, ids)


class PutBack(NamedTuple):
    """A file that is back from the trash."""

    file_id: int
    path: StoredPath
    """Its path now."""
    inode: int
    """As the system reports it."""
    ctime_ns: int


def record_put_back(connection: sqlite3.Connection, job: int, files: Iterable[PutBack]) -> None:
    """Records missing files that are back unchanged.

    If the record is now that of a file at another path, the next scan looks at the file.
    """
    for file in files:
        if _status_at(connection, file.file_id, file.path) != "missing":
            continue
        file_facts.record_put_back(
            connection, file.file_id, inode=stored_inode(file.inode), ctime_ns=file.ctime_ns
        )
        directory_table.mark_present_directory_of(connection, file.file_id)
        add_changes(connection, job, [FileChange(file.file_id, "returned")])
        directory_table.unsettle_directories_of(connection, [file.file_id])


def _status_at(connection: sqlite3.Connection, file_id: int, path: StoredPath) -> str | None:
    """The status of the record with an id, None if it is not the record of the file at `path`.

    The record may have moved, or another file may have the id of a deleted record.
    """
    row = connection.execute(
        "SELECT f.scan_status, d.path, f.name FROM files f"
        " JOIN directories d ON d.id = f.directory_id WHERE f.id = ?",
        (file_id,),
    ).fetchone()
    if row is None or from_stored(join(*row[1:])) != from_stored(path):
        return None
    status: str = row[0]
    return status

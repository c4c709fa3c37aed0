"""The recorded content of files, for manifests: of one file, or of many in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from vpo.base.paths import StoredPath, from_stored, impossible_name
from vpo.db.files import LINKED_INODE
from vpo.db.selection import Selection, Source, condition_for, present


class Content(NamedTuple):
    """The recorded content of a file."""

    id: int
    size_bytes: int
    mtime_ns: int
    content_hash: str | None
    is_damaged: int
    is_symlink: int
    linked_inode: int | None
    """Its inode, if a link leads to it. None also if that is not known."""


_COLUMNS = (
    "f.id, f.size_bytes, f.mtime_ns, f.content_hash,"
    f" EXISTS (SELECT 1 FROM damage WHERE file_id = f.id), f.is_symlink, {LINKED_INODE}"
)


def find_content(
    connection: sqlite3.Connection, directory: StoredPath, name: StoredPath
) -> Content | None:
    """The record of a file, None if there is none or the file is missing."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM files f JOIN directories d ON d.id = f.directory_id"
        " WHERE d.path = ? AND f.name = ? AND f.scan_status <> 'missing'",
        (directory, name),
    ).fetchone()
    return Content._make(row) if row else None


def contents_below(
    connection: sqlite3.Connection, selection: Selection
) -> Iterator[tuple[bytes, Content]]:
    """Path and record of each selected file that is not missing, sorted by the bytes of paths."""
    source = Source("v", directory_path="v.directory")
    condition = present(source) & condition_for(selection, source)
    rows = connection.execute(
        f"SELECT CAST(v.path AS BLOB) AS bytes, v.filename, {_COLUMNS}"
        " FROM library_files v JOIN files f ON f.id = v.id"
        " JOIN directories d ON d.id = f.directory_id"
        f" WHERE {condition.sql} ORDER BY bytes",
        condition.parameters,
    )
    return ((_checked(path, name), Content._make(record)) for path, name, *record in rows)


def _checked(path: bytes, name: StoredPath) -> bytes:
    """The path of a file, which ends with its name."""
    if b"/" in (name.encode() if isinstance(name, str) else name):
        raise impossible_name(name)
    return from_stored(path)

"""What manifests ask of the library: the recorded content of files, one by one or in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from vpo.base.paths import StoredPath
from vpo.db.directories import below


class Content(NamedTuple):
    """What is recorded of the content of a file."""

    id: int
    size_bytes: int
    mtime_ns: int
    content_hash: str | None
    is_damaged: int
    is_symlink: int


_COLUMNS = (
    "f.id, f.size_bytes, f.mtime_ns, f.content_hash,"
    " EXISTS (SELECT 1 FROM damage WHERE file_id = f.id), f.is_symlink"
)


def find_content(
    connection: sqlite3.Connection, directory: StoredPath, name: StoredPath
) -> Content | None:
    """The record of a file that is not missing."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM files f JOIN directories d ON d.id = f.directory_id"
        " WHERE d.path = ? AND f.name = ? AND f.scan_status <> 'missing'",
        (directory, name),
    ).fetchone()
    return Content._make(row) if row else None


def contents_below(
    connection: sqlite3.Connection, directory: bytes, kinds: Sequence[str] = ()
) -> Iterator[tuple[bytes, Content]]:
    """Path and record of each file below a directory that is not missing, by the bytes of paths."""
    condition, parameters = below(directory, "v.directory")
    values: dict[str, Any] = dict(parameters)
    if kinds:
        values.update((f"kind_{number}", kind) for number, kind in enumerate(kinds))
        condition += f" AND v.kind IN ({', '.join(f':kind_{n}' for n in range(len(kinds)))})"
    rows = connection.execute(
        f"SELECT CAST(v.path AS BLOB) AS bytes, {_COLUMNS}"
        " FROM library_files v JOIN files f ON f.id = v.id"
        f" WHERE v.scan_status <> 'missing' AND {condition} ORDER BY bytes",
        values,
    )
    return ((path, Content._make(record)) for path, *record in rows)

"""Table `files`, as it is read: by scans, for listings, and one file.

`vpo.db.file_facts` writes it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from vpo.base.paths import StoredPath
from vpo.db.conditions import below
from vpo.db.selection import Selection, Source, condition_for

# The path of `files f` in `directories d`. It is a BLOB if the directory or the name is a BLOB.
PATH = (
    "CASE WHEN typeof(d.path) = 'blob' OR typeof(f.name) = 'blob'"
    " THEN CAST(rtrim(d.path, '/') || '/' || f.name AS BLOB)"
    " WHEN d.path = '' THEN f.name ELSE rtrim(d.path, '/') || '/' || f.name END"
)

# The inode of a file that a link leads to, or a link above it; NULL for all others, and where it
# is not known. It shows that the link leads to the same file as before.
LINKED_INODE = "CASE WHEN f.is_symlink OR d.via_symlink THEN f.inode END"


class KnownFile(NamedTuple):
    """What the catalogue knows of a file, for the comparison in a scan."""

    id: int
    name: StoredPath
    size_bytes: int
    mtime_ns: int
    inode: int | None
    is_symlink: int
    scan_status: str
    scanned_at: str
    scan_error: str | None
    container_format: str | None


def files_in(connection: sqlite3.Connection, directory_id: int) -> list[KnownFile]:
    """The known files of a directory, including missing files."""
    rows = connection.execute(
        "SELECT id, name, size_bytes, mtime_ns, inode, is_symlink, scan_status, scanned_at,"
        " scan_error, container_format FROM files WHERE directory_id = ?",
        (directory_id,),
    )
    return [KnownFile._make(row) for row in rows]


class Witness(NamedTuple):
    """A recorded file. If it is still there, its directory is the one that was scanned."""

    directory: StoredPath
    name: StoredPath
    size_bytes: int
    mtime_ns: int
    is_symlink: int


def sample_of_files(
    connection: sqlite3.Connection, directory: bytes, filesystem_id: int, most: int
) -> list[Witness]:
    """At most so many files below a directory, and on a file system, that are not missing.

    Half of them are from the first directories, half from the last ones.
    """
    condition = below(directory, "d.path")
    found: dict[tuple[StoredPath, StoredPath], Witness] = {}
    for order in ("ASC", "DESC"):
        # CROSS JOIN, and one file of each directory: so SQLite reads no more than it returns.
        rows = connection.execute(
            "SELECT d.path, f.name, f.size_bytes, f.mtime_ns, f.is_symlink FROM directories d"
            " CROSS JOIN files f ON f.id = (SELECT max(id) FROM files"
            " WHERE directory_id = d.id AND scan_status <> 'missing')"
            f" WHERE d.is_present AND d.filesystem_id = ? AND ({condition.sql})"
            f" ORDER BY d.path {order} LIMIT ?",
            (filesystem_id, *condition.parameters, most // 2),
        )
        found.update({(row[0], row[1]): Witness._make(row) for row in rows})
    return list(found.values())


def digests_in(connection: sqlite3.Connection, directory_id: int) -> dict[int, str]:
    """The recorded digests of the files in a directory, by the ids of the files."""
    return dict(
        connection.execute(
            "SELECT id, content_hash FROM files"
            " WHERE directory_id = ? AND content_hash IS NOT NULL",
            (directory_id,),
        )
    )


def missing_files(
    connection: sqlite3.Connection, root: bytes, *, since: str | None = None
) -> Iterator[tuple[int, StoredPath, StoredPath]]:
    """Id, directory and name of every missing file under `root`.

    With `since`, only those that went missing then or before (UTC, ISO-8601).
    """
    condition, parameters = below(root, "d.path")
    if since is not None:
        condition, parameters = f"{condition} AND f.missing_since <= ?", (*parameters, since)
    return iter(
        connection.execute(
            "SELECT f.id, d.path, f.name FROM files f JOIN directories d ON d.id = f.directory_id"
            f" WHERE f.scan_status = 'missing' AND {condition}",
            parameters,
        )
    )


class PlacedFile(NamedTuple):
    """A known file, with what decides whether rules select it."""

    id: int
    directory: StoredPath
    name: StoredPath
    is_symlink: int
    scan_status: str
    filesystem_id: int | None
    via_symlink: int


def files_below(connection: sqlite3.Connection, root: bytes) -> Iterator[PlacedFile]:
    """All known files under `root`, directory by directory."""
    condition, parameters = below(root, "d.path")
    rows = connection.execute(
        "SELECT f.id, d.path, f.name, f.is_symlink, f.scan_status, d.filesystem_id, d.via_symlink"
        f" FROM directories d CROSS JOIN files f ON f.directory_id = d.id WHERE {condition}",
        parameters,
    )
    return map(PlacedFile._make, rows)


class FileWithInode(NamedTuple):
    """A known file that is not missing, and its inode."""

    directory: StoredPath
    name: StoredPath
    size_bytes: int
    mtime_ns: int
    inode: int


def some_with_inodes(
    connection: sqlite3.Connection, root: bytes, *, most: int
) -> list[FileWithInode]:
    """A file with an inode from each of some directories under `root`, evenly spread."""
    condition, parameters = below(root)
    ids = connection.execute(
        f"SELECT id FROM directories WHERE is_present AND NOT via_symlink AND {condition}",
        parameters,
    ).fetchall()
    chosen = [ids[number * len(ids) // most] for number in range(most)] if len(ids) > most else ids
    # If there are few directories, several files of each are needed.
    each = -(-most // len(chosen)) if chosen else 0
    found: list[FileWithInode] = []
    for (directory_id,) in chosen:
        rows = connection.execute(
            "SELECT d.path, f.name, f.size_bytes, f.mtime_ns, f.inode FROM files f"
            " JOIN directories d ON d.id = f.directory_id WHERE f.directory_id = ?"
            " AND f.inode IS NOT NULL AND NOT f.is_symlink AND f.scan_status <> 'missing' LIMIT ?",
            (directory_id, each),
        )
        found += map(FileWithInode._make, rows)
    return found


# Columns of listings that are not in the view `library_files`.
_OTHER_COLUMNS = {
    "duration_seconds": "(SELECT duration_seconds FROM media WHERE file_id = library_files.id)"
}


def list_files(
    connection: sqlite3.Connection,
    columns: Sequence[str],
    selection: Selection,
    limit: int | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Rows of these columns for the selected files, sorted by directory and name.

    The columns are those of the view `library_files`, and `duration_seconds`. Each row is
    returned as soon as it is found.
    """
    names = ", ".join(_OTHER_COLUMNS.get(column, column) for column in columns)
    condition = condition_for(selection, Source("library_files", directory_path="directory"))
    return connection.execute(
        f"SELECT {names} FROM library_files WHERE {condition.sql}"
        " ORDER BY directory, filename LIMIT ?",
        (*condition.parameters, -1 if limit is None else limit),
    )


class FoundFile(NamedTuple):
    """The record of a file that was looked up by its path."""

    id: int
    path: StoredPath
    scan_status: str
    is_symlink: bool


def find_file(
    connection: sqlite3.Connection, directory: StoredPath, name: StoredPath
) -> FoundFile | None:
    """The record of the file `name` in a directory, None if there is none."""
    row = connection.execute(
        "SELECT v.id, v.path, v.scan_status, f.is_symlink FROM library_files v"
        " JOIN files f ON f.id = v.id WHERE v.directory = ? AND v.filename = ?",
        (directory, name),
    ).fetchone()
    return FoundFile(row[0], row[1], row[2], bool(row[3])) if row else None


def columns_of(
    connection: sqlite3.Connection, file_id: int, columns: Sequence[str]
) -> tuple[Any, ...]:
    """The values of these columns (as in `list_files`) for one file."""
    names = ", ".join(_OTHER_COLUMNS.get(column, column) for column in columns)
    row: tuple[Any, ...] = connection.execute(
        f"SELECT {names} FROM library_files WHERE id = ?", (file_id,)
    ).fetchone()
    return row


def knows_files(connection: sqlite3.Connection, place: bytes) -> bool:
    """Whether the catalogue knows a file below a directory, missing or not."""
    condition, parameters = below(place, "d.path")
    row = connection.execute(
        f"SELECT 1 FROM directories d WHERE {condition} AND EXISTS"
        " (SELECT 1 FROM files f WHERE f.directory_id = d.id) LIMIT 1",
        parameters,
    ).fetchone()
    return row is not None

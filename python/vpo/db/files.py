"""Table `files`: one row a file, and the queries of scans and listings."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from vpo.base.paths import StoredPath
from vpo.db.content import ContentFilter, conditions_of
from vpo.db.directories import below

STATUSES = ("pending", "ok", "error", "missing")


class KnownFile(NamedTuple):
    """What the catalogue knows of a file, as a scan compares it."""

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


class FileRecord(NamedTuple):
    """A file to be added; the fields are columns in this order."""

    directory_id: int
    name: StoredPath
    extension: str
    kind: str
    size_bytes: int
    mtime_ns: int
    inode: int | None
    is_symlink: bool


class Observation(NamedTuple):
    """What a scan saw of a known file; the fields are columns in this order."""

    size_bytes: int
    mtime_ns: int
    inode: int | None
    is_symlink: bool
    id: int


def files_in(connection: sqlite3.Connection, directory_id: int) -> list[KnownFile]:
    """The known files of a directory, missing ones too."""
    rows = connection.execute(
        "SELECT id, name, size_bytes, mtime_ns, inode, is_symlink, scan_status, scanned_at,"
        " scan_error, container_format FROM files WHERE directory_id = ?",
        (directory_id,),
    )
    return [KnownFile._make(row) for row in rows]


def digests_in(connection: sqlite3.Connection, directory_id: int) -> dict[int, str]:
    """The digests that are recorded of a directory's files, by their ids."""
    return dict(
        connection.execute(
            "SELECT id, content_hash FROM files"
            " WHERE directory_id = ? AND content_hash IS NOT NULL",
            (directory_id,),
        )
    )


def add_files(
    connection: sqlite3.Connection,
    records: Iterable[Sequence[Any]],
    *,
    scanned_at: str,
    added_by: int,
) -> None:
    """Adds files (as in `FileRecord`), to be read later: their status is `pending`.

    `added_by` is the number of the job that adds them.
    """
    # Literals for what all rows have: binding one a million times is a tenth of the cost.
    connection.executemany(
        "INSERT INTO files (directory_id, name, extension, kind, size_bytes, mtime_ns, inode,"
        " is_symlink, scanned_at, added_by)"
        f" VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{_literal(scanned_at)}', {int(added_by)})",
        records,
    )


def _literal(text: str) -> str:
    return text.replace("'", "''")


def record_changed(
    connection: sqlite3.Connection, observations: Iterable[Observation], scanned_at: str
) -> None:
    """Records files whose content is to be read anew. What was known of it is void."""
    observations = list(observations)
    connection.executemany(
        "UPDATE files SET size_bytes = ?, mtime_ns = ?, inode = ?, is_symlink = ?,"
        " scan_status = 'pending', scan_error = NULL, missing_since = NULL,"
        " container_format = NULL, content_hash = NULL, quick_hash = NULL, verified_at = NULL,"
        " ctime_ns = NULL,"
        f" scanned_at = '{_literal(scanned_at)}' WHERE id = ?",
        observations,
    )
    connection.executemany(
        "DELETE FROM heads WHERE file_id = ?", ((each.id,) for each in observations)
    )


def record_unchanged(
    connection: sqlite3.Connection, observations: Iterable[Observation], scanned_at: str
) -> None:
    """Records details of files that have not changed: a new inode, a finer mtime."""
    connection.executemany(
        "UPDATE files SET size_bytes = ?, mtime_ns = ?, inode = ?, is_symlink = ?,"
        f" scanned_at = '{_literal(scanned_at)}' WHERE id = ?",
        observations,
    )


def record_unsure(
    connection: sqlite3.Connection, observations: Iterable[Observation], scanned_at: str
) -> None:
    """Records files that look as they did, but are to be read again to be sure."""
    connection.executemany(
        "UPDATE files SET size_bytes = ?, mtime_ns = ?, inode = ?, is_symlink = ?,"
        " scan_status = 'pending', scan_error = NULL,"
        f" scanned_at = '{_literal(scanned_at)}' WHERE id = ?",
        observations,
    )


def record_returned(connection: sqlite3.Connection, observations: Iterable[Observation]) -> None:
    """Records missing files that came back as they were.

    Their status is what it was before, told by what reading them had left. What
    was never read, or by a program that knew less, is to be read.
    """
    connection.executemany(
        "UPDATE files SET size_bytes = ?, mtime_ns = ?, inode = ?, is_symlink = ?,"
        " missing_since = NULL, scan_status = CASE WHEN scan_error IS NOT NULL THEN 'error'"
        " WHEN EXISTS (SELECT 1 FROM media m WHERE m.file_id = files.id) THEN 'ok'"
        " ELSE 'pending' END WHERE id = ?",
        observations,
    )


def mark_missing(connection: sqlite3.Connection, ids: Iterable[int], at: str) -> None:
    """Records that files are gone."""
    gone = [(at, file_id) for file_id in ids]
    # Of one that was to be read again, what was read does not count when it is back.
    connection.executemany(
        "DELETE FROM media WHERE file_id = ?"
        " AND (SELECT scan_status FROM files WHERE id = media.file_id) = 'pending'",
        ((file_id,) for _, file_id in gone),
    )
    connection.executemany(
        "UPDATE files SET scan_status = 'missing', missing_since = ? WHERE id = ?", gone
    )


def missing_files(
    connection: sqlite3.Connection, root: bytes
) -> Iterator[tuple[int, StoredPath, StoredPath]]:
    """Id, directory and name of every missing file under `root`."""
    condition, parameters = below(root, "d.path")
    return iter(
        connection.execute(
            "SELECT f.id, d.path, f.name FROM files f JOIN directories d ON d.id = f.directory_id"
            f" WHERE f.scan_status = 'missing' AND {condition}",
            parameters,
        )
    )


def delete_files(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Deletes records; tracks go with them, jobs and operations stay."""
    connection.executemany("DELETE FROM files WHERE id = ?", ((file_id,) for file_id in ids))


class FileFilter(NamedTuple):
    """Which files to list."""

    under: tuple[bytes, ...] = ()
    """Directories of which one holds the file, at any depth."""
    statuses: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    changed_since: str | None = None
    content: ContentFilter = ContentFilter()
    limit: int | None = None


LISTED_COLUMNS = (
    "path",
    "size_bytes",
    "mtime_ns",
    "kind",
    "extension",
    "scan_status",
    "scan_error",
    "scanned_at",
    "missing_since",
    "content_hash",
    "container_format",
)


def list_files(connection: sqlite3.Connection, wanted: FileFilter) -> Iterator[sqlite3.Row]:
    """Rows of `LISTED_COLUMNS` and `duration_seconds` for the files that fit.

    They come by directory and name, each as soon as it is found.
    """
    conditions: list[str] = []
    parameters: dict[str, Any] = {}
    if wanted.under:
        places = []
        for number, directory in enumerate(sorted(set(wanted.under))):
            condition, values = below(directory, "directory", f"under{number}")
            places.append(condition)
            parameters.update(values)
        conditions.append(f"({' OR '.join(places)})")
    if wanted.statuses:
        # As literals: an index on one status serves only a query that names it.
        statuses = [status for status in STATUSES if status in wanted.statuses]
        tests = " OR ".join(f"scan_status = '{status}'" for status in statuses)
        conditions.append(f"({tests})")
    for column, choices in (
        ("kind", wanted.kinds),
        ("extension", wanted.extensions),
    ):
        if choices:
            names = [f"{column}_{number}" for number in range(len(choices))]
            conditions.append(f"{column} IN ({', '.join(':' + name for name in names)})")
            parameters.update(zip(names, choices, strict=True))
    if wanted.changed_since is not None:
        conditions.append("(scanned_at >= :since OR missing_since >= :since)")
        parameters["since"] = wanted.changed_since
    conditions += conditions_of(wanted.content, parameters, of_few=bool(wanted.under))
    sql = (
        f"SELECT {', '.join(LISTED_COLUMNS)},"
        " (SELECT duration_seconds FROM media WHERE file_id = library_files.id)"
        " AS duration_seconds FROM library_files"
    )
    if conditions:
        sql += f" WHERE {' AND '.join(conditions)}"
    sql += " ORDER BY directory, filename"
    if wanted.limit is not None:
        sql += " LIMIT :limit"
        parameters["limit"] = wanted.limit
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return iter(cursor.execute(sql, parameters))


def find_file(
    connection: sqlite3.Connection, directory: StoredPath, name: StoredPath
) -> sqlite3.Row | None:
    """All that the catalogue has of one file, or None."""
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    row: sqlite3.Row | None = cursor.execute(
        "SELECT v.*, f.is_symlink, m.duration_seconds FROM library_files v"
        " JOIN files f ON f.id = v.id LEFT JOIN media m ON m.file_id = v.id"
        " WHERE v.directory = ? AND v.filename = ?",
        (directory, name),
    ).fetchone()
    return row

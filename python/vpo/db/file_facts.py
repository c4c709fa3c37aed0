"""What is known of files: the module that writes the table `files`.

Each function records one event, and voids what the event makes untrue:

| event | status | void |
|---|---|---|
| added | pending | |
| changed, by size, mtime, inode or content | pending | digests, heads, media, the error |
| unsure: looks unchanged, must be read again | pending | the error |
| content accepted or restored | pending, unless missing | quick hash, heads, the error |
| may have been written while it moved | | full digest, heads |
| missing | missing | media, if the file was still to be read again |
| returned, put back | what it was before | |
| introspected | ok or error | media of the former content |
| not readable now, because of the system | pending, with the error | |

Digests are the full digest (with its time and ctime) and the quick hash; media are the rows in
`media`, `tracks`, `chapters` and `photos`. Damage is never void: it stays until it is repaired
or accepted. `vpo.db.file_actions` records what vpo itself did to files.

Two modules write the table for whole roots: `vpo.db.relocation` gives records to another place and
joins two records of one file, and `vpo.db.root_removal` deletes records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from vpo.base.paths import StoredPath
from vpo.db import directories as directory_table
from vpo.db import heads
from vpo.db import media as media_table

if TYPE_CHECKING:
    from vpo._engine import MediaRows

# The columns of `Observation`.
_SEEN = "size_bytes = ?, mtime_ns = ?, inode = ?, is_symlink = ?"
_TO_BE_READ = "scan_status = 'pending', scan_error = NULL"
_NO_CONTENT = (
    "content_hash = NULL, quick_hash = NULL, verified_at = NULL, ctime_ns = NULL,"
    " container_format = NULL"
)
# The status that a missing file had before, which follows from what reading it left behind. A
# file that was never read, or only by a program that recorded less, has to be read.
_STATUS_BEFORE = (
    "CASE WHEN scan_error IS NOT NULL THEN 'error'"
    " WHEN EXISTS (SELECT 1 FROM media m WHERE m.file_id = files.id) THEN 'ok'"
    " ELSE 'pending' END"
)
# Only the record of the file that was read: a scan may have found another one since.
_AS_READ = "id = ? AND size_bytes = ? AND mtime_ns = ?"


# -- What a scan sees ------------------------------------------------------------


class FileRecord(NamedTuple):
    """A file to be added. The fields are columns in this order."""

    directory_id: int
    name: StoredPath
    extension: str
    kind: str
    size_bytes: int
    mtime_ns: int
    inode: int | None
    is_symlink: bool


class Observation(NamedTuple):
    """What a scan saw of a known file. The fields are columns in this order."""

    size_bytes: int
    mtime_ns: int
    inode: int | None
    is_symlink: bool
    id: int


def record_added(
    connection: sqlite3.Connection,
    records: Iterable[Sequence[Any]],
    *,
    scanned_at: str,
    added_by: int,
) -> None:
    """Adds files (rows as in `FileRecord`).

    `added_by` is the number of the job that adds them.
    """
    # Literals for what all rows have in common: binding a value a million times takes a tenth
    # of the time.
    connection.executemany(
        "INSERT INTO files (directory_id, name, extension, kind, size_bytes, mtime_ns, inode,"
        " is_symlink, scanned_at, added_by)"
        f" VALUES (?, ?, ?, ?, ?, ?, ?, ?, {_literal(scanned_at)}, {int(added_by)})",
        records,
    )


def record_changed(
    connection: sqlite3.Connection, observations: Iterable[Observation], scanned_at: str
) -> None:
    """Records files whose content may be different from what is known."""
    observations = list(observations)
    ids = [observation.id for observation in observations]
    connection.executemany(
        f"UPDATE files SET {_SEEN}, {_TO_BE_READ}, {_NO_CONTENT}, missing_since = NULL,"
        f" scanned_at = {_literal(scanned_at)} WHERE id = ?",
        observations,
    )
    heads.forget(connection, ids)
    media_table.forget(connection, ids)


def record_unchanged(
    connection: sqlite3.Connection, observations: Iterable[Observation], scanned_at: str
) -> None:
    """Records details of files that have not changed: a new inode, a more precise mtime."""
    connection.executemany(
        f"UPDATE files SET {_SEEN}, scanned_at = {_literal(scanned_at)} WHERE id = ?",
        observations,
    )


def record_unsure(
    connection: sqlite3.Connection, observations: Iterable[Observation], scanned_at: str
) -> None:
    """Records files that look unchanged, but must be read again to be sure."""
    connection.executemany(
        f"UPDATE files SET {_SEEN}, {_TO_BE_READ}, scanned_at = {_literal(scanned_at)}"
        " WHERE id = ?",
        observations,
    )


def record_returned(connection: sqlite3.Connection, observations: Iterable[Observation]) -> None:
    """Records missing files that came back unchanged. They get back their former status."""
    connection.executemany(
        f"UPDATE files SET {_SEEN}, missing_since = NULL, scan_status = {_STATUS_BEFORE}"
        " WHERE id = ?",
        observations,
    )


def record_missing(connection: sqlite3.Connection, ids: Iterable[int], at: str) -> None:
    """Records that files no longer exist."""
    missing = [(at, file_id) for file_id in ids]
    # If a file was still to be read again, it is not known whether its media are right. Without
    # them, the file is pending when it comes back.
    connection.executemany(
        "DELETE FROM media WHERE file_id = ?"
        " AND (SELECT scan_status FROM files WHERE id = media.file_id) = 'pending'",
        ((file_id,) for _, file_id in missing),
    )
    connection.executemany(
        "UPDATE files SET scan_status = 'missing', missing_since = ?, scan_error ="
        " CASE scan_status WHEN 'pending' THEN NULL ELSE scan_error END WHERE id = ?",
        missing,
    )


def delete(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Deletes the records of files, with their tracks. Jobs and operations stay."""
    connection.executemany("DELETE FROM files WHERE id = ?", ((file_id,) for file_id in ids))


# -- Moves -----------------------------------------------------------------------


class Move(NamedTuple):
    """The new place of a file. The fields are columns in this order."""

    directory_id: int
    name: StoredPath
    extension: str
    kind: str
    mtime_ns: int
    inode: int | None
    is_symlink: bool
    ctime_ns: int | None
    to_be_read: bool
    """Whether what is known of its content may be out of date. Not a column."""
    id: int


def record_moved(connection: sqlite3.Connection, moves: Iterable[Move], scanned_at: str) -> None:
    """Records the new places of files. No other record may have these places."""
    connection.executemany(
        "UPDATE files SET directory_id = ?, name = ?, extension = ?, kind = ?, mtime_ns = ?,"
        " inode = ?, is_symlink = ?, ctime_ns = ?, missing_since = NULL,"
        f" scanned_at = {_literal(scanned_at)}, scan_status = CASE WHEN ? THEN 'pending'"
        f" WHEN scan_status <> 'missing' THEN scan_status ELSE {_STATUS_BEFORE} END WHERE id = ?",
        moves,
    )


def record_directory_moved(
    connection: sqlite3.Connection, directory_id: int, path: StoredPath, scanned_at: str
) -> None:
    """Records the new path of a directory. All that is known of its files stays."""
    directory_table.set_path(connection, directory_id, path)
    connection.execute(
        "UPDATE files SET scanned_at = ? WHERE directory_id = ?", (scanned_at, directory_id)
    )


def record_possibly_written(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Records that files may have been written since their digests were taken."""
    ids = list(ids)
    connection.executemany(
        "UPDATE files SET content_hash = NULL, verified_at = NULL WHERE id = ?",
        ((file_id,) for file_id in ids),
    )
    heads.forget(connection, ids)


# -- What was read ---------------------------------------------------------------


class Introspected(NamedTuple):
    """What reading a file found: its media (as `vpo.media.model.Media`), or an error."""

    file_id: int
    media: Mapping[str, Any] | None
    prober: str
    error: str | None = None
    quick_hash: bytes | None = None
    is_passing: bool = False
    """Whether the system caused the error, not the content. The next scan reads the file again."""


def record_introspected(connection: sqlite3.Connection, files: Sequence[Introspected]) -> None:
    """Records what reading files found, in place of what was known of their content.

    A track that still exists keeps its id, because transcriptions refer to it. Of files that
    the system did not let vpo read, only the error is recorded.
    """
    connection.executemany(
        "UPDATE files SET scan_status = 'pending', scan_error = ? WHERE id = ?",
        ((file.error, file.file_id) for file in files if file.is_passing),
    )
    files = [file for file in files if not file.is_passing]
    connection.executemany(
        "UPDATE files SET scan_status = ?, scan_error = ?, container_format = ?, quick_hash = ?"
        " WHERE id = ?",
        (
            (
                "ok" if file.media is not None else "error",
                file.error,
                (file.media or {}).get("container") or None,
                file.quick_hash,
                file.file_id,
            )
            for file in files
        ),
    )
    media_table.replace(connection, [(file.file_id, file.prober, file.media) for file in files])


def record_read(connection: sqlite3.Connection, rows: MediaRows, *, are_new: bool) -> None:
    """Records what vpo's own prober read, as `record_introspected` does.

    `are_new`: nothing was ever read of these files, so there is nothing to replace.
    """
    for fields, _, files in rows.files:
        container = "?" if "container" in fields else "NULL"
        quick_hash = "?" if "quick_hash" in fields else "NULL"
        connection.executemany(
            f"UPDATE files SET scan_status = 'ok', scan_error = NULL,"
            f" container_format = {container}, quick_hash = {quick_hash} WHERE id = ?",
            files,
        )
    media_table.add_rows(connection, rows, replace=not are_new)


class Verified(NamedTuple):
    """A file whose content was read, and is right or was not known before."""

    file_id: int
    content_hash: str
    """With the algorithm as prefix: `blake3:…`."""
    size_bytes: int
    """Size and mtime of the file that was read. If the record has others, it is not written."""
    mtime_ns: int
    ctime_ns: int
    verified_at: str
    """UTC, ISO-8601."""


_VERIFIED = "id = ?1 AND size_bytes = ?3 AND mtime_ns = ?4"


def record_verified(connection: sqlite3.Connection, rows: Iterable[Sequence[object]]) -> int:
    """Records full digests, and when they were right (rows as in `Verified`).

    Returns the number of files whose record was written.
    """
    return connection.executemany(
        f"UPDATE files SET content_hash = ?2, verified_at = ?6, ctime_ns = ?5 WHERE {_VERIFIED}",
        rows,
    ).rowcount


def record_verified_again(connection: sqlite3.Connection, rows: Iterable[Sequence[object]]) -> None:
    """Records when digests that are already known were right (rows as in `Verified`).

    This takes two thirds of the time of `record_verified`, and nearly all files of nearly all
    checks are of this kind.
    """
    connection.executemany(
        f"UPDATE files SET verified_at = ?6, ctime_ns = ?5 WHERE {_VERIFIED} AND content_hash = ?2",
        rows,
    )


def record_other_content(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Records that files have other content than when they were read: damage, or its repair.

    The next scan reads them again. Until then their media stay, but nothing is found by the
    quick hash or the head of the former content.
    """
    ids = list(ids)
    connection.executemany(
        "UPDATE files SET quick_hash = NULL, scan_error = NULL, scan_status = CASE scan_status"
        " WHEN 'missing' THEN 'missing' ELSE 'pending' END WHERE id = ?",
        ((file_id,) for file_id in ids),
    )
    heads.forget(connection, ids)


class QuickHash(NamedTuple):
    """The quick hash of a file. The fields are parameters in this order."""

    quick_hash: bytes
    id: int
    size_bytes: int
    mtime_ns: int


class FullDigest(NamedTuple):
    """The digest of all content of a file. The fields are parameters in this order."""

    content_hash: str
    ctime_ns: int
    id: int
    size_bytes: int
    mtime_ns: int


class BothDigests(NamedTuple):
    """Both digests, from reading a file once. The fields are parameters in this order."""

    quick_hash: bytes
    content_hash: str
    ctime_ns: int
    id: int
    size_bytes: int
    mtime_ns: int


def record_quick_hashes(connection: sqlite3.Connection, rows: Iterable[QuickHash]) -> None:
    """Records the quick hashes of files."""
    # By id, in the order of the table.
    ordered = sorted(rows, key=itemgetter(1))
    connection.executemany(f"UPDATE files SET quick_hash = ? WHERE {_AS_READ}", ordered)


def record_full_digests(
    connection: sqlite3.Connection, rows: Iterable[FullDigest], at: str
) -> None:
    """Records the full digests of files, which were read at a moment."""
    connection.executemany(
        f"UPDATE files SET content_hash = ?, ctime_ns = ?, verified_at = {_literal(at)}"
        f" WHERE {_AS_READ}",
        sorted(rows, key=itemgetter(2)),
    )


def record_both_digests(
    connection: sqlite3.Connection, rows: Iterable[BothDigests], at: str
) -> None:
    """Records both digests of files, which were read at a moment."""
    connection.executemany(
        "UPDATE files SET quick_hash = ?, content_hash = ?, ctime_ns = ?,"
        f" verified_at = {_literal(at)} WHERE {_AS_READ}",
        sorted(rows, key=itemgetter(3)),
    )


# -- New inodes and names of the same content --------------------------------------


class Replaced(NamedTuple):
    """A file that was replaced by another one with the same content."""

    file_id: int
    size_bytes: int
    mtime_ns_before: int
    inode: int
    """Inode and times as the catalogue stores them (`vpo.db.stored_stat`)."""
    mtime_ns: int
    ctime_ns: int


def record_replaced(connection: sqlite3.Connection, file: Replaced) -> bool:
    """Records the inode and times of a replaced file. What is known of its content stays.

    False if its record is not that of the file before: then the next scan looks at it.
    """
    cursor = connection.execute(
        # On some file systems inodes do not last, and are not recorded.
        "UPDATE files SET inode = CASE WHEN inode IS NULL THEN NULL ELSE ?1 END, mtime_ns = ?2,"
        " ctime_ns = CASE WHEN ctime_ns IS NULL THEN NULL ELSE ?3 END"
        " WHERE id = ?4 AND size_bytes = ?5 AND mtime_ns = ?6",
        (
            file.inode,
            file.mtime_ns,
            file.ctime_ns,
            file.file_id,
            file.size_bytes,
            file.mtime_ns_before,
        ),
    )
    return cursor.rowcount == 1


def record_ctimes(connection: sqlite3.Connection, moved: Iterable[tuple[int, int, int]]) -> None:
    """Records the ctime (id, before, after) of files that only got or lost a name.

    Otherwise a later check would take the new ctime for a sign that they were rewritten.
    """
    connection.executemany("UPDATE files SET ctime_ns = ?3 WHERE id = ?1 AND ctime_ns = ?2", moved)


def record_put_back(
    connection: sqlite3.Connection, file_id: int, *, inode: int, ctime_ns: int
) -> None:
    """Records a missing file that vpo put back unchanged, with its new inode and ctime."""
    connection.execute(
        "UPDATE files SET inode = CASE WHEN inode IS NULL THEN NULL ELSE ? END,"
        " ctime_ns = CASE WHEN ctime_ns IS NULL THEN NULL ELSE ? END,"
        f" missing_since = NULL, scan_status = {_STATUS_BEFORE} WHERE id = ?",
        (inode, ctime_ns, file_id),
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

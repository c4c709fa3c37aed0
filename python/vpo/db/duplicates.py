"""The content of files as the library knows it: what may be a duplicate, and what became of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from vpo.base.paths import StoredPath, from_stored, join
from vpo.content.algorithms import RECORDED_PREFIX
from vpo.db.directories import below
from vpo.db.file_changes import FileChange, add_changes
from vpo.db.files import Observation, mark_missing, record_returned
from vpo.db.verification import PATH


def _status_at(connection: sqlite3.Connection, file_id: int, path: StoredPath) -> str | None:
    """The status of a record (its id); None if it is not that of the file at a path.

    It may have moved, or been deleted: then another file may have the id by now.
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


class Replaced(NamedTuple):
    """A file in whose place another of the same content is."""

    file_id: int
    size_bytes: int
    mtime_ns_before: int
    inode: int
    """This and the times are as the system says; stored as the engine does."""
    mtime_ns: int
    ctime_ns: int


def signed(inode: int) -> int:
    """An inode number as the library has it: 64 bits with a sign."""
    return inode - 2**64 if inode >= 2**63 else inode


def clamped(mtime_ns: int) -> int:
    """A mtime as the library has it: 64 bits."""
    return max(-(2**63), min(2**63 - 1, mtime_ns))


def record_replaced(connection: sqlite3.Connection, job: int, replaced: Iterable[Replaced]) -> None:
    """Records files that have become hard links, or ceased to be.

    So that the next scan sees nothing new. What is known of their content stays. A file that
    is not known as it was before, or not any more, is left to that scan.
    """
    rows = [
        row
        for row in (
            row._replace(
                mtime_ns_before=clamped(row.mtime_ns_before), mtime_ns=clamped(row.mtime_ns)
            )
            for row in replaced
        )
        if connection.execute(
            # Where inodes do not last, none is recorded.
            "UPDATE files SET inode = CASE WHEN inode IS NULL THEN NULL ELSE ?1 END, mtime_ns = ?2,"
            " ctime_ns = CASE WHEN ctime_ns IS NULL THEN NULL ELSE ?3 END"
            " WHERE id = ?4 AND size_bytes = ?5 AND mtime_ns = ?6",
            (
                signed(row.inode),
                row.mtime_ns,
                row.ctime_ns,
                row.file_id,
                row.size_bytes,
                row.mtime_ns_before,
            ),
        ).rowcount
    ]
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
    connection: sqlite3.Connection, job: int, files: Iterable[tuple[int, StoredPath]], at: str
) -> None:
    """Records that files (ids, and where they were) are gone, as a scan would."""
    ids = [
        file_id
        for file_id, path in files
        if _status_at(connection, file_id, path) not in (None, "missing")
    ]
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
    path: StoredPath
    """Where it is."""
    inode: int
    """As the system says."""
    ctime_ns: int


def record_put_back(connection: sqlite3.Connection, job: int, files: Iterable[PutBack]) -> None:
    """Records missing files that are back, as a scan would that finds them unchanged.

    One whose record is that of a file elsewhere by now is left to the next scan.
    """
    for file in files:
        if _status_at(connection, file.file_id, file.path) != "missing":
            continue
        row = connection.execute(
            "SELECT size_bytes, mtime_ns, inode, is_symlink, id FROM files WHERE id = ?",
            (file.file_id,),
        ).fetchone()
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


# -- Finding ---------------------------------------------------------------------


class Selection(NamedTuple):
    """Which files to compare with each other."""

    under: tuple[bytes, ...] = ()
    """Directories of which one holds the file, at any depth; none: the whole library."""
    kinds: tuple[str, ...] = ()
    least_bytes: int = 1
    """Smaller files are left out. Empty ones are no duplicates: they hold nothing twice."""

    @property
    def is_everything(self) -> bool:
        """Whether no file of the library is left out that could be a duplicate."""
        return self == Selection()


class Candidate(NamedTuple):
    """A file that may be a duplicate; the fields are columns in this order."""

    id: int
    size_bytes: int
    mtime_ns: int
    inode: int | None
    filesystem_id: int | None
    quick_hash: bytes | None
    content_hash: str | None
    directory: StoredPath
    name: StoredPath

    @property
    def path(self) -> StoredPath:
        """Where it is."""
        return join(self.directory, self.name)

    @property
    def digest(self) -> str | None:
        """The digest of its whole content, if it is known; v6 had digests of parts."""
        known = self.content_hash
        return known if known is not None and known.startswith(RECORDED_PREFIX) else None


_CANDIDATE = (
    "f.id, f.size_bytes, f.mtime_ns, f.inode, d.filesystem_id, f.quick_hash, f.content_hash,"
    " d.path, f.name"
)


def knows_all_quick_hashes(connection: sqlite3.Connection) -> bool:
    """Whether every file of the library has a quick hash, as after a scan that read them all.

    Two counts that indexes answer: a look at all files would take ten times as long.
    """
    files, known = connection.execute(
        "SELECT (SELECT count(*) FROM files),"
        " (SELECT count(*) FROM files INDEXED BY idx_files_quick_hash"
        " WHERE quick_hash IS NOT NULL)"
    ).fetchone()
    return bool(files == known)


def count_damaged(connection: sqlite3.Connection, wanted: Selection) -> int:
    """How many files that are asked for are known to be damaged, and therefore left out."""
    condition, parameters = _selected(wanted, damaged=True)
    row = connection.execute(
        "SELECT count(*) FROM damage CROSS JOIN files f ON f.id = damage.file_id"
        f" WHERE {condition}",
        parameters,
    ).fetchone()
    return int(row[0])


# Sizes of which there are several files, and one of them without a quick hash.
_UNCLEAR_SIZES = (
    "SELECT f.size_bytes AS size FROM files f WHERE {condition}"
    " GROUP BY f.size_bytes HAVING count(*) > 1 AND count(f.quick_hash) < count(*)"
)
_VALID = "h.file_id = f.id AND h.size_bytes = f.size_bytes AND h.mtime_ns = f.mtime_ns"


def without_head(
    connection: sqlite3.Connection, wanted: Selection
) -> list[tuple[int, StoredPath, int, int, bool]]:
    """The files whose heads are to be read, as the engine takes them.

    Those of each size of which there are several, one of them without a quick hash.
    """
    condition, parameters = _selected(wanted)
    return connection.execute(
        f"WITH sizes AS MATERIALIZED ({_UNCLEAR_SIZES.format(condition=condition)})"
        f" SELECT f.id, {PATH}, f.size_bytes, f.mtime_ns, 0 FROM files f"
        " JOIN directories d ON d.id = f.directory_id"
        f" WHERE f.size_bytes IN (SELECT size FROM sizes) AND {condition}"
        f" AND NOT EXISTS (SELECT 1 FROM heads h WHERE {_VALID})",
        parameters,
    ).fetchall()


def of_equal_head(connection: sqlite3.Connection, wanted: Selection) -> list[list[Candidate]]:
    """The sets of files of one size and head, one of them without a quick hash."""
    if not connection.execute("SELECT 1 FROM heads WHERE NOT is_settled LIMIT 1").fetchone():
        return []
    condition, parameters = _selected(wanted)
    rows = connection.execute(
        "WITH alike AS MATERIALIZED (SELECT * FROM ("
        "SELECT *, count(*) OVER (PARTITION BY size_bytes, head) AS number FROM heads)"
        " WHERE number > 1)"
        f" SELECT {_CANDIDATE}, h.head FROM alike h CROSS JOIN files f ON {_VALID}"
        " CROSS JOIN directories d ON d.id = f.directory_id"
        f" WHERE {condition}",
        parameters,
    )
    sets = []
    for _, same in groupby(rows, key=itemgetter(1, -1)):
        files = [Candidate._make(row[:-1]) for row in same]
        if len(files) > 1 and any(file.quick_hash is None for file in files):
            sets.append(files)
    return sets


def record_heads(connection: sqlite3.Connection, rows: Iterable[tuple[int, int, int, str]]) -> None:
    """Records heads: of files (ids), of this size and mtime when they were read."""
    connection.executemany(
        # A scan may have deleted the record of a file while that was read.
        "INSERT OR REPLACE INTO heads (file_id, size_bytes, mtime_ns, head)"
        " SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM files WHERE id = ?1)",
        rows,
    )


# The number of the last job that there was: it may have been purged.
_LAST_JOB = "(SELECT seq FROM sqlite_sequence WHERE name = 'jobs')"


def settle(connection: sqlite3.Connection, job: int) -> None:
    """Records that all files were looked at that may be duplicates, by a job (its number).

    Until another job has run, what is known of files is as it is now. If one runs at this
    moment, nothing is known of that.
    """
    connection.execute("UPDATE heads SET is_settled = 1 WHERE NOT is_settled")
    connection.execute(
        "INSERT INTO _meta (key, value) SELECT 'duplicates_known_by', ?1"
        f" WHERE ?1 = {_LAST_JOB} AND NOT EXISTS"
        " (SELECT 1 FROM jobs WHERE status = 'running' AND number <> ?1)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (job,),
    )


def is_settled(connection: sqlite3.Connection) -> bool:
    """Whether nothing can have changed since all files were looked at."""
    row = connection.execute(
        "SELECT 1 FROM _meta WHERE key = 'duplicates_known_by'"
        f" AND CAST(value AS INTEGER) = {_LAST_JOB}"
    ).fetchone()
    return row is not None


def of_equal_quick_hash(connection: sqlite3.Connection, wanted: Selection) -> list[Candidate]:
    """The files of which others have the same quick hash, those of one hash together.

    Not all are of one size: the first and the last part can be equal all the same. And of
    those of one size only one may be asked for.
    """
    condition, parameters = _selected(wanted)
    # The index alone says which hashes there are twice; a look at each file would take
    # five times as long.
    rows = connection.execute(
        "WITH hashes AS MATERIALIZED ("
        "SELECT quick_hash AS quick FROM files INDEXED BY idx_files_quick_hash"
        " WHERE quick_hash IS NOT NULL GROUP BY quick_hash HAVING count(*) > 1)"
        f" SELECT {_CANDIDATE} FROM hashes"
        " CROSS JOIN files f INDEXED BY idx_files_quick_hash ON f.quick_hash = hashes.quick"
        f" CROSS JOIN directories d ON d.id = f.directory_id WHERE {condition}",
        parameters,
    )
    return list(map(Candidate._make, rows))


def _selected(wanted: Selection, *, damaged: bool = False) -> tuple[str, dict[str, Any]]:
    """A condition for the files that are asked for, and its parameters.

    A link is no file of its own, and what is known to be damaged is equal to nothing.
    With `damaged`, such files are among them.
    """
    conditions = ["f.scan_status <> 'missing'", "NOT f.is_symlink", "f.size_bytes >= :least"]
    parameters: dict[str, Any] = {"least": wanted.least_bytes}
    if not damaged:
        conditions.append("f.id NOT IN (SELECT file_id FROM damage)")
    if wanted.kinds:
        names = [f"kind_{number}" for number in range(len(wanted.kinds))]
        conditions.append(f"f.kind IN ({', '.join(':' + name for name in names)})")
        parameters.update(zip(names, wanted.kinds, strict=True))
    if wanted.under:
        places = []
        for number, directory in enumerate(wanted.under):
            place, values = below(directory, "path", f"under{number}")
            places.append(place)
            parameters.update(values)
        conditions.append(
            f"f.directory_id IN (SELECT id FROM directories WHERE {' OR '.join(places)})"
        )
    return " AND ".join(conditions), parameters


class QuickHash(NamedTuple):
    """What was read of the ends of a file; the fields are parameters in this order."""

    quick_hash: bytes
    id: int
    size_bytes: int
    mtime_ns: int


class Whole(NamedTuple):
    """Both, of one reading; the fields are parameters in this order."""

    quick_hash: bytes
    content_hash: str
    ctime_ns: int
    id: int
    size_bytes: int
    mtime_ns: int


class Content(NamedTuple):
    """What was read of a whole file; the fields are parameters in this order."""

    content_hash: str
    ctime_ns: int
    id: int
    size_bytes: int
    mtime_ns: int


_AS_READ = "WHERE id = ? AND size_bytes = ? AND mtime_ns = ?"


def record_quick_hashes(connection: sqlite3.Connection, rows: Iterable[QuickHash]) -> None:
    """Records quick hashes of files that are still known as they were when they were read."""
    # By id, as they lie in the table.
    ordered = sorted(rows, key=itemgetter(1))
    connection.executemany(f"UPDATE files SET quick_hash = ? {_AS_READ}", ordered)


def record_wholes(connection: sqlite3.Connection, rows: Iterable[Whole], at: str) -> None:
    """Records both digests of files that are still known as they were when they were read."""
    connection.executemany(
        "UPDATE files SET quick_hash = ?, content_hash = ?, ctime_ns = ?,"
        f" verified_at = '{at}' {_AS_READ}",
        sorted(rows, key=itemgetter(3)),
    )


def record_contents(connection: sqlite3.Connection, rows: Iterable[Content], at: str) -> None:
    """Records full digests of files that are still known as they were when they were read."""
    connection.executemany(
        f"UPDATE files SET content_hash = ?, ctime_ns = ?, verified_at = '{at}' {_AS_READ}",
        sorted(rows, key=itemgetter(2)),
    )

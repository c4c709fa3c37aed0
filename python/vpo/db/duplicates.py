"""Finds files that may be duplicates: by size, head and quick hash."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, cast

from vpo.base.paths import StoredPath, checked, join
from vpo.content.algorithms import RECORDED_PREFIX
from vpo.db import heads
from vpo.db.conditions import Condition, all_of
from vpo.db.selection import Selection, Source, condition_for, present


def is_everything(selection: Selection) -> bool:
    """Whether all files are selected that could be duplicates. Empty files cannot."""
    return selection.least_bytes <= 1 and selection._replace(least_bytes=0) == Selection()


class Candidate(NamedTuple):
    """A file that may be a duplicate. The fields are columns in this order."""

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
        """Its path."""
        return join(self.directory, self.name)

    @property
    def digest(self) -> str | None:
        """The digest of all its content, if it is known. Earlier programs only read parts."""
        known = self.content_hash
        return known if known is not None and known.startswith(RECORDED_PREFIX) else None


_CANDIDATE = (
    "f.id, f.size_bytes, f.mtime_ns, f.inode, d.filesystem_id, f.quick_hash, f.content_hash,"
    " d.path, f.name"
)


def knows_all_quick_hashes(connection: sqlite3.Connection) -> bool:
    """Whether every file in the catalogue has a quick hash, as after a scan that read them all.

    Indexes answer the two counts. A look at all files would take ten times as long.
    """
    files, known = connection.execute(
        "SELECT (SELECT count(*) FROM files),"
        " (SELECT count(*) FROM files INDEXED BY idx_files_quick_hash"
        " WHERE quick_hash IS NOT NULL)"
    ).fetchone()
    return bool(files == known)


def count_damaged(connection: sqlite3.Connection, selection: Selection) -> int:
    """The number of selected files that are left out because they are damaged."""
    condition = _possible(selection)
    row = connection.execute(
        "SELECT count(*) FROM damage CROSS JOIN files f ON f.id = damage.file_id"
        f" WHERE {condition.sql}",
        condition.parameters,
    ).fetchone()
    return int(row[0])


_VALID_HEAD = "h.file_id = f.id AND h.size_bytes = f.size_bytes AND h.mtime_ns = f.mtime_ns"


def without_head(connection: sqlite3.Connection, selection: Selection) -> list[int]:
    """The ids of the files whose heads have to be read.

    These are the files of each size that several files have, at least one of them without a
    quick hash.
    """
    condition = _undamaged(selection)
    sizes = (
        f"SELECT f.size_bytes AS size FROM files f WHERE {condition.sql}"
        " GROUP BY f.size_bytes HAVING count(*) > 1 AND count(f.quick_hash) < count(*)"
    )
    rows = connection.execute(
        f"WITH sizes AS MATERIALIZED ({sizes}) SELECT f.id FROM files f"
        f" WHERE f.size_bytes IN (SELECT size FROM sizes) AND {condition.sql}"
        f" AND NOT EXISTS (SELECT 1 FROM heads h WHERE {_VALID_HEAD})",
        (*condition.parameters, *condition.parameters),
    )
    return [row[0] for row in rows]


def to_read(
    connection: sqlite3.Connection, ids: Sequence[int]
) -> list[tuple[int, StoredPath, int, int, bool]]:
    """Files in the form that the engine takes. Files that the catalogue lost are left out."""
    rows = connection.execute(
        "SELECT f.id, d.path, f.name, f.size_bytes, f.mtime_ns"
        " FROM json_each(?) AS wanted CROSS JOIN files f ON f.id = wanted.value"
        " CROSS JOIN directories d ON d.id = f.directory_id",
        (f"[{','.join(map(str, ids))}]",),
    )
    return [
        (file_id, checked(join(directory, name)), size_bytes, mtime_ns, False)
        for file_id, directory, name, size_bytes, mtime_ns in rows
    ]


def of_equal_head(connection: sqlite3.Connection, selection: Selection) -> list[list[Candidate]]:
    """The sets of files with the same size and head, one of them without a quick hash."""
    if heads.are_settled(connection):
        return []
    condition = _undamaged(selection)
    # Few files have the head of another one, so the others are not looked up.
    rows = connection.execute(
        "SELECT group_concat(file_id) FROM heads GROUP BY size_bytes, head HAVING count(*) > 1"
    )
    alike = ",".join(row[0] for row in rows)
    rows = connection.execute(
        f"SELECT {_CANDIDATE}, h.head FROM json_each(?) AS wanted"
        f" CROSS JOIN heads h ON h.file_id = wanted.value CROSS JOIN files f ON {_VALID_HEAD}"
        " CROSS JOIN directories d ON d.id = f.directory_id"
        f" WHERE {condition.sql}",
        (f"[{alike}]", *condition.parameters),
    )
    sets = []
    for _, same in groupby(rows, key=itemgetter(1, -1)):
        files = _candidates_of(row[:-1] for row in same)
        if len(files) > 1 and any(file.quick_hash is None for file in files):
            sets.append(files)
    return sets


def of_equal_quick_hash(connection: sqlite3.Connection, selection: Selection) -> list[Candidate]:
    """The files whose quick hash other files have too, sorted by quick hash.

    Files with the same quick hash can have different sizes, because the hash is of the first
    and the last part. Of the files with the same hash and size, possibly only one is selected.
    """
    condition = _undamaged(selection)
    # The index alone shows which hashes occur twice. Looking at each file would take five
    # times as long.
    rows = connection.execute(
        "WITH hashes AS MATERIALIZED ("
        "SELECT quick_hash AS quick FROM files INDEXED BY idx_files_quick_hash"
        " WHERE quick_hash IS NOT NULL GROUP BY quick_hash HAVING count(*) > 1)"
        f" SELECT {_CANDIDATE} FROM hashes"
        " CROSS JOIN files f INDEXED BY idx_files_quick_hash ON f.quick_hash = hashes.quick"
        f" CROSS JOIN directories d ON d.id = f.directory_id WHERE {condition.sql}",
        condition.parameters,
    )
    return _candidates_of(rows)


def _candidates_of(rows: Iterable[tuple[Any, ...]]) -> list[Candidate]:
    # Faster than `Candidate._make`, for many thousands of rows.
    files = list(map(_candidate, rows))
    for directory in {file.directory for file in files}:
        checked(directory)
    return files


_candidate = cast("Callable[[Iterable[Any]], Candidate]", partial(tuple.__new__, Candidate))


def names_of_inode(connection: sqlite3.Connection, file_id: int) -> list[int]:
    """The ids of all names of a file, its own included: same inode on the same file system."""
    rows = connection.execute(
        "SELECT o.id FROM files f JOIN directories d ON d.id = f.directory_id"
        " JOIN files o ON o.inode = f.inode JOIN directories p ON p.id = o.directory_id"
        " WHERE f.id = ? AND p.filesystem_id IS d.filesystem_id",
        (file_id,),
    )
    return [row[0] for row in rows]


def _possible(selection: Selection) -> Condition:
    """The selected files that can be duplicates. Symbolic links and empty files cannot."""
    selection = selection._replace(least_bytes=max(1, selection.least_bytes))
    condition = condition_for(selection, Source())
    return all_of((present(), Condition("NOT f.is_symlink"), condition))


def _undamaged(selection: Selection) -> Condition:
    """The files of `_possible` that are not damaged. Damaged files equal no other file."""
    return _possible(selection) & Condition("f.id NOT IN (SELECT file_id FROM damage)")


# -- Whether the answer is known -----------------------------------------------------

# The number of the newest job, which may have been purged.
_NEWEST_JOB = "(SELECT seq FROM sqlite_sequence WHERE name = 'jobs')"


def settle(connection: sqlite3.Connection, job: int) -> None:
    """Records that a job (its number) has looked at all files that may be duplicates.

    This holds until another job runs. It is not recorded if another job is running now.
    """
    heads.mark_settled(connection)
    connection.execute(
        "INSERT INTO _meta (key, value) SELECT 'duplicates_known_by', ?1"
        f" WHERE ?1 = {_NEWEST_JOB} AND NOT EXISTS"
        " (SELECT 1 FROM jobs WHERE status = 'running' AND number <> ?1)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (job,),
    )


def is_settled(connection: sqlite3.Connection) -> bool:
    """Whether nothing can have changed since a job looked at all files."""
    row = connection.execute(
        "SELECT 1 FROM _meta WHERE key = 'duplicates_known_by'"
        f" AND CAST(value AS INTEGER) = {_NEWEST_JOB}"
    ).fetchone()
    return row is not None

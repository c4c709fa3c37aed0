"""What content of files is known to be, and which of them is to be checked next.

The columns `content_hash`, `verified_at` and `ctime_ns` of `files`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from vpo.base.paths import StoredPath
from vpo.content.algorithms import RECORDED_PREFIX
from vpo.db.directories import below


class Verified(NamedTuple):
    """A file whose content was read and found right, or read for the first time."""

    file_id: int
    content_hash: str
    """With its algorithm: `blake3:…`."""
    size_bytes: int
    """Size and mtime of the file that was read; only a record of just these is written."""
    mtime_ns: int
    ctime_ns: int
    verified_at: str
    """UTC, ISO-8601."""


def record_verified(connection: sqlite3.Connection, rows: Iterable[Sequence[object]]) -> int:
    """Records digests (as in `Verified`), and when they were right; returns for how many files.

    Of a file that a scan has meanwhile found to be another, nothing is recorded.
    """
    cursor = connection.executemany(
        "UPDATE files SET content_hash = ?2, verified_at = ?6, ctime_ns = ?5"
        " WHERE id = ?1 AND size_bytes = ?3 AND mtime_ns = ?4",
        rows,
    )
    return cursor.rowcount


def record_unchanged(connection: sqlite3.Connection, rows: Iterable[Sequence[object]]) -> None:
    """Records when digests were right that are recorded already; rows as in `Verified`.

    It takes two thirds of the time, and they are nearly all files of nearly all checks.
    """
    connection.executemany(
        "UPDATE files SET verified_at = ?6, ctime_ns = ?5"
        " WHERE id = ?1 AND size_bytes = ?3 AND mtime_ns = ?4 AND content_hash = ?2",
        rows,
    )


def have_read_again(connection: sqlite3.Connection, file_ids: Iterable[int]) -> None:
    """Has files read by the next scan, as what is known of them is of other content.

    What is in them stays on record until then; nothing is found by their old content.
    """
    ids = [(file_id,) for file_id in file_ids]
    connection.executemany(
        "UPDATE files SET quick_hash = NULL, scan_error = NULL, scan_status = CASE scan_status"
        " WHEN 'missing' THEN 'missing' ELSE 'pending' END WHERE id = ?",
        ids,
    )
    connection.executemany("DELETE FROM heads WHERE file_id = ?", ids)


class Selection(NamedTuple):
    """Which of the files that are not missing are to be checked."""

    places: tuple[bytes, ...] = ()
    """Directories of which one holds the file, at any depth."""
    files: tuple[int, ...] = ()
    """Ids of files; with neither these nor directories: the whole library."""
    without: tuple[bytes, ...] = ()
    """Directories that hold none of them."""
    kinds: tuple[str, ...] = ()
    only_new: bool = False
    """Only those of whose whole content there is no digest."""
    verified_before: str = ""
    """Only those that were not verified since; UTC, ISO-8601."""
    ahead: str = "9999"
    """Also those that were verified after that moment, which is one to come."""
    found_before: str = ""
    """Of the files that could not be read: only those where that was found before."""


class Candidate(NamedTuple):
    """A file to be checked, with what is known of it."""

    id: int
    path: StoredPath
    size_bytes: int
    mtime_ns: int
    ctime_ns: int | None
    is_symlink: int
    content_hash: str | None
    verified_at: str | None
    scanned_at: str
    damage: str | None
    """What was found wrong with it, if anything: as table `damage` has it."""
    digest_recorded: str | None
    """If there is damage: what its content was."""
    recorded_at: str | None
    is_plain: int
    """Whether there is no damage, and no digest of an earlier program."""


# Of `files f` in `directories d`: a BLOB if a part of it is.
PATH = (
    "CASE WHEN typeof(d.path) = 'blob' OR typeof(f.name) = 'blob'"
    " THEN CAST(rtrim(d.path, '/') || '/' || f.name AS BLOB)"
    " WHEN d.path = '' THEN f.name ELSE rtrim(d.path, '/') || '/' || f.name END"
)

_COLUMNS = (
    f"f.id, {PATH}, f.size_bytes, f.mtime_ns, f.ctime_ns, f.is_symlink, f.content_hash,"
    " f.verified_at, f.scanned_at, m.damage, m.digest_recorded, m.recorded_at,"
    " m.damage IS NULL AND (f.content_hash IS NULL"
    f" OR f.content_hash GLOB '{RECORDED_PREFIX}*')"
)

_JOINED = (
    "files f CROSS JOIN directories d ON d.id = f.directory_id"
    " LEFT JOIN damage m ON m.file_id = f.id"
)

# In turn: never verified; verified in the future, by a clock that went wrong, which else
# nothing would ever be of; the others, the stalest first; and those that could not be
# read, which may take a disk minutes each. A file is in one of them.
_READABLE = "(m.damage IS NULL OR m.damage <> 'unreadable')"
_NEVER = f"f.verified_at IS NULL AND {_READABLE}"
_STALE = f"f.verified_at < :verified_before AND {_READABLE}"
_AHEAD = f"f.verified_at > :ahead AND {_READABLE}"
_UNREADABLE = "m.damage = 'unreadable' AND m.found_at < :found_before"


def candidates(
    connection: sqlite3.Connection, selection: Selection, *, page: int, of_few: bool = False
) -> Iterator[list[Candidate]]:
    """The files to be checked, in the order in which that is to be done, by `page` at most.

    Each page is a query of its own, so that there can be writing between two. No
    file comes twice, whatever was recorded of it since. With `of_few` they are found
    by their directories, and sorted for each page.
    """
    conditions, parameters = _conditions(selection, by_directory=of_few)
    parameters["page"] = page
    parameters["id"] = -1
    never = (
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE {_NEVER} AND f.id > :id{conditions}"
        " ORDER BY f.id LIMIT :page"
    )
    while rows := connection.execute(never, parameters).fetchall():
        parameters["id"] = rows[-1][0]
        yield [Candidate._make(row) for row in rows]
    latest = connection.execute(
        "SELECT max(verified_at) FROM files WHERE verified_at IS NOT NULL"
    ).fetchone()[0]
    if latest is not None and latest > selection.ahead:
        parameters["id"] = -1
        ahead = never.replace(_NEVER, _AHEAD)
        while rows := connection.execute(ahead, parameters).fetchall():
            parameters["id"] = rows[-1][0]
            yield [Candidate._make(row) for row in rows]
    parameters.update(id=-1, at="")
    stale = (
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE {_STALE} AND (f.verified_at, f.id) > (:at, :id)"
        f"{conditions} ORDER BY f.verified_at, f.id LIMIT :page"
    )
    while rows := connection.execute(stale, parameters).fetchall():
        found = [Candidate._make(row) for row in rows]
        parameters.update(id=found[-1].id, at=found[-1].verified_at)
        yield found
    parameters["id"] = -1
    unreadable = (
        f"SELECT {_COLUMNS} FROM damage m CROSS JOIN files f ON f.id = m.file_id"
        f" CROSS JOIN directories d ON d.id = f.directory_id"
        f" WHERE {_UNREADABLE} AND m.file_id > :id{conditions} ORDER BY m.file_id LIMIT :page"
    )
    while rows := connection.execute(unreadable, parameters).fetchall():
        parameters["id"] = rows[-1][0]
        yield [Candidate._make(row) for row in rows]


def amount(connection: sqlite3.Connection, selection: Selection) -> tuple[int, int]:
    """How many files there are to be checked, and how many bytes."""
    conditions, parameters = _conditions(selection, by_directory=True)
    row = connection.execute(
        f"SELECT count(*), coalesce(sum(f.size_bytes), 0) FROM {_JOINED}"
        f" WHERE (({_NEVER}) OR ({_AHEAD}) OR ({_STALE}) OR ({_UNREADABLE})){conditions}",
        parameters,
    ).fetchone()
    return row[0], row[1]


def knows_files(connection: sqlite3.Connection, place: bytes) -> bool:
    """Whether a file is known below a directory, missing or not."""
    condition, parameters = below(place, "d.path")
    row = connection.execute(
        f"SELECT 1 FROM directories d WHERE {condition} AND EXISTS"
        " (SELECT 1 FROM files f WHERE f.directory_id = d.id) LIMIT 1",
        parameters,
    ).fetchone()
    return row is not None


def _conditions(selection: Selection, *, by_directory: bool) -> tuple[str, dict[str, Any]]:
    """Conditions on `files f`, each with an AND before it, and their parameters."""
    parameters: dict[str, Any] = {
        "verified_before": selection.verified_before,
        "found_before": selection.found_before,
        "ahead": selection.ahead,
    }
    conditions = ["f.scan_status <> 'missing'"]
    # The plus has files come in their own order, not by directory.
    column = "f.directory_id" if by_directory else "+f.directory_id"
    where = []
    if selection.places:
        where.append(f"{column} IN {_directories(selection.places, 'in', parameters)}")
    if selection.files:
        where.append(f"f.id IN ({', '.join(map(str, selection.files))})")
    if where:
        conditions.append(f"({' OR '.join(where)})")
    if selection.without:
        conditions.append(
            f"+f.directory_id NOT IN {_directories(selection.without, 'not_in', parameters)}"
        )
    if selection.kinds:
        names = [f"kind{number}" for number in range(len(selection.kinds))]
        conditions.append(f"+f.kind IN ({', '.join(':' + name for name in names)})")
        parameters.update(zip(names, selection.kinds, strict=True))
    if selection.only_new:
        conditions.append(
            f"(f.content_hash IS NULL OR f.content_hash NOT GLOB '{RECORDED_PREFIX}*')"
        )
    return "".join(f" AND {condition}" for condition in conditions), parameters


def _directories(places: Iterable[bytes], prefix: str, parameters: dict[str, Any]) -> str:
    """A query for the ids of all directories in some places; its values go to `parameters`."""
    tests = []
    for number, place in enumerate(places):
        test, values = below(place, "path", f"{prefix}{number}")
        tests.append(test)
        parameters.update(values)
    return f"(SELECT id FROM directories WHERE {' OR '.join(tests)})"


# -- How much was verified when ----------------------------------------------------


def coverage(
    connection: sqlite3.Connection, place: bytes | None, since: Iterable[str]
) -> list[tuple[int, int]]:
    """Number and bytes of the files below a directory (None: all) by when they were verified.

    `since` are moments, the latest first. The list has what was verified since
    each of them but not since the one before, then what was before the last,
    then what never was, and then what is damaged, whenever it was right. Missing
    files are left out.
    """
    moments = list(since)
    parameters: dict[str, Any] = {f"since{number}": at for number, at in enumerate(moments)}
    tests = " ".join(
        f"WHEN f.verified_at >= :since{number} THEN {number}" for number in range(len(moments))
    )
    source, condition = "files f", "f.scan_status <> 'missing'"
    damaged = "damage m CROSS JOIN files f ON f.id = m.file_id"
    if place is not None:
        test, values = below(place, "d.path")
        source = "directories d CROSS JOIN files f ON f.directory_id = d.id"
        damaged += " CROSS JOIN directories d ON d.id = f.directory_id"
        condition += f" AND {test}"
        parameters.update(values)
    query = (
        f"SELECT CASE WHEN f.verified_at IS NULL THEN {len(moments) + 1} {tests}"
        f" ELSE {len(moments)} END AS age, count(*), sum(f.size_bytes)"
        f" FROM {{}} WHERE {condition} GROUP BY age"
    )
    counts = [(0, 0)] * (len(moments) + 3)
    for number, files, size in connection.execute(query.format(source), parameters):
        counts[number] = (files, size)
    # They are few: this is faster than a look into their table for each of all files.
    for number, files, size in connection.execute(query.format(damaged), parameters):
        counts[number] = (counts[number][0] - files, counts[number][1] - size)
        counts[-1] = (counts[-1][0] + files, counts[-1][1] + size)
    return counts

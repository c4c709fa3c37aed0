"""Which files are to be checked next, and how much was verified when.

This reads the columns `content_hash`, `verified_at` and `ctime_ns` of `files`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from vpo.base.paths import StoredPath, checked
from vpo.content.algorithms import RECORDED_PREFIX
from vpo.db.conditions import Condition, Value, all_of, any_of, below
from vpo.db.files import LINKED_INODE, PATH
from vpo.db.selection import Selection, Source, condition_for, present


class Due(NamedTuple):
    """Which of the selected files are to be checked. Missing files never are."""

    selection: Selection = Selection()
    only_new: bool = False
    """Only files without a digest of all their content."""
    verified_before: str = ""
    """Only files that were last verified before this moment. UTC, ISO-8601."""
    ahead: str = "9999"
    """Also files that were verified after this moment, which is in the future."""
    found_before: str = ""
    """Of the unreadable files: only those that were found unreadable before this moment."""


class Candidate(NamedTuple):
    """A file to be checked, and what is known of it."""

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
    """What is wrong with it, as in the table `damage`. None: nothing that is known."""
    digest_recorded: str | None
    """The digest of its content before it was damaged."""
    recorded_at: str | None
    linked_inode: int | None
    """Its inode, if a link leads to it. None also if that is not known."""
    is_plain: int
    """Whether it has neither damage nor a digest of an earlier program."""


_COLUMNS = (
    f"f.id, {PATH}, f.size_bytes, f.mtime_ns, f.ctime_ns, f.is_symlink, f.content_hash,"
    " f.verified_at, f.scanned_at, m.damage, m.digest_recorded, m.recorded_at,"
    f" {LINKED_INODE}, m.damage IS NULL AND (f.content_hash IS NULL"
    f" OR f.content_hash GLOB '{RECORDED_PREFIX}*')"
)

_FROM_FILES = (
    "files f CROSS JOIN directories d ON d.id = f.directory_id"
    " LEFT JOIN damage m ON m.file_id = f.id"
)
_FROM_DAMAGE = (
    "damage m CROSS JOIN files f ON f.id = m.file_id"
    " CROSS JOIN directories d ON d.id = f.directory_id"
)

# Each file is in one of four groups. They are checked in this order: files that were never
# verified; files that were verified in the future by a clock that was wrong, which would
# otherwise never be due; the others, the stalest first; and unreadable files, because a disk
# may take minutes for each.
_READABLE = "(m.damage IS NULL OR m.damage <> 'unreadable')"


def _never() -> Condition:
    return Condition(f"f.verified_at IS NULL AND {_READABLE}")


def _ahead(due: Due) -> Condition:
    return Condition(f"f.verified_at > ? AND {_READABLE}", (due.ahead,))


def _stale(due: Due) -> Condition:
    return Condition(f"f.verified_at < ? AND {_READABLE}", (due.verified_before,))


def _unreadable(due: Due) -> Condition:
    return Condition("m.damage = 'unreadable' AND m.found_at < ?", (due.found_before,))


def candidates(
    connection: sqlite3.Connection, due: Due, *, page: int, of_few: bool = False
) -> Iterator[list[Candidate]]:
    """The files to be checked, in the order in which to check them, at most `page` at a time.

    Each page is a query of its own, so that writing is possible in between. No file comes
    twice, whatever was recorded of it in between. With `of_few`, files are found by their
    directories, and sorted for each page.
    """
    selected = _selected(due, keeps_order=not of_few)
    yield from _pages_by_id(connection, _FROM_FILES, "f.id", _never() & selected, page)
    latest = connection.execute(
        "SELECT max(verified_at) FROM files WHERE verified_at IS NOT NULL"
    ).fetchone()[0]
    if latest is not None and latest > due.ahead:
        yield from _pages_by_id(connection, _FROM_FILES, "f.id", _ahead(due) & selected, page)
    yield from _pages_by_age(connection, _stale(due) & selected, page)
    unreadable = _unreadable(due) & selected
    yield from _pages_by_id(connection, _FROM_DAMAGE, "m.file_id", unreadable, page)


def _pages_by_id(
    connection: sqlite3.Connection, tables: str, file_id: str, condition: Condition, page: int
) -> Iterator[list[Candidate]]:
    """Pages of the files that fulfil a condition, sorted by the column `file_id`."""
    query = (
        f"SELECT {_COLUMNS} FROM {tables} WHERE {condition.sql} AND {file_id} > ?"
        f" ORDER BY {file_id} LIMIT ?"
    )
    after = -1
    while rows := connection.execute(query, (*condition.parameters, after, page)).fetchall():
        after = rows[-1][0]
        yield _candidates_of(rows)


def _pages_by_age(
    connection: sqlite3.Connection, condition: Condition, page: int
) -> Iterator[list[Candidate]]:
    """Pages of the files that fulfil a condition, sorted by when they were verified."""
    query = (
        f"SELECT {_COLUMNS} FROM {_FROM_FILES} WHERE {condition.sql}"
        " AND (f.verified_at, f.id) > (?, ?) ORDER BY f.verified_at, f.id LIMIT ?"
    )
    after: tuple[Value, ...] = ("", -1)
    while rows := connection.execute(query, (*condition.parameters, *after, page)).fetchall():
        found = _candidates_of(rows)
        after = (found[-1].verified_at, found[-1].id)
        yield found


def _candidates_of(rows: list[tuple[Any, ...]]) -> list[Candidate]:
    found = [Candidate._make(row) for row in rows]
    for file in found:
        checked(file.path)
    return found


def amount(connection: sqlite3.Connection, due: Due) -> tuple[int, int]:
    """The number of files to be checked, and their bytes."""
    groups = any_of((_never(), _ahead(due), _stale(due), _unreadable(due)))
    condition = groups & _selected(due, keeps_order=False)
    row = connection.execute(
        f"SELECT count(*), coalesce(sum(f.size_bytes), 0) FROM {_FROM_FILES} WHERE {condition.sql}",
        condition.parameters,
    ).fetchone()
    return row[0], row[1]


def _selected(due: Due, *, keeps_order: bool) -> Condition:
    conditions = [present(), condition_for(due.selection, Source(keeps_order=keeps_order))]
    if due.only_new:
        has_none = f"f.content_hash IS NULL OR f.content_hash NOT GLOB '{RECORDED_PREFIX}*'"
        conditions.append(Condition(f"({has_none})"))
    return all_of(conditions)


# -- How much was verified when ----------------------------------------------------


def coverage(
    connection: sqlite3.Connection, place: bytes | None, since: Iterable[str]
) -> list[tuple[int, int]]:
    """Number and bytes of the files below a directory (None: all) by when they were verified.

    `since` are moments, the latest first. The list has one entry for each of them: the files
    that were verified since this moment, but not since the one before. Then come the files
    that were verified earlier than all moments, those that were never verified, and the
    damaged files, which count only there. Missing files are left out.
    """
    moments = list(since)
    tests = " ".join(f"WHEN f.verified_at >= ? THEN {number}" for number in range(len(moments)))
    files, damaged = "files f", "damage m CROSS JOIN files f ON f.id = m.file_id"
    condition = present()
    if place is not None:
        files = "directories d CROSS JOIN files f ON f.directory_id = d.id"
        damaged = _FROM_DAMAGE
        condition &= below(place, "d.path")

    def count(tables: str) -> Iterable[tuple[int, int, int]]:
        return connection.execute(
            f"SELECT CASE WHEN f.verified_at IS NULL THEN {len(moments) + 1} {tests}"
            f" ELSE {len(moments)} END AS age, count(*), sum(f.size_bytes)"
            f" FROM {tables} WHERE {condition.sql} GROUP BY age",
            (*moments, *condition.parameters),
        )

    counts = [(0, 0)] * (len(moments) + 3)
    for number, number_of_files, size in count(files):
        counts[number] = (number_of_files, size)
    # There are few damaged files. Subtracting them is faster than looking into their table for
    # each of all files.
    for number, number_of_files, size in count(damaged):
        counts[number] = (counts[number][0] - number_of_files, counts[number][1] - size)
        counts[-1] = (counts[-1][0] + number_of_files, counts[-1][1] + size)
    return counts

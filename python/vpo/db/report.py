"""Counts and sums over all files, for `vpo report`.

One query reads each file once, with the summaries of its tracks; the engine adds up the rows by
the value of each column. SQL can group by one combination of columns at a time, and would sort a
million rows for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from vpo._engine import Tally
from vpo.base.resolutions import class_of
from vpo.db.conditions import Condition
from vpo.db.library import Library
from vpo.db.media_summaries import FACT_END, tracks_in
from vpo.db.selection import Selection, Source, condition_for, in_places

# The number of files that the engine adds up at a time.
_FILES_AT_A_TIME = 2000
# If fewer than one directory in so many is selected, going from the directories to their files
# is faster than going through all files.
_FEW_DIRECTORIES = 20


class Totals(NamedTuple):
    """The number of files, and their sums."""

    files: int = 0
    size_bytes: int = 0
    duration_seconds: float = 0.0

    def plus(self, other: Totals) -> Totals:
        """The sum of both."""
        return Totals(
            self.files + other.files,
            self.size_bytes + other.size_bytes,
            self.duration_seconds + other.duration_seconds,
        )


Values = frozenset[str]
"""The values that a file has of one dimension: none, one or several."""


@dataclass(frozen=True)
class Sums:
    """The result of counting."""

    statuses: dict[str, int]
    """The number of files by status, without `ok`."""
    by: dict[str, dict[Values, Totals]]
    """For each dimension, the totals by the values that files have of it."""


# The column that each dimension comes from, and the function that reads it.
_Split = Callable[[Any], Values]


def _one(value: object) -> Values:
    return frozenset((str(value),)) if value else frozenset()


def _camera(names: str | None) -> Values:
    make, _, model = (names or "").partition(FACT_END)
    make, model = make.strip(), model.strip()
    # `Canon` and `Canon EOS R5`, `NIKON CORPORATION` and `NIKON D850`.
    if make and model and make.split()[0].lower() == model.split()[0].lower():
        return _one(model)
    return _one(f"{make} {model}".strip())


def _fact(number: int, name: Callable[[str], str | None] = str) -> _Split:
    """Reads a fact of each track from the summary of the tracks of a type."""

    def split(summary: str | None) -> Values:
        if not summary:
            return frozenset()
        # A catalogue that was tampered with may have any text here.
        values = (name(facts[number]) for facts in tracks_in(summary) if len(facts) > number)
        return frozenset(value for value in values if value)

    return split


def _resolution(size: str) -> str | None:
    width, _, height = size.partition("x")
    return class_of(int(width), int(height)) if width.isdecimal() and height.isdecimal() else None


_DIMENSIONS: Mapping[str, tuple[str, _Split]] = {
    "kind": ("f.kind", _one),
    "container": ("f.container_format", _one),
    "video_codec": ("m.video_summary", _fact(0)),
    "resolution": ("m.video_summary", _fact(1, _resolution)),
    "hdr": ("m.video_summary", _fact(2)),
    "audio_codec": ("m.audio_summary", _fact(0)),
    "audio_language": ("m.audio_summary", _fact(1)),
    "subtitle_language": ("m.subtitle_summary", _fact(0)),
    "year": ("m.year", _one),
    "camera": ("m.camera", _camera),
}
DIMENSIONS = tuple(_DIMENSIONS)


def sum_up(library: Library, selection: Selection, dimensions: Sequence[str]) -> Sums:
    """Counts the selected files. Raises LibraryError."""
    # Files are counted even if no dimension is wanted.
    wanted = dict.fromkeys(("kind", *dimensions))
    columns = list(dict.fromkeys(_DIMENSIONS[dimension][0] for dimension in wanted))
    tally = Tally(len(columns))
    with library.snapshot() as connection:
        query = _query_of(connection, selection)
        statuses = _statuses(connection, query)
        rows = connection.execute(_sql(columns, query), query.condition.parameters)
        while some := rows.fetchmany(_FILES_AT_A_TIME):
            tally.add(some)
    return Sums(
        statuses, {dimension: _by_values(dimension, columns, tally) for dimension in wanted}
    )


def _by_values(dimension: str, columns: Sequence[str], tally: Tally) -> dict[Values, Totals]:
    """The totals by the values of a dimension, of which different texts can have the same."""
    column, split = _DIMENSIONS[dimension]
    sums: dict[Values, list[Any]] = {}
    for text, files, size_bytes, seconds in tally.sums(columns.index(column)):
        known = sums.setdefault(split(text), [0, 0, 0.0])
        known[0] += files
        known[1] += size_bytes
        known[2] += seconds
    return {values: Totals(*totals) for values, totals in sums.items()}


class _Query(NamedTuple):
    """How the selected files are found."""

    tables: str
    """For the FROM clause: `files f`, and what is joined."""
    condition: Condition
    is_of_few: bool
    """Whether few of all files are selected."""


def _sql(columns: Sequence[str], query: _Query) -> str:
    """The query for these columns of each file, its size and its duration."""
    return (
        f"SELECT {', '.join(columns)}, f.size_bytes, m.duration_seconds"
        f" FROM {query.tables} LEFT JOIN media m ON m.file_id = f.id"
        f" WHERE {query.condition.sql} AND f.scan_status <> 'missing'"
    )


def _query_of(connection: sqlite3.Connection, selection: Selection) -> _Query:
    if selection.places:
        place = in_places(selection.places, "d.path")
        (all_directories,) = connection.execute("SELECT count(*) FROM directories").fetchone()
        (selected,) = connection.execute(
            f"SELECT count(*) FROM directories d WHERE {place.sql}", place.parameters
        ).fetchone()
        if selected * _FEW_DIRECTORIES < all_directories:
            return _Query(
                "directories d CROSS JOIN files f ON f.directory_id = d.id",
                condition_for(selection, Source(directory_path="d.path")),
                is_of_few=True,
            )
    condition = condition_for(selection, Source(keeps_order=True))
    return _Query("files f", condition, is_of_few=False)


def _statuses(connection: sqlite3.Connection, query: _Query) -> dict[str, int]:
    """The number of files with each status except `ok`. Each status has an index."""
    return {
        status: connection.execute(
            f"SELECT count(*) FROM {query.tables} WHERE {query.condition.sql}"
            f" AND f.scan_status = '{status}'",
            query.condition.parameters,
        ).fetchone()[0]
        for status in ("missing", "pending", "error")
    }

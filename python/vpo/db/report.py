"""Counts and sums over all files, for `vpo report`.

SQL joins the tracks of each file into three texts, its signatures, and groups the files by
them, so that Python sees each combination once. One thread does it all. A second thread saved
a fifth of the time for twice the work, because Python's lock changes hands with each row.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from vpo.db.conditions import Condition
from vpo.db.library import Library
from vpo.db.media_filter import LANGUAGE, resolution_sql
from vpo.db.selection import Selection, Source, condition_for, in_places

# The number of files that are grouped at a time. SQLite sorts so few in its cache, which is a
# tenth faster than sorting a million, and needs no space on the disk.
_FILES_PER_PART = 20_000
# If fewer than one directory in so many is selected, going from the directories to their files
# is faster than going through all files.
_FEW_DIRECTORIES = 20

# Separators between tracks, and between the facts of a track. No name of a codec has them.
_TRACK_END, _FACT_END = "\x1e", "\x1f"


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


# Files, bytes and seconds, as in `Totals`, by the value of a column. Lists can be changed in
# place, which happens millions of times.
_Tallies = dict[Any, list[Any]]


@dataclass(frozen=True)
class Sums:
    """The result of counting."""

    statuses: dict[str, int]
    """The number of files by status, without `ok`."""
    by: dict[str, dict[Values, Totals]]
    """For each dimension, the totals by the values that files have of it."""


# The column that each dimension comes from, and the function that reads it.
_Split = Callable[[Any], Values]


def _one(value: str | None) -> Values:
    return frozenset((value,)) if value else frozenset()


def _year(text: object) -> Values:
    year = str(text)[:4]
    return _one(year if len(year) == 4 and year.isdecimal() and year != "0000" else None)


def _camera(names: str | None) -> Values:
    make, _, model = (names or "").partition(_FACT_END)
    make, model = make.strip(), model.strip()
    # `Canon` and `Canon EOS R5`, `NIKON CORPORATION` and `NIKON D850`.
    if make and model and make.split()[0].lower() == model.split()[0].lower():
        return _one(model)
    return _one(f"{make} {model}".strip())


def _fact(number: int) -> _Split:
    def split(signature: str | None) -> Values:
        if not signature:
            return frozenset()
        tracks = signature.split(_TRACK_END)
        return frozenset(track.split(_FACT_END)[number] for track in tracks) - {""}

    return split


_DIMENSIONS: Mapping[str, tuple[str, _Split]] = {
    "kind": ("kind", _one),
    "container": ("container", _one),
    "video_codec": ("video", _fact(0)),
    "resolution": ("video", _fact(1)),
    "hdr": ("video", _fact(2)),
    "audio_codec": ("audio", _fact(0)),
    "audio_language": ("audio", _fact(1)),
    "subtitle_language": ("subtitle", _fact(0)),
    "year": ("moment", _year),
    "camera": ("camera", _camera),
}
DIMENSIONS = tuple(_DIMENSIONS)


def _tracks_of(track_type: str, *facts: str) -> str:
    signature = f" || '{_FACT_END}' || ".join(facts)
    return f"group_concat({signature}, '{_TRACK_END}') FILTER (WHERE t.track_type = '{track_type}')"


# The texts by which files are grouped, one mapping for each query.
_OF_TAGS = ", ".join(f"json_extract(m.tags_json, '$.{key}')" for key in ("date", "year"))
_OF_TRACKS = {
    "kind": "f.kind",
    "container": "f.container_format",
    "video": _tracks_of(
        "video",
        "ifnull(t.codec, '')",
        f"ifnull({resolution_sql('t')}, '')",
        "ifnull(t.hdr, '')",
    ),
    "audio": _tracks_of("audio", "ifnull(t.codec, '')", LANGUAGE.format("t")),
    "subtitle": _tracks_of("subtitle", LANGUAGE.format("t")),
}
_OF_MOMENTS = {
    # For photos the clock of the camera, for other files their tags.
    "moment": "substr(CASE WHEN p.file_id IS NOT NULL THEN p.taken_at ELSE"
    f" coalesce({_OF_TAGS}, json_extract(m.tags_json, '$.creation_time')) END, 1, 4)",
    "camera": f"CASE WHEN p.camera_make IS NOT NULL OR p.camera_model IS NOT NULL THEN"
    f" ifnull(p.camera_make, '') || '{_FACT_END}' || ifnull(p.camera_model, '') END",
}


def sum_up(library: Library, selection: Selection, dimensions: Sequence[str]) -> Sums:
    """Counts the selected files. Raises LibraryError."""
    columns = {_DIMENSIONS[dimension][0] for dimension in dimensions}
    # Files are counted even if no dimension is wanted.
    columns.add("kind")
    tallies: dict[str, _Tallies] = {column: {} for column in columns}
    with library.snapshot() as connection:
        (size,) = connection.execute("SELECT coalesce(max(id), 0) FROM files").fetchone()
        query = _query_of(connection, selection)
        statuses = _statuses(connection, query)
        for expressions in (_OF_TRACKS, _OF_MOMENTS):
            names = [name for name in expressions if name in columns]
            if not names:
                continue
            sql = _sql(expressions, columns, query)
            for first, last in _parts(size, size if query.is_of_few else _FILES_PER_PART):
                rows = connection.execute(sql, (*query.condition.parameters, first, last))
                _add_up(rows, [tallies[name] for name in names])
    by: dict[str, dict[Values, Totals]] = {}
    for dimension in dict.fromkeys(("kind", *dimensions)):
        column, split = _DIMENSIONS[dimension]
        together: _Tallies = {}
        for key, (files, size_bytes, seconds) in tallies[column].items():
            _add(together, split(key), files, size_bytes, seconds)
        by[dimension] = {values: Totals(*tally) for values, tally in together.items()}
    return Sums(statuses, by)


class _Query(NamedTuple):
    """How the selected files are found."""

    tables: str
    """For the FROM clause: `files f`, and what is joined."""
    condition: Condition
    is_of_few: bool
    """Whether few of all files are selected."""


def _sql(expressions: Mapping[str, str], columns: set[str], query: _Query) -> str:
    wanted = {name: sql for name, sql in expressions.items() if name in columns}
    of_tracks = any(re.search(r"\bt\.", sql) for sql in wanted.values())
    of_photos = any(re.search(r"\bp\.", sql) for sql in wanted.values())
    shown = ", ".join(f"{sql} AS {name}" for name, sql in wanted.items())
    joins = "LEFT JOIN media m ON m.file_id = f.id"
    if of_tracks:
        joins += " LEFT JOIN tracks t ON t.file_id = f.id"
    if of_photos:
        joins += " LEFT JOIN photos p ON p.file_id = f.id"
    # With a limit, SQLite computes each column once. Otherwise it computes the columns again
    # for each row of a group.
    end = "GROUP BY f.id" if of_tracks else "LIMIT -1"
    return (
        f"SELECT {', '.join(wanted)}, count(*), sum(size_bytes), total(seconds) FROM ("
        f"SELECT {shown}, f.size_bytes, m.duration_seconds AS seconds"
        f" FROM {query.tables} {joins} WHERE {query.condition.sql}"
        f" AND f.scan_status <> 'missing' AND f.id BETWEEN ? AND ? {end}"
        f") GROUP BY {', '.join(str(number) for number in range(1, len(wanted) + 1))}"
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


def _add_up(rows: Iterable[Sequence[Any]], columns: Sequence[_Tallies]) -> None:
    """Adds each row to the tallies of its values."""
    for row in rows:
        files, size_bytes, seconds = row[-3:]
        for tallies, value in zip(columns, row, strict=False):
            # `_add` without the call: Python spends most of its time here.
            tally = tallies.get(value)
            if tally is None:
                tallies[value] = [files, size_bytes, seconds]
            else:
                tally[0] += files
                tally[1] += size_bytes
                tally[2] += seconds


def _add(tallies: _Tallies, key: Any, files: int, size_bytes: int, seconds: float) -> None:
    tally = tallies.get(key)
    if tally is None:
        tallies[key] = [files, size_bytes, seconds]
    else:
        tally[0] += files
        tally[1] += size_bytes
        tally[2] += seconds


def _parts(last: int, size: int) -> Iterator[tuple[int, int]]:
    """The ids up to `last`, in ranges of `size`."""
    for first in range(1, last + 1, max(size, 1)):
        yield first, min(first + size - 1, last)

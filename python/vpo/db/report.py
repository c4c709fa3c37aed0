"""Counts and sums over the whole library, for `vpo report`.

For each file its tracks are put together to three texts, its signatures, and
files are grouped by those in SQL, so that Python sees each combination once.
One thread does it all: a second one gained a fifth of the time for twice the
work, as Python's lock changes hands with each row.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from vpo.db.content import LANGUAGE, resolution_sql
from vpo.db.directories import below
from vpo.db.library import Library

# Files that are grouped at a time: few enough for SQLite to sort them in the
# cache, which takes a tenth less than a million, and no room on the disk.
_FILES_A_PART = 20_000
# If one directory in so many is asked about, going from directories to files
# beats going through all files.
_FEW_DIRECTORIES = 20

# Between tracks, and between the facts of one. Names of codecs have neither.
_TRACK_END, _FACT_END = "\x1e", "\x1f"


class Totals(NamedTuple):
    """Files and what they add up to."""

    files: int = 0
    size_bytes: int = 0
    duration_seconds: float = 0.0

    def plus(self, other: Totals) -> Totals:
        """Both together."""
        return Totals(
            self.files + other.files,
            self.size_bytes + other.size_bytes,
            self.duration_seconds + other.duration_seconds,
        )


Values = frozenset[str]
"""What a file has of one dimension: no, one or several values."""


# Files, bytes and seconds, as in `Totals`, by what a column has: lists, which are
# added to in place some millions of times.
_Tallies = dict[Any, list[Any]]


class ReportFilter(NamedTuple):
    """Which files to count; missing ones never are."""

    under: tuple[bytes, ...] = ()
    """Directories of which one holds the file, at any depth."""
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sums:
    """What was counted."""

    statuses: dict[str, int]
    """Files by status, the missing ones too, without `ok`."""
    by: dict[str, dict[Values, Totals]]
    """For each dimension, files by the values that they have of it."""


# The column that each dimension is told by, and how.
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


# The texts that files are grouped by, those of one query together.
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
    # The clock of the camera; for others what their makers say.
    "moment": "substr(CASE WHEN p.file_id IS NOT NULL THEN p.taken_at ELSE"
    f" coalesce({_OF_TAGS}, json_extract(m.tags_json, '$.creation_time')) END, 1, 4)",
    "camera": f"CASE WHEN p.camera_make IS NOT NULL OR p.camera_model IS NOT NULL THEN"
    f" ifnull(p.camera_make, '') || '{_FACT_END}' || ifnull(p.camera_model, '') END",
}


def sum_up(library: Library, wanted: ReportFilter, dimensions: Sequence[str]) -> Sums:
    """Counts the files of an open library. Raises LibraryError."""
    columns = {_DIMENSIONS[dimension][0] for dimension in dimensions}
    # Without any, at least the files are counted.
    columns.add("kind")
    tallies: dict[str, _Tallies] = {column: {} for column in columns}
    with library.snapshot() as connection:
        (size,) = connection.execute("SELECT coalesce(max(id), 0) FROM files").fetchone()
        source, parameters, is_few = _source(connection, wanted)
        statuses = _statuses(connection, source, parameters)
        for query in (_OF_TRACKS, _OF_MOMENTS):
            names = [name for name in query if name in columns]
            if not names:
                continue
            sql = _sql(query, columns, source)
            for first, last in _parts(size, size if is_few else _FILES_A_PART):
                rows = connection.execute(sql, {**parameters, "first": first, "last": last})
                _add_up(rows, [tallies[name] for name in names])
    by: dict[str, dict[Values, Totals]] = {}
    for dimension in dict.fromkeys(("kind", *dimensions)):
        column, split = _DIMENSIONS[dimension]
        together: _Tallies = {}
        for key, (files, size_bytes, seconds) in tallies[column].items():
            _add(together, split(key), files, size_bytes, seconds)
        by[dimension] = {values: Totals(*tally) for values, tally in together.items()}
    return Sums(statuses, by)


def _sql(query: Mapping[str, str], columns: set[str], source: str) -> str:
    wanted = {name: sql for name, sql in query.items() if name in columns}
    of_tracks = any(re.search(r"\bt\.", sql) for sql in wanted.values())
    of_photos = any(re.search(r"\bp\.", sql) for sql in wanted.values())
    shown = ", ".join(f"{sql} AS {name}" for name, sql in wanted.items())
    joins = "LEFT JOIN media m ON m.file_id = f.id"
    if of_tracks:
        joins += " LEFT JOIN tracks t ON t.file_id = f.id"
    if of_photos:
        joins += " LEFT JOIN photos p ON p.file_id = f.id"
    # A limit has SQLite work out each column but once; otherwise it does so
    # again for each row of a group.
    end = "GROUP BY f.id" if of_tracks else "LIMIT -1"
    return (
        f"SELECT {', '.join(wanted)}, count(*), sum(size_bytes), total(seconds) FROM ("
        f"SELECT {shown}, f.size_bytes, m.duration_seconds AS seconds"
        f" FROM {source.format(joins=joins)}"
        f" AND f.scan_status <> 'missing' AND f.id BETWEEN :first AND :last {end}"
        f") GROUP BY {', '.join(str(number) for number in range(1, len(wanted) + 1))}"
    )


def _source(
    connection: sqlite3.Connection, wanted: ReportFilter
) -> tuple[str, dict[str, Any], bool]:
    """FROM and WHERE with a place for joins, the parameters, and whether it is of few files."""
    is_few = False
    conditions = ["1"]
    parameters: dict[str, Any] = {}
    source = "files f"
    if wanted.under:
        places = []
        for number, directory in enumerate(sorted(set(wanted.under))):
            condition, values = below(directory, "d.path", f"under{number}")
            places.append(condition)
            parameters.update(values)
        place = f"({' OR '.join(places)})"
        (there,) = connection.execute("SELECT count(*) FROM directories").fetchone()
        (asked,) = connection.execute(
            f"SELECT count(*) FROM directories d WHERE {place}", parameters
        ).fetchone()
        is_few = asked * _FEW_DIRECTORIES < there
        if is_few:
            source = "directories d CROSS JOIN files f ON f.directory_id = d.id"
            conditions.append(place)
        else:
            conditions.append(f"+f.directory_id IN (SELECT d.id FROM directories d WHERE {place})")
    if wanted.kinds:
        names = [f"kind_{number}" for number in range(len(wanted.kinds))]
        parameters.update(zip(names, wanted.kinds, strict=True))
        conditions.append(f"f.kind IN ({', '.join(':' + name for name in names)})")
    return f"{source} {{joins}} WHERE {' AND '.join(conditions)}", parameters, is_few


def _statuses(
    connection: sqlite3.Connection, source: str, parameters: Mapping[str, Any]
) -> dict[str, int]:
    """How many files are in each state but `ok`. There is an index on each."""
    return {
        status: connection.execute(
            f"SELECT count(*) FROM {source.format(joins='')} AND f.scan_status = '{status}'",
            parameters,
        ).fetchone()[0]
        for status in ("missing", "pending", "error")
    }


def _add_up(rows: Iterable[Sequence[Any]], columns: Sequence[_Tallies]) -> None:
    """Adds each row to the tally of each of its values."""
    for row in rows:
        files, size_bytes, seconds = row[-3:]
        for tallies, value in zip(columns, row, strict=False):
            # As `_add`, without the call: this is where Python's time goes.
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
    """The ids up to `last` in ranges of that size."""
    for first in range(1, last + 1, max(size, 1)):
        yield first, min(first + size - 1, last)

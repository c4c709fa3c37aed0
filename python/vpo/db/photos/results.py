"""Tables `analysis_results` and `analysis_items`: what the analyses of collections found.

A row of the catalogue must stay far below `MOST_BYTES_PER_ROW`, and a list of results must not
read megabytes. So `results_json` holds the beginning of each list; `analysis_items` holds the
rest, a row per element. The key `_truncated` of `results_json` has the full length of each list
that goes on in `analysis_items`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count, islice
from typing import Any, NamedTuple

from vpo.db.conditions import Condition, all_of

TOOLS = ("photostats", "photo_pairing", "pipeline_validation")
STATUSES = ("COMPLETED", "FAILED", "CANCELLED")
SORTS = ("created_at", "duration_seconds", "files_scanned")

KEPT = 1_000
"""How many elements of each list, and how many keys of each object, `results_json` holds."""

TRUNCATED = "_truncated"

# For `results_json`. The elements that do not fit into it go to `analysis_items`.
_MOST_BYTES = 4 << 20

# For one element. It only reaches this if somebody has made it so.
_MOST_BYTES_PER_ITEM = 1 << 20
_MOST_CHARACTERS = 10_000


# -- Writing ---------------------------------------------------------------------


class NewResult(NamedTuple):
    """A result to insert. The fields are columns, except for `results`."""

    collection_id: int
    tool: str
    status: str
    started_at: str
    """UTC, ISO 8601 with `Z`, like `completed_at`."""
    completed_at: str
    duration_seconds: float
    results: Mapping[str, Any] = {}
    """As JSON. Empty unless the analysis was completed."""
    pipeline_id: int | None = None
    """Needed for the tool `pipeline_validation`, and for no other."""
    pipeline_version: int | None = None
    error_message: str | None = None
    files_scanned: int | None = None
    issues_found: int | None = None
    job_id: str | None = None


def insert(
    connection: sqlite3.Connection,
    result: NewResult,
    lists: Mapping[str, Iterable[Any]] | None = None,
) -> int:
    """Inserts a result inside the caller's transaction, and returns its id.

    Lists and objects of `result.results` may be of any length. `lists` holds further lists by
    their keys, which are consumed one after the other, each element once.

    Raises sqlite3.IntegrityError if a rule of the table forbids the row.
    """
    columns = [name for name in NewResult._fields if name != "results"]
    cursor = connection.execute(
        f"INSERT INTO analysis_results ({', '.join(columns)}, results_json)"
        f" VALUES ({', '.join('?' * len(columns))}, '{{}}')",
        [getattr(result, name) for name in columns],
    )
    assert cursor.lastrowid is not None
    results = _insert_items(connection, cursor.lastrowid, {**result.results, **(lists or {})})
    if results:
        connection.execute(
            "UPDATE analysis_results SET results_json = ? WHERE id = ?",
            (_encode(results), cursor.lastrowid),
        )
    return cursor.lastrowid


def set_report(connection: sqlite3.Connection, result_id: int, report_html: str) -> None:
    """Stores the report of a result, inside the caller's transaction."""
    connection.execute(
        "UPDATE analysis_results SET report_html = ? WHERE id = ?", (report_html, result_id)
    )


def _insert_items(
    connection: sqlite3.Connection, result_id: int, results: Mapping[str, Any]
) -> dict[str, Any]:
    """Inserts what is too long for `results_json`, and returns the value for it."""
    kept: dict[str, Any] = {}
    heads: dict[str, list[Any]] = {}
    rests: dict[str, Iterator[Any]] = {}
    objects: set[str] = set()
    for key, value in results.items():
        # The order of the keys stays.
        kept[key] = value
        if isinstance(value, str) or not isinstance(value, Iterable):
            continue
        if isinstance(value, Mapping):
            objects.add(key)
            elements: Iterator[Any] = ((name, _fitting(inner)) for name, inner in value.items())
        else:
            elements = map(_fitting, value)
        heads[key] = list(islice(elements, KEPT))
        rests[key] = elements
    _shorten(heads, rests)
    truncated = {}
    for key, head in heads.items():
        kept[key] = dict(head) if key in objects else head
        numbers = count(len(head))
        connection.executemany(
            "INSERT INTO analysis_items (result_id, list, number, item_json) VALUES (?, ?, ?, ?)",
            ((result_id, key, next(numbers), _encode(element)) for element in rests[key]),
        )
        if (length := next(numbers)) > len(head):
            truncated[key] = length
    if truncated:
        kept[TRUNCATED] = truncated
    return kept


def _shorten(heads: dict[str, list[Any]], rests: dict[str, Iterator[Any]]) -> None:
    """Moves elements from the ends of `heads` to `rests` until `heads` is small enough."""
    while len(_encode(heads)) > _MOST_BYTES:
        key = max(heads, key=lambda key: len(_encode(heads[key])))
        middle = len(heads[key]) // 2
        rests[key] = chain(heads[key][middle:], rests[key])
        del heads[key][middle:]


def _fitting(element: Any) -> Any:
    """The element. If it is too long for a row, its lists, objects and texts are cut."""
    if isinstance(element, str) and len(element) <= _MOST_CHARACTERS:
        return element
    most = KEPT
    fitting = element
    while len(_encode(fitting)) > _MOST_BYTES_PER_ITEM:
        fitting = _cut(element, most)
        most //= 10
        if not most:
            return None
    return fitting


def _cut(value: Any, most: int) -> Any:
    if isinstance(value, str):
        return value[: most * (_MOST_CHARACTERS // KEPT)]
    if isinstance(value, Mapping):
        return {key: _cut(inner, most) for key, inner in islice(value.items(), most)}
    if isinstance(value, Sequence):
        return [_cut(inner, most) for inner in value[:most]]
    return value


def _encode(value: Any) -> str:
    import orjson

    return orjson.dumps(value).decode()


# -- Reading ---------------------------------------------------------------------


class ResultRow(NamedTuple):
    """A result of a list. The fields are columns, or the names beside ids."""

    id: int
    collection_id: int
    collection: str
    tool: str
    pipeline_id: int | None
    pipeline: str | None
    """None: the tool has no pipeline, or the pipeline was deleted."""
    pipeline_version: int | None
    status: str
    started_at: str
    completed_at: str
    duration_seconds: float
    files_scanned: int | None
    issues_found: int | None
    has_report: bool
    job_id: str | None
    created_at: str


# `typeof` does not read a report to find out whether there is one.
_COLUMNS = ", ".join(
    {
        "collection": "c.name",
        "pipeline": "p.name",
        "has_report": "typeof(r.report_html) <> 'null'",
    }.get(field, f"r.{field}")
    for field in ResultRow._fields
)
_TABLES = (
    "analysis_results r JOIN collections c ON c.id = r.collection_id"
    " LEFT JOIN pipelines p ON p.id = r.pipeline_id"
)


class ResultRecord(NamedTuple):
    """A result with what it found."""

    row: ResultRow
    results_json: str
    error_message: str | None


class ResultFilter(NamedTuple):
    """Which results to list. A field that is None fits all results."""

    collection_id: int | None = None
    tool: str | None = None
    status: str | None = None
    created_from: str | None = None
    """Only results of this moment or later. UTC, ISO 8601, like `created_before`."""
    created_before: str | None = None


class Order(NamedTuple):
    """Which part of a list to return."""

    sort: str = "created_at"
    """One of `SORTS`. The largest value, or the newest, comes first."""
    is_reversed: bool = False
    limit: int | None = None
    offset: int = 0


class Page(NamedTuple):
    """A part of a list, and the length of the whole list."""

    rows: list[ResultRow]
    total: int


def list_results(connection: sqlite3.Connection, wanted: ResultFilter, order: Order) -> Page:
    """The results that fit."""
    assert order.sort in SORTS
    condition = _condition(wanted)
    direction = "ASC" if order.is_reversed else "DESC"
    by = f"{{of}}{order.sort} {direction}, {{of}}id {direction}"
    total = connection.execute(
        f"SELECT count(*) FROM analysis_results WHERE {condition.sql}", condition.parameters
    ).fetchone()[0]
    # The ids first: sorting whole rows would read the results of all of them.
    rows = connection.execute(
        f"WITH page AS (SELECT id FROM analysis_results WHERE {condition.sql}"
        f" ORDER BY {by.format(of='')} LIMIT ? OFFSET ?)"
        f" SELECT {_COLUMNS} FROM {_TABLES} WHERE r.id IN page ORDER BY {by.format(of='r.')}",
        (*condition.parameters, -1 if order.limit is None else order.limit, order.offset),
    )
    return Page([_row(row) for row in rows], total)


def get(connection: sqlite3.Connection, result_id: int) -> ResultRecord | None:
    """A result, None if there is none with this id."""
    row = connection.execute(
        f"SELECT {_COLUMNS}, r.results_json, r.error_message FROM {_TABLES} WHERE r.id = ?",
        (result_id,),
    ).fetchone()
    if row is None:
        return None
    length = len(ResultRow._fields)
    return ResultRecord(_row(row[:length]), *row[length:])


def report_of(connection: sqlite3.Connection, result_id: int) -> str | None:
    """The report of a result, None if it has none."""
    row = connection.execute(
        "SELECT report_html FROM analysis_results WHERE id = ?", (result_id,)
    ).fetchone()
    return None if row is None else row[0]


def items(connection: sqlite3.Connection, result_id: int, key: str) -> Iterator[Any]:
    """All elements of a list of a result, in their order; of an object, pairs of key and value.

    Nothing if the result has no list with this key.
    """
    import orjson

    row = connection.execute(
        "SELECT results_json FROM analysis_results WHERE id = ?", (result_id,)
    ).fetchone()
    value = orjson.loads(row[0]).get(key) if row is not None else None
    if isinstance(value, dict):
        yield from map(list, value.items())
    elif isinstance(value, list):
        yield from value
    yield from rest_of(connection, result_id, key)


def rest_of(connection: sqlite3.Connection, result_id: int, key: str) -> Iterator[Any]:
    """The elements of a list that are not in `results_json`, in their order."""
    import orjson

    rows = connection.execute(
        "SELECT item_json FROM analysis_items WHERE result_id = ? AND list = ? ORDER BY number",
        (result_id, key),
    )
    return (orjson.loads(item) for (item,) in rows)


class ToolStatistics(NamedTuple):
    """How many results of one tool and status there are."""

    tool: str
    status: str
    results: int
    last_run: str
    """When the last of them was completed."""


def statistics(
    connection: sqlite3.Connection, collection_id: int | None = None
) -> list[ToolStatistics]:
    """The numbers of results of each tool and status, of one collection or all."""
    condition = _condition(ResultFilter(collection_id=collection_id))
    rows = connection.execute(
        "SELECT tool, status, count(*), max(completed_at) FROM analysis_results"
        f" WHERE {condition.sql} GROUP BY tool, status",
        condition.parameters,
    )
    return [ToolStatistics._make(row) for row in rows]


def _row(row: tuple[Any, ...]) -> ResultRow:
    result = ResultRow._make(row)
    return result._replace(has_report=bool(result.has_report))


def _condition(wanted: ResultFilter) -> Condition:
    return all_of(
        Condition(f"{expression} ?", (value,))
        for expression, value in (
            ("collection_id =", wanted.collection_id),
            ("tool =", wanted.tool),
            ("status =", wanted.status),
            ("created_at >=", wanted.created_from),
            ("created_at <", wanted.created_before),
        )
        if value is not None
    )


# -- Deleting --------------------------------------------------------------------


def delete(connection: sqlite3.Connection, ids: Collection[int]) -> int:
    """Deletes results with their items, and returns how many there were.

    The statistics of the collections stay.
    """
    return sum(
        connection.execute("DELETE FROM analysis_results WHERE id = ?", (result_id,)).rowcount
        for result_id in ids
    )

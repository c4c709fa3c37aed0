"""Table `analysis_results` for trends: which analyses were completed when, and their figures.

Only the figures that a trend needs leave SQLite: `results_json` can have megabytes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from vpo.db.conditions import Condition, all_of, one_of


class Run(NamedTuple):
    """An analysis that was completed. The fields are columns."""

    id: int
    collection_id: int
    pipeline_id: int | None
    completed_at: str


class RunFilter(NamedTuple):
    """Which runs to return. A field that is None or empty fits all runs."""

    collections: Sequence[int] = ()
    pipeline_id: int | None = None
    completed_from: str | None = None
    """UTC, ISO 8601, like `completed_before`."""
    completed_before: str | None = None


def runs(connection: sqlite3.Connection, tool: str, wanted: RunFilter) -> Iterator[Run]:
    """The completed runs of a tool, in any order."""
    condition = _condition(tool, wanted)
    rows = connection.execute(
        f"SELECT {', '.join(Run._fields)} FROM analysis_results WHERE {condition.sql}",
        condition.parameters,
    )
    return (Run(*row) for row in rows)


def last_days(connection: sqlite3.Connection, tool: str, wanted: RunFilter, most: int) -> list[str]:
    """The last days (in UTC) with completed runs of a tool, in their order."""
    condition = _condition(tool, wanted)
    rows = connection.execute(
        "SELECT DISTINCT substr(completed_at, 1, 10) AS day FROM analysis_results"
        f" WHERE {condition.sql} ORDER BY day DESC LIMIT ?",
        (*condition.parameters, most),
    )
    return [day for (day,) in rows][::-1]


def _condition(tool: str, wanted: RunFilter) -> Condition:
    conditions = [
        Condition(f"{expression} ?", (value,))
        for expression, value in (
            ("tool =", tool),
            ("status =", "COMPLETED"),
            ("pipeline_id =", wanted.pipeline_id),
            ("completed_at >=", wanted.completed_from),
            ("completed_at <", wanted.completed_before),
        )
        if value is not None
    ]
    if wanted.collections:
        conditions.append(one_of("collection_id", list(wanted.collections)))
    return all_of(conditions)


# The length of a list is in `_truncated` if the rest of the list is in `analysis_items`.
def _length(key: str) -> str:
    return (
        f"coalesce(json_extract(results_json, '$._truncated.{key}'),"
        f" json_array_length(results_json, '$.{key}'))"
    )


_EXPRESSIONS = {
    "photostats": f"json_array({_length('orphaned_images')}, {_length('orphaned_xmp')},"
    " json_extract(results_json, '$.total_files'), json_extract(results_json, '$.total_size'))",
    "photo_pairing": "json_extract(results_json, '$.group_count', '$.image_count',"
    " '$.camera_usage')",
    "pipeline_validation": "json_extract(results_json, '$.consistency_counts',"
    " '$.overall_consistency', '$.by_termination')",
}


def figures(
    connection: sqlite3.Connection, tool: str, ids: Iterable[int]
) -> Iterator[tuple[int, list[Any]]]:
    """The id and the figures of each result, as JSON; nothing for a result that has no JSON.

    - photostats: the numbers of orphaned images and of orphaned sidecars, files, bytes
    - photo_pairing: groups, images, `camera_usage`
    - pipeline_validation: `consistency_counts`, `overall_consistency`, `by_termination`
    """
    sql = (
        f"SELECT CASE WHEN json_valid(results_json) THEN {_EXPRESSIONS[tool]} END"
        " FROM analysis_results WHERE id = ?"
    )
    for result_id in ids:
        row = connection.execute(sql, (result_id,)).fetchone()
        if row is not None and row[0] is not None:
            yield result_id, json.loads(row[0])


def last_runs(connection: sqlite3.Connection, collections: Sequence[int]) -> dict[str, str]:
    """When each tool last completed an analysis, of these collections or, if empty, of all."""
    condition = Condition("status = 'COMPLETED'")
    if collections:
        condition &= one_of("collection_id", list(collections))
    rows = connection.execute(
        f"SELECT tool, max(completed_at) FROM analysis_results WHERE {condition.sql} GROUP BY tool",
        condition.parameters,
    )
    return dict(rows)


def names(connection: sqlite3.Connection, table: str, ids: Iterable[int]) -> dict[int, str]:
    """The names of `collections` or `pipelines` by their ids."""
    assert table in ("collections", "pipelines")
    found = {}
    for known in ids:
        row = connection.execute(f"SELECT name FROM {table} WHERE id = ?", (known,)).fetchone()
        if row is not None:
            found[known] = row[0]
    return found

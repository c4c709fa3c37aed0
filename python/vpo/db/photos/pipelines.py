"""Tables `pipelines` and `pipeline_history`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple


class PipelineRow(NamedTuple):
    """A pipeline. The fields are columns; docs/schema.md explains them."""

    id: int
    name: str
    description: str | None
    nodes_json: str
    edges_json: str
    version: int
    is_active: int
    is_valid: int
    validation_errors: str | None
    created_at: str
    updated_at: str


class HistoryRow(NamedTuple):
    """A version of a pipeline."""

    id: int
    pipeline_id: int
    version: int
    nodes_json: str
    edges_json: str
    change_summary: str | None
    changed_by: str | None
    created_at: str


class NewVersion(NamedTuple):
    """A version that is recorded. It never changes."""

    pipeline_id: int
    version: int
    nodes_json: str
    edges_json: str
    change_summary: str


_FROM = f"SELECT {', '.join(PipelineRow._fields)} FROM pipelines"
_HISTORY = f"SELECT {', '.join(HistoryRow._fields)} FROM pipeline_history"


def get(connection: sqlite3.Connection, pipeline_id: int) -> PipelineRow | None:
    """A pipeline by its id."""
    row = connection.execute(f"{_FROM} WHERE id = ?", (pipeline_id,)).fetchone()
    return row and PipelineRow._make(row)


def find(connection: sqlite3.Connection, name: str) -> PipelineRow | None:
    """A pipeline by its name alone."""
    row = connection.execute(f"{_FROM} WHERE name = ?", (name,)).fetchone()
    return row and PipelineRow._make(row)


def find_all(connection: sqlite3.Connection) -> list[PipelineRow]:
    """All pipelines, by name."""
    return [PipelineRow._make(row) for row in connection.execute(f"{_FROM} ORDER BY name")]


def active(connection: sqlite3.Connection) -> PipelineRow | None:
    """The active pipeline."""
    row = connection.execute(f"{_FROM} WHERE is_active = 1").fetchone()
    return row and PipelineRow._make(row)


def insert(connection: sqlite3.Connection, values: Mapping[str, Any]) -> int:
    """Adds a pipeline with these columns, and returns its id."""
    marks = ", ".join("?" * len(values))
    cursor = connection.execute(
        f"INSERT INTO pipelines ({', '.join(values)}) VALUES ({marks})", tuple(values.values())
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def update(connection: sqlite3.Connection, pipeline_id: int, values: Mapping[str, Any]) -> None:
    """Changes these columns of a pipeline."""
    changes = ", ".join(f"{column} = ?" for column in values)
    connection.execute(
        f"UPDATE pipelines SET {changes} WHERE id = ?", (*values.values(), pipeline_id)
    )


def activate(connection: sqlite3.Connection, pipeline_id: int) -> None:
    """Makes a pipeline the active one. The one before is deactivated first."""
    connection.execute(
        "UPDATE pipelines SET is_active = 0 WHERE is_active = 1 AND id <> ?", (pipeline_id,)
    )
    connection.execute("UPDATE pipelines SET is_active = 1 WHERE id = ?", (pipeline_id,))


def delete(connection: sqlite3.Connection, pipeline_id: int) -> None:
    """Deletes a pipeline with its history. Results of analyses stay."""
    connection.execute("DELETE FROM pipelines WHERE id = ?", (pipeline_id,))


def add_version(connection: sqlite3.Connection, version: NewVersion) -> None:
    """Records a version."""
    connection.execute(
        f"INSERT INTO pipeline_history ({', '.join(NewVersion._fields)}) VALUES (?, ?, ?, ?, ?)",
        version,
    )


def versions(connection: sqlite3.Connection, pipeline_id: int) -> list[HistoryRow]:
    """All versions of a pipeline, the newest first."""
    rows = connection.execute(
        f"{_HISTORY} WHERE pipeline_id = ? ORDER BY version DESC", (pipeline_id,)
    )
    return [HistoryRow._make(row) for row in rows]


def version(connection: sqlite3.Connection, pipeline_id: int, number: int) -> HistoryRow | None:
    """A version of a pipeline."""
    row = connection.execute(
        f"{_HISTORY} WHERE pipeline_id = ? AND version = ?", (pipeline_id, number)
    ).fetchone()
    return row and HistoryRow._make(row)

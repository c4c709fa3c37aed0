"""The ids of pipelines by their names."""

from __future__ import annotations

import sqlite3


def find_pipeline(connection: sqlite3.Connection, name: str) -> int | None:
    """The id of the pipeline with this name or, if none has it, with this id."""
    return _find(connection, "pipelines", name)


def pipeline_names(connection: sqlite3.Connection, limit: int) -> list[str]:
    """The names of pipelines, sorted."""
    return _names(connection, "pipelines", limit)


def _find(connection: sqlite3.Connection, table: str, name: str) -> int | None:
    number = int(name) if name.isascii() and name.isdigit() and len(name) < 19 else None
    row = connection.execute(
        f"SELECT id FROM {table} WHERE name = ?1 OR id = ?2 ORDER BY name = ?1 DESC LIMIT 1",
        (name, number),
    ).fetchone()
    return None if row is None else int(row[0])


def _names(connection: sqlite3.Connection, table: str, limit: int) -> list[str]:
    rows = connection.execute(f"SELECT name FROM {table} ORDER BY name LIMIT ?", (limit,))
    return [name for (name,) in rows]

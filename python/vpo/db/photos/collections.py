"""Table `collections`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vpo.base.paths import StoredPath
from vpo.db.conditions import Condition, all_of


class CollectionRow(NamedTuple):
    """A collection. The fields are columns; docs/schema.md explains them."""

    id: int
    connector_id: int | None
    connector: str | None
    """The connector's name. Not a column."""
    name: str
    type: str
    location: StoredPath
    state: str
    cache_ttl: int | None
    is_accessible: int
    last_error: str | None
    metadata_json: str | None
    storage_used: int | None
    file_count: int | None
    image_group_count: int | None
    image_count: int | None
    last_stats_update: str | None
    listed_at: str | None
    created_at: str
    updated_at: str


class CollectionFilter(NamedTuple):
    """Which collections to list. A field that is empty fits all."""

    state: str | None = None
    type: str | None = None
    accessible_only: bool = False
    name_has: str = ""
    """A part of the name, whatever its case."""


class CollectionStats(NamedTuple):
    """Sums over all collections. What no analysis has found out adds nothing."""

    collections: int
    storage_used: int
    file_count: int
    image_count: int


_COLUMNS = ", ".join(
    "k.name" if field == "connector" else f"c.{field}" for field in CollectionRow._fields
)
_FROM = f"SELECT {_COLUMNS} FROM collections c LEFT JOIN connectors k ON k.id = c.connector_id"


def add(connection: sqlite3.Connection, values: Mapping[str, Any]) -> int:
    """Adds a collection with these columns, and returns its id."""
    marks = ", ".join("?" * len(values))
    cursor = connection.execute(
        f"INSERT INTO collections ({', '.join(values)}) VALUES ({marks})", tuple(values.values())
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def update(connection: sqlite3.Connection, collection_id: int, values: Mapping[str, Any]) -> None:
    """Changes these columns of a collection."""
    changes = ", ".join(f"{column} = ?" for column in values)
    connection.execute(
        f"UPDATE collections SET {changes} WHERE id = ?", (*values.values(), collection_id)
    )


def delete(connection: sqlite3.Connection, collection_id: int) -> None:
    """Deletes a collection, with its results."""
    connection.execute("DELETE FROM collections WHERE id = ?", (collection_id,))


def find(connection: sqlite3.Connection, name: str) -> CollectionRow | None:
    """The collection with this name, or else with this id."""
    for column in ("name", "id"):
        if column == "id" and not (name.isascii() and name.isdigit() and len(name) < 19):
            return None
        row = connection.execute(f"{_FROM} WHERE c.{column} = ?", (name,)).fetchone()
        if row is not None:
            return CollectionRow._make(row)
    return None


def find_all(connection: sqlite3.Connection, wanted: CollectionFilter) -> list[CollectionRow]:
    """The collections that fit, the newest first."""
    condition = all_of(_conditions(wanted))
    rows = connection.execute(
        f"{_FROM} WHERE {condition.sql} ORDER BY c.created_at DESC, c.id DESC",
        condition.parameters,
    )
    return [CollectionRow._make(row) for row in rows]


def _conditions(wanted: CollectionFilter) -> Iterator[Condition]:
    yield Condition("1")
    if wanted.state is not None:
        yield Condition("c.state = ?", (wanted.state,))
    if wanted.type is not None:
        yield Condition("c.type = ?", (wanted.type,))
    if wanted.accessible_only:
        yield Condition("c.is_accessible = 1")
    if wanted.name_has:
        part = wanted.name_has
        for special in "\\%_":
            part = part.replace(special, f"\\{special}")
        yield Condition("c.name LIKE ? ESCAPE '\\'", (f"%{part}%",))


def count_results(connection: sqlite3.Connection, collection_id: int) -> int:
    """The number of results of analyses of a collection."""
    row = connection.execute(
        "SELECT count(*) FROM analysis_results WHERE collection_id = ?", (collection_id,)
    ).fetchone()
    return int(row[0])


def stats(connection: sqlite3.Connection) -> CollectionStats:
    """Sums over all collections."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(storage_used), 0), coalesce(sum(file_count), 0),"
        " coalesce(sum(image_count), 0) FROM collections"
    ).fetchone()
    return CollectionStats._make(row)


def has_result_of(connection: sqlite3.Connection, collection_id: int, tool: str, at: str) -> bool:
    """Whether a tool has analysed a collection successfully since it was listed at `at`."""
    row = connection.execute(
        "SELECT 1 FROM analysis_results WHERE collection_id = ? AND tool = ?"
        " AND status = 'COMPLETED' AND started_at >= ? LIMIT 1",
        (collection_id, tool, at),
    ).fetchone()
    return row is not None

"""Table `configurations`, and what photos tell about cameras."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class SettingRow(NamedTuple):
    """A row of `configurations`. Somebody else may have written it."""

    id: int
    category: str
    key: str
    value_json: str
    description: str | None
    source: str
    created_at: str
    updated_at: str


class SettingToKeep(NamedTuple):
    """What `keep` writes."""

    category: str
    key: str
    value_json: str
    source: str
    description: str | None = None
    """None: the description stays as it is."""


class CameraCount(NamedTuple):
    """How many photos have names that begin with a camera's ID, and are by this camera."""

    camera_id: str
    make: str
    model: str
    files: int


_COLUMNS = ", ".join(SettingRow._fields)

_CAMERA_AND_COUNTER = "[A-Z0-9]" * 4 + "[0-9]" * 4 + "*"


def all_rows(connection: sqlite3.Connection) -> list[SettingRow]:
    """All settings, sorted by category and key."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM configurations ORDER BY category, key")
    return [SettingRow._make(row) for row in rows]


def row_of(connection: sqlite3.Connection, category: str, key: str) -> SettingRow | None:
    """One setting, None if it is not set."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM configurations WHERE category = ? AND key = ?", (category, key)
    ).fetchone()
    return SettingRow._make(row) if row else None


def keep(connection: sqlite3.Connection, setting: SettingToKeep) -> None:
    """Adds a setting or changes it."""
    connection.execute(
        "INSERT INTO configurations (category, key, value_json, source, description)"
        " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (category, key) DO UPDATE SET"
        " value_json = ?3, source = ?4, description = coalesce(?5, description)",
        setting,
    )


def delete(connection: sqlite3.Connection, category: str, key: str) -> None:
    """Deletes a setting, if it is set."""
    connection.execute("DELETE FROM configurations WHERE category = ? AND key = ?", (category, key))


def cameras_of_names(connection: sqlite3.Connection) -> list[CameraCount]:
    """The cameras of photos by the IDs that their names begin with, most photos first."""
    rows = connection.execute(
        "SELECT substr(f.name, 1, 4) AS camera_id, CAST(ifnull(p.camera_make, '') AS TEXT),"
        " CAST(ifnull(p.camera_model, '') AS TEXT), count(*) AS number"
        " FROM photos p JOIN files f ON f.id = p.file_id"
        " WHERE f.name GLOB ? AND (p.camera_make IS NOT NULL OR p.camera_model IS NOT NULL)"
        " AND typeof(f.name) = 'text'"
        " GROUP BY 1, 2, 3 ORDER BY camera_id, number DESC, 2, 3",
        (_CAMERA_AND_COUNTER,),
    )
    return [CameraCount._make(row) for row in rows]

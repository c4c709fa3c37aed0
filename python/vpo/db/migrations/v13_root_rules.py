"""Version 13: rules of roots: those that people keep, and those of the last scan."""

from __future__ import annotations

import sqlite3


def apply(connection: sqlite3.Connection) -> None:
    """Adds the columns. Nothing is kept at first, and the rules of earlier scans are unknown."""
    for column in ("rules_json", "last_rules_json"):
        connection.execute(f"ALTER TABLE roots ADD COLUMN {column} TEXT")

"""Columns of `roots` with rules, as JSON: those that are kept, and those of the last scan."""

from __future__ import annotations

import sqlite3

from vpo.base.paths import StoredPath


def kept_rules(connection: sqlite3.Connection) -> dict[StoredPath, str]:
    """The rules that are kept, by the paths of roots."""
    return dict(
        connection.execute("SELECT path, rules_json FROM roots WHERE rules_json IS NOT NULL")
    )


def last_rules(connection: sqlite3.Connection, path: StoredPath) -> str | None:
    """The rules of the last completed scan of a root, None if they are not known."""
    row = connection.execute("SELECT last_rules_json FROM roots WHERE path = ?", (path,)).fetchone()
    return row[0] if row else None


def keep_rules(connection: sqlite3.Connection, path: StoredPath, rules_json: str | None) -> None:
    """Keeps rules with a root for later scans. None: no rules are kept any more."""
    connection.execute("UPDATE roots SET rules_json = ? WHERE path = ?", (rules_json, path))


def record_rules(connection: sqlite3.Connection, path: StoredPath, rules_json: str) -> None:
    """Records the rules of a completed scan."""
    connection.execute("UPDATE roots SET last_rules_json = ? WHERE path = ?", (rules_json, path))


def all_last_rules(connection: sqlite3.Connection) -> dict[StoredPath, str]:
    """The rules of the last completed scans, by the paths of roots."""
    return dict(
        connection.execute(
            "SELECT path, last_rules_json FROM roots WHERE last_rules_json IS NOT NULL"
        )
    )

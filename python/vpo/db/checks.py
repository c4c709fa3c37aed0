"""What SQLite finds wrong with a catalogue, and what this SQLite can do."""

from __future__ import annotations

import sqlite3

MOST_MESSAGES = 20


def find_damage(connection: sqlite3.Connection, *, full: bool) -> list[str]:
    """What SQLite finds wrong. The quick check does not compare indexes with their tables."""
    pragma = "integrity_check" if full else "quick_check"
    found = [str(row[0]) for row in connection.execute(f"PRAGMA {pragma}({MOST_MESSAGES})")]
    if found == ["ok"]:
        found = []
    for table, row_id, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        if len(found) >= MOST_MESSAGES:
            break
        found.append(f"row {row_id} of {table} refers to a row of {parent} that is missing")
    return found


def has_json_functions() -> bool:
    """Whether SQLite was built with its JSON functions."""
    memory = sqlite3.connect(":memory:")
    try:
        memory.execute("SELECT json('{}')")
    except sqlite3.Error:
        return False
    finally:
        memory.close()
    return True

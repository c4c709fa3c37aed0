"""Gives the space of deleted records back to the disk.

SQLite keeps the pages of deleted records for new ones, and the file never becomes smaller by
itself. `auto_vacuum` could give them back one by one, but makes each write up to a tenth
slower. So the catalogue is rewritten (VACUUM) when that gives back much and takes little.
"""

from __future__ import annotations

import os
import sqlite3

# A rewrite has to give back at least this, and this part of the file.
LEAST_FREE_BYTES = 16 << 20
LEAST_FREE_PART = 1 / 4

# What is in use is read and written, at about 100 MB a second. More than this would make people
# wait.
MOST_USED_BYTES = 512 << 20


def compact(connection: sqlite3.Connection, path: str, busy_seconds: float) -> bool:
    """Rewrites a catalogue that has much unused space. Returns whether it did.

    It does not wait for other processes: if one is in the way, a later command tries again.
    `busy_seconds` is for how long this connection waits otherwise.
    """
    try:
        unused, used = _bytes(connection)
        is_worth_it = (
            unused >= LEAST_FREE_BYTES
            and unused >= LEAST_FREE_PART * (unused + used)
            and used <= MOST_USED_BYTES
        )
        # The new content is in the WAL, too, before it is in the file.
        if not is_worth_it or _free_bytes(path) < 2 * used + LEAST_FREE_BYTES:
            return False
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            connection.execute("VACUUM")
            # Only this makes the file smaller. A reader may be in the way; then a later one does.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")
    except (sqlite3.Error, OSError):
        # The catalogue is as it was. Its space stays with it, to be used for new records.
        return False
    return True


def _bytes(connection: sqlite3.Connection) -> tuple[int, int]:
    """How many bytes of a catalogue are unused, and how many are in use."""
    unused, pages, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("freelist_count", "page_count", "page_size")
    )
    return unused * size, (pages - unused) * size


def _free_bytes(path: str) -> int:
    found = os.statvfs(os.path.dirname(os.path.abspath(path)))
    return found.f_bavail * found.f_frsize

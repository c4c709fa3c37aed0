"""What the catalogue knows about the clock: the times of its jobs, and a jump that was noticed."""

from __future__ import annotations

import json
import sqlite3
from typing import NamedTuple

from vpo.db.job_history import MOMENT


class Jump(NamedTuple):
    """The clock was set forward, or no job ran for a long time."""

    before: str
    """The newest time that was recorded before. UTC, ISO 8601, like `after`."""
    after: str
    """The time at the first job that noticed it."""
    sequence: int
    """The number of that job in the order of jobs (`jobs.sequence`)."""


def newest_time(connection: sqlite3.Connection) -> str | None:
    """The time that was recorded last: of the newest job or of the newest scan that succeeded."""
    job = connection.execute(
        f"SELECT coalesce(completed_at, {MOMENT}) FROM jobs ORDER BY sequence DESC LIMIT 1"
    ).fetchone()
    scan = connection.execute(
        "SELECT last_scan_at FROM roots WHERE last_scan_at IS NOT NULL"
        " ORDER BY last_scan_sequence DESC LIMIT 1"
    ).fetchone()
    return max((str(row[0]) for row in (job, scan) if row), default=None)


def newest_sequence(connection: sqlite3.Connection) -> int:
    """The number of the newest job in the order of jobs. 0 if there are no jobs."""
    row = connection.execute("SELECT max(sequence) FROM jobs").fetchone()
    return int(row[0] or 0)


def times_after(connection: sqlite3.Connection, moment: str) -> tuple[int, str | None]:
    """How many jobs started or were queued after a moment, and the latest of these times."""
    row = connection.execute(
        f"SELECT count(*), max({MOMENT}) FROM jobs WHERE {MOMENT} > ?", (moment,)
    ).fetchone()
    return int(row[0]), row[1]


def find_jump(connection: sqlite3.Connection) -> Jump | None:
    """The last jump that was recorded."""
    row = connection.execute("SELECT value FROM _meta WHERE key = 'clock_jump'").fetchone()
    if row is None:
        return None
    try:
        before, after, sequence = json.loads(row[0])
        return Jump(str(before), str(after), int(sequence))
    except (ValueError, TypeError):
        # Another program wrote it.
        return None


def record_jump(connection: sqlite3.Connection, jump: Jump) -> None:
    """Records a jump in the place of the one before."""
    connection.execute(
        "INSERT INTO _meta (key, value) VALUES ('clock_jump', ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (json.dumps(jump),),
    )

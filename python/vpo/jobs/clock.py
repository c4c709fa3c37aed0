"""Whether the clock can be trusted: what it says now, against the times of earlier jobs."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from vpo.base import times
from vpo.db import clock as table
from vpo.db.library import Library

# Two machines, or a machine before and after its clock was set, may differ by this much.
TOLERANCE = timedelta(hours=1)

# After this many jobs, a clock that was set forward counts as right.
JOBS_UNTIL_TRUSTED = 10


@dataclass(frozen=True)
class ClockTrouble:
    """Signs that the clock was or is wrong."""

    jobs_in_future: int = 0
    latest: str | None = None
    """The latest time of these jobs."""
    jump: table.Jump | None = None
    """The clock was set forward, or no job ran for a long time."""

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.jobs_in_future or self.jump)

    def sentences(self) -> list[str]:
        """What to report."""
        lines = []
        if self.jobs_in_future:
            jobs = "1 job has" if self.jobs_in_future == 1 else f"{self.jobs_in_future:,} jobs have"
            lines.append(
                f"{jobs} a time in the future (up to {times.to_local_text(self.latest)}):"
                " the clock was wrong when they ran, or it is wrong now"
            )
        if self.jump is not None:
            before, after = (times.to_local_text(each) for each in self.jump[:2])
            lines.append(
                f"The time went from {before} to {after} between two jobs: the clock was set"
                " forward, or vpo did not run"
            )
        return lines

    def to_dict(self) -> dict[str, object]:
        """The signs as JSON."""
        jump = self.jump
        return {
            "jobs_in_future": self.jobs_in_future,
            "latest": times.with_z(self.latest),
            "jump": None if jump is None else {"before": jump.before, "after": jump.after},
        }


def find_trouble(connection: sqlite3.Connection) -> ClockTrouble:
    """Signs in the catalogue that the clock was or is wrong."""
    count, latest = table.times_after(connection, times.to_text(times.now() + TOLERANCE))
    return ClockTrouble(count, latest, _recent_jump(connection))


def trusted_now(library: Library, longest_pause: timedelta) -> datetime:
    """The current time, or an earlier one if it is doubtful. Ages are counted from it.

    If all records are older than `longest_pause`, the clock may have been set forward. Then this
    is the newest time that was recorded before, until some more jobs have run.
    """
    now = times.now()
    with library.reading() as connection:
        jump = _recent_jump(connection)
        if jump is not None:
            return _earlier(now, jump.before)
        newest = table.newest_time(connection)
        sequence = table.newest_sequence(connection) + 1
    if newest is None or _earlier(now, newest) + longest_pause >= now:
        return now
    jump = table.Jump(newest, times.to_text(now), sequence)
    with library.transaction() as connection:
        table.record_jump(connection, jump)
    return _earlier(now, newest)


def _recent_jump(connection: sqlite3.Connection) -> table.Jump | None:
    """The last jump, while it is open whether the clock is right since."""
    jump = table.find_jump(connection)
    if jump is None or table.newest_sequence(connection) - jump.sequence + 1 >= JOBS_UNTIL_TRUSTED:
        return None
    # If the clock was set back, the time after the jump is in the future.
    now = times.now()
    return jump if _earlier(now, jump.after) < now else None


def _earlier(now: datetime, text: str) -> datetime:
    """The earlier of the two times. A time that cannot be read does not count."""
    try:
        return min(now, times.from_text(text))
    except ValueError:
        return now

"""Which jobs run or wait in a place."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from vpo.base import times
from vpo.base.paths import from_stored, is_within, to_stored
from vpo.db import jobs as table
from vpo.jobs import liveness
from vpo.jobs.conflicts import JobToRun, conflict_error, find_conflict
from vpo.jobs.kinds import KINDS


def check_none_in(
    connection: sqlite3.Connection, places: Sequence[bytes], *, own: int | None = None
) -> None:
    """Checks that no job works in places whose records are to be changed.

    `own` is the number of the job that changes them. Raises JobLockedError.
    """
    running = [
        job
        for job in table.running_jobs(connection)
        if job.number != own and liveness.is_alive(job)
    ]
    for place in places:
        to_run = JobToRun(KINDS["roots"], to_stored(place), "{}")
        conflict = find_conflict(to_run, running)
        if conflict is not None:
            raise conflict_error(to_run.kind, conflict)


def cancel_queued(connection: sqlite3.Connection, places: Sequence[bytes]) -> int:
    """Cancels the jobs that wait for a worker and are about places. Returns how many."""
    at = times.to_text(times.now())
    waiting = [
        job
        for job in table.queued_jobs(connection)
        if any(is_within(from_stored(job.file_path), place) for place in places)
    ]
    for job in waiting:
        table.set_status(connection, job.id, "cancelled", at=at)
    return len(waiting)

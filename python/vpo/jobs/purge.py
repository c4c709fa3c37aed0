"""Deletes jobs that ended long ago, with the changes that they recorded."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from vpo.base import times
from vpo.config.models import JobsConfig
from vpo.db import jobs as table
from vpo.db.library import Library
from vpo.jobs.clock import trusted_now
from vpo.logging import facts

logger = logging.getLogger(__name__)

# How long a scan spends on this at its start. The next scan goes on.
AUTO_SECONDS = 0.05

# This many jobs, and changes of one job, are deleted between two looks at the clock.
JOBS_AT_ONCE = 20
CHANGES_AT_ONCE = 5_000

# How long others may have to wait until they can write.
TRANSACTION_SECONDS = 0.5


def auto_purge(library: Library, config: JobsConfig) -> int:
    """Deletes some of the jobs that are older than the settings allow. Returns how many.

    If the clock is doubtful, their age is counted from an earlier time.
    """
    if not config.auto_purge:
        return 0
    retention = timedelta(days=config.retention_days)
    before = trusted_now(library, retention) - retention
    with library.reading() as connection:
        if not table.finished_before(connection, times.to_text(before), limit=1):
            return 0
    return purge(library, before, seconds=AUTO_SECONDS)


def purge(
    library: Library, before: datetime, *, status: str | None = None, seconds: float = float("inf")
) -> int:
    """Deletes jobs that ended before a moment, if given only those of one status.

    A job that a wrong clock dated in the future is deleted with the jobs that ran after it.
    Works for at most `seconds`. Queued and running jobs stay. Returns how many were deleted.
    """
    until = time.monotonic() + seconds
    deleted = 0
    is_done = False
    while not is_done and time.monotonic() < until:
        pause = min(until, time.monotonic() + TRANSACTION_SECONDS)
        with library.transaction() as connection:
            while not is_done and time.monotonic() < pause:
                numbers = table.finished_before(
                    connection, times.to_text(before), status=status, limit=JOBS_AT_ONCE
                )
                is_done = not numbers
                for number in numbers:
                    if not table.delete_job(connection, number, most_changes=CHANGES_AT_ONCE):
                        break
                    deleted += 1
                    if time.monotonic() >= pause:
                        break
    if deleted:
        logger.info("Purged old jobs", extra=facts(count=deleted, before=times.to_text(before)))
    return deleted


def count(library: Library, before: datetime, *, status: str | None = None) -> int:
    """How many jobs `purge` would delete."""
    with library.reading() as connection:
        return table.count_finished_before(connection, times.to_text(before), status=status)

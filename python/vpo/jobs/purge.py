"""Deleting jobs that finished long ago, with the changes they recorded."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from vpo.base import times
from vpo.config.models import JobsConfig
from vpo.db import jobs as table
from vpo.db.library import Library
from vpo.logging import facts

logger = logging.getLogger(__name__)

# What a scan spends on it at its start; the next one goes on where it ended.
AUTO_SECONDS = 0.05

# So many jobs, and changes of one job, between looks at the clock.
JOBS_AT_ONCE = 20
CHANGES_AT_ONCE = 5_000

# How long others may have to wait for their turn to write.
TRANSACTION_SECONDS = 0.5


def auto_purge(library: Library, config: JobsConfig) -> int:
    """Deletes some of the jobs that are older than the settings want; returns how many."""
    if not config.auto_purge:
        return 0
    before = times.now() - timedelta(days=config.retention_days)
    with library.reading() as connection:
        if not table.finished_before(connection, times.to_text(before), limit=1):
            return 0
    return purge(library, before, seconds=AUTO_SECONDS)


def purge(
    library: Library, before: datetime, *, status: str | None = None, seconds: float = float("inf")
) -> int:
    """Deletes jobs that ended before then (of one status, if given); returns how many.

    Goes on for at most `seconds`. Jobs that are queued or running are never among them.
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

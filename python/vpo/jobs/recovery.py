"""Jobs whose process died: the next process that looks at jobs settles them."""

from __future__ import annotations

import logging
import sqlite3

from vpo.base import times
from vpo.db import jobs as table
from vpo.jobs import liveness
from vpo.logging import facts

logger = logging.getLogger(__name__)

DIED = "The process that ran this job (pid {pid}) ended without finishing it"

# A job that ended this many processes is not given to another one.
MOST_ATTEMPTS = 3


def settle_dead_jobs(connection: sqlite3.Connection) -> list[table.RunningJob]:
    """Ends running jobs whose process is gone, or puts them back into the queue.

    Returns the jobs that do run. Called in a transaction.
    """
    alive = []
    for job in table.running_jobs(connection):
        if liveness.is_alive(job):
            alive.append(job)
            continue
        at = times.to_text(times.now())
        died = DIED.format(pid=job.worker_pid or "unknown")
        if job.cancel_requested_at is not None:
            table.end_job(connection, job.id, table.JobEnding("cancelled", at, "Cancelled"))
        elif job.queued_at is not None and job.attempts < MOST_ATTEMPTS:
            table.requeue_job(connection, job.id, at=at, counts_as_attempt=True)
        else:
            table.end_job(connection, job.id, table.JobEnding("failed", at, died))
        logger.warning("%s", died, extra=facts(job_id=job.id, worker_pid=job.worker_pid))
    return alive

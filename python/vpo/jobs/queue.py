"""The queue: jobs that wait, are taken by workers, cancelled, and tried again."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection
from typing import NamedTuple

from vpo.base import times
from vpo.base.errors import JobNotFoundError, JobStateError
from vpo.base.paths import StoredPath
from vpo.db import jobs as table
from vpo.db.library import Library
from vpo.jobs import states
from vpo.jobs.kinds import HANDLERS
from vpo.jobs.recovery import settle_dead_jobs
from vpo.jobs.tracking import Job, overlapping, this_process

DEFAULT_PRIORITY = 100

POLL_SECONDS = 0.1

# Types of jobs of which one at a time works in a place.
ONE_AT_A_TIME = ("scan", "verify")


class Queued(NamedTuple):
    """A job in the queue, and whether it was there already."""

    id: str
    is_new: bool


def enqueue(
    library: Library,
    *,
    job_type: str,
    path: StoredPath,
    configuration_json: str,
    priority: int = DEFAULT_PRIORITY,
) -> Queued:
    """Puts a job into the queue; if one that is to do the same waits there, at its priority."""
    with library.transaction() as connection:
        known = table.find_queued_job(
            connection, job_type=job_type, path=path, configuration_json=configuration_json
        )
        if known is not None:
            table.set_priority(connection, known, priority)
            return Queued(known, is_new=False)
        job_id = str(uuid.uuid4())
        table.add_queued_job(
            connection,
            job_id=job_id,
            job_type=job_type,
            path=path,
            configuration_json=configuration_json,
            priority=priority,
            at=times.to_text(times.now()),
        )
    return Queued(job_id, is_new=True)


class Claim(NamedTuple):
    """What a worker got from the queue."""

    job: tuple[Job, str] | None
    """The job and its type."""
    held_up: int
    """Jobs that wait for another to end, or for a vpo that knows their type."""


def claim(library: Library, job_types: Collection[str]) -> Claim:
    """Takes the first job of the queue that can be done now.

    That is one of a type in `job_types`; a scan only if no other scan, and no job that
    changes files, is at work in the same place, and a check likewise. Jobs whose process
    died go back into the queue first. Several workers never get the same job: all of it is
    one transaction.
    """
    worker = this_process()
    held_up = 0
    with library.transaction() as connection:
        running = settle_dead_jobs(connection)
        for queued in table.queued_jobs(connection):
            is_one_at_a_time = queued.job_type in ONE_AT_A_TIME
            if queued.job_type not in job_types or (
                is_one_at_a_time and overlapping(running, queued.job_type, queued.file_path)
            ):
                held_up += 1
                continue
            at = times.to_text(times.now())
            table.start_job(connection, queued.number, worker, at)
            job = Job(
                library,
                queued.number,
                queued.id,
                queued.file_path,
                queued.policy_json,
                worker.token,
                from_queue=True,
            )
            return Claim((job, queued.job_type), held_up)
    return Claim(None, held_up)


def retry(library: Library, job_id: str) -> None:
    """Puts a job that failed or was cancelled back into the queue.

    Raises JobNotFoundError, or JobStateError if it is in another state, or of a type that
    no worker does.
    """
    with library.transaction() as connection:
        settle_dead_jobs(connection)
        states.check(job_id, _status(table.status_of(connection, job_id), job_id), "queued")
        job_type = table.type_of(connection, job_id)
        if job_type not in HANDLERS:
            raise JobStateError(
                f"Job {job_id[:8]} is of type `{job_type}`, which is not done from the queue",
                hint="Run the command again.",
                job_id=job_id,
            )
        at = times.to_text(times.now())
        table.requeue_job(connection, job_id, at=at, counts_as_attempt=True)


def cancel(library: Library, job_id: str, *, wait_seconds: float) -> bool:
    """Cancels a job; a running one is asked to stop, and waited for.

    Returns whether it has stopped when `wait_seconds` are over.

    Raises JobNotFoundError, or JobStateError if it has ended already.
    """
    at = times.to_text(times.now())
    with library.transaction() as connection:
        status = _status(table.status_of(connection, job_id), job_id)
        states.check(job_id, status, "cancelled")
        if status == "running":
            table.request_cancel(connection, job_id, at)
            # If its process is gone, that is the end of it.
            settle_dead_jobs(connection)
        else:
            table.set_status(connection, job_id, "cancelled", at=at)
    until = time.monotonic() + wait_seconds
    while True:
        with library.reading() as connection:
            if table.status_of(connection, job_id) != "running":
                return True
        if time.monotonic() >= until:
            return False
        time.sleep(POLL_SECONDS)


def _status(status: str | None, job_id: str) -> str:
    if status is None:
        raise JobNotFoundError(f"No job found with ID '{job_id}'", job_id=job_id)
    return status

"""The queue: jobs wait here, workers take them, people cancel them or try them again."""

from __future__ import annotations

import time
import uuid
from typing import NamedTuple

from vpo.base import times
from vpo.base.errors import JobNotFoundError, JobStateError
from vpo.db import job_history
from vpo.db import jobs as table
from vpo.db.library import Library
from vpo.jobs import states
from vpo.jobs.conflicts import JobToRun, find_conflict
from vpo.jobs.job import Job, this_process
from vpo.jobs.kinds import KINDS, JobKind, queued_kinds
from vpo.jobs.recovery import settle_dead_jobs

DEFAULT_PRIORITY = 100

POLL_SECONDS = 0.1


class Queued(NamedTuple):
    """A job in the queue."""

    id: str
    is_new: bool
    """False: the same job waited there already."""


def enqueue(library: Library, job: JobToRun, *, priority: int | None = None) -> Queued:
    """Puts a job into the queue. If the same job waits there, only its priority changes."""
    if priority is None:
        priority = DEFAULT_PRIORITY
    with library.transaction() as connection:
        known = table.find_queued_job(
            connection,
            job_type=job.kind.name,
            path=job.path,
            configuration_json=job.configuration_json,
        )
        if known is not None:
            table.set_priority(connection, known, priority)
            return Queued(known, is_new=False)
        job_id = str(uuid.uuid4())
        at = times.to_text(times.now())
        new = table.NewJob(job_id, job.kind.name, job.path, job.configuration_json, at)
        table.add_queued_job(connection, new, priority=priority)
    return Queued(job_id, is_new=True)


class Claim(NamedTuple):
    """What a worker got from the queue."""

    job: tuple[Job, JobKind] | None
    held_up: int
    """Jobs that wait for another job to end, or for a vpo that knows their kind."""


def claim(library: Library) -> Claim:
    """Takes the first job of the queue that can be done now.

    Jobs that conflict with a running job stay in the queue (`vpo.jobs.conflicts`). Jobs whose
    process died go back into the queue first. It is all one transaction, so that two workers
    never get the same job.
    """
    worker = this_process()
    held_up = 0
    with library.transaction() as connection:
        running = settle_dead_jobs(connection)
        for queued in table.queued_jobs(connection):
            kind = KINDS.get(queued.job_type)
            if kind is None or kind.service is None:
                held_up += 1
                continue
            to_run = JobToRun(kind, queued.file_path, queued.policy_json)
            if find_conflict(to_run, running) is not None:
                held_up += 1
                continue
            table.start_job(connection, queued.number, worker, times.to_text(times.now()))
            job = Job(
                library,
                queued.number,
                queued.id,
                queued.file_path,
                queued.policy_json,
                worker.token,
                from_queue=True,
            )
            return Claim((job, kind), held_up)
    return Claim(None, held_up)


def retry(library: Library, job_id: str) -> None:
    """Puts a job that failed or was cancelled back into the queue.

    Raises JobNotFoundError, or JobStateError if the job is in another state or workers do not
    do its kind.
    """
    with library.transaction() as connection:
        settle_dead_jobs(connection)
        states.check(job_id, _status(table.status_of(connection, job_id), job_id), "queued")
        job_type = table.type_of(connection, job_id)
        if job_type not in queued_kinds():
            raise JobStateError(
                f"Job {job_id[:8]} is of type `{job_type}`, which cannot be queued",
                hint="Run the job's original command again.",
                job_id=job_id,
            )
        at = times.to_text(times.now())
        table.requeue_job(connection, job_id, at=at, counts_as_attempt=True)


def cancel(library: Library, job_id: str, *, wait_seconds: float) -> str:
    """Cancels a job. Asks a running job to stop, and waits for that.

    Returns the job's status then: `cancelled`, another one if it ended by itself, or `running`
    if it has not stopped after `wait_seconds`.

    Raises JobNotFoundError, or JobStateError if the job has ended already.
    """
    at = times.to_text(times.now())
    with library.transaction() as connection:
        status = _status(table.status_of(connection, job_id), job_id)
        states.check(job_id, status, "cancelled")
        if status == "running":
            table.request_cancel(connection, job_id, at)
            # If its process is gone, this ends it.
            settle_dead_jobs(connection)
        else:
            table.set_status(connection, job_id, "cancelled", at=at)
    until = time.monotonic() + wait_seconds
    while True:
        with library.reading() as connection:
            status = table.status_of(connection, job_id) or "cancelled"
        if status != "running" or time.monotonic() >= until:
            return status
        time.sleep(POLL_SECONDS)


def failed_jobs(library: Library) -> list[str]:
    """The IDs of all jobs that failed, newest first."""
    with library.reading() as connection:
        return [job.id for job in job_history.failed_jobs(connection)]


def _status(status: str | None, job_id: str) -> str:
    if status is None:
        raise JobNotFoundError(f"No job found with ID '{job_id}'", job_id=job_id)
    return status

"""The life of a job that this process runs: it starts, works, and its end is recorded."""

from __future__ import annotations

import logging
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vpo.base import times
from vpo.base.errors import JobLockedError, VpoError
from vpo.db import jobs as table
from vpo.db.failures import plain_errors
from vpo.db.library import Library
from vpo.jobs.conflicts import JobToRun, conflict_error, find_conflict
from vpo.jobs.context import Context
from vpo.jobs.job import Job, this_process
from vpo.jobs.record import JobResult
from vpo.jobs.recovery import settle_dead_jobs
from vpo.jobs.stopping import StoppedError
from vpo.logging import bound, facts, shown

# How often a job that waits for another one looks whether it has ended.
RETRY_SECONDS = 0.5


def start_job(library: Library, to_run: JobToRun, context: Context) -> Job:
    """Records a job as running in this process.

    If it has to wait for another job, waits as long as the context says.

    Raises the kind's JobLockedError if the other job has not ended by then, StoppedError.
    """
    until = time.monotonic() + context.wait_seconds
    while True:
        try:
            return _start_job(library, to_run)
        except JobLockedError:
            if time.monotonic() >= until:
                raise
        context.check()
        time.sleep(RETRY_SECONDS)


def _start_job(library: Library, to_run: JobToRun) -> Job:
    job_id = str(uuid.uuid4())
    worker = this_process()
    with library.transaction() as connection:
        running = settle_dead_jobs(connection)
        conflict = find_conflict(to_run, running)
        if conflict is None:
            at = times.to_text(times.now())
            new = table.NewJob(job_id, to_run.kind.name, to_run.path, to_run.configuration_json, at)
            number = table.add_running_job(connection, new, worker)
    if conflict is not None:
        raise conflict_error(to_run.kind, conflict)
    return Job(library, number, job_id, to_run.path, to_run.configuration_json, worker.token)


@contextmanager
def recorded(
    library: Library, to_run: JobToRun, context: Context, result: JobResult, **started: object
) -> Iterator[Job]:
    """Does the work inside as a job: the context's job, or a new one.

    If the job changes files, interrupted operations are settled first. Whatever ends the work,
    the job's row says so, with as much of `result` as there is. If the work comes to its end,
    the result is recorded, unless the work has done that itself (`job.finish`, in a transaction
    with what belongs together). `started` is logged at the start.

    Raises the kind's JobLockedError, and whatever the work raises.
    """
    job = context.job
    if job is None:
        context.before_start()
        with plain_errors(library.path):
            job = start_job(library, to_run, context)
        context.job = job
        # The time that it waited for other jobs does not count.
        result.started_at = times.now()
    result.job_id = job.id
    label = to_run.kind.label
    logger = logging.getLogger(to_run.kind.service or __name__)
    with bound(job_id=job.id, directory=job.path):
        logger.info("%s started", label, extra=facts(**started))
        with _end_recorded(job, label, result, logger), plain_errors(library.path):
            if to_run.changes_files:
                _settle_operations(job)
            yield job
            if not job.has_ended:
                result.completed_at = result.completed_at or times.now()
                with library.transaction():
                    job.finish(result.record())
        took = round(result.duration_seconds, 3)
        summary = result.record().summary
        logger.info("%s completed", label, extra=facts(**summary, duration_seconds=took))


@contextmanager
def _end_recorded(
    job: Job, label: str, result: JobResult, logger: logging.Logger
) -> Iterator[None]:
    """Records how the work inside ended if it raises, and lets the exception through."""
    try:
        yield
    except (StoppedError, KeyboardInterrupt) as error:
        stopped = error if isinstance(error, StoppedError) else StoppedError()
        stopped.result = result
        result.completed_at = times.now()
        record = result.record()
        logger.warning("%s stopped: %s", label, stopped, extra=shown(**record.summary))
        _write(job, lambda: job.stop(stopped, record))
        raise
    except VpoError as error:
        result.completed_at = times.now()
        logger.error("%s failed: %s", label, error.message, extra=shown(code=error.code))
        failure = {"code": error.code, "details": error.details, "hint": error.hint}
        message = error.message
        _write(job, lambda: job.fail(message, result.record(), failure))
        error.details["job_id"] = job.id
        raise
    except BaseException as error:
        result.completed_at = times.now()
        logger.exception("%s crashed", label, extra=shown(code="INTERNAL"))
        failure = {"code": "INTERNAL", "traceback": traceback.format_exc()}
        message = f"{type(error).__name__}: {error}"
        _write(job, lambda: job.fail(message, result.record(), failure))
        raise


def _settle_operations(job: Job) -> None:
    """Settles interrupted operations: a job that changes files must know how the files are."""
    from vpo.jobs import settlement

    with job.library.transaction() as connection:
        settlement.settle(connection, job.number)


def _write(job: Job, write: Callable[[], None]) -> None:
    """Records the end.

    If that fails as well (a full disk), the next job finds that this one has no process and
    settles it.
    """
    try:
        with job.library.transaction():
            write()
    except VpoError as error:
        logging.getLogger(__name__).error(
            "The end of the job could not be recorded: %s", error.message
        )

"""A worker: it takes jobs from the queue and does them, one after the other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from vpo.base.errors import LibraryError, VpoError
from vpo.db.library import Library
from vpo.jobs import queue
from vpo.jobs.context import Context
from vpo.jobs.job import Job
from vpo.jobs.kinds import JobKind
from vpo.jobs.progress import Reporter
from vpo.jobs.record import Failure
from vpo.jobs.stopping import CancelledError, OutOfTimeError, ShouldStop, StoppedError
from vpo.logging import facts

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """When a worker stops taking jobs."""

    jobs: int | None = None
    until: float | None = None
    """A moment, as `time.time()` gives it."""
    is_hard: bool = False
    """Whether the job that runs at that moment is stopped and goes back into the queue."""


class WorkerReporter(Protocol):
    """Shows people what a worker does."""

    def started(self, job: Job, kind: JobKind) -> AbstractContextManager[Reporter]:
        """A job starts. Returns what shows its progress."""

    def ended(self, job: Job, status: str, outcome: str) -> None:
        """A job ended as `completed`, `errors`, `failed`, `cancelled` or `queued` (again)."""


@dataclass
class Tally:
    """What became of the jobs that a worker took."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("completed", "errors", "failed", "cancelled", "queued"), 0
        )
    )
    held_up: int = 0
    """Jobs left because they wait for other jobs, or because this vpo does not know their kind."""
    stopped: StoppedError | None = None
    """Who stopped the worker before the queue was empty, if somebody did."""

    @property
    def taken(self) -> int:
        """How many jobs were taken."""
        return sum(self.counts.values())


def run(
    library: Library,
    limits: Limits,
    reporter: WorkerReporter,
    should_stop: ShouldStop,
    *,
    clock: Callable[[], float] = time.time,
) -> Tally:
    """Does the jobs of the queue until it is empty or a limit is reached.

    A job that fails does not stop the worker. Raises LibraryError if the catalogue cannot be
    used any more.
    """
    tally = Tally()

    def is_over() -> bool:
        return limits.until is not None and clock() >= limits.until

    def stop_job() -> StoppedError | None:
        return should_stop() or (OutOfTimeError() if limits.is_hard and is_over() else None)

    while not is_over() and (limits.jobs is None or tally.taken < limits.jobs):
        tally.stopped = should_stop()
        if tally.stopped is not None:
            break
        claimed = queue.claim(library)
        tally.held_up = claimed.held_up
        if claimed.job is None:
            break
        job, kind = claimed.job
        status, outcome, stopped = _do(job, kind, reporter, stop_job)
        tally.counts[status] += 1
        reporter.ended(job, status, outcome)
        if stopped is not None:
            tally.stopped = stopped
            break
    return tally


def _do(
    job: Job, kind: JobKind, reporter: WorkerReporter, should_stop: ShouldStop
) -> tuple[str, str, StoppedError | None]:
    """Does one job. Returns how it ended, its outcome in words, and the stop if there was one."""
    try:
        with reporter.started(job, kind) as job_reporter:
            service = kind.load()
            context = Context(job_reporter, should_stop, job)
            result = service.run(job.library, service.request_of(job), context)
            outcome, is_all_well = result.in_words(), result.is_all_well
    except CancelledError as stopped:
        _stop(job, stopped)
        return "cancelled", stopped.message, None
    except StoppedError as stopped:
        _stop(job, stopped)
        return "queued", stopped.message, stopped
    except LibraryError:
        raise
    except VpoError as error:
        failure = {"code": error.code, "details": error.details, "hint": error.hint}
        _fail(job, error.message, failure)
        return "failed", error.message, None
    except Exception as error:
        # A bug in vpo broke one job. The job's record has the details.
        logger.error("A job crashed", extra=facts(job_id=job.id, job_type=kind.name))
        message = f"Something went wrong inside vpo: {type(error).__name__}: {error}"
        _fail(job, message, {"code": "INTERNAL"})
        return "failed", message, None
    return ("completed" if is_all_well else "errors"), outcome, None


def _stop(job: Job, stopped: StoppedError) -> None:
    """Ends a job that was stopped before its work began."""
    if not job.has_ended:
        with job.library.transaction():
            job.stop(stopped, None)


def _fail(job: Job, message: str, failure: Failure) -> None:
    """Ends a job that failed before its work began."""
    if not job.has_ended:
        with job.library.transaction():
            job.fail(message, None, failure)

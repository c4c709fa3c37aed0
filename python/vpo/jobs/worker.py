"""A worker: takes jobs from the queue, one after the other, and does them."""

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
from vpo.jobs.control import CancelledError, OutOfTimeError, Reporter, ShouldStop, StoppedError
from vpo.jobs.kinds import HANDLERS, handler_of
from vpo.jobs.tracking import Job
from vpo.logging import facts

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """When a worker takes no more jobs."""

    jobs: int | None = None
    until: float | None = None
    """A moment of `time.time()`."""
    is_hard: bool = False
    """Whether the job that runs at that moment is stopped, and queued again."""


class WorkerReporter(Protocol):
    """Who is told what a worker does."""

    def started(self, job: Job, job_type: str) -> AbstractContextManager[Reporter]:
        """A job begins; what is returned is told of its progress."""

    def ended(self, job: Job, status: str, said: str) -> None:
        """A job ended: `completed`, `errors`, `failed`, `cancelled` or `queued` (again)."""


@dataclass
class Tally:
    """What became of the jobs that a worker took."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("completed", "errors", "failed", "cancelled", "queued"), 0
        )
    )
    held_up: int = 0
    """Jobs left because others are at work in their place, or their type is not known."""
    stopped: StoppedError | None = None
    """Why the worker stopped before the queue was empty, if it was told to."""

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
    """Does the jobs of the queue until it is empty, or a limit is reached.

    A job that fails is no reason not to do the next. Raises LibraryError if the
    library cannot be used any more.
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
        claimed = queue.claim(library, HANDLERS.keys())
        tally.held_up = claimed.held_up
        if claimed.job is None:
            break
        job, job_type = claimed.job
        status, said, stopped = _do(job, job_type, reporter, stop_job)
        tally.counts[status] += 1
        reporter.ended(job, status, said)
        if stopped is not None:
            tally.stopped = stopped
            break
    return tally


def _do(
    job: Job, job_type: str, reporter: WorkerReporter, should_stop: ShouldStop
) -> tuple[str, str, StoppedError | None]:
    """Does one job; returns what became of it, what there is to say, and whether to stop."""
    try:
        with reporter.started(job, job_type) as job_reporter:
            said, all_well = handler_of(job_type)(job, job_reporter, should_stop)
    except CancelledError as stopped:
        return "cancelled", stopped.message, None
    except StoppedError as stopped:
        return "queued", stopped.message, stopped
    except LibraryError:
        raise
    except VpoError as error:
        return "failed", error.message, None
    except Exception as error:
        # A mistake of ours in one job; it is in the record of the job.
        logger.error("A job crashed", extra=facts(job_id=job.id, job_type=job_type))
        said = f"Something went wrong inside vpo: {type(error).__name__}: {error}"
        return "failed", said, None
    return ("completed" if all_well else "errors"), said, None

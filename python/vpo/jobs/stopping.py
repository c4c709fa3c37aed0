"""Stopping the work of a job at its next safe point: who asked, and what the process exits with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vpo.base.errors import EXIT_NOT_DONE, EXIT_SIGINT

if TYPE_CHECKING:
    from vpo.jobs.record import JobResult


class StoppedError(Exception):
    """The work stops at its next safe point. What was done before is kept."""

    message = "Stopped before it was done"

    def __init__(self, exit_status: int = EXIT_SIGINT) -> None:
        super().__init__(self.message)
        self.exit_status = exit_status
        self.result: JobResult | None = None
        """What the job had done until then, if there was a job."""


class CancelledError(StoppedError):
    """`vpo jobs cancel` asked for the stop."""

    message = "Cancelled"

    def __init__(self) -> None:
        super().__init__(EXIT_NOT_DONE)


class OutOfTimeError(StoppedError):
    """The worker has used up its time."""

    message = "Stopped because the time limit was reached"


ShouldStop = Callable[[], StoppedError | None]
"""Returns the stop that somebody asked for, or None to go on."""

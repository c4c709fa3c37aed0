"""The context that every service runs in: who is shown its progress, who stops it, and its job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vpo.jobs.progress import ReadProgress, Reporter, Silent
from vpo.jobs.stopping import ShouldStop

if TYPE_CHECKING:
    # Not every service starts a job.
    from vpo.jobs.job import Job


@dataclass
class Context:
    """What a service is given besides its request."""

    reporter: Reporter = field(default_factory=Silent)
    should_stop: ShouldStop = lambda: None
    job: Job | None = None
    """The job that records the work: given if it came from the queue, else set when it starts."""
    wait_seconds: float = 0.0
    """How long to wait for another job that is in the way."""
    before_start: Callable[[], None] = lambda: None
    """Called before the service starts a job of its own."""

    def check(self) -> None:
        """Raises StoppedError if somebody asked the work to stop."""
        if stopped := self.should_stop():
            raise stopped

    def beat(self, read: ReadProgress) -> None:
        """Shows other processes that the job is alive and how far it is; see `Job.beat`."""
        if self.job is not None:
            self.job.beat(read)

    def report(self, read: ReadProgress) -> None:
        """Goes on with the work: stops it if asked, beats, and shows the progress."""
        self.check()
        self.beat(read)
        self.reporter.progress(read)

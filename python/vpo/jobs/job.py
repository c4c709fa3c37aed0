"""A job that this process runs: its signs of life, and its end."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from vpo.base import times
from vpo.base.errors import JobLostError
from vpo.base.paths import StoredPath
from vpo.db import jobs as table
from vpo.db.library import Library
from vpo.jobs import liveness
from vpo.jobs.progress import ReadProgress
from vpo.jobs.record import Failure, JobRecord
from vpo.jobs.stopping import CancelledError, StoppedError

# How often the job's row is read for a request to cancel it, and written.
LOOK_SECONDS = 1.0
WRITE_SECONDS = 2.0


@dataclass
class Job:
    """A job that this process runs."""

    library: Library
    number: int
    id: str
    path: StoredPath
    configuration_json: str
    token: str
    """Proves that this process still owns the job's row."""
    from_queue: bool = False
    has_ended: bool = False
    _looked: float = field(default_factory=time.monotonic)
    _written: float = field(default_factory=time.monotonic)

    def beat(self, read: ReadProgress) -> None:
        """Records that the process is alive and how far it is, and looks for a request to cancel.

        Call it often: it acts at most once per second. Inside a transaction it writes as a
        part of that.

        Raises CancelledError if somebody cancelled the job, JobLostError if another process
        took this one for dead and settled the job.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        connection = self.library.connection
        if not table.has_job(connection, self.id, self.token):
            raise self._lost()
        if table.is_to_be_cancelled(connection, self.id):
            raise CancelledError
        if now - self._written < WRITE_SECONDS:
            return
        self._written = now
        if connection.in_transaction:
            self._write(read)
        else:
            with self.library.transaction():
                self._write(read)

    def _write(self, read: ReadProgress) -> None:
        import orjson

        progress = read()
        is_ours = table.beat(
            self.library.connection,
            self.id,
            self.token,
            at=times.to_text(times.now()),
            # Only a job that has ended is at 100 %.
            percent=min(progress.percent, 99.9),
            progress_json=orjson.dumps(progress.to_dict()).decode(),
        )
        if not is_ours:
            raise self._lost()

    def _lost(self) -> JobLostError:
        return JobLostError(
            f"Job {self.id[:8]} seemed dead, so another process ended it",
            hint="This happens when a process is suspended for minutes. Run the command again.",
            job_id=self.id,
        )

    def finish(self, record: JobRecord) -> None:
        """Records the result of all the work. In a transaction."""
        self._end(record.status, record.error_message, record.columns())

    def fail(self, message: str, record: JobRecord | None, failure: Failure) -> None:
        """Records why the job could not finish, and how far it came. In a transaction."""
        self._end("failed", message, {} if record is None else record.columns(failure))

    def stop(self, stopped: StoppedError, record: JobRecord | None) -> None:
        """Records that the job was stopped. A job from the queue goes back. In a transaction."""
        connection = self.library.connection
        if not table.has_job(connection, self.id, self.token):
            return
        is_cancelled = isinstance(stopped, CancelledError) or table.is_to_be_cancelled(
            connection, self.id
        )
        if self.from_queue and not is_cancelled:
            at = times.to_text(times.now())
            table.requeue_job(connection, self.id, at=at, counts_as_attempt=False)
            self.has_ended = True
            return
        self._end("cancelled", stopped.message, {} if record is None else record.columns())

    def _end(self, status: str, message: str | None, columns: dict[str, str | None]) -> None:
        ending = table.JobEnding(status, times.to_text(times.now()), message, **columns)
        table.end_job(self.library.connection, self.id, ending, token=self.token)
        self.has_ended = True


def this_process() -> table.Worker:
    """This process, with a new token that gives it the right to write to one job's row."""
    return table.Worker(os.getpid(), liveness.own_identity(), os.urandom(8).hex())

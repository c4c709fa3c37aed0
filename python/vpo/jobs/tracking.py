"""Jobs that this process runs: their start, their signs of life, their end."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from vpo.base import times
from vpo.base.errors import JobLostError, ScanLockedError, VpoError
from vpo.base.paths import StoredPath, display, from_stored, is_within, to_stored
from vpo.db import jobs as table
from vpo.db.library import Library
from vpo.jobs import liveness
from vpo.jobs.control import CancelledError, StoppedError
from vpo.jobs.recovery import settle_dead_jobs

# How often the job's row is looked at for a wish to cancel it, and written.
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
    from_queue: bool = False
    _looked: float = field(default_factory=time.monotonic)
    _written: float = field(default_factory=time.monotonic)

    def beat(self, progress: Callable[[], tuple[float, dict[str, object]]]) -> None:
        """Shows that the process is alive and how far it is, and looks whether it is to stop.

        To be called often; it acts at most every second. In a transaction it
        writes as part of that. `progress` tells percent, and facts for the record.

        Raises CancelledError if somebody asked for that, JobLostError if the job
        was taken for dead and settled by another process.
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
            self._write(progress)
        else:
            with self.library.transaction():
                self._write(progress)

    def _write(self, progress: Callable[[], tuple[float, dict[str, object]]]) -> None:
        import orjson

        percent, facts = progress()
        is_ours = table.beat(
            self.library.connection,
            self.id,
            self.token,
            at=times.to_text(times.now()),
            # It is done when it has ended.
            percent=min(percent, 99.9),
            progress_json=orjson.dumps(facts).decode(),
        )
        if not is_ours:
            raise self._lost()

    def _lost(self) -> JobLostError:
        return JobLostError(
            f"Job {self.id[:8]} was taken for dead and settled by another process",
            hint="This happens when a process is suspended for minutes.",
            job_id=self.id,
        )

    def end(self, status: str, **record: str | None) -> None:
        """Records how the job ended, with `summary_json` and so on. In a transaction."""
        at = times.to_text(times.now())
        table.end_job(self.library.connection, self.id, status, at=at, token=self.token, **record)

    def stop(self, stopped: StoppedError, **record: str | None) -> None:
        """Records that the job was stopped: one from the queue goes back. In a transaction."""
        connection = self.library.connection
        if not table.has_job(connection, self.id, self.token):
            return
        is_cancelled = isinstance(stopped, CancelledError) or table.is_to_be_cancelled(
            connection, self.id
        )
        if self.from_queue and not is_cancelled:
            at = times.to_text(times.now())
            table.requeue_job(connection, self.id, at=at, counts_as_attempt=False)
            return
        self.end("cancelled", error_message=stopped.message, **record)


def this_process() -> table.Worker:
    """This process, with a new right to write to one job's row."""
    return table.Worker(os.getpid(), liveness.own_identity(), os.urandom(8).hex())


def start_job(
    library: Library,
    *,
    job_type: str,
    path: StoredPath,
    configuration_json: str,
    blocked_by: Callable[[list[table.RunningJob]], VpoError | None] = lambda _running: None,
) -> Job:
    """Records a job as running, with this process as who does it.

    Jobs that died without a word are settled on the way. `blocked_by` is told
    which jobs are running, and gives the error to raise if one is in the way.
    """
    job_id = str(uuid.uuid4())
    worker = this_process()
    with library.transaction() as connection:
        running = settle_dead_jobs(connection)
        error = blocked_by(running)
        if error is None:
            number = table.add_running_job(
                connection,
                job_id=job_id,
                job_type=job_type,
                path=path,
                configuration_json=configuration_json,
                worker=worker,
                at=times.to_text(times.now()),
            )
    if error is not None:
        raise error
    return Job(library, number, job_id, path, configuration_json, worker.token)


def start_scan(library: Library, root: bytes, configuration_json: str) -> Job:
    """Records a scan of `root` as running.

    Raises ScanLockedError if a scan of the same place, or of one above or below
    it, is running, or a job that changes files there.
    """

    def blocked_by(running: list[table.RunningJob]) -> VpoError | None:
        blocking = overlapping(running, "scan", to_stored(root))
        if blocking is None:
            return None
        what = (
            "Another scan of"
            if blocking.job_type == "scan"
            else f"A job of type `{blocking.job_type}` that changes files in"
        )
        return ScanLockedError(
            f"{what} `{display(blocking.file_path)}` is running"
            f" (job {blocking.id[:8]}, pid {blocking.worker_pid})",
            hint="Try again when it is done, or wait for it with `--wait`.",
            job_id=blocking.id,
            pid=blocking.worker_pid,
        )

    return start_job(
        library,
        job_type="scan",
        path=to_stored(root),
        configuration_json=configuration_json,
        blocked_by=blocked_by,
    )


def overlapping(
    running: list[table.RunningJob], job_type: str, place: StoredPath
) -> table.RunningJob | None:
    """A running job of the same place, or of one above or below it, that such a job waits for.

    That is one of the same type; for a scan, one that changes files, too.
    """
    path = from_stored(place)
    for job in running:
        other = from_stored(job.file_path)
        if (is_within(path, other) or is_within(other, path)) and (
            job.job_type == job_type or (job_type == "scan" and _changes_files(job))
        ):
            return job
    return None


def _changes_files(job: table.RunningJob) -> bool:
    """Whether it does, and tells the library itself: a scan would record it half done."""
    if job.job_type != "duplicates":
        return job.job_type == "undo"
    import orjson

    # Without an action, it only reads.
    return orjson.loads(job.policy_json).get("action") is not None

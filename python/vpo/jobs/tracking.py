"""Starting and ending jobs; one scan at a time of any place."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass, field

from vpo import times
from vpo.db import jobs as table
from vpo.db.library import Library
from vpo.errors import ScanLockedError
from vpo.jobs import liveness
from vpo.paths import display, from_stored, is_within, to_stored

DIED = "The process that ran this job (pid {pid}) ended without finishing it"


@dataclass
class Job:
    """A job that this process runs."""

    library: Library
    id: str
    _last_beat: float = field(default_factory=time.monotonic)

    def beat(self) -> None:
        """Shows that the process is alive; writes at most every half a minute."""
        if time.monotonic() - self._last_beat >= liveness.HEARTBEAT_SECONDS:
            self._last_beat = time.monotonic()
            with self.library.transaction() as connection:
                table.beat(connection, self.id, times.to_text(times.now()))


def start_scan(library: Library, root: bytes, configuration_json: str) -> Job:
    """Records a scan of `root` as running.

    Jobs that died without a word are marked failed on the way.

    Raises ScanLockedError if a scan of the same place, or of one above or below
    it, is running.
    """
    job_id = str(uuid.uuid4())
    at = times.to_text(times.now())
    with library.transaction() as connection:
        blocking = None
        for job in table.running_jobs(connection):
            if not liveness.is_alive(job):
                died = DIED.format(pid=job.worker_pid or "unknown")
                table.end_job(connection, job.id, "failed", at=at, error_message=died)
            elif job.job_type == "scan" and _overlap(from_stored(job.file_path), root):
                blocking = job
        if blocking is None:
            table.add_running_job(
                connection,
                job_id=job_id,
                job_type="scan",
                path=to_stored(root),
                configuration_json=configuration_json,
                worker_pid=os.getpid(),
                worker_identity=liveness.own_identity(),
                at=at,
            )
    if blocking is not None:
        raise ScanLockedError(
            f"Another scan of `{display(blocking.file_path)}` is running"
            f" (job {blocking.id[:8]}, pid {blocking.worker_pid})",
            hint="Try again when it is done, or wait for it with `--wait`.",
            job_id=blocking.id,
            pid=blocking.worker_pid,
        )
    return Job(library, job_id)


def _overlap(one: bytes, other: bytes) -> bool:
    return is_within(one, other) or is_within(other, one)

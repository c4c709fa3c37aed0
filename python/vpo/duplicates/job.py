"""Work on duplicates as a job: its start, what keeps it from starting, and its record."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import orjson

from vpo.base.errors import DuplicatesLockedError, VpoError
from vpo.base.paths import StoredPath, display, from_stored, to_stored
from vpo.db import counts
from vpo.db.jobs import RunningJob
from vpo.db.library import Library
from vpo.duplicates import settlement
from vpo.jobs import tracking
from vpo.jobs.outcome import end_recorded
from vpo.logging import bound, facts

logger = logging.getLogger(__name__)

# Lists in a job's record end here; the counts beside them are always true.
LISTED_ISSUES = 1000

# What gives the record of a job when it ends: counts, and what went wrong.
Record = Callable[[], tuple[Mapping[str, object], Sequence[Mapping[str, object]]]]


def start(
    library: Library,
    *,
    job_type: str,
    path: StoredPath,
    configuration: Mapping[str, object],
    changes_files: bool,
) -> tracking.Job:
    """Starts a job; one that changes files settles first what earlier ones were cut off in.

    Raises DuplicatesLockedError if other work on duplicates is running; for one that
    changes files a scan is in the way, too: it would record what it saw before.
    """

    def blocked_by(running: list[RunningJob]) -> VpoError | None:
        in_the_way = ("duplicates", "undo", "scan") if changes_files else ("duplicates", "undo")
        for job in running:
            if job.job_type in in_the_way:
                return DuplicatesLockedError(
                    f"A job of type `{job.job_type}` is running on `{display(job.file_path)}`"
                    f" (job {job.id[:8]}, pid {job.worker_pid})",
                    hint="Try again when it is done.",
                    job_id=job.id,
                    pid=job.worker_pid,
                )
        return None

    job = tracking.start_job(
        library,
        job_type=job_type,
        path=path,
        configuration_json=orjson.dumps(configuration).decode(),
        blocked_by=blocked_by,
    )
    if changes_files:
        with library.transaction() as connection:
            settlement.settle(connection, job.number)
    return job


def common_place(library: Library, under: Sequence[bytes]) -> StoredPath:
    """The directory that holds all of the files: what a job's path is."""
    paths = list(under)
    if not paths:
        with library.reading() as connection:
            paths = [from_stored(root.path) for root in counts.list_roots(connection)]
    return to_stored(os.path.commonpath(paths) if paths else b"/")


@contextmanager
def running(job: tracking.Job, record: Record) -> Iterator[None]:
    """Ends the job, and logs it, whatever happens inside."""
    with bound(job_id=job.id):
        logger.info("Job started", extra=facts(directory=job.path))
        with end_recorded(
            job,
            "Job",
            logger,
            counts=lambda: record()[0],
            columns=lambda failure: _to_columns(record, failure),
        ):
            yield
            with job.library.transaction():
                job.end("completed", **_to_columns(record))
        logger.info("Job completed", extra=facts(**record()[0]))


def _to_columns(
    record: Record, failure: Mapping[str, object] | None = None
) -> dict[str, str | None]:
    counts, issues = record()
    errors = None
    if issues or failure is not None:
        listed = {"failure": failure, "count": len(issues), "issues": issues[:LISTED_ISSUES]}
        errors = orjson.dumps(listed, default=repr).decode()
    return {"summary_json": orjson.dumps(counts).decode(), "errors_json": errors}

"""A check of files as a job: which are read, what came of it, and its record."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from vpo.base import times
from vpo.base.errors import VerifyLockedError, VpoError
from vpo.base.paths import StoredPath, display, from_stored, to_stored
from vpo.catalogue import lookup
from vpo.db import jobs as job_table
from vpo.db.files import knows_files
from vpo.db.library import Library
from vpo.db.selection import Selection
from vpo.db.verification import Due
from vpo.integrity.models import Amount, Reporter, Verdict, VerifyOptions, VerifyResult
from vpo.integrity.run import Run
from vpo.jobs import control, tracking
from vpo.jobs.control import ShouldStop
from vpo.jobs.outcome import end_recorded
from vpo.logging import bound, facts

logger = logging.getLogger(__name__)

# What was verified so much later than now was by a clock that went wrong. Longer than a
# check takes, so that it does not come by its own files again.
CLOCKS_DIFFER = timedelta(days=30)


def verify(
    library: Library,
    directories: Sequence[bytes],
    options: VerifyOptions,
    reporter: Reporter,
    *,
    should_stop: ShouldStop = lambda: None,
) -> VerifyResult:
    """Checks the files below `directories` (none: all) and records it as a job.

    Raises VpoError where that is refused or fails, StoppedError where it is
    stopped; the job says so. What was recorded until then is kept.
    """
    where = find_where(library, directories)
    path = job_path(library, directories)

    def blocked_by(running: list[job_table.RunningJob]) -> VpoError | None:
        blocking = tracking.overlapping(running, "verify", path)
        if blocking is None:
            return None
        return VerifyLockedError(
            f"Another check of `{display(blocking.file_path)}` is running"
            f" (job {blocking.id[:8]}, pid {blocking.worker_pid})",
            hint="Try again when it is done.",
            job_id=blocking.id,
            pid=blocking.worker_pid,
        )

    job = tracking.start_job(
        library,
        job_type="verify",
        path=path,
        configuration_json=options.to_json(list(directories)),
        blocked_by=blocked_by,
    )
    return _verify_as_job(job, list(directories), where, options, reporter, should_stop)


def verify_from_queue(
    job: tracking.Job, reporter: control.Reporter, should_stop: ShouldStop
) -> tuple[str, bool]:
    """Does a check that was taken from the queue, with the options it was queued with.

    Returns the counts in words, and whether nothing was found. Raises as `verify`.
    """
    try:
        options, directories = VerifyOptions.from_json(job.configuration_json)
        where = find_where(job.library, directories)
    except VpoError as error:
        with job.library.transaction():
            job.end("failed", error_message=error.message)
        raise
    result = _verify_as_job(job, directories, where, options, _QueueReporter(reporter), should_stop)
    return result.in_words(), not result.found


def verify_within(
    job: tracking.Job,
    directory: bytes,
    options: VerifyOptions,
    reporter: control.Reporter,
    should_stop: ShouldStop,
) -> VerifyResult:
    """Checks the files below a directory as a part of another job, which records it.

    Raises StoppedError, VpoError.
    """
    started = times.now()
    at = times.to_text(started)
    result = VerifyResult([directory], started, job_id=job.id)
    due = Due(
        Selection(places=(directory,), kinds=options.kinds),
        verified_before=at,
        ahead=times.to_text(started + CLOCKS_DIFFER),
        found_before=at,
    )
    Run(job, due, options, result, _QueueReporter(reporter), should_stop).run()
    result.completed_at = times.now()
    return result


class _QueueReporter:
    """Tells who watches jobs of any type how far a check is."""

    wants_files = False

    def __init__(self, reporter: control.Reporter) -> None:
        self._reporter = reporter

    def checking(self, done: Amount, selected: Amount) -> None:
        """Tells the number of files."""
        self._reporter.reading(done.files, selected.files)

    def file(self, verdict: Verdict, path: StoredPath) -> None:
        """Tells nothing."""


@dataclass(frozen=True)
class Where:
    """What a check is about, as the library knows it; empty: all of it."""

    directories: tuple[bytes, ...] = ()
    files: Mapping[int, bytes] = field(default_factory=dict)
    """Paths of files by id."""


def find_where(library: Library, paths: Sequence[bytes]) -> Where:
    """Finds directories and files, as they are given or without links above them.

    Raises FileNotInLibraryError for one that the library knows nothing of.
    """
    directories: dict[bytes, None] = {}
    files: dict[int, bytes] = {}
    with library.reading() as connection:
        for path in paths:
            places = [each for each in lookup.places(path) if knows_files(connection, each)]
            directories.update(dict.fromkeys(places))
            if places:
                continue
            file = lookup.find_file(connection, path)
            if file is None:
                raise lookup.unknown_place(path)
            files[file.id] = from_stored(file.path)
    return Where(tuple(directories), files)


def job_path(library: Library, directories: Sequence[bytes]) -> StoredPath:
    """The directory that holds all that a check is about; for all: what holds the roots."""
    from vpo.db import counts

    if directories:
        paths = [os.path.realpath(directory) for directory in directories]
    else:
        with library.reading() as connection:
            paths = [from_stored(root.path) for root in counts.list_roots(connection)]
    return to_stored(os.path.commonpath(paths) if paths else b"/")


def _verify_as_job(
    job: tracking.Job,
    directories: list[bytes],
    where: Where,
    options: VerifyOptions,
    reporter: Reporter,
    should_stop: ShouldStop,
) -> VerifyResult:
    """Checks, with the job's record ended whatever happens."""
    started = times.now()
    result = VerifyResult(directories, started, job_id=job.id)
    older_than = timedelta(seconds=options.older_than_seconds or 0.0)
    due = Due(
        Selection(places=where.directories, files=tuple(where.files), kinds=options.kinds),
        only_new=options.only_new,
        verified_before=times.to_text(started - older_than),
        ahead=times.to_text(started + CLOCKS_DIFFER),
        found_before=times.to_text(started),
    )
    paths = tuple(where.files.values())
    run = Run(job, due, options, result, reporter, should_stop, paths=paths)
    with bound(job_id=job.id, directory=job.path):
        _run_and_log(run)
    return result


def _run_and_log(run: Run) -> None:
    result, job = run.result, run.job
    logger.info("Check started", extra=facts(budget=str(run.options.budget or "none")))

    def columns(failure: Mapping[str, object] | None) -> dict[str, str | None]:
        result.completed_at = times.now()
        return {
            "summary_json": run.summary_json(),
            "files_affected_json": result.to_affected_json(),
            "errors_json": result.to_errors_json(failure),
        }

    with end_recorded(job, "Check", logger, counts=result.summary, columns=columns):
        run.run()
        # Damage is a failure, though all was done.
        damage = result.failure()
        status = "completed" if damage is None else "failed"
        with job.library.transaction():
            job.end(status, error_message=damage, **columns(None))
    took = round(result.duration_seconds, 3)
    logger.info("Check completed", extra=facts(**result.summary(), duration_seconds=took))

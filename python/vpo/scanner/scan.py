"""A scan of one directory as a job: from the guards at its root to its record."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from vpo._engine import Rules
from vpo.base import times
from vpo.base.errors import RuleError, VpoError
from vpo.base.paths import from_stored, to_stored
from vpo.db.library import Library, plain_errors
from vpo.jobs import tracking
from vpo.jobs.control import Reporter, ShouldStop
from vpo.jobs.outcome import end_recorded
from vpo.logging import bound, facts, shown
from vpo.scanner.models import ScanOptions, ScanResult, errors_json
from vpo.scanner.run import Run

logger = logging.getLogger(__name__)


def make_rules(root: bytes, options: ScanOptions) -> Rules:
    """The engine's rules for a scan of `root`. Raises RuleError for a bad one."""
    try:
        return Rules(root, options.rules)
    except ValueError as error:
        raise RuleError(str(error)) from error


def scan(
    library: Library,
    root: bytes,
    options: ScanOptions,
    reporter: Reporter,
    *,
    should_stop: ShouldStop = lambda: None,
) -> ScanResult:
    """Scans `root` (absolute, without links in it) and records it as a job.

    With `options.dry_run` nothing is written.

    Raises VpoError where the scan is refused or fails, StoppedError where it is
    stopped; the job says so. What was recorded until then is kept.
    """
    result = ScanResult(root, times.now(), incremental=not options.full, dry_run=options.dry_run)
    run = Run(library, make_rules(root, options), options, result, reporter, should_stop)
    with plain_errors(library.path):
        refusal = _refusal(run)
        if refusal is not None and (options.dry_run or not run.root_is_known()):
            # Of a place that nothing is known of, nothing is to be recorded.
            raise refusal
        if options.dry_run:
            run.run()
            result.completed_at = times.now()
            _log_issues(result)
            return result
    run.start(tracking.start_scan(library, root, options.to_json()))
    return _scan_as_job(run, refusal)


def scan_from_queue(
    job: tracking.Job, reporter: Reporter, should_stop: ShouldStop
) -> tuple[str, bool]:
    """Does a scan that was taken from the queue, with the configuration it was queued with.

    Returns the counts in words, and whether there were no errors. Raises as `scan`.
    """
    root = from_stored(job.path)
    try:
        options = ScanOptions.from_json(job.configuration_json)
        rules = make_rules(root, options)
    except VpoError as error:
        with job.library.transaction():
            job.end("failed", error_message=error.message)
        raise
    result = ScanResult(root, times.now(), incremental=not options.full)
    run = Run(job.library, rules, options, result, reporter, should_stop)
    run.start(job)
    with plain_errors(job.library.path):
        refusal = _refusal(run)
    _scan_as_job(run, refusal)
    return result.in_words(), result.is_all_well


def _scan_as_job(run: Run, refusal: VpoError | None) -> ScanResult:
    """Scans, with the job's record ended whatever happens."""
    with bound(job_id=run.result.job_id, directory=to_stored(run.root)):
        return _scan_and_log(run, refusal)


def _scan_and_log(run: Run, refusal: VpoError | None) -> ScanResult:
    result = run.result
    assert run.job is not None
    logger.info("Scan started", extra=facts(incremental=result.incremental))

    def columns(failure: Mapping[str, object] | None) -> dict[str, str | None]:
        result.completed_at = times.now()
        return {
            "summary_json": result.to_summary_json(),
            "files_affected_json": result.files_affected.to_json(),
            "errors_json": errors_json(result, failure),
        }

    with end_recorded(run.job, "Scan", logger, counts=result.counts, columns=columns):
        if refusal is not None:
            raise refusal
        run.run()
    _log_issues(result)
    took = round(result.duration_seconds, 3)
    logger.info("Scan completed", extra=facts(**result.counts(), duration_seconds=took))
    return result


def _log_issues(result: ScanResult) -> None:
    for warning in result.warnings:
        logger.warning("%s", warning)
    for issue in result.issues:
        logger.warning("%s", issue, extra=shown(**issue.to_dict()))


def _refusal(run: Run) -> VpoError | None:
    """What keeps the root from being scanned, if anything does."""
    try:
        run.check_root()
    except VpoError as error:
        return error
    return None

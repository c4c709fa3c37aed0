"""A scan of one directory as a job: from the guards at its root to its record."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping

from vpo import times
from vpo._engine import Rules
from vpo.db import jobs as job_table
from vpo.db.library import Library, plain_errors
from vpo.errors import RuleError, VpoError
from vpo.jobs import tracking
from vpo.logging import bound, facts, shown
from vpo.paths import to_stored
from vpo.scanner.models import ScanOptions, ScanResult, errors_json
from vpo.scanner.run import Introspect, Reporter, Run, StoppedError

logger = logging.getLogger(__name__)


def make_rules(root: bytes, options: ScanOptions) -> Rules:
    """The engine's rules for a scan of `root`. Raises RuleError for a bad one."""
    rules = options.rules
    try:
        return Rules(
            root,
            kinds=rules.kinds,
            extensions=rules.extensions,
            excludes=rules.exclude,
            hidden=rules.hidden,
            follow_symlinks=rules.follow_symlinks,
            one_file_system=rules.one_file_system,
        )
    except ValueError as error:
        raise RuleError(str(error)) from error


def scan(
    library: Library,
    root: bytes,
    options: ScanOptions,
    reporter: Reporter,
    *,
    should_stop: Callable[[], StoppedError | None] = lambda: None,
    introspect: Introspect | None = None,
) -> ScanResult:
    """Scans `root` (absolute, without links in it) and records it as a job.

    With `options.dry_run` nothing is written.

    Raises VpoError where the scan is refused or fails, StoppedError where it is
    stopped; the job says so. What was recorded until then is kept.
    """
    result = ScanResult(root, times.now(), incremental=not options.full, dry_run=options.dry_run)
    run = Run(
        library, make_rules(root, options), options, result, reporter, should_stop, introspect
    )
    with plain_errors(library.path):
        refusal = _refusal(run)
        if refusal is not None and (options.dry_run or not run.root_is_known()):
            # Of a place that nothing is known of, nothing is to be recorded.
            raise refusal
        if options.dry_run:
            run.run()
            result.completed_at = times.now()
            return result
    run.job = tracking.start_scan(library, root, options.to_json())
    result.job_id = run.job.id
    with bound(job_id=result.job_id, directory=to_stored(root)):
        return _scan_as_job(run, refusal)


def _scan_as_job(run: Run, refusal: VpoError | None) -> ScanResult:
    """Scans, with the job's record ended whatever happens."""
    result, library = run.result, run.library
    logger.info("Scan started", extra=facts(incremental=result.incremental))
    try:
        if refusal is not None:
            raise refusal
        with plain_errors(library.path):
            run.run()
    except (StoppedError, KeyboardInterrupt):
        logger.warning("Scan stopped", extra=shown(**result.counts()))
        _end(library, result, "cancelled", "Stopped before it was done")
        raise
    except VpoError as error:
        logger.error("Scan failed: %s", error.message, extra=shown(code=error.code))
        failure = {"code": error.code, "details": error.details, "hint": error.hint}
        _end(library, result, "failed", error.message, failure)
        error.details["job_id"] = result.job_id
        raise
    except BaseException as error:
        logger.exception("Scan crashed", extra=shown(code="INTERNAL"))
        failure = {"code": "INTERNAL", "traceback": traceback.format_exc()}
        _end(library, result, "failed", f"{type(error).__name__}: {error}", failure)
        raise
    for issue in result.issues:
        logger.warning("%s", issue, extra=shown(**issue.to_dict()))
    took = round(result.duration_seconds, 3)
    logger.info("Scan completed", extra=facts(**result.counts(), duration_seconds=took))
    return result


def _refusal(run: Run) -> VpoError | None:
    """What keeps the root from being scanned, if anything does."""
    try:
        run.check_root()
    except VpoError as error:
        return error
    return None


def _end(
    library: Library,
    result: ScanResult,
    status: str,
    message: str | None = None,
    failure: Mapping[str, object] | None = None,
) -> None:
    """Records the end of a job that did not come to its own end.

    If that cannot be written either (a full disk), the next scan finds the job
    without its process and marks it failed.
    """
    result.completed_at = times.now()
    assert result.job_id is not None
    try:
        with library.transaction() as connection:
            job_table.end_job(
                connection,
                result.job_id,
                status,
                at=times.to_text(result.completed_at),
                error_message=message,
                summary_json=result.to_summary_json(),
                files_affected_json=result.files_affected.to_json(),
                errors_json=errors_json(result, failure),
            )
    except VpoError:
        return

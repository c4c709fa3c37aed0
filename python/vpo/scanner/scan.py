"""The scan of one directory as a job: from the guards at its root to its record."""

from __future__ import annotations

import logging

from vpo.base.errors import RootOfflineError, VpoError
from vpo.base.paths import from_stored
from vpo.db import counts
from vpo.db.failures import plain_errors
from vpo.db.library import Library
from vpo.jobs.context import Context
from vpo.jobs.job import Job
from vpo.jobs.lifecycle import recorded
from vpo.logging import shown
from vpo.places import guards
from vpo.places.availability import GONE_HINT
from vpo.places.same_directory import check_not_known
from vpo.scanner.request import ScanOptions, ScanRequest
from vpo.scanner.result import ScanResult
from vpo.scanner.run import Run
from vpo.scanner.state import ScanState

logger = logging.getLogger(__name__)


def request_of(job: Job) -> ScanRequest:
    """The request of a job from the queue. Raises JobConfigurationError."""
    return ScanRequest(from_stored(job.path), ScanOptions.from_json(job.configuration_json))


def run(library: Library, request: ScanRequest, context: Context) -> ScanResult:
    """Scans a directory and records that as a job. A dry run writes nothing.

    Raises VpoError if the scan is refused or fails, StoppedError if it is stopped. The job says
    so, and what was recorded until then is kept.
    """
    options = request.options
    result = ScanResult(
        directory=request.root, incremental=not options.full, dry_run=options.dry_run
    )
    with plain_errors(library.path):
        state = ScanState(library, request, context, result)
        refusal = _refusal(state)
        # The catalogue gets no record of a place that it knows nothing of.
        is_recorded = context.job is not None or guards.is_known(state.connection, state.root)
        if refusal is not None and (options.dry_run or not is_recorded):
            raise refusal
        if options.dry_run:
            Run(state).run()
            _log_issues(result)
            return result
    with recorded(library, request.to_job(), context, result, incremental=result.incremental):
        if refusal is not None:
            raise refusal
        Run(state).run()
        _log_issues(result)
    return result


def _refusal(state: ScanState) -> VpoError | None:
    """What keeps the root from being scanned, if anything does."""
    try:
        guards.check_root(state.connection, state.root, new_device=state.options.new_device)
        if not guards.is_known(state.connection, state.root):
            roots = (from_stored(root.path) for root in counts.list_roots(state.connection))
            check_not_known(state.root, roots)
    except RootOfflineError as error:
        if "filesystem" not in error.details:
            error.hint = f"{error.hint} {GONE_HINT}"
        return error
    except VpoError as error:
        return error
    return None


def _log_issues(result: ScanResult) -> None:
    for warning in result.warnings:
        logger.warning("%s", warning)
    for issue in result.issues:
        logger.warning("%s", issue, extra=shown(**issue.to_dict()))

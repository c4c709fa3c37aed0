"""A check of files as a job: which files are read, what was found, and its record."""

from __future__ import annotations

from vpo.db.failures import plain_errors
from vpo.db.library import Library
from vpo.integrity.request import VerifyOptions, VerifyRequest
from vpo.integrity.result import VerifyResult
from vpo.integrity.run import Check, Run
from vpo.integrity.selection import Where, common_directory, find_where, select
from vpo.jobs.conflicts import JobToRun
from vpo.jobs.context import Context
from vpo.jobs.job import Job
from vpo.jobs.kinds import KINDS
from vpo.jobs.lifecycle import recorded


def request_of(job: Job) -> VerifyRequest:
    """The request of a job from the queue. Raises JobConfigurationError."""
    return VerifyRequest.from_json(job.configuration_json)


def to_job(library: Library, request: VerifyRequest) -> JobToRun:
    """The job that records a check.

    Raises FileNotInLibraryError if the catalogue does not know one of the paths.
    """
    find_where(library, request.paths)
    path = common_directory(library, request.paths)
    return JobToRun(KINDS["verify"], path, request.to_json())


def run(library: Library, request: VerifyRequest, context: Context) -> VerifyResult:
    """Checks files and records that as a job.

    Raises VpoError if the check is refused or fails, StoppedError if it is stopped. The job says
    so, and what was recorded until then is kept.
    """
    result = VerifyResult(paths=request.paths)
    with plain_errors(library.path):
        job = to_job(library, request)
    budget = str(request.options.budget or "none")
    with recorded(library, job, context, result, budget=budget):
        # While the job waited for another one, roots may have moved.
        where = find_where(library, request.paths)
        _check(library, where, request.options, context, result)
    return result


def run_within(
    library: Library, directory: bytes, options: VerifyOptions, context: Context
) -> VerifyResult:
    """Checks the files below a directory as a part of another job, which records it.

    Raises StoppedError, VpoError.
    """
    result = VerifyResult(paths=(directory,))
    _check(library, Where((directory,)), options, context, result)
    return result


def _check(
    library: Library,
    where: Where,
    options: VerifyOptions,
    context: Context,
    result: VerifyResult,
) -> None:
    due = select(where, options, result.started_at)
    check = Check(due, options, paths=tuple(where.files.values()))
    Run(library, check, context, result).run()

"""How the work of a job ends that does not come to its own end: logged, and recorded."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from vpo.base.errors import VpoError
from vpo.db.failures import plain_errors
from vpo.jobs.control import StoppedError
from vpo.jobs.tracking import Job
from vpo.logging import shown

Failure = Mapping[str, object]
"""Why a job as a whole failed: its code, and what goes with that."""

Columns = Callable[[Failure | None], Mapping[str, str | None]]
"""Gives `summary_json` and so on, as far as the work has come."""


@contextmanager
def end_recorded(
    job: Job,
    name: str,
    logger: logging.Logger,
    *,
    counts: Callable[[], Mapping[str, object]],
    columns: Columns,
) -> Iterator[None]:
    """Ends the job if what is done inside raises, and lets that through.

    `name` is that of the work, as logs have it. Whoever comes to the end of the work ends
    the job himself, in here.
    """
    try:
        with plain_errors(job.library.path):
            yield
    except (StoppedError, KeyboardInterrupt) as error:
        stopped = error if isinstance(error, StoppedError) else StoppedError()
        logger.warning("%s stopped: %s", name, stopped, extra=shown(**counts()))
        _record(job, logger, lambda: job.stop(stopped, **columns(None)))
        raise
    except VpoError as error:
        logger.error("%s failed: %s", name, error.message, extra=shown(code=error.code))
        failure = {"code": error.code, "details": error.details, "hint": error.hint}
        _fail(job, logger, error.message, columns, failure)
        error.details["job_id"] = job.id
        raise
    except BaseException as error:
        logger.exception("%s crashed", name, extra=shown(code="INTERNAL"))
        failure = {"code": "INTERNAL", "traceback": traceback.format_exc()}
        _fail(job, logger, f"{type(error).__name__}: {error}", columns, failure)
        raise


def _fail(
    job: Job, logger: logging.Logger, message: str, columns: Columns, failure: Failure
) -> None:
    record = columns(failure)
    _record(job, logger, lambda: job.end("failed", error_message=message, **record))


def _record(job: Job, logger: logging.Logger, write: Callable[[], None]) -> None:
    """Records the end.

    If that cannot be written either (a full disk), the next job finds this one without
    its process and settles it.
    """
    try:
        with job.library.transaction():
            write()
    except VpoError as error:
        logger.error("The end of the job could not be recorded: %s", error.message)

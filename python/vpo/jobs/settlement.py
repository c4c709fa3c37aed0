"""Settling operations that were interrupted. What is on the disk decides.

A process that is killed in the middle of a job leaves operations that are in progress. Each was
done or was not, and what it left half done is removed. Every job that changes files does this
first (`vpo.jobs.lifecycle`). A job that gets an error from the system in the middle of an
operation settles its own operations at once.
"""

from __future__ import annotations

import logging
import sqlite3

import orjson

from vpo.base import times
from vpo.db import jobs as job_table
from vpo.db import operations as table
from vpo.db.operations import Ending, Operation
from vpo.jobs.operations import OPERATIONS, settled_kinds
from vpo.logging import facts

logger = logging.getLogger(__name__)

INTERRUPTED = "vpo was interrupted before this operation was complete"
UNCLEAR = "vpo was interrupted during this operation, and cannot read its record"

UNDONE_BY = "undoing"
"""The key in an operation's facts that has the number of the job that undoes it."""


def settle(connection: sqlite3.Connection, job: int) -> None:
    """Settles interrupted operations, as part of a job (its number). In a transaction.

    An operation is left alone if another running job works on it, or if this program does not
    know its kind. One whose place on the disk cannot be looked at stays in progress.
    """
    running = {each.number for each in job_table.running_jobs(connection)} - {job}
    for operation in table.unfinished(connection, settled_kinds()):
        if _working_job(operation) in running:
            continue
        try:
            ending = _settle(connection, operation, job)
        except OSError as error:
            logger.warning(
                "vpo cannot tell whether an interrupted operation was done: %s",
                error.strerror,
                extra=facts(operation_id=operation.id, path=operation.file_path),
            )
            continue
        except (KeyError, TypeError, ValueError):
            # Another program wrote the record. It must not keep others from being settled.
            ending = Ending(operation.id, table.FAILED, UNCLEAR)
        table.end_operations(connection, [ending], times.to_text(times.now()))
        logger.warning(
            "The outcome of an interrupted operation was recorded",
            extra=facts(operation_id=operation.id, status=ending.status),
        )


def _working_job(operation: Operation) -> int | None:
    """The number of the job that does the operation, or undoes it."""
    try:
        undone_by = operation.facts().get(UNDONE_BY)
    except ValueError:
        undone_by = None
    return undone_by if isinstance(undone_by, int) else operation.job


def _settle(connection: sqlite3.Connection, operation: Operation, job: int) -> Ending:
    kind = OPERATIONS[operation.operation]
    known = operation.facts()
    if UNDONE_BY not in known or not kind.can_be_undone:
        if kind.load().settle(connection, operation, job):
            return Ending(operation.id, table.COMPLETED)
        return Ending(operation.id, table.FAILED, INTERRUPTED)
    if kind.load_undo().settle_undo(connection, operation, job):
        return Ending(operation.id, table.ROLLED_BACK)
    # The file is as the operation left it, so the operation can be undone later.
    del known[UNDONE_BY]
    undo_json = orjson.dumps(known).decode()
    return Ending(operation.id, table.COMPLETED, operation.error_message, undo_json)

"""Operations that were cut off, settled by what is on the disk.

Killed between two steps, a job leaves operations that say they are in progress. Before
the next one begins, each is looked at: it was done, or it was not, and what it left
half-way is removed. One whose disk cannot be looked at stays as it is. A job that is not
killed, but gets an error from the system in the middle of an operation, has it settled at once.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from typing import Any

import orjson

from vpo.base import times
from vpo.base.paths import from_stored
from vpo.db import file_actions
from vpo.db import operations as operation_table
from vpo.db.file_actions import PutBack
from vpo.db.file_facts import Replaced
from vpo.db.operations import Ending, Operation
from vpo.duplicates import hardlink, trash
from vpo.logging import facts

logger = logging.getLogger(__name__)

CUT_OFF = "It was cut off before it was done"

UNCLEAR = "it was cut off, and its record does not say where"

# The key in what it takes to undo an operation that says that this was begun.
UNDOING = "undoing"


def settle(connection: sqlite3.Connection, job: int) -> None:
    """Settles what was cut off, as part of a job (its number). In a transaction.

    The caller has made sure that no other job with operations of these kinds runs.
    """
    for operation in operation_table.cut_off(connection):
        try:
            ending = _settle(connection, operation, job)
        except OSError as error:
            logger.warning(
                "An operation that was cut off cannot be settled: %s",
                error.strerror,
                extra=facts(operation_id=operation.id, path=operation.file_path),
            )
            continue
        except (KeyError, TypeError, ValueError):
            # Not as this program writes it; it is not to stand in the way of all others.
            ending = Ending(operation.id, operation_table.FAILED, UNCLEAR)
        at = times.to_text(times.now())
        operation_table.end_operations(connection, [ending], at)
        logger.warning(
            "An operation that was cut off was settled",
            extra=facts(operation_id=operation.id, status=ending.status),
        )


def _settle(connection: sqlite3.Connection, operation: Operation, job: int) -> Ending:
    if operation.undo_json is None:
        # Files that share storage or do not: the content is the same, and each may be done again.
        return Ending(operation.id, operation_table.FAILED, CUT_OFF)
    undo: dict[str, Any] = orjson.loads(operation.undo_json)
    if UNDOING in undo:
        return _settle_undo(connection, operation, undo, job)
    settled = hardlink.settle if operation.operation == "hardlink" else trash.settle
    if not settled(operation.file_path, undo, operation.id):
        return Ending(operation.id, operation_table.FAILED, CUT_OFF)
    if operation.file_id is not None:
        if operation.operation == "hardlink":
            replaced = _replaced(operation, operation.file_id, undo["before"]["mtime_ns"])
            file_actions.record_replaced(connection, job, [replaced])
        else:
            at = times.to_seconds_text(times.now())
            gone = (operation.file_id, operation.file_path)
            file_actions.record_trashed(connection, job, [gone], at)
    return Ending(operation.id, operation_table.COMPLETED)


def _settle_undo(
    connection: sqlite3.Connection, operation: Operation, undo: dict[str, Any], job: int
) -> Ending:
    if operation.operation == "hardlink":
        is_undone = hardlink.settle_undo(operation.file_path, undo, operation.id)
        if is_undone and operation.file_id is not None:
            replaced = _replaced(operation, operation.file_id, undo["after"]["mtime_ns"])
            file_actions.record_replaced(connection, job, [replaced])
    else:
        is_in_trash = trash.settle(operation.file_path, undo, operation.id)
        is_undone = not is_in_trash and os.path.lexists(from_stored(operation.file_path))
        if is_undone and operation.file_id is not None:
            status = os.lstat(from_stored(operation.file_path))
            back = PutBack(
                operation.file_id, operation.file_path, status.st_ino, status.st_ctime_ns
            )
            file_actions.record_put_back(connection, job, [back])
    if is_undone:
        return Ending(operation.id, operation_table.ROLLED_BACK)
    del undo[UNDOING]
    return Ending(operation.id, operation_table.COMPLETED, undo_json=orjson.dumps(undo).decode())


def _replaced(operation: Operation, file_id: int, mtime_ns_before: int) -> Replaced:
    status = os.lstat(from_stored(operation.file_path))
    return Replaced(
        file_id,
        status.st_size,
        mtime_ns_before,
        status.st_ino,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )

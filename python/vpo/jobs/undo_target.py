"""Finding what to undo by what people type: the ID of a job or operation, or its beginning."""

from __future__ import annotations

import re
import sqlite3
from typing import NamedTuple

from vpo.base.errors import (
    AmbiguousOperationError,
    OperationNotFoundError,
    UndoError,
    UndoImpossibleError,
    UndoneError,
)
from vpo.base.paths import StoredPath, display, is_utf8
from vpo.db import job_history
from vpo.db import operations as table
from vpo.db.operations import Operation
from vpo.jobs.lookup import LEAST_CHARACTERS, SHOWN_MATCHES
from vpo.jobs.operations import OPERATIONS

_PREFIX = re.compile(r"[0-9a-f-]+")


class Target(NamedTuple):
    """What is to be undone."""

    id: str
    path: StoredPath
    operations: list[Operation]
    """One operation, or those of a job that can be undone, the last one first."""
    is_job: bool


def find_target(connection: sqlite3.Connection, given: str) -> Target:
    """The operation or job whose ID is given, or begins with what is given.

    Raises OperationNotFoundError, AmbiguousOperationError, or UndoError if there is nothing
    to undo.
    """
    matches = _matches(connection, given.lower())
    quoted = display(given)
    if not matches:
        short = f"Give {LEAST_CHARACTERS} or more characters of the ID. "
        raise OperationNotFoundError(
            f"No operation or job found with ID '{quoted}'",
            hint=f"{short if len(given) < LEAST_CHARACTERS else ''}`vpo jobs list` lists jobs,"
            " and `vpo jobs show ID` lists the operations of a job.",
            id=given if is_utf8(given) else quoted,
        )
    if len(matches) > 1:
        more = " …" if len(matches) > SHOWN_MATCHES else ""
        raise AmbiguousOperationError(
            f"Several operations or jobs match '{quoted}'. Use more characters",
            hint=f"They are: {', '.join(matches[:SHOWN_MATCHES])}{more}",
            matches=matches[:SHOWN_MATCHES],
        )
    operation = table.get_operation(connection, matches[0])
    if operation is None:
        return _of_job(connection, matches[0])
    if obstacle := _obstacle(operation):
        raise obstacle
    return Target(operation.id, operation.file_path, [operation], is_job=False)


def _matches(connection: sqlite3.Connection, given: str) -> list[str]:
    if not is_utf8(given):
        return []
    for exact in (table.get_operation, job_history.get_job):
        if exact(connection, given) is not None:
            return [given]
    if len(given) < LEAST_CHARACTERS or not _PREFIX.fullmatch(given):
        return []
    return [
        *job_history.ids_beginning_with(connection, given, SHOWN_MATCHES + 1),
        *table.ids_beginning_with(connection, given, SHOWN_MATCHES + 1),
    ]


def _of_job(connection: sqlite3.Connection, job_id: str) -> Target:
    record = job_history.get_job(connection, job_id)
    assert record is not None
    operations = table.operations_of_job(connection, record.number)
    able = [each for each in operations if _obstacle(each) is None]
    if not able:
        if any(each.status == table.ROLLED_BACK for each in operations):
            raise UndoneError(f"Everything that job {job_id[:8]} did is undone already", id=job_id)
        raise UndoImpossibleError(
            f"Job {job_id[:8]} did nothing that can be undone",
            hint=f"`vpo jobs show {job_id[:8]}` lists what it did.",
            id=job_id,
        )
    return Target(job_id, record.job.file_path, able[::-1], is_job=True)


def _obstacle(operation: Operation) -> UndoError | None:
    """Why an operation cannot be undone. None: it can."""
    name = f"Operation {operation.id[:8]} (`{display(operation.file_path)}`)"
    if operation.status == table.ROLLED_BACK:
        return UndoneError(f"{name} is undone already", id=operation.id)
    if operation.status == table.FAILED:
        return UndoImpossibleError(
            f"{name} was not done, so there is nothing to undo", id=operation.id
        )
    kind = OPERATIONS.get(operation.operation)
    if kind is not None and kind.needs_no_undo is not None:
        return UndoImpossibleError(f"{name} needs no undo: {kind.needs_no_undo}", id=operation.id)
    if kind is None or not kind.can_be_undone or operation.undo_json is None:
        return UndoImpossibleError(f"{name} cannot be undone", id=operation.id)
    return None

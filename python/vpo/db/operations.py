"""Table `operations`: the steps of jobs that change files, and what it takes to undo them.

An operation is written before it is begun and once more when it is done. One that is
IN_PROGRESS while nobody runs its job was cut off: what is on the disk says how far it came.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from vpo.base.paths import StoredPath

PENDING = "PENDING"
IN_PROGRESS = "IN_PROGRESS"
COMPLETED = "COMPLETED"
FAILED = "FAILED"
ROLLED_BACK = "ROLLED_BACK"

STATUSES = (PENDING, IN_PROGRESS, COMPLETED, FAILED, ROLLED_BACK)


class Operation(NamedTuple):
    """One step of a job; the fields are columns."""

    id: str
    job: int | None
    """The number of the job."""
    operation: str
    """What it does: `hardlink`, `reflink`, `trash`, or `policy`."""
    file_id: int | None
    """None where the file's record was deleted since."""
    file_path: StoredPath
    actions_json: str
    undo_json: str | None
    """What it takes to undo it; None: it cannot be."""
    status: str
    error_message: str | None
    started_at: str
    completed_at: str | None


_COLUMNS = ", ".join(Operation._fields)


class Ending(NamedTuple):
    """How an operation ended."""

    id: str
    status: str
    error_message: str | None = None
    undo_json: str | None = None
    """What it now takes to undo it; None: what was recorded stays."""


def add_operations(connection: sqlite3.Connection, operations: Iterable[Operation]) -> None:
    """Records operations that are about to be done."""
    connection.executemany(
        f"INSERT INTO operations ({_COLUMNS}) VALUES ({', '.join('?' * len(Operation._fields))})",
        operations,
    )


def begin_undo(connection: sqlite3.Connection, undone: Iterable[tuple[str, str]]) -> None:
    """Records that operations (id, and what it takes from here on) are being undone."""
    connection.executemany(
        f"UPDATE operations SET status = '{IN_PROGRESS}', undo_json = ?2 WHERE id = ?1", undone
    )


def end_operations(connection: sqlite3.Connection, endings: Iterable[Ending], at: str) -> None:
    """Records how operations ended, unless that was settled meanwhile by another process."""
    connection.executemany(
        "UPDATE operations SET status = :status, error_message = :error_message,"
        f" undo_json = coalesce(:undo_json, undo_json), completed_at = '{at}'"
        f" WHERE id = :id AND status IN ('{PENDING}', '{IN_PROGRESS}')",
        (ending._asdict() for ending in endings),
    )


def cut_off(connection: sqlite3.Connection) -> list[Operation]:
    """Operations that were begun by a job, or by the undoing of it, that nobody runs any more.

    Called when dead jobs are settled, and while no other job that has operations runs.
    """
    return _read(
        connection,
        f"status IN ('{PENDING}', '{IN_PROGRESS}') AND operation <> 'policy'",
        {},
    )


def get_operation(connection: sqlite3.Connection, operation_id: str) -> Operation | None:
    """The operation of that id."""
    found = _read(connection, "id = :id", {"id": operation_id})
    return found[0] if found else None


def ids_beginning_with(connection: sqlite3.Connection, prefix: str, limit: int) -> list[str]:
    """Ids of operations that begin so. `prefix` is of hexadecimal digits and hyphens."""
    rows = connection.execute(
        # After all digits comes "g".
        "SELECT id FROM operations WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (prefix, prefix + "g", limit),
    )
    return [operation_id for (operation_id,) in rows]


def operations_of_job(connection: sqlite3.Connection, job: int) -> list[Operation]:
    """The operations of a job (its number), in the order in which they were begun."""
    return _read(connection, "job = :job", {"job": job})


def count_of_job(connection: sqlite3.Connection, job: int) -> dict[str, int]:
    """How many operations of a job there are of each status."""
    return dict(
        connection.execute(
            "SELECT status, count(*) FROM operations WHERE job = ? GROUP BY status", (job,)
        )
    )


def _read(
    connection: sqlite3.Connection, condition: str, parameters: Mapping[str, Any]
) -> list[Operation]:
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM operations WHERE {condition} ORDER BY rowid", parameters
    )
    return [Operation._make(row) for row in rows]

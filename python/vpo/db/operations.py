"""Table `operations`: the steps of jobs that change files, and what it takes to undo them.

An operation is written before it begins and again when it has ended. If it is IN_PROGRESS while
no process runs its job, it was interrupted (`vpo.jobs.settlement`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from vpo.base.paths import StoredPath

PENDING = "PENDING"
IN_PROGRESS = "IN_PROGRESS"
COMPLETED = "COMPLETED"
FAILED = "FAILED"
ROLLED_BACK = "ROLLED_BACK"

STATUSES = (PENDING, IN_PROGRESS, COMPLETED, FAILED, ROLLED_BACK)


Facts = dict[str, Any]
"""What was recorded to undo an operation. Each kind has its own keys."""


class Operation(NamedTuple):
    """One step of a job. The fields are columns."""

    id: str
    job: int | None
    """The number of the job."""
    operation: str
    """Its kind (`vpo.jobs.operations`)."""
    file_id: int | None
    """None if the file's record has been deleted."""
    file_path: StoredPath
    actions_json: str
    undo_json: str | None
    """What it takes to undo it. None: it cannot be undone."""
    status: str
    error_message: str | None
    started_at: str
    completed_at: str | None

    def facts(self) -> Facts:
        """What was recorded to undo it. Raises ValueError if the record is not a JSON object."""
        import orjson

        known: Facts = orjson.loads(self.undo_json or "{}")
        if not isinstance(known, dict):
            raise ValueError(self.undo_json)
        return known


_COLUMNS = ", ".join(Operation._fields)


class Ending(NamedTuple):
    """How an operation ended."""

    id: str
    status: str
    error_message: str | None = None
    undo_json: str | None = None
    """What it now takes to undo it. None: what was recorded stays."""


def add_operations(connection: sqlite3.Connection, operations: Iterable[Operation]) -> None:
    """Records operations that are about to begin."""
    connection.executemany(
        f"INSERT INTO operations ({_COLUMNS}) VALUES ({', '.join('?' * len(Operation._fields))})",
        operations,
    )


def begin_undo(connection: sqlite3.Connection, undone: Iterable[tuple[str, str]]) -> None:
    """Records that operations are being undone: the id, and the new `undo_json` of each."""
    connection.executemany(
        f"UPDATE operations SET status = '{IN_PROGRESS}', undo_json = ?2 WHERE id = ?1", undone
    )


def end_operations(connection: sqlite3.Connection, endings: Iterable[Ending], at: str) -> None:
    """Records how operations ended, unless another process has settled them already."""
    connection.executemany(
        "UPDATE operations SET status = :status, error_message = :error_message,"
        f" undo_json = coalesce(:undo_json, undo_json), completed_at = '{at}'"
        f" WHERE id = :id AND status IN ('{PENDING}', '{IN_PROGRESS}')",
        (ending._asdict() for ending in endings),
    )


def unfinished(connection: sqlite3.Connection, kinds: Collection[str]) -> list[Operation]:
    """Operations of these kinds that have not ended, in the order in which they began."""
    import orjson

    return _read(
        connection,
        f"status IN ('{PENDING}', '{IN_PROGRESS}')"
        " AND operation IN (SELECT value FROM json_each(:kinds))",
        {"kinds": orjson.dumps(sorted(kinds)).decode()},
    )


def get_operation(connection: sqlite3.Connection, operation_id: str) -> Operation | None:
    """The operation with this ID."""
    found = _read(connection, "id = :id", {"id": operation_id})
    return found[0] if found else None


def ids_beginning_with(connection: sqlite3.Connection, prefix: str, limit: int) -> list[str]:
    """IDs of operations that begin with `prefix`, which has hexadecimal digits and hyphens."""
    rows = connection.execute(
        # "g" sorts after all digits.
        "SELECT id FROM operations WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (prefix, prefix + "g", limit),
    )
    return [operation_id for (operation_id,) in rows]


def operations_of_job(connection: sqlite3.Connection, job: int) -> list[Operation]:
    """The operations of a job (its number), in the order in which they began."""
    return _read(connection, "job = :job", {"job": job})


def count_of_job(connection: sqlite3.Connection, job: int) -> dict[str, int]:
    """The number of operations of a job with each status."""
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

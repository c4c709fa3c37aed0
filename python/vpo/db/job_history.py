"""Table `jobs` as it is read: lists, one job, the jobs of a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from vpo.base.paths import StoredPath

STATUSES = ("queued", "running", "completed", "failed", "cancelled")

# When a job last began, or else was put into the queue; as the indexes have it.
_MOMENT = "coalesce(started_at, queued_at, created_at)"

_LISTED = "id, job_type, status, priority, created_at, started_at, completed_at, file_path"
LISTED_COLUMNS = f"{_LISTED}, progress_percent, error_message"


class JobFilter(NamedTuple):
    """Which jobs to list."""

    status: str | None = None
    job_type: str | None = None
    since: str | None = None
    limit: int | None = None


def list_jobs(connection: sqlite3.Connection, wanted: JobFilter) -> list[sqlite3.Row]:
    """The jobs that fit, newest first."""
    conditions = []
    if wanted.status is not None:
        conditions.append("status = :status")
    if wanted.job_type is not None:
        conditions.append("job_type = :job_type")
    if wanted.since is not None:
        conditions.append(f"{_MOMENT} >= :since")
    sql = f"SELECT {LISTED_COLUMNS} FROM jobs"
    if conditions:
        sql += f" WHERE {' AND '.join(conditions)}"
    sql += f" ORDER BY {_MOMENT} DESC, number DESC"
    return _rows(connection, _limited(sql, wanted.limit), wanted._asdict())


def _limited(sql: str, limit: int | None) -> str:
    return sql if limit is None else f"{sql} LIMIT :limit"


def _rows(
    connection: sqlite3.Connection, sql: str, parameters: Mapping[str, Any]
) -> list[sqlite3.Row]:
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return cursor.execute(sql, parameters).fetchall()


def ids_beginning_with(connection: sqlite3.Connection, prefix: str, limit: int) -> list[str]:
    """Ids of jobs that begin so. `prefix` is of hexadecimal digits and hyphens."""
    rows = connection.execute(
        "SELECT id FROM jobs WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        # After all digits comes "g".
        (prefix, prefix + "g", limit),
    )
    return [job_id for (job_id,) in rows]


def get_job(connection: sqlite3.Connection, job_id: str) -> sqlite3.Row | None:
    """All that is recorded of a job."""
    rows = _rows(connection, "SELECT * FROM jobs WHERE id = :id", {"id": job_id})
    return rows[0] if rows else None


def count_by_status(connection: sqlite3.Connection) -> dict[str, int]:
    """How many jobs there are of each status."""
    counts = dict.fromkeys(STATUSES, 0)
    counts.update(connection.execute("SELECT status, count(*) FROM jobs GROUP BY status"))
    return counts


class Failed(NamedTuple):
    """A job that failed."""

    id: str
    job_type: str
    path: StoredPath
    began: str
    completed_at: str | None
    message: str | None


def failed_jobs(connection: sqlite3.Connection) -> list[Failed]:
    """All jobs that failed, newest first."""
    rows = connection.execute(
        f"SELECT id, job_type, file_path, {_MOMENT}, completed_at, error_message FROM jobs"
        f" WHERE status = 'failed' ORDER BY {_MOMENT} DESC, number DESC"
    )
    return [Failed._make(row) for row in rows]


def last_completed(
    connection: sqlite3.Connection, job_types: Collection[str]
) -> dict[tuple[str, StoredPath], str]:
    """When the last job of a type and path that was completed began, for jobs of these types."""
    marks = ", ".join("?" * len(job_types))
    rows = connection.execute(
        f"SELECT job_type, file_path, max({_MOMENT}) FROM jobs"
        f" WHERE status = 'completed' AND job_type IN ({marks}) GROUP BY job_type, file_path",
        tuple(job_types),
    )
    return {(job_type, path): began for job_type, path, began in rows}


def end_of_scan(connection: sqlite3.Connection, scanned_at: str) -> str | None:
    """When the last of the scans ended that began in a second, if a job tells that still."""
    second = scanned_at.removesuffix("Z")
    row = connection.execute(
        "SELECT max(completed_at) FROM jobs WHERE job_type = 'scan'"
        # A fraction of the second, `Z` or nothing follows: all of it comes before a bracket.
        f" AND {_MOMENT} >= ?1 AND {_MOMENT} < ?1 || '['",
        (second,),
    ).fetchone()
    return None if row[0] is None else str(row[0])


# -- One file --------------------------------------------------------------------

CHANGE_COLUMNS = (
    "change",
    "reason",
    "size_before",
    "size_after",
    "mtime_ns_before",
    "mtime_ns_after",
    "path",
)


def changes_of_file(
    connection: sqlite3.Connection, file_id: int, *, limit: int | None = None
) -> list[sqlite3.Row]:
    """What jobs did to a file of the library, newest first, with the jobs' columns.

    `change` is `added` or one of the table's, or None for a job that was about
    this one file.
    """
    nothing = ", ".join(f"NULL AS {column}" for column in CHANGE_COLUMNS[1:])
    # By when jobs ran: one from the queue may be older than what ran before it.
    sql = f"""
        SELECT * FROM (
            SELECT {_of_job()}, {", ".join(f"c.{column}" for column in CHANGE_COLUMNS)},
                c.id AS place
            FROM file_changes c JOIN jobs j ON j.number = c.job
            -- A record that was deleted may have had the number before.
            WHERE c.file_id = :file AND c.id > (SELECT coalesce(max(id), 0) FROM file_changes
                WHERE file_id = :file AND change = 'pruned')
            UNION ALL
            SELECT {_of_job()}, 'added', {nothing}, 0
            FROM files f JOIN jobs j ON j.number = f.added_by WHERE f.id = :file
            UNION ALL
            SELECT {_of_job()}, NULL, {nothing}, 0 FROM jobs j WHERE j.file_id = :file
        )
        ORDER BY coalesce(started_at, created_at) DESC, place DESC
    """
    return _rows(connection, _limited(sql, limit), {"file": file_id, "limit": limit})


def changes_of_former_file(
    connection: sqlite3.Connection, path: StoredPath, *, limit: int | None = None
) -> list[sqlite3.Row]:
    """As `changes_of_file`, of what had a record for `path`: it was moved since, or deleted."""
    last = connection.execute(
        "SELECT file_id, EXISTS (SELECT 1 FROM file_changes c WHERE c.file_id = p.file_id"
        " AND c.change = 'pruned' AND c.id >= p.id) FROM file_changes p WHERE path = ?"
        " ORDER BY id DESC LIMIT 1",
        (path,),
    ).fetchone()
    if last is not None and not last[1]:
        return changes_of_file(connection, last[0], limit=limit)
    sql = f"""
        SELECT {_of_job()}, {", ".join(f"c.{column}" for column in CHANGE_COLUMNS)}
        FROM file_changes c JOIN jobs j ON j.number = c.job
        WHERE c.id IN (
            SELECT c.id FROM file_changes p JOIN file_changes c ON c.file_id = p.file_id
                AND c.id > (SELECT coalesce(max(id), 0) FROM file_changes
                    WHERE file_id = p.file_id AND change = 'pruned' AND id < p.id)
                AND c.id <= (SELECT min(id) FROM file_changes
                    WHERE file_id = p.file_id AND change = 'pruned' AND id >= p.id)
            WHERE p.path = :path
        )
        ORDER BY c.id DESC
    """
    return _rows(connection, _limited(sql, limit), {"path": path, "limit": limit})


def _of_job() -> str:
    return ", ".join(f"j.{column.strip()}" for column in LISTED_COLUMNS.split(","))

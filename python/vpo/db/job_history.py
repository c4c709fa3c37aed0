"""Table `jobs` as it is read: lists, one job, and the jobs that changed a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from vpo.base.paths import StoredPath
from vpo.db.conditions import Condition, all_of

STATUSES = ("queued", "running", "completed", "failed", "cancelled")

# When a job last started or, if it has not started, was queued. `idx_jobs_moment` has this
# expression. The order of jobs is their `sequence`, because a clock can be wrong. Rows
# that other programs added have none, and come last.
MOMENT = "coalesce(started_at, queued_at, created_at)"
_NEWEST_FIRST = f"sequence DESC, {MOMENT} DESC, number DESC"


class Place(NamedTuple):
    """The place of a job in the order of jobs."""

    sequence: int | None
    """None: another program added the row. Then the times decide."""
    began: str

    def is_after(self, other: Place) -> bool:
        """Whether the job started or was queued after the other one."""
        if self.sequence is None or other.sequence is None:
            return self.began > other.began
        return self.sequence > other.sequence


class JobRow(NamedTuple):
    """A job of a list. The fields are columns."""

    id: str
    job_type: str
    status: str
    priority: int
    created_at: str
    started_at: str | None
    completed_at: str | None
    file_path: StoredPath
    progress_percent: float | None
    error_message: str | None
    error_count: int | None
    """Errors that did not stop it. None: it has not ended, or recorded no number."""


# Other programs may have written the record.
_ERROR_COUNT = (
    "CASE WHEN json_valid({of}summary_json) THEN json_extract({of}summary_json, '$.errors') END"
    " AS error_count"
)


def _columns(of: str = "") -> str:
    """The columns of `JobRow`; `of` is the name of the table, with a dot."""
    columns = [of + column for column in JobRow._fields[:-1]]
    return ", ".join([*columns, _ERROR_COUNT.format(of=of)])


class JobRecord(NamedTuple):
    """Everything that is recorded of a job. Apart from `job`, the fields are columns."""

    job: JobRow
    number: int
    queued_at: str | None
    attempts: int
    policy_name: str | None
    policy_json: str | None
    progress_json: str | None
    summary_json: str | None
    errors_json: str | None
    files_affected_json: str | None
    worker_pid: int | None
    worker_heartbeat: str | None
    cancel_requested_at: str | None
    output_path: StoredPath | None
    backup_path: StoredPath | None


class JobFilter(NamedTuple):
    """Which jobs to list. A field that is None fits all jobs."""

    status: str | None = None
    job_type: str | None = None
    since: str | None = None
    """Only jobs that started or were queued since this moment. UTC, ISO-8601."""
    limit: int | None = None


def list_jobs(connection: sqlite3.Connection, wanted: JobFilter) -> list[JobRow]:
    """The jobs that fit, newest first."""
    conditions = [
        Condition(f"{expression} ?", (value,))
        for expression, value in (
            ("status =", wanted.status),
            ("job_type =", wanted.job_type),
            (f"{MOMENT} >=", wanted.since),
        )
        if value is not None
    ]
    condition = all_of(conditions)
    rows = connection.execute(
        f"SELECT {_columns()} FROM jobs WHERE {condition.sql} ORDER BY {_NEWEST_FIRST} LIMIT ?",
        (*condition.parameters, _limit(wanted.limit)),
    )
    return [JobRow._make(row) for row in rows]


def _limit(limit: int | None) -> int:
    """The limit as SQLite takes it: -1 for none."""
    return -1 if limit is None else limit


def ids_beginning_with(connection: sqlite3.Connection, prefix: str, limit: int) -> list[str]:
    """The ids of jobs that begin with a prefix of hexadecimal digits and hyphens."""
    rows = connection.execute(
        "SELECT id FROM jobs WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        # "g" is after all hexadecimal digits.
        (prefix, prefix + "g", limit),
    )
    return [job_id for (job_id,) in rows]


def get_job(connection: sqlite3.Connection, job_id: str) -> JobRecord | None:
    """Everything that is recorded of a job, None if there is no job with this id."""
    columns = ", ".join([_columns(), *JobRecord._fields[1:]])
    row = connection.execute(f"SELECT {columns} FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        return None
    listed = len(JobRow._fields)
    return JobRecord(JobRow._make(row[:listed]), *row[listed:])


def count_by_status(connection: sqlite3.Connection) -> dict[str, int]:
    """The number of jobs with each status."""
    counts = dict.fromkeys(STATUSES, 0)
    counts.update(connection.execute("SELECT status, count(*) FROM jobs GROUP BY status"))
    return counts


class Failed(NamedTuple):
    """A job that failed."""

    id: str
    job_type: str
    path: StoredPath
    began: str
    sequence: int | None
    completed_at: str | None
    message: str | None

    @property
    def place(self) -> Place:
        """Its place in the order of jobs."""
        return Place(self.sequence, self.began)


def failed_jobs(connection: sqlite3.Connection) -> list[Failed]:
    """All jobs that failed, newest first."""
    rows = connection.execute(
        f"SELECT id, job_type, file_path, {MOMENT}, sequence, completed_at, error_message"
        f" FROM jobs WHERE status = 'failed' ORDER BY {_NEWEST_FIRST}"
    )
    return [Failed._make(row) for row in rows]


def last_completed(
    connection: sqlite3.Connection, job_types: Collection[str]
) -> dict[tuple[str, StoredPath], Place]:
    """The place of the last completed job of each type and path, for these types."""
    marks = ", ".join("?" * len(job_types))
    rows = connection.execute(
        f"SELECT job_type, file_path, sequence, {MOMENT} FROM jobs"
        f" WHERE status = 'completed' AND job_type IN ({marks}) ORDER BY sequence, {MOMENT}",
        tuple(job_types),
    )
    return {(job_type, path): Place(sequence, began) for job_type, path, sequence, began in rows}


def errors_of_last_scan(connection: sqlite3.Connection, path: StoredPath) -> int:
    """How many errors the last completed scan of a root had. 0 if its job was purged."""
    row = connection.execute(
        f"SELECT {_ERROR_COUNT.format(of='')} FROM jobs WHERE job_type = 'scan'"
        f" AND status = 'completed' AND file_path = ? ORDER BY {_NEWEST_FIRST} LIMIT 1",
        (path,),
    ).fetchone()
    return 0 if row is None or not isinstance(row[0], int) else row[0]


def end_of_scan(connection: sqlite3.Connection, scanned_at: str) -> str | None:
    """When the last scan ended that started in this second, None if its job was purged."""
    second = scanned_at.removesuffix("Z")
    row = connection.execute(
        "SELECT max(completed_at) FROM jobs WHERE job_type = 'scan'"
        # A fraction of the second, `Z` or nothing follows. All of them come before a bracket.
        f" AND {MOMENT} >= ?1 AND {MOMENT} < ?1 || '['",
        (second,),
    ).fetchone()
    return None if row[0] is None else str(row[0])


# -- One file --------------------------------------------------------------------


class ChangeRow(NamedTuple):
    """What a job did to a file."""

    job: JobRow
    change: str | None
    """`added`, or as in the table `file_changes`. None: the job was about this one file."""
    reason: str | None
    size_before: int | None
    size_after: int | None
    mtime_ns_before: int | None
    mtime_ns_after: int | None
    path: StoredPath | None
    """The former path of the file, if its record was moved or deleted."""


_CHANGE = ChangeRow._fields[1:]
_OF_JOB = _columns("j.")
_OF_CHANGE = ", ".join(f"c.{column}" for column in _CHANGE)


def changes_of_file(
    connection: sqlite3.Connection, file_id: int, *, limit: int | None = None
) -> list[ChangeRow]:
    """What jobs did to a file in the catalogue, newest first."""
    nothing = ", ".join(f"NULL AS {column}" for column in _CHANGE[1:])
    # Sorted by when the jobs ran: a queued job may be older than jobs that ran before it.
    sql = f"""
        SELECT {", ".join((*JobRow._fields, *_CHANGE))} FROM (
            SELECT {_OF_JOB}, {_OF_CHANGE}, j.sequence, c.id AS change_id
            FROM file_changes c JOIN jobs j ON j.number = c.job
            -- A deleted record may have had the id before.
            WHERE c.file_id = :file AND c.id > (SELECT coalesce(max(id), 0) FROM file_changes
                WHERE file_id = :file AND change = 'pruned')
            UNION ALL
            SELECT {_OF_JOB}, 'added', {nothing}, j.sequence, 0
            FROM files f JOIN jobs j ON j.number = f.added_by WHERE f.id = :file
            UNION ALL
            SELECT {_OF_JOB}, NULL, {nothing}, j.sequence, 0 FROM jobs j WHERE j.file_id = :file
        )
        ORDER BY sequence DESC, coalesce(started_at, created_at) DESC, change_id DESC
        LIMIT :limit
    """
    return _changes(connection.execute(sql, {"file": file_id, "limit": _limit(limit)}))


def changes_of_former_file(
    connection: sqlite3.Connection, path: StoredPath, *, limit: int | None = None
) -> list[ChangeRow]:
    """What jobs did to the file that had the path before it was moved or its record deleted."""
    last = connection.execute(
        "SELECT file_id, EXISTS (SELECT 1 FROM file_changes c WHERE c.file_id = p.file_id"
        " AND c.change = 'pruned' AND c.id >= p.id) FROM file_changes p WHERE path = ?"
        " ORDER BY id DESC LIMIT 1",
        (path,),
    ).fetchone()
    if last is not None and not last[1]:
        return changes_of_file(connection, last[0], limit=limit)
    sql = f"""
        SELECT {_OF_JOB}, {_OF_CHANGE}
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
        LIMIT :limit
    """
    return _changes(connection.execute(sql, {"path": path, "limit": _limit(limit)}))


def _changes(rows: Iterable[tuple[Any, ...]]) -> list[ChangeRow]:
    columns = len(JobRow._fields)
    return [ChangeRow(JobRow._make(row[:columns]), *row[columns:]) for row in rows]

"""Table `jobs`: one row a run of a command that does work. Written by who runs it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from vpo.base import times
from vpo.base.paths import StoredPath

# The sequence of the job that is queued or starts next. Numbers of purged jobs may come again, but
# not the number of a root's last successful scan.
_NEXT_SEQUENCE = (
    "(SELECT 1 + max(coalesce((SELECT max(sequence) FROM jobs), 0),"
    " coalesce((SELECT max(last_scan_sequence) FROM roots), 0)))"
)


class RunningJob(NamedTuple):
    """A job that says it is running, and who runs it."""

    number: int
    id: str
    job_type: str
    file_path: StoredPath
    policy_json: str
    worker_pid: int | None
    worker_identity: str | None
    worker_heartbeat: str | None
    started_at: str | None
    queued_at: str | None
    attempts: int
    cancel_requested_at: str | None


class QueuedJob(NamedTuple):
    """A job that waits for a worker."""

    number: int
    id: str
    job_type: str
    file_path: StoredPath
    policy_json: str


class NewJob(NamedTuple):
    """A job to be recorded."""

    id: str
    job_type: str
    file_path: StoredPath
    policy_json: str
    """What it is asked to do: its configuration."""
    at: str
    """When it starts, or is queued."""


class JobEnding(NamedTuple):
    """How a job ended; the fields are columns, but for `at`."""

    status: str
    at: str
    error_message: str | None = None
    summary_json: str | None = None
    files_affected_json: str | None = None
    errors_json: str | None = None


class Worker(NamedTuple):
    """The process that starts a job, and its right to write to the job's row."""

    pid: int
    identity: str
    token: str


def running_jobs(connection: sqlite3.Connection) -> list[RunningJob]:
    """All jobs whose status is `running`."""
    rows = connection.execute(
        f"SELECT {', '.join(RunningJob._fields)} FROM jobs WHERE status = 'running'"
    )
    return [RunningJob._make(row) for row in rows]


def queued_jobs(connection: sqlite3.Connection) -> Iterator[QueuedJob]:
    """The queue, in the order in which jobs are taken from it."""
    rows = connection.execute(
        f"SELECT {', '.join(QueuedJob._fields)} FROM jobs WHERE status = 'queued'"
        " ORDER BY priority, number"
    )
    return map(QueuedJob._make, rows)


def add_running_job(connection: sqlite3.Connection, job: NewJob, worker: Worker) -> int:
    """Records a job that starts now, and returns its number."""
    cursor = connection.execute(
        "INSERT INTO jobs (id, sequence, job_type, file_path, status, policy_json, created_at,"
        " started_at, attempts, worker_pid, worker_identity, worker_token, worker_heartbeat)"
        f" VALUES (:id, {_NEXT_SEQUENCE}, :job_type, :file_path, 'running', :policy_json, :at, :at,"
        " 1, :pid, :identity, :token, :at)",
        {**job._asdict(), **worker._asdict()},
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def add_queued_job(connection: sqlite3.Connection, job: NewJob, *, priority: int) -> None:
    """Puts a job into the queue."""
    connection.execute(
        "INSERT INTO jobs (id, sequence, job_type, file_path, status, priority, policy_json,"
        " created_at, queued_at)"
        f" VALUES (:id, {_NEXT_SEQUENCE}, :job_type, :file_path, 'queued', :priority,"
        " :policy_json, :at, :at)",
        {**job._asdict(), "priority": priority},
    )


def find_queued_job(
    connection: sqlite3.Connection, *, job_type: str, path: StoredPath, configuration_json: str
) -> str | None:
    """The id of a job in the queue that is to do just this."""
    row = connection.execute(
        "SELECT id FROM jobs WHERE status = 'queued' AND job_type = ? AND file_path = ?"
        " AND policy_json = ? LIMIT 1",
        (job_type, path, configuration_json),
    ).fetchone()
    return row[0] if row else None


def start_job(connection: sqlite3.Connection, number: int, worker: Worker, at: str) -> None:
    """Gives a queued job to a worker."""
    connection.execute(
        f"UPDATE jobs SET status = 'running', sequence = {_NEXT_SEQUENCE}, started_at = :at,"
        " completed_at = NULL,"
        " attempts = attempts + 1, worker_pid = :pid, worker_identity = :identity,"
        " worker_token = :token, worker_heartbeat = :at, cancel_requested_at = NULL,"
        " progress_percent = 0.0, progress_json = NULL, error_message = NULL, errors_json = NULL,"
        " files_affected_json = NULL, summary_json = NULL WHERE number = :number",
        {"number": number, "at": at, **worker._asdict()},
    )
    # Its number need not be the last, by which that would be seen to be void.
    connection.execute("DELETE FROM _meta WHERE key = 'duplicates_known_by'")


def beat(
    connection: sqlite3.Connection,
    job_id: str,
    token: str,
    *,
    at: str,
    percent: float,
    progress_json: str | None,
) -> bool:
    """Notes that the job's process is alive, and how far it is; False: it has lost the job."""
    cursor = connection.execute(
        "UPDATE jobs SET worker_heartbeat = ?, progress_percent = ?, progress_json = ?"
        " WHERE id = ? AND status = 'running' AND worker_token = ?",
        (at, percent, progress_json, job_id, token),
    )
    return cursor.rowcount == 1


def has_job(connection: sqlite3.Connection, job_id: str, token: str) -> bool:
    """Whether who has the token still runs the job."""
    row = connection.execute(
        "SELECT 1 FROM jobs WHERE id = ? AND status = 'running' AND worker_token = ?",
        (job_id, token),
    ).fetchone()
    return row is not None


def is_to_be_cancelled(connection: sqlite3.Connection, job_id: str) -> bool:
    """Whether somebody asked for a job to be cancelled."""
    row = connection.execute(
        "SELECT cancel_requested_at FROM jobs WHERE id = ?", (job_id,)
    ).fetchone()
    return row is not None and row[0] is not None


def request_cancel(connection: sqlite3.Connection, job_id: str, at: str) -> None:
    """Asks the process that runs a job to stop."""
    connection.execute(
        "UPDATE jobs SET cancel_requested_at = ? WHERE id = ? AND status = 'running'"
        " AND cancel_requested_at IS NULL",
        (at, job_id),
    )


def end_job(
    connection: sqlite3.Connection, job_id: str, ending: JobEnding, *, token: str | None = None
) -> bool:
    """Records how a running job ended; False if it is not running (for who has the `token`)."""
    cursor = connection.execute(
        "UPDATE jobs SET status = :status, completed_at = :at, error_message = :error_message,"
        " summary_json = :summary_json, files_affected_json = :files_affected_json,"
        " errors_json = :errors_json,"
        " progress_percent = CASE :status WHEN 'completed' THEN 100.0 ELSE progress_percent END"
        " WHERE id = :id AND status = 'running' AND (:token IS NULL OR worker_token = :token)",
        {**ending._asdict(), "id": job_id, "token": token},
    )
    return cursor.rowcount == 1


def requeue_job(
    connection: sqlite3.Connection, job_id: str, *, at: str, counts_as_attempt: bool
) -> None:
    """Puts a job back into the queue, at its old place."""
    connection.execute(
        f"UPDATE jobs SET status = 'queued', sequence = {_NEXT_SEQUENCE}, queued_at = :at,"
        " started_at = NULL,"
        " completed_at = NULL, progress_percent = 0.0, progress_json = NULL, worker_pid = NULL,"
        " worker_identity = NULL, worker_token = NULL, worker_heartbeat = NULL,"
        " cancel_requested_at = NULL, attempts = attempts - :back WHERE id = :id",
        {"id": job_id, "at": at, "back": 0 if counts_as_attempt else 1},
    )


def set_status(connection: sqlite3.Connection, job_id: str, status: str, *, at: str) -> None:
    """Ends a job that nobody runs."""
    connection.execute(
        "UPDATE jobs SET status = ?, completed_at = ? WHERE id = ?", (status, at, job_id)
    )


def set_priority(connection: sqlite3.Connection, job_id: str, priority: int) -> None:
    """Moves a job in the queue."""
    connection.execute("UPDATE jobs SET priority = ? WHERE id = ?", (priority, job_id))


def status_of(connection: sqlite3.Connection, job_id: str) -> str | None:
    """A job's status, None if there is no such job."""
    row = connection.execute("SELECT status FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return row[0] if row else None


def type_of(connection: sqlite3.Connection, job_id: str) -> str | None:
    """A job's type, None if there is no such job."""
    row = connection.execute("SELECT job_type FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return row[0] if row else None


# -- Purging -------------------------------------------------------------------


def finished_before(
    connection: sqlite3.Connection, before: str, *, status: str | None = None, limit: int
) -> list[int]:
    """Numbers of finished jobs that ended before then, the oldest first."""
    condition, parameters = _purgeable(before, status)
    rows = connection.execute(
        f"SELECT number FROM jobs WHERE {condition} ORDER BY completed_at LIMIT :limit",
        {**parameters, "limit": limit},
    )
    return [number for (number,) in rows]


def count_finished_before(
    connection: sqlite3.Connection, before: str, *, status: str | None = None
) -> int:
    """How many finished jobs ended before then."""
    condition, parameters = _purgeable(before, status)
    row = connection.execute(f"SELECT count(*) FROM jobs WHERE {condition}", parameters).fetchone()
    return int(row[0])


def _purgeable(before: str, status: str | None) -> tuple[str, Mapping[str, Any]]:
    # A job that ended in the future ran while the clock was wrong. It is as old as a job that ran
    # after it. `+status`: by the time, not by one of the indexes on the status.
    condition = (
        "(completed_at < :before OR completed_at > :future AND sequence <"
        " (SELECT max(sequence) FROM jobs WHERE completed_at < :before))"
        " AND +status IN ('completed', 'failed', 'cancelled')"
    )
    if status is not None:
        condition += " AND +status = :status"
    return condition, {"before": before, "future": _tomorrow(), "status": status}


def _tomorrow() -> str:
    return times.to_text(times.now() + timedelta(days=1))


def delete_job(connection: sqlite3.Connection, number: int, *, most_changes: int) -> bool:
    """Deletes a job and the changes it made; False if some of those are left for another time."""
    # What was recorded of a file before its record was deleted goes with that: else it would
    # be taken for the history of the next file that gets the number.
    some = "SELECT id, file_id, change FROM file_changes WHERE job = :job ORDER BY id LIMIT :most"
    parameters = {"job": number, "most": most_changes}
    connection.execute(
        f"DELETE FROM file_changes WHERE id IN (SELECT older.id FROM ({some}) AS gone"
        " JOIN file_changes AS older ON older.file_id = gone.file_id AND older.id < gone.id"
        " WHERE gone.change = 'pruned' AND older.job <> :job)",
        parameters,
    )
    connection.execute(
        f"DELETE FROM file_changes WHERE id IN (SELECT id FROM ({some}))", parameters
    )
    left = connection.execute("SELECT 1 FROM file_changes WHERE job = ? LIMIT 1", (number,))
    if left.fetchone():
        return False
    connection.execute("DELETE FROM jobs WHERE number = ?", (number,))
    return True

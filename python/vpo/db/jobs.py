"""Table `jobs`: one row a run of a command that does work."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from vpo.paths import StoredPath


class RunningJob(NamedTuple):
    """A job that says it is running, and who runs it."""

    id: str
    job_type: str
    file_path: StoredPath
    worker_pid: int | None
    worker_identity: str | None
    worker_heartbeat: str | None
    started_at: str | None


def running_jobs(connection: sqlite3.Connection) -> list[RunningJob]:
    """All jobs whose status is `running`."""
    rows = connection.execute(
        "SELECT id, job_type, file_path, worker_pid, worker_identity, worker_heartbeat, started_at"
        " FROM jobs WHERE status = 'running'"
    )
    return [RunningJob._make(row) for row in rows]


def add_running_job(
    connection: sqlite3.Connection,
    *,
    job_id: str,
    job_type: str,
    path: StoredPath,
    configuration_json: str,
    worker_pid: int,
    worker_identity: str,
    at: str,
) -> None:
    """Records a job that starts now."""
    connection.execute(
        "INSERT INTO jobs (id, job_type, file_path, status, policy_json, created_at, started_at,"
        " worker_pid, worker_identity, worker_heartbeat)"
        " VALUES (:id, :type, :path, 'running', :configuration, :at, :at, :pid, :identity, :at)",
        {
            "id": job_id,
            "type": job_type,
            "path": path,
            "configuration": configuration_json,
            "at": at,
            "pid": worker_pid,
            "identity": worker_identity,
        },
    )


def beat(connection: sqlite3.Connection, job_id: str, at: str) -> None:
    """Notes that the job's process is alive."""
    connection.execute("UPDATE jobs SET worker_heartbeat = ? WHERE id = ?", (at, job_id))


def end_job(
    connection: sqlite3.Connection,
    job_id: str,
    status: str,
    *,
    at: str,
    error_message: str | None = None,
    summary_json: str | None = None,
    files_affected_json: str | None = None,
    errors_json: str | None = None,
) -> None:
    """Records how a running job ended; one that was ended already is left as it is."""
    connection.execute(
        "UPDATE jobs SET status = :status, completed_at = :at, error_message = :error,"
        " summary_json = :summary, files_affected_json = :files, errors_json = :errors,"
        " progress_percent = CASE :status WHEN 'completed' THEN 100.0 ELSE progress_percent END"
        " WHERE id = :id AND status = 'running'",
        {
            "id": job_id,
            "status": status,
            "at": at,
            "error": error_message,
            "summary": summary_json,
            "files": files_affected_json,
            "errors": errors_json,
        },
    )


def jobs_of_file(connection: sqlite3.Connection, file_id: int) -> list[sqlite3.Row]:
    """The jobs that were about one file, newest first."""
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return cursor.execute(
        "SELECT id, job_type, status, started_at, completed_at, error_message FROM jobs"
        " WHERE file_id = ? ORDER BY created_at DESC",
        (file_id,),
    ).fetchall()

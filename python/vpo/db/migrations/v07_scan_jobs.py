"""Version 7: scans are jobs, with a summary and the affected files.

The table `jobs` of version 6 rejects `job_type = 'scan'` (CHECK) and a job without a file (NOT
NULL). SQLite cannot alter either, so the table is rebuilt. The new table does not check the
type, because new programs bring new types. A job stays when the record of its file is deleted,
because it is the record of what was done to the file.
"""

from __future__ import annotations

import sqlite3

_COLUMNS = (
    "id, file_id, file_path, job_type, status, priority, policy_name, policy_json,"
    " progress_percent, progress_json, created_at, started_at, completed_at,"
    " worker_pid, worker_heartbeat, output_path, backup_path, error_message"
)


def apply(connection: sqlite3.Connection) -> None:
    """Rebuilds `jobs`, and keeps every row."""
    connection.execute(
        """
        CREATE TABLE jobs_v7 (
            id TEXT PRIMARY KEY,
            file_id INTEGER,
            file_path TEXT NOT NULL,
            job_type TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'queued',
            priority INTEGER NOT NULL DEFAULT 100,

            -- Policy, or the configuration the job ran with
            policy_name TEXT,
            policy_json TEXT NOT NULL,

            -- Progress
            progress_percent REAL NOT NULL DEFAULT 0.0,
            progress_json TEXT,

            -- Timing: UTC, ISO-8601
            created_at TEXT NOT NULL,
            started_at TEXT,
            completed_at TEXT,

            -- Worker
            worker_pid INTEGER,
            worker_heartbeat TEXT,

            -- Results
            output_path TEXT,
            backup_path TEXT,
            error_message TEXT,
            files_affected_json TEXT,
            summary_json TEXT,

            FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE SET NULL,
            CONSTRAINT valid_status CHECK (
                status IN ('queued', 'running', 'completed', 'failed', 'cancelled')
            ),
            CONSTRAINT valid_progress CHECK (
                progress_percent >= 0.0 AND progress_percent <= 100.0
            )
        )
        """
    )
    connection.execute(f"INSERT INTO jobs_v7 ({_COLUMNS}) SELECT {_COLUMNS} FROM jobs")
    connection.execute("DROP TABLE jobs")
    connection.execute("ALTER TABLE jobs_v7 RENAME TO jobs")
    for name, columns in (
        ("idx_jobs_status", "status"),
        ("idx_jobs_file_id", "file_id"),
        ("idx_jobs_created_at", "created_at"),
        ("idx_jobs_priority_created", "priority, created_at"),
    ):
        connection.execute(f"CREATE INDEX {name} ON jobs({columns})")

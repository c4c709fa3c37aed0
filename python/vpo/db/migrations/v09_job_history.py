"""Version 9: a queue that several workers share, and the history of files.

`jobs` is rebuilt, because CHECKs cannot be added to a table. It gains a number, so that a change
refers to its job with one to three bytes. A trigger rejects impossible changes of the status;
`vpo.jobs.states` has the same rules.
"""

from __future__ import annotations

import sqlite3

_COLUMNS = (
    "id, file_id, file_path, job_type, status, priority, policy_name, policy_json,"
    " progress_percent, progress_json, created_at, started_at, completed_at, worker_pid,"
    " worker_identity, worker_heartbeat, output_path, backup_path, error_message, errors_json,"
    " files_affected_json, summary_json"
)

# When a job last started or, if it has not started, was queued. Lists are sorted by this.
_MOMENT = "coalesce(started_at, queued_at, created_at)"

_STATEMENTS = (
    """
    CREATE TABLE jobs_v9 (
        number INTEGER PRIMARY KEY AUTOINCREMENT,  -- what other tables refer to
        id TEXT NOT NULL UNIQUE,          -- what people refer to: a UUID
        file_id INTEGER REFERENCES files(id) ON DELETE SET NULL,
        file_path TEXT NOT NULL,          -- BLOB where it is not UTF-8
        job_type TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'queued',
        priority INTEGER NOT NULL DEFAULT 100,  -- lower ones first

        -- Policy, or the configuration the job ran with
        policy_name TEXT,
        policy_json TEXT NOT NULL,

        -- Progress
        progress_percent REAL NOT NULL DEFAULT 0.0,
        progress_json TEXT,

        -- Timing: UTC, ISO-8601
        created_at TEXT NOT NULL,
        queued_at TEXT,                   -- NULL: never was in the queue
        started_at TEXT,
        completed_at TEXT,

        -- Worker
        attempts INTEGER NOT NULL DEFAULT 0,
        worker_pid INTEGER,
        worker_identity TEXT,             -- boot, pid namespace, start time: pids come again
        worker_token TEXT,                -- drawn anew at each start: who may write to this row
        worker_heartbeat TEXT,
        cancel_requested_at TEXT,

        -- Results
        output_path TEXT,
        backup_path TEXT,
        error_message TEXT,
        errors_json TEXT,                 -- errors with context, places not looked at
        files_affected_json TEXT,
        summary_json TEXT,

        CONSTRAINT valid_status CHECK (
            status IN ('queued', 'running', 'completed', 'failed', 'cancelled')
        ),
        CONSTRAINT valid_progress CHECK (
            progress_percent >= 0.0 AND progress_percent <= 100.0
        )
    )
    """,
    f"""
    INSERT INTO jobs_v9 ({_COLUMNS}, queued_at)
    SELECT {_COLUMNS}, CASE status WHEN 'queued' THEN created_at END
    FROM jobs ORDER BY created_at, rowid
    """,
    "DROP TABLE jobs",
    "ALTER TABLE jobs_v9 RENAME TO jobs",
    "CREATE INDEX idx_jobs_file_id ON jobs(file_id) WHERE file_id IS NOT NULL",
    f"CREATE INDEX idx_jobs_moment ON jobs({_MOMENT})",
    f"CREATE INDEX idx_jobs_status ON jobs(status, {_MOMENT})",
    f"CREATE INDEX idx_jobs_type ON jobs(job_type, {_MOMENT})",
    f"CREATE INDEX idx_jobs_type_status ON jobs(job_type, status, {_MOMENT})",
    "CREATE INDEX idx_jobs_queue ON jobs(priority, created_at) WHERE status = 'queued'",
    "CREATE INDEX idx_jobs_completed_at ON jobs(completed_at) WHERE completed_at IS NOT NULL",
    """
    CREATE TRIGGER jobs_status BEFORE UPDATE OF status ON jobs
    WHEN NOT (
        old.status = new.status
        OR old.status = 'queued' AND new.status IN ('running', 'cancelled')
        OR old.status = 'running'
            AND new.status IN ('completed', 'failed', 'cancelled', 'queued')
        OR old.status IN ('failed', 'cancelled') AND new.status = 'queued'
    )
    BEGIN
        SELECT RAISE(ABORT, 'a job cannot change its status like that');
    END
    """,
    """
    CREATE TABLE file_changes (
        id INTEGER PRIMARY KEY,
        job INTEGER NOT NULL REFERENCES jobs(number) ON DELETE CASCADE,
        file_id INTEGER NOT NULL,         -- of files; the change outlives the record
        change TEXT NOT NULL,             -- 'changed', 'removed', 'returned', 'pruned'
        reason TEXT,                      -- 'size', 'mtime', 'inode', 'link'
        size_before INTEGER,
        mtime_ns_before INTEGER,
        size_after INTEGER,
        mtime_ns_after INTEGER,
        path                              -- of a file whose record was deleted
    )
    """,
    "CREATE INDEX idx_file_changes_job ON file_changes(job)",
    "CREATE INDEX idx_file_changes_file ON file_changes(file_id)",
    "CREATE INDEX idx_file_changes_path ON file_changes(path) WHERE path IS NOT NULL",
    # The number of the job that added the file. It is not a reference, because jobs are purged.
    "ALTER TABLE files ADD COLUMN added_by INTEGER",
)


def apply(connection: sqlite3.Connection) -> None:
    """Rebuilds `jobs` and keeps every row, and creates `file_changes`."""
    for statement in _STATEMENTS:
        connection.execute(statement)

"""Version 12: the order of jobs no longer depends on the clock, and errors that pass do not stay.

A clock that was wrong once must not hide later failures. So each job gets the next number when it
is queued and when it starts, and a root keeps the number of its last successful scan, because that
job may be purged. Rows that other programs add have no number; only their times place them.

Files that the system did not let vpo read were recorded as if their content had an error. They
become pending, so that the next scan reads them.
"""

from __future__ import annotations

import errno
import os
import sqlite3

# When a job last started or, if it has not started, was queued. `vpo jobs list --since` uses this.
_MOMENT = "coalesce(started_at, queued_at, created_at)"

_COLUMNS = (
    # Higher than that of every job that was queued or started before.
    "ALTER TABLE jobs ADD COLUMN sequence INTEGER",
    # The sequence of the last successful scan.
    "ALTER TABLE roots ADD COLUMN last_scan_sequence INTEGER",
)

_LAST_SCANS = f"""
    UPDATE roots SET last_scan_sequence = coalesce(
        (SELECT sequence FROM jobs WHERE id = last_job_id),
        (SELECT max(sequence) FROM jobs WHERE {_MOMENT} <= last_scan_at),
        0
    ) WHERE last_scan_at IS NOT NULL
"""

_PASSING = (
    errno.EACCES,
    errno.EPERM,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOTCONN,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
)

_STATEMENTS = (
    "DROP INDEX idx_jobs_status",
    "DROP INDEX idx_jobs_type",
    "DROP INDEX idx_jobs_type_status",
    "DROP INDEX idx_jobs_queue",
    "CREATE INDEX idx_jobs_sequence ON jobs(sequence)",
    "CREATE INDEX idx_jobs_status ON jobs(status, sequence)",
    "CREATE INDEX idx_jobs_type ON jobs(job_type, sequence)",
    "CREATE INDEX idx_jobs_type_status ON jobs(job_type, status, sequence)",
    "CREATE INDEX idx_jobs_queue ON jobs(priority, number) WHERE status = 'queued'",
)


def apply(connection: sqlite3.Connection) -> None:
    """Numbers the jobs in the order of their times, and has files read that could not be opened."""
    for statement in _COLUMNS:
        connection.execute(statement)
    jobs = connection.execute(f"SELECT number FROM jobs ORDER BY {_MOMENT}, number").fetchall()
    connection.executemany(
        "UPDATE jobs SET sequence = ? WHERE number = ?",
        [(sequence, number) for sequence, (number,) in enumerate(jobs, 1)],
    )
    connection.execute(_LAST_SCANS)
    for statement in _STATEMENTS:
        connection.execute(statement)
    connection.executemany(
        "UPDATE files SET scan_status = 'pending'"
        " WHERE scan_status = 'error' AND instr(scan_error, ?)",
        [(os.strerror(number),) for number in _PASSING],
    )

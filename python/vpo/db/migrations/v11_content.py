"""Version 11: digests of the content of files, and damage.

A file keeps its record when it moves. `idx_files_quick_hash` and `idx_directories_fingerprint`
find the record of a file or directory that turns up at another path, as does `idx_files_inode`,
which scans create (`vpo.db.moves`). `operations` is rebuilt, because not all operations belong
to a policy any more.
"""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    # A digest is text. Nothing read other values before, and now they would be mistaken for one.
    "UPDATE files SET content_hash = NULL WHERE typeof(content_hash) NOT IN ('text', 'null')",
    # XXH3-128 of the first and the last 64 KiB, big endian.
    "ALTER TABLE files ADD COLUMN quick_hash BLOB",
    # When the content was last read and matched `content_hash`.
    "ALTER TABLE files ADD COLUMN verified_at TEXT",
    # The ctime of the file at that time, in nanoseconds since 1970, UTC.
    "ALTER TABLE files ADD COLUMN ctime_ns INTEGER",
    "CREATE INDEX idx_files_quick_hash ON files(quick_hash) WHERE quick_hash IS NOT NULL",
    "CREATE INDEX idx_files_verified_at ON files(verified_at) WHERE verified_at IS NOT NULL",
    "CREATE INDEX idx_directories_fingerprint ON directories(fingerprint)"
    " WHERE fingerprint IS NOT NULL",
    """
    CREATE TABLE heads (
        file_id INTEGER PRIMARY KEY REFERENCES files(id) ON DELETE CASCADE,
        size_bytes INTEGER NOT NULL,      -- of the file that was read: if it has another
        mtime_ns INTEGER NOT NULL,        -- size or mtime by now, this is void
        head TEXT NOT NULL,               -- XXH3-64 of the first 4 KiB, in hexadecimal
        is_settled INTEGER NOT NULL DEFAULT 0 -- what it has in common with others was looked at
    )
    """,
    """
    CREATE TABLE damage (
        file_id INTEGER PRIMARY KEY REFERENCES files(id) ON DELETE CASCADE,
        damage TEXT NOT NULL,             -- 'rotted', 'rewritten' or 'unreadable'
        found_at TEXT NOT NULL,           -- UTC, ISO-8601
        job INTEGER NOT NULL,             -- the number of the job that found it
        digest_recorded TEXT,             -- 'blake3:…': what the content was
        recorded_at TEXT,                 -- when it was that for the last time
        digest_found TEXT,                -- what it is; NULL: unreadable
        size_bytes INTEGER NOT NULL,      -- as recorded and as found
        mtime_ns INTEGER NOT NULL,
        ctime_ns_recorded INTEGER,
        ctime_ns_found INTEGER,
        byte_offset INTEGER,              -- unreadable: where
        message TEXT,                     -- unreadable: what the system said
        CONSTRAINT valid_damage CHECK (
            damage = 'rotted' OR damage = 'rewritten' OR damage = 'unreadable'
        )
    )
    """,
    """
    CREATE TABLE operations_v11 (
        id TEXT PRIMARY KEY,              -- a UUID
        job INTEGER,                      -- the job's number. Not a reference: jobs are purged
        operation TEXT NOT NULL,          -- 'policy', 'hardlink', 'reflink', 'trash'
        file_id INTEGER REFERENCES files(id) ON DELETE SET NULL,
        file_path TEXT NOT NULL,          -- BLOB where it is not UTF-8
        policy_name TEXT,
        policy_version INTEGER,
        actions_json TEXT NOT NULL,       -- what was to be done
        undo_json TEXT,                   -- what it takes to undo it; NULL: it cannot be
        status TEXT NOT NULL DEFAULT 'PENDING',
        error_message TEXT,
        backup_path TEXT,
        started_at TEXT NOT NULL,
        completed_at TEXT,
        CONSTRAINT valid_status CHECK (
            status IN ('PENDING', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'ROLLED_BACK')
        )
    )
    """,
    """
    INSERT INTO operations_v11 (id, operation, file_id, file_path, policy_name, policy_version,
        actions_json, status, error_message, backup_path, started_at, completed_at)
    SELECT id, 'policy', file_id, file_path, policy_name, policy_version,
        actions_json, status, error_message, backup_path, started_at, completed_at
    FROM operations ORDER BY rowid
    """,
    "DROP TABLE operations",
    "ALTER TABLE operations_v11 RENAME TO operations",
    "CREATE INDEX idx_operations_job ON operations(job) WHERE job IS NOT NULL",
    "CREATE INDEX idx_operations_file_id ON operations(file_id)",
    "CREATE INDEX idx_operations_status ON operations(status)",
    "CREATE INDEX idx_operations_started_at ON operations(started_at)",
    "DROP VIEW library_tracks",
    "DROP VIEW library_photos",
    "DROP VIEW library_files",
    """
    CREATE VIEW library_files AS
    SELECT
        f.id,
        CASE
            WHEN typeof(d.path) = 'blob' OR typeof(f.name) = 'blob'
                THEN CAST(rtrim(d.path, '/') || '/' || f.name AS BLOB)
            WHEN d.path = '' THEN f.name
            ELSE rtrim(d.path, '/') || '/' || f.name
        END AS path,
        d.path AS directory, f.name AS filename,
        f.extension, f.kind, f.size_bytes, f.mtime_ns,
        strftime('%Y-%m-%dT%H:%M:%SZ',
            f.mtime_ns / 1000000000 - (f.mtime_ns % 1000000000 < 0), 'unixepoch') AS modified_at,
        f.inode, f.scan_status, f.scanned_at, f.scan_error, f.missing_since,
        f.content_hash, f.container_format, f.directory_id, f.quick_hash, f.verified_at
    FROM files f JOIN directories d ON d.id = f.directory_id
    """,
    """
    CREATE VIEW library_tracks AS
    SELECT f.path, t.* FROM tracks t JOIN library_files f ON f.id = t.file_id
    """,
    """
    CREATE VIEW library_photos AS
    SELECT f.path, p.* FROM photos p JOIN library_files f ON f.id = p.file_id
    """,
    """
    CREATE VIEW library_damage AS
    SELECT f.path, d.* FROM damage d JOIN library_files f ON f.id = d.file_id
    """,
)


def apply(connection: sqlite3.Connection) -> None:
    """Creates the columns, indexes and tables, and keeps every operation."""
    for statement in _STATEMENTS:
        connection.execute(statement)

"""Version 8: roots, directories with fingerprints, and files that refer to them.

Each path is stored once instead of three times. The mtime of a file is an integer in
nanoseconds. A path that is not UTF-8 is a BLOB. Ids are kept, so that tracks, jobs and operations
still refer to their files.
"""

from __future__ import annotations

import re
import sqlite3

from vpo.base.times import text_to_ns, with_z

_TABLES = (
    """
    CREATE TABLE filesystems (
        id INTEGER PRIMARY KEY,
        identity TEXT NOT NULL UNIQUE     -- e.g. 'ext4:fsid=5d2c…', 'nfs4:nas:/media'
    )
    """,
    """
    CREATE TABLE roots (
        id INTEGER PRIMARY KEY,
        path NOT NULL UNIQUE,             -- TEXT, or BLOB where it is not UTF-8
        filesystem_id INTEGER REFERENCES filesystems(id),
        file_count INTEGER,               -- files that the last completed scan saw
        added_at TEXT NOT NULL,
        last_scan_at TEXT,                -- when the last completed scan began
        last_job_id TEXT
    )
    """,
    """
    CREATE TABLE directories (
        id INTEGER PRIMARY KEY,
        path NOT NULL UNIQUE,             -- TEXT, or BLOB where it is not UTF-8
        filesystem_id INTEGER REFERENCES filesystems(id),
        fingerprint BLOB,                 -- NULL: to be looked at again
        is_present INTEGER NOT NULL DEFAULT 1,
        via_symlink INTEGER NOT NULL DEFAULT 0,
        CONSTRAINT valid_fingerprint CHECK (fingerprint IS NULL OR length(fingerprint) = 16)
    )
    """,
    """
    CREATE TABLE files_v8 (
        id INTEGER PRIMARY KEY,
        directory_id INTEGER NOT NULL REFERENCES directories(id),
        name NOT NULL,                    -- TEXT, or BLOB where it is not UTF-8
        extension TEXT NOT NULL,
        kind TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,        -- nanoseconds since 1970, UTC
        inode INTEGER,                    -- NULL where inodes do not last
        is_symlink INTEGER NOT NULL DEFAULT 0,
        scan_status TEXT NOT NULL DEFAULT 'pending',
        scanned_at TEXT NOT NULL,         -- when size and mtime were last recorded
        scan_error TEXT,
        missing_since TEXT,
        content_hash TEXT,
        container_format TEXT,
        UNIQUE (directory_id, name),
        -- Not IN (…): for more than two values SQLite builds a table of them for
        -- each row, which made a first scan take half as long again.
        CONSTRAINT valid_status CHECK (
            scan_status = 'pending' OR scan_status = 'ok'
            OR scan_status = 'error' OR scan_status = 'missing'
        )
    )
    """,
    """
    CREATE TABLE operations_v8 (
        id TEXT PRIMARY KEY,
        file_id INTEGER REFERENCES files(id) ON DELETE SET NULL,
        file_path TEXT NOT NULL,
        policy_name TEXT NOT NULL,
        policy_version INTEGER NOT NULL,
        actions_json TEXT NOT NULL,
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
)

_COPY = (
    """
    INSERT INTO directories (path) SELECT DISTINCT directory_of(path) FROM files
    """,
    # A file with an unknown status has to be read again.
    """
    INSERT INTO files_v8 (
        id, directory_id, name, extension, kind, size_bytes, mtime_ns,
        scan_status, scanned_at, scan_error, missing_since, content_hash, container_format
    )
    SELECT
        f.id, d.id, name_of(f.path), lower(ltrim(f.extension, '.')), kind_of(f.extension),
        f.size_bytes, text_to_ns(f.modified_at),
        CASE WHEN f.scan_status IN ('ok', 'error', 'missing') THEN f.scan_status ELSE 'pending' END,
        in_utc(f.scanned_at), f.scan_error,
        CASE WHEN f.scan_status = 'missing' THEN in_utc(f.scanned_at) END,
        f.content_hash, f.container_format
    FROM files f JOIN directories d ON d.path = directory_of(f.path)
    ORDER BY d.id, f.path
    """,
    """
    UPDATE directories SET is_present = 0 WHERE NOT EXISTS (
        SELECT 1 FROM files_v8 f WHERE f.directory_id = directories.id
        AND f.scan_status <> 'missing'
    )
    """,
    "INSERT INTO operations_v8 SELECT * FROM operations",
    # References to files that an earlier program deleted become NULL.
    "UPDATE operations_v8 SET file_id = NULL WHERE file_id NOT IN (SELECT id FROM files_v8)",
    "UPDATE jobs SET file_id = NULL WHERE file_id NOT IN (SELECT id FROM files_v8)",
)

_RENAME = (
    "DROP TABLE operations",
    "ALTER TABLE operations_v8 RENAME TO operations",
    "CREATE INDEX idx_operations_file_id ON operations(file_id)",
    "CREATE INDEX idx_operations_status ON operations(status)",
    "CREATE INDEX idx_operations_started_at ON operations(started_at)",
    "DROP TABLE files",
    "ALTER TABLE files_v8 RENAME TO files",
    # Partial indexes cost nothing for the many files that are not in them.
    "CREATE INDEX idx_files_missing ON files(directory_id) WHERE scan_status = 'missing'",
    "CREATE INDEX idx_files_error ON files(directory_id) WHERE scan_status = 'error'",
    "CREATE INDEX idx_files_content_hash ON files(content_hash) WHERE content_hash IS NOT NULL",
    # The process that runs a job: boot, pid namespace, start time. Pids alone are reused.
    "ALTER TABLE jobs ADD COLUMN worker_identity TEXT",
    # The error with its context, and the places that could not be read.
    "ALTER TABLE jobs ADD COLUMN errors_json TEXT",
)

# Full paths, for people with sqlite3 and for the program. A path is a BLOB if a part of it is.
# rtrim is for the root directory, whose path ends with a slash.
_VIEWS = (
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
        f.content_hash, f.container_format, f.directory_id
    FROM files f JOIN directories d ON d.id = f.directory_id
    """,
    """
    CREATE VIEW library_tracks AS
    SELECT f.path, t.* FROM tracks t JOIN library_files f ON f.id = t.file_id
    """,
)


def apply(connection: sqlite3.Connection) -> None:
    """Creates the tables, copies every row into them, and creates the views."""
    from vpo._engine import KINDS
    from vpo.db.migrations import APPLICATION_ID

    kinds = {extension: kind for kind, extensions in KINDS.items() for extension in extensions}

    def kind_of(extension: str) -> str:
        return kinds.get(extension.lower().lstrip("."), "other")

    def mtime_of(text: str) -> int:
        try:
            # Limited to 64 bits, as in the engine.
            return max(-(2**63), min(2**63 - 1, text_to_ns(text)))
        except (ValueError, OverflowError):
            # No real file has this mtime, so the next scan records the file again.
            return 0

    single = _single_slashes(connection)

    def directory_of(path: str) -> str:
        directory, slash, _ = single.get(path, path).rpartition("/")
        return directory or slash

    connection.create_function("directory_of", 1, directory_of)
    connection.create_function("name_of", 1, lambda path: path.rpartition("/")[2])
    connection.create_function("kind_of", 1, kind_of)
    connection.create_function("text_to_ns", 1, mtime_of)
    connection.create_function("in_utc", 1, with_z)
    for statement in (*_TABLES, *_COPY, *_RENAME, *_VIEWS):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _single_slashes(connection: sqlite3.Connection) -> dict[str, str]:
    """Maps paths with repeated slashes to the paths that scans record.

    If there is a record for the other spelling, a path stays, because records cannot be merged.
    """
    taken = set()
    renamed = {}
    for (path,) in connection.execute("SELECT path FROM files WHERE path LIKE '%//%'").fetchall():
        shorter = re.sub("/+", "/", path)
        row = connection.execute("SELECT 1 FROM files WHERE path = ?", (shorter,)).fetchone()
        if row is None and shorter not in taken:
            taken.add(shorter)
            renamed[path] = shorter
    return renamed

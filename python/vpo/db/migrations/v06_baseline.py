"""Version 6: the layout of the first catalogues.

A new catalogue starts from it as well, and goes through the later steps.
"""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    """
    CREATE TABLE _meta (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE files (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path TEXT UNIQUE NOT NULL,
        filename TEXT NOT NULL,
        directory TEXT NOT NULL,
        extension TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        modified_at TEXT NOT NULL,  -- ISO 8601 UTC timestamp
        content_hash TEXT,
        container_format TEXT,
        scanned_at TEXT NOT NULL,   -- ISO 8601 UTC timestamp
        scan_status TEXT NOT NULL DEFAULT 'pending',
        scan_error TEXT
    )
    """,
    """
    CREATE INDEX idx_files_directory ON files(directory)
    """,
    """
    CREATE INDEX idx_files_extension ON files(extension)
    """,
    """
    CREATE INDEX idx_files_content_hash ON files(content_hash)
    """,
    """
    CREATE TABLE tracks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        file_id INTEGER NOT NULL,
        track_index INTEGER NOT NULL,
        track_type TEXT NOT NULL,
        codec TEXT,
        language TEXT,
        title TEXT,
        is_default INTEGER NOT NULL DEFAULT 0,
        is_forced INTEGER NOT NULL DEFAULT 0,
        -- New columns (003-media-introspection)
        channels INTEGER,
        channel_layout TEXT,
        width INTEGER,
        height INTEGER,
        frame_rate TEXT,
        FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE CASCADE,
        UNIQUE(file_id, track_index)
    )
    """,
    """
    CREATE INDEX idx_tracks_file_id ON tracks(file_id)
    """,
    """
    CREATE INDEX idx_tracks_type ON tracks(track_type)
    """,
    """
    CREATE INDEX idx_tracks_language ON tracks(language)
    """,
    """
    CREATE TABLE operations (
        id TEXT PRIMARY KEY,
        file_id INTEGER NOT NULL,
        file_path TEXT NOT NULL,
        policy_name TEXT NOT NULL,
        policy_version INTEGER NOT NULL,
        actions_json TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'PENDING',
        error_message TEXT,
        backup_path TEXT,
        started_at TEXT NOT NULL,
        completed_at TEXT,
        FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE CASCADE,
        CONSTRAINT valid_status CHECK (
            status IN ('PENDING', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'ROLLED_BACK')
        )
    )
    """,
    """
    CREATE INDEX idx_operations_file_id ON operations(file_id)
    """,
    """
    CREATE INDEX idx_operations_status ON operations(status)
    """,
    """
    CREATE INDEX idx_operations_started_at ON operations(started_at)
    """,
    """
    CREATE TABLE policies (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT UNIQUE NOT NULL,
        version INTEGER NOT NULL DEFAULT 1,
        definition TEXT NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE plugin_acknowledgments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        plugin_name TEXT NOT NULL,
        plugin_hash TEXT NOT NULL,
        acknowledged_at TEXT NOT NULL,  -- ISO-8601 UTC
        acknowledged_by TEXT,
        UNIQUE(plugin_name, plugin_hash)
    )
    """,
    """
    CREATE INDEX idx_plugin_ack_name
        ON plugin_acknowledgments(plugin_name)
    """,
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        file_id INTEGER NOT NULL,
        file_path TEXT NOT NULL,
        job_type TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'queued',
        priority INTEGER NOT NULL DEFAULT 100,

        -- Policy
        policy_name TEXT,
        policy_json TEXT NOT NULL,

        -- Progress
        progress_percent REAL NOT NULL DEFAULT 0.0,
        progress_json TEXT,

        -- Timing
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

        FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE CASCADE,
        CONSTRAINT valid_status CHECK (
            status IN ('queued', 'running', 'completed', 'failed', 'cancelled')
        ),
        CONSTRAINT valid_job_type CHECK (
            job_type IN ('transcode', 'move')
        ),
        CONSTRAINT valid_progress CHECK (
            progress_percent >= 0.0 AND progress_percent <= 100.0
        )
    )
    """,
    """
    CREATE INDEX idx_jobs_status ON jobs(status)
    """,
    """
    CREATE INDEX idx_jobs_file_id ON jobs(file_id)
    """,
    """
    CREATE INDEX idx_jobs_created_at ON jobs(created_at)
    """,
    """
    CREATE INDEX idx_jobs_priority_created ON jobs(priority, created_at)
    """,
    """
    CREATE TABLE transcription_results (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        track_id INTEGER NOT NULL UNIQUE,
        detected_language TEXT,
        confidence_score REAL NOT NULL,
        track_type TEXT NOT NULL DEFAULT 'main',
        transcript_sample TEXT,
        plugin_name TEXT NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        FOREIGN KEY (track_id) REFERENCES tracks(id) ON DELETE CASCADE,
        CONSTRAINT valid_confidence CHECK (
            confidence_score >= 0.0 AND confidence_score <= 1.0
        ),
        CONSTRAINT valid_track_type CHECK (
            track_type IN ('main', 'commentary', 'alternate')
        )
    )
    """,
    """
    CREATE INDEX idx_transcription_track_id
        ON transcription_results(track_id)
    """,
    """
    CREATE INDEX idx_transcription_language
        ON transcription_results(detected_language)
    """,
    """
    CREATE INDEX idx_transcription_type
        ON transcription_results(track_type)
    """,
    """
    CREATE INDEX idx_transcription_plugin
        ON transcription_results(plugin_name)
    """,
)


def apply(connection: sqlite3.Connection) -> None:
    """Creates the tables in an empty database."""
    for statement in _STATEMENTS:
        connection.execute(statement)

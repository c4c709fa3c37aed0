"""Version 10: the media of files, as introspection finds them.

`tracks` gains columns, named as in ffprobe, with `rotation` in degrees clockwise. `media`,
`chapters` and `photos` are new. Files that an earlier program read become `pending`, because it
recorded less. The next scan reads them again; until then their tracks stay as they are.
"""

from __future__ import annotations

import sqlite3

_TRACK_COLUMNS = (
    "profile TEXT",
    "is_commentary INTEGER NOT NULL DEFAULT 0",
    "is_hearing_impaired INTEGER NOT NULL DEFAULT 0",
    "is_visual_impaired INTEGER NOT NULL DEFAULT 0",
    "duration_seconds REAL",
    "bit_rate INTEGER",
    "bit_depth INTEGER",
    "sample_rate INTEGER",
    "pixel_format TEXT",
    "color_primaries TEXT",
    "color_transfer TEXT",
    "color_space TEXT",
    "hdr TEXT",
    "dolby_vision_profile TEXT",
    "rotation INTEGER",
    "file_name TEXT",
    "mime_type TEXT",
)

_STATEMENTS = (
    """
    CREATE TABLE media (
        file_id INTEGER PRIMARY KEY REFERENCES files(id) ON DELETE CASCADE,
        prober TEXT NOT NULL,             -- 'native' or 'ffprobe': who told
        duration_seconds REAL,
        bit_rate INTEGER,                 -- of the whole file, bits a second
        tags_json TEXT,                   -- an object of texts; NULL: none
        warnings_json TEXT                -- an array of texts; NULL: none
    )
    """,
    # The unique index on file and number replaces the first of these indexes. The other two never
    # help, because too many tracks have the same type or language.
    "DROP INDEX idx_tracks_file_id",
    "DROP INDEX idx_tracks_type",
    "DROP INDEX idx_tracks_language",
    "DROP VIEW library_tracks",
    *(f"ALTER TABLE tracks ADD COLUMN {column}" for column in _TRACK_COLUMNS),
    """
    CREATE TABLE chapters (
        file_id INTEGER NOT NULL REFERENCES files(id) ON DELETE CASCADE,
        number INTEGER NOT NULL,          -- from 1
        start_seconds REAL NOT NULL,
        end_seconds REAL,
        title TEXT,
        PRIMARY KEY (file_id, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE photos (
        file_id INTEGER PRIMARY KEY REFERENCES files(id) ON DELETE CASCADE,
        width INTEGER,                    -- as stored, before orientation
        height INTEGER,
        orientation INTEGER,              -- 1 to 8, as in EXIF
        bit_depth INTEGER,
        camera_make TEXT,
        camera_model TEXT,
        lens_make TEXT,
        lens_model TEXT,
        taken_at TEXT,                    -- by the camera's clock: '2019-05-04T12:33:01'
        taken_at_offset TEXT,             -- '+02:00'; NULL: not recorded
        latitude REAL,                    -- degrees north
        longitude REAL,                   -- degrees east
        altitude REAL,                    -- metres
        exposure_seconds REAL,
        f_number REAL,
        iso INTEGER,
        focal_length REAL,                -- millimetres
        focal_length_35mm REAL,
        flash INTEGER,                    -- whether it fired
        software TEXT,
        artist TEXT,
        copyright TEXT,
        description TEXT,
        rating INTEGER,
        keywords_json TEXT                -- an array of texts; NULL: none
    )
    """,
    "UPDATE files SET scan_status = 'pending' WHERE scan_status = 'ok' OR scan_status = 'error'",
    "UPDATE files SET scan_error = NULL WHERE scan_error IS NOT NULL",
    # ffprobe's demuxers have several names. This takes the one of the file's container.
    """
    UPDATE files SET container_format = CASE
        WHEN container_format = 'matroska,webm'
            THEN CASE extension WHEN 'webm' THEN 'webm' ELSE 'matroska' END
        WHEN container_format LIKE 'mov,mp4,%'
            THEN CASE extension WHEN 'mov' THEN 'mov' WHEN '3gp' THEN '3gp' ELSE 'mp4' END
        WHEN instr(container_format, ',')
            THEN substr(container_format, 1, instr(container_format, ',') - 1)
        ELSE container_format
    END
    WHERE container_format IS NOT NULL
    """,
    # The files that the next scan has to read. Usually there are none.
    "CREATE INDEX idx_files_pending ON files(directory_id) WHERE scan_status = 'pending'",
    """
    CREATE VIEW library_tracks AS
    SELECT f.path, t.* FROM tracks t JOIN library_files f ON f.id = t.file_id
    """,
    """
    CREATE VIEW library_photos AS
    SELECT f.path, p.* FROM photos p JOIN library_files f ON f.id = p.file_id
    """,
)


def apply(connection: sqlite3.Connection) -> None:
    """Creates the tables and columns, and keeps every track."""
    for statement in _STATEMENTS:
        connection.execute(statement)

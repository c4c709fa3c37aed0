"""Catalogues of version 6, as an earlier program wrote them, and what is in them."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from vpo.db.migrations import (
    v06_baseline,
)

ISO_Z = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
SCANNED_AT = "2025-11-20T10:00:00+00:00"
MODIFIED_AT = "2025-10-01T08:00:11.100001+00:00"
MODIFIED_NS = 1_759_305_611_100_001_000


class OldFile(NamedTuple):
    """A row of `files` in version 6, and what version 8 has to make of it."""

    id: int
    path: str
    extension: str = "mkv"
    modified_at: str = MODIFIED_AT
    scan_status: str = "ok"
    scan_error: str | None = None
    content_hash: str | None = "xxh64:91b7584a2265b1f5:cd613e30d8f16adf:1000000"
    container_format: str | None = "matroska,webm"
    new_container: str | None = "matroska"
    scanned_at: str = SCANNED_AT
    size_bytes: int = 1_000_000

    mtime_ns: int | None = MODIFIED_NS
    """None for any: there was none."""
    new_extension: str = "mkv"
    kind: str = "video"
    # To be read again: the program that read them knew less.
    new_status: str = "pending"


OLD_FILES = (
    OldFile(1, "/media/films/A (1999)/A.mkv"),
    OldFile(2, "/media/films/A (1999)/A.MKV", extension="MKV"),
    OldFile(
        5,
        "/media/films/Amélie/Амели.mp4",
        extension=".mp4",
        modified_at="2025-10-01T10:00:11+02:00",
        scan_status="error",
        scan_error="Invalid data found\nat « 0 »",
        content_hash=None,
        container_format=None,
        new_container=None,
        mtime_ns=1_759_305_611_000_000_000,
        new_extension="mp4",
    ),
    OldFile(
        6,
        "/media/films/日本/映画.srt",
        extension="srt",
        modified_at="2025-10-01T08:00:11.100001Z",
        scan_status="pending",
        content_hash=None,
        container_format=None,
        new_container=None,
        size_bytes=0,
        new_extension="srt",
        kind="sidecar",
        new_status="pending",
    ),
    OldFile(8, "/media/films/gone/g.mkv", scan_status="missing", new_status="missing"),
    OldFile(9, "/media/music/song.FLAC", extension="FLAC", new_extension="flac", kind="audio"),
    OldFile(
        10,
        "/media/films/odd/status.xyz",
        extension="xyz",
        scan_status="queued?",
        new_extension="xyz",
        kind="other",
        new_status="pending",
    ),
    OldFile(11, "/media/films/odd/no-moment.mkv", modified_at="unknown", mtime_ns=None),
    OldFile(12, "/media/films/odd/empty-moment.mkv", modified_at="", mtime_ns=None),
    OldFile(13, "/media/films/odd/naive.mkv", modified_at="2025-10-01T08:00:11.100001"),
    OldFile(
        14,
        "/media/films/odd/before-1970.mkv",
        modified_at="1969-12-31T23:59:59.999999+00:00",
        mtime_ns=-1000,
    ),
    OldFile(
        15,
        "/media/films/odd/noextension",
        extension="",
        new_extension="",
        kind="other",
    ),
    OldFile(17, "/at-the-top.mkv"),
    OldFile(18, "/media/films/odd/ a\n'\"%_\\ .mkv"),
    OldFile(19, "/media//films///slashes.mkv"),
    OldFile(20, "relative/r.mkv"),
    OldFile(4_000_000_000, "/media/films/odd/\U0001f3ac.mkv"),
)

# A moment that does not fit into 64 bits of nanoseconds; ext4 can hold it.
FAR_FILES = (
    OldFile(30, "/media/far.mkv", modified_at="2400-01-01T00:00:00+00:00", mtime_ns=None),
    OldFile(31, "/media/end.mkv", modified_at="9999-12-31T23:59:59+00:00", mtime_ns=None),
    OldFile(32, "/media/early.mkv", modified_at="0001-01-01T00:00:00+00:00", mtime_ns=None),
)

KEPT_TABLES = (
    "policies",
    "plugin_acknowledgments",
    "transcription_results",
)
V6_TRACK_COLUMNS = (
    "id, file_id, track_index, track_type, codec, language, title, is_default, is_forced,"
    " channels, channel_layout, width, height, frame_rate"
)
V6_OPERATION_COLUMNS = (
    "id, file_id, file_path, policy_name, policy_version, actions_json, status, error_message,"
    " backup_path, started_at, completed_at"
)
V6_JOB_COLUMNS = (
    "id, file_id, file_path, job_type, status, priority, policy_name, policy_json,"
    " progress_percent, progress_json, created_at, started_at, completed_at, worker_pid,"
    " worker_heartbeat, output_path, backup_path, error_message"
)


def make_v6(path: Path, files: Iterable[OldFile] = OLD_FILES, *, wal: bool = False) -> None:
    """Makes a library as the earlier program left it, with rows in every table."""
    with closing(sqlite3.connect(path)) as connection, connection:
        if wal:
            connection.execute("PRAGMA journal_mode = WAL")
        v06_baseline.apply(connection)
        connection.execute("INSERT INTO _meta VALUES ('schema_version', '6'), ('made_by', 'old')")
        connection.executemany(
            "INSERT INTO files (id, path, filename, directory, extension, size_bytes, modified_at,"
            " content_hash, container_format, scanned_at, scan_status, scan_error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    file.id,
                    file.path,
                    os.path.basename(file.path),
                    os.path.dirname(file.path),
                    file.extension,
                    file.size_bytes,
                    file.modified_at,
                    file.content_hash,
                    file.container_format,
                    file.scanned_at,
                    file.scan_status,
                    file.scan_error,
                )
                for file in files
            ],
        )


def fill_v6(path: Path) -> None:
    """Adds rows to the other tables, with gaps between their ids."""
    now = datetime.now(timezone.utc).isoformat()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO tracks (id, file_id, track_index, track_type, codec, language, title,"
            " is_default, is_forced, channels, channel_layout, width, height, frame_rate)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (3, 1, 0, "video", "hevc", None, None, 1, 0, None, None, 3840, 2160, "24000/1001"),
                (4, 1, 1, "audio", "aac", "fra", "Français", 1, 0, 6, "5.1", None, None, None),
                (9, 1, 2, "subtitle", "subrip", "eng", None, 0, 1, *[None] * 5),
                (12, 8, 0, "audio", "dts", "und", "", 0, 0, 2, "stereo", None, None, None),
            ],
        )
        connection.executemany(
            "INSERT INTO transcription_results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (7, 4, "fr", 0.875, "main", "Bonjour…", "whisper", SCANNED_AT, SCANNED_AT),
                (8, 12, None, 0.0, "commentary", None, "whisper", SCANNED_AT, SCANNED_AT),
            ],
        )
        connection.executemany(
            "INSERT INTO operations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (f"op-{status}", 5, "/media/é.mkv", "p", 3, "[]", status, "e", "/b", "2025", None)
                for status in ("PENDING", "IN_PROGRESS", "COMPLETED", "FAILED", "ROLLED_BACK")
            ],
        )
        connection.execute(
            "INSERT INTO policies VALUES (5, 'default é', 2, 'a: 1', '2025-01-01', '2025-02-02')"
        )
        connection.execute(
            "INSERT INTO plugin_acknowledgments VALUES (6, 'plug', 'sha256:1', ?, NULL)",
            (SCANNED_AT,),
        )
        for job_type in ("transcode", "move"):
            for number, status in enumerate(
                ("queued", "running", "completed", "failed", "cancelled")
            ):
                connection.execute(
                    f"INSERT INTO jobs ({V6_JOB_COLUMNS})"
                    f" VALUES ({', '.join('?' * (V6_JOB_COLUMNS.count(',') + 1))})",
                    (
                        f"{job_type}-{status}",
                        (1, 2, 5, 8, 4_000_000_000)[number],
                        "/media/films/é.mkv",
                        job_type,
                        status,
                        number,
                        None if number else "hevc",
                        '{"codec":"hevc"}',
                        12.5 * number,
                        '{"frame": 1}',
                        SCANNED_AT,
                        SCANNED_AT,
                        None,
                        # Of a process that is there, so that nothing ends it.
                        os.getpid(),
                        now,
                        "/out",
                        "/backup",
                        "ffmpeg exited 1",
                    ),
                )


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def dump(path: Path) -> str:
    """Schema and rows of a whole library as SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump())


def version(path: Path) -> int:
    ((text,),) = rows(path, "SELECT value FROM _meta WHERE key = 'schema_version'")
    return int(text)


def old_rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows whose columns all versions have in common."""
    kept = {table: rows(path, f"SELECT * FROM {table} ORDER BY 1") for table in KEPT_TABLES}
    kept["tracks"] = rows(path, f"SELECT {V6_TRACK_COLUMNS} FROM tracks ORDER BY id")
    kept["operations"] = rows(path, f"SELECT {V6_OPERATION_COLUMNS} FROM operations ORDER BY id")
    kept["jobs"] = rows(
        path, f"SELECT {V6_JOB_COLUMNS} FROM jobs WHERE job_type <> 'scan' ORDER BY id"
    )
    return kept


def check_files(path: Path, files: Iterable[OldFile]) -> None:
    """Every file must be there under its id, with the right values."""
    found = {
        row[0]: row[1:]
        for row in rows(
            path,
            "SELECT id, path, size_bytes, mtime_ns, extension, kind, scan_status, scan_error,"
            " content_hash, container_format, scanned_at FROM library_files",
        )
    }
    for file in files:
        (new_path, size, mtime_ns, extension, kind, status, error, content, container, at) = found[
            file.id
        ]
        assert os.path.normpath(new_path) == os.path.normpath(file.path)
        assert (extension, kind, status) == (file.new_extension, file.kind, file.new_status)
        assert (error, content, container) == (None, file.content_hash, file.new_container)
        assert size == file.size_bytes
        if file.mtime_ns is not None:
            assert mtime_ns == file.mtime_ns
        assert datetime.fromisoformat(at) == datetime.fromisoformat(file.scanned_at)

"""Tables `media`, `tracks`, `chapters` and `photos`: what is inside files."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import orjson

from vpo.base.paths import StoredPath
from vpo.db.directories import below

# Columns and the keys of the document that they come from.
_TRACK_COLUMNS: Mapping[str, str] = {
    "track_index": "index",
    "track_type": "type",
    "codec": "codec",
    "profile": "profile",
    "language": "language",
    "title": "title",
    "is_default": "default",
    "is_forced": "forced",
    "is_commentary": "commentary",
    "is_hearing_impaired": "hearing_impaired",
    "is_visual_impaired": "visual_impaired",
    "duration_seconds": "duration_seconds",
    "bit_rate": "bit_rate",
    "bit_depth": "bit_depth",
    "channels": "channels",
    "channel_layout": "channel_layout",
    "sample_rate": "sample_rate",
    "width": "width",
    "height": "height",
    "frame_rate": "frame_rate",
    "pixel_format": "pixel_format",
    "color_primaries": "color_primaries",
    "color_transfer": "color_transfer",
    "color_space": "color_space",
    "hdr": "hdr",
    "dolby_vision_profile": "dolby_vision_profile",
    "rotation": "rotation",
    "file_name": "file_name",
    "mime_type": "mime_type",
}
_TRACK_KEYS = tuple(_TRACK_COLUMNS.values())
_UPDATES = ", ".join(f"{column} = excluded.{column}" for column in _TRACK_COLUMNS)
PHOTO_COLUMNS = (
    "width",
    "height",
    "orientation",
    "bit_depth",
    "camera_make",
    "camera_model",
    "lens_make",
    "lens_model",
    "taken_at",
    "taken_at_offset",
    "latitude",
    "longitude",
    "altitude",
    "exposure_seconds",
    "f_number",
    "iso",
    "focal_length",
    "focal_length_35mm",
    "flash",
    "software",
    "artist",
    "copyright",
    "description",
    "rating",
)

# The largest integer that SQLite stores; a bit rate beyond it is no bit rate.
_MAX_INTEGER = 2**63 - 1


class FileToRead(NamedTuple):
    """A file whose content is to be read, as it is recorded."""

    id: int
    directory: StoredPath
    name: StoredPath
    kind: str
    size_bytes: int
    mtime_ns: int
    has_quick_hash: int


class Finding(NamedTuple):
    """What reading a file told: `media` (as `vpo.media.model.Media`), or an error."""

    file_id: int
    media: Mapping[str, Any] | None
    prober: str
    error: str | None = None
    quick_hash: bytes | None = None


class UnreadFile(NamedTuple):
    """A file that is to be read though it has not changed."""

    id: int
    directory_id: int
    directory: StoredPath
    name: StoredPath
    is_symlink: int


def unread_files(
    connection: sqlite3.Connection, root: bytes, statuses: Iterable[str]
) -> Iterator[UnreadFile]:
    """The files below `root` that have one of these statuses."""
    condition, parameters = below(root, "d.path")
    # One query a status: each has an index of its own.
    for status in statuses:
        rows = connection.execute(
            "SELECT f.id, d.id, d.path, f.name, f.is_symlink"
            " FROM files f JOIN directories d ON d.id = f.directory_id"
            f" WHERE f.scan_status = '{status}' AND {condition}",
            parameters,
        )
        yield from map(UnreadFile._make, rows)


def still_unread(
    connection: sqlite3.Connection, ids: Sequence[int], among: Collection[str]
) -> list[int]:
    """Those of the files that have one of these statuses."""
    query = "SELECT scan_status FROM files WHERE id = ?"
    return [
        file_id for file_id in ids if connection.execute(query, (file_id,)).fetchone()[0] in among
    ]


def files_to_read(connection: sqlite3.Connection, ids: Sequence[int]) -> list[FileToRead]:
    """The files with these ids, by directory and name; missing ones are left out."""
    marks = ", ".join("?" * len(ids))
    rows = connection.execute(
        "SELECT f.id, d.path, f.name, f.kind, f.size_bytes, f.mtime_ns, f.quick_hash IS NOT NULL"
        " FROM files f JOIN directories d ON d.id = f.directory_id"
        f" WHERE f.id IN ({marks}) AND f.scan_status <> 'missing'",
        ids,
    )
    return [FileToRead._make(row) for row in rows]


def newest_file(connection: sqlite3.Connection) -> int:
    """The highest id of a file; ids of files added later are higher."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM files").fetchone()[0])


def added_files(connection: sqlite3.Connection, after: int) -> array[int]:
    """The ids of files that were added after the one with this id, in this transaction."""
    rows = connection.execute("SELECT id FROM files WHERE id > ? ORDER BY id", (after,))
    return array("q", (file_id for (file_id,) in rows))


def record(connection: sqlite3.Connection, findings: Sequence[Finding]) -> None:
    """Records what reading files told; what was known of their content before goes.

    A track that is still there keeps its id, as transcriptions refer to it.
    """
    _forget_from(
        connection, ((finding.file_id, _first_free_index(finding.media)) for finding in findings)
    )
    connection.executemany(
        "UPDATE files SET scan_status = ?, scan_error = ?, container_format = ?, quick_hash = ?"
        " WHERE id = ?",
        (
            (
                "ok" if finding.media is not None else "error",
                finding.error,
                (finding.media or {}).get("container") or None,
                finding.quick_hash,
                finding.file_id,
            )
            for finding in findings
        ),
    )
    read = [(finding, finding.media) for finding in findings if finding.media is not None]
    connection.executemany(
        "INSERT INTO media (file_id, prober, duration_seconds, bit_rate, tags_json, warnings_json)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                finding.file_id,
                finding.prober,
                media.get("duration_seconds"),
                _integer(media.get("bit_rate")),
                _json(media.get("tags")),
                _json(media.get("warnings")),
            )
            for finding, media in read
        ),
    )
    connection.executemany(
        f"INSERT INTO tracks (file_id, {', '.join(_TRACK_COLUMNS)})"
        f" VALUES ({', '.join('?' * (len(_TRACK_COLUMNS) + 1))})"
        f" ON CONFLICT (file_id, track_index) DO UPDATE SET {_UPDATES}",
        (
            # Half of what is recorded of a library is tracks: no Python code a value.
            (finding.file_id, *map(_storable(track).get, _TRACK_KEYS))
            for finding, media in read
            for track in media.get("tracks", ())
        ),
    )
    connection.executemany(
        "INSERT INTO chapters (file_id, number, start_seconds, end_seconds, title)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            (
                finding.file_id,
                number,
                chapter["start_seconds"],
                chapter["end_seconds"],
                chapter["title"],
            )
            for finding, media in read
            for number, chapter in enumerate(media.get("chapters", ()), 1)
        ),
    )
    connection.executemany(
        f"INSERT INTO photos (file_id, {', '.join(PHOTO_COLUMNS)}, keywords_json)"
        f" VALUES ({', '.join('?' * (len(PHOTO_COLUMNS) + 2))})",
        (
            (
                finding.file_id,
                *map(photo.get, PHOTO_COLUMNS),
                _json(photo.get("keywords")),
            )
            for finding, media in read
            if (photo := media.get("photo"))
        ),
    )


def forget(connection: sqlite3.Connection, file_ids: Iterable[int]) -> None:
    """Deletes what is known of the content of files."""
    _forget_from(connection, ((file_id, 0) for file_id in file_ids))


def _forget_from(connection: sqlite3.Connection, keys: Iterable[tuple[int, int]]) -> None:
    """Deletes what is known of files, but their tracks before an index."""
    keys = list(keys)
    for table in ("media", "chapters", "photos"):
        connection.executemany(
            f"DELETE FROM {table} WHERE file_id = ?", ((file_id,) for file_id, _ in keys)
        )
    connection.executemany("DELETE FROM tracks WHERE file_id = ? AND track_index >= ?", keys)


def _first_free_index(media: Mapping[str, Any] | None) -> int:
    """Where what was recorded of a file's tracks ends to be replaced one by one."""
    indexes = {track["index"] for track in (media or {}).get("tracks", ())}
    return next(index for index in count() if index not in indexes)


def _storable(track: Mapping[str, Any]) -> Mapping[str, Any]:
    """A track as SQLite can store it: no other number of it comes from what a file claims."""
    bit_rate = track.get("bit_rate")
    if bit_rate == _integer(bit_rate):
        return track
    return {**track, "bit_rate": None}


def _integer(value: Any) -> Any:
    """A value as SQLite can store it."""
    return None if isinstance(value, int) and value > _MAX_INTEGER else value


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None


def as_recorded(media: Mapping[str, Any]) -> dict[str, Any]:
    """A document of what is in a file, as `media_of` gives it once it is recorded."""
    return {
        **media,
        "tracks": [
            {column: track.get(key) for column, key in _TRACK_COLUMNS.items()}
            for track in media["tracks"]
        ],
        "chapters": [
            {"number": number, **chapter} for number, chapter in enumerate(media["chapters"], 1)
        ],
    }


def media_of(connection: sqlite3.Connection, file_id: int) -> dict[str, Any] | None:
    """What is known of a file's content; None if it was never read.

    Tracks have the names of their columns.
    """
    tracks = _tracks_of(connection, file_id)
    row = _one(
        connection,
        "SELECT prober, duration_seconds, bit_rate, tags_json, warnings_json"
        " FROM media WHERE file_id = ?",
        file_id,
    )
    if row is None:
        # An earlier program left tracks alone.
        return {"tracks": tracks} if tracks else None
    tags, warnings = row.pop("tags_json"), row.pop("warnings_json")
    row["tags"] = orjson.loads(tags) if tags else {}
    row["warnings"] = orjson.loads(warnings) if warnings else []
    row["tracks"] = tracks
    row["chapters"] = _all(
        connection,
        "SELECT number, start_seconds, end_seconds, title FROM chapters WHERE file_id = ?"
        " ORDER BY number",
        file_id,
    )
    row["photo"] = _photo_of(connection, file_id)
    return row


def _tracks_of(connection: sqlite3.Connection, file_id: int) -> list[dict[str, Any]]:
    tracks = _all(
        connection,
        f"SELECT {', '.join(_TRACK_COLUMNS)} FROM tracks WHERE file_id = ? ORDER BY track_index",
        file_id,
    )
    for track in tracks:
        track.update({column: bool(track[column]) for column in track if column.startswith("is_")})
    return tracks


def _photo_of(connection: sqlite3.Connection, file_id: int) -> dict[str, Any] | None:
    row = _one(
        connection,
        f"SELECT {', '.join(PHOTO_COLUMNS)}, keywords_json FROM photos WHERE file_id = ?",
        file_id,
    )
    if row is None:
        return None
    keywords = row.pop("keywords_json")
    if row["flash"] is not None:
        row["flash"] = bool(row["flash"])
    row["keywords"] = orjson.loads(keywords) if keywords else []
    return row


def _all(connection: sqlite3.Connection, sql: str, file_id: int) -> list[dict[str, Any]]:
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return [dict(row) for row in cursor.execute(sql, (file_id,))]


def _one(connection: sqlite3.Connection, sql: str, file_id: int) -> dict[str, Any] | None:
    rows = _all(connection, sql, file_id)
    return rows[0] if rows else None

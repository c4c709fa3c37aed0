"""Tables `media`, `tracks`, `chapters` and `photos`: the content of files."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from vpo.base.paths import StoredPath
from vpo.db.conditions import below
from vpo.db.media_summaries import summarize

if TYPE_CHECKING:
    from vpo._engine import MediaRows


class Track(NamedTuple):
    """A track of a file. The fields are columns; `vpo.media.model` explains them."""

    track_index: int
    track_type: str
    codec: str | None
    profile: str | None
    language: str | None
    title: str | None
    is_default: bool
    is_forced: bool
    is_commentary: bool
    is_hearing_impaired: bool
    is_visual_impaired: bool
    duration_seconds: float | None
    bit_rate: int | None
    bit_depth: int | None
    channels: int | None
    channel_layout: str | None
    sample_rate: int | None
    width: int | None
    height: int | None
    frame_rate: str | None
    pixel_format: str | None
    color_primaries: str | None
    color_transfer: str | None
    color_space: str | None
    hdr: str | None
    dolby_vision_profile: str | None
    rotation: int | None
    file_name: str | None
    mime_type: str | None


class Chapter(NamedTuple):
    """A chapter of a file. The fields are columns."""

    number: int
    start_seconds: float
    end_seconds: float | None
    title: str | None


class Photo(NamedTuple):
    """The facts of a photo. The fields are columns; `vpo.media.model` explains them."""

    width: int | None
    height: int | None
    orientation: int | None
    bit_depth: int | None
    camera_make: str | None
    camera_model: str | None
    lens_make: str | None
    lens_model: str | None
    taken_at: str | None
    taken_at_offset: str | None
    latitude: float | None
    longitude: float | None
    altitude: float | None
    exposure_seconds: float | None
    f_number: float | None
    iso: int | None
    focal_length: float | None
    focal_length_35mm: float | None
    flash: bool | None
    software: str | None
    artist: str | None
    copyright: str | None
    description: str | None
    rating: int | None
    keywords: Sequence[str]
    """In the column `keywords_json`."""


class Media(NamedTuple):
    """What is known of the content of a file."""

    duration_seconds: float | None = None
    bit_rate: int | None = None
    prober: str | None = None
    tags: Mapping[str, str] = {}
    tracks: Sequence[Track] = ()
    chapters: Sequence[Chapter] = ()
    photo: Photo | None = None
    warnings: Sequence[str] = ()


# The keys of the engine's document that the columns of a track come from.
_TRACK_KEYS = tuple(column.removeprefix("is_").removeprefix("track_") for column in Track._fields)
_IN_PLACE = " ON CONFLICT (file_id, track_index) DO UPDATE SET " + ", ".join(
    f"{column} = excluded.{column}" for column in Track._fields
)
_PHOTO_COLUMNS = Photo._fields[:-1]
# The columns of fields that the engine gives other names.
_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "media": {"tags": "tags_json", "warnings": "warnings_json"},
    "tracks": dict(zip(_TRACK_KEYS, Track._fields, strict=True)),
    "chapters": {},
    "photos": {"keywords": "keywords_json"},
}

# The largest integer that SQLite stores. A larger bit rate cannot be true.
_MAX_INTEGER = 2**63 - 1


class FileToRead(NamedTuple):
    """A file to be read, as the catalogue has it."""

    id: int
    directory: StoredPath
    name: StoredPath
    kind: str
    size_bytes: int
    mtime_ns: int
    has_quick_hash: int
    is_symlink: int


class UnreadFile(NamedTuple):
    """A file that must be read, although it has not changed."""

    id: int
    directory_id: int
    directory: StoredPath
    name: StoredPath
    is_symlink: int


def unread_files(
    connection: sqlite3.Connection, root: bytes, statuses: Iterable[str]
) -> Iterator[UnreadFile]:
    """The files below `root` with one of these statuses."""
    condition, parameters = below(root, "d.path")
    # One query per status, because each status has an index of its own.
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
    """The ids of the files that have one of the statuses in `among`."""
    query = "SELECT scan_status FROM files WHERE id = ?"
    return [
        file_id for file_id in ids if connection.execute(query, (file_id,)).fetchone()[0] in among
    ]


def files_to_read(connection: sqlite3.Connection, ids: Sequence[int]) -> list[FileToRead]:
    """The files with these ids, without the missing ones."""
    marks = ", ".join("?" * len(ids))
    rows = connection.execute(
        "SELECT f.id, d.path, f.name, f.kind, f.size_bytes, f.mtime_ns, f.quick_hash IS NOT NULL,"
        " f.is_symlink"
        " FROM files f JOIN directories d ON d.id = f.directory_id"
        f" WHERE f.id IN ({marks}) AND f.scan_status <> 'missing'",
        ids,
    )
    return [FileToRead._make(row) for row in rows]


def newest_file(connection: sqlite3.Connection) -> int:
    """The highest id of a file. Files that are added later have higher ids."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM files").fetchone()[0])


def added_files(connection: sqlite3.Connection, after: int) -> array[int]:
    """The ids of the files that were added after the id `after`, in this transaction."""
    rows = connection.execute("SELECT id FROM files WHERE id > ? ORDER BY id", (after,))
    return array("q", (file_id for (file_id,) in rows))


def replace(
    connection: sqlite3.Connection, files: Sequence[tuple[int, str, Mapping[str, Any] | None]]
) -> None:
    """Replaces what is known of the content of files: rows of id, prober and media.

    With media of None, nothing is known. A track that still exists keeps its id.
    """
    _forget_from(connection, ((file_id, _first_free_index(media)) for file_id, _, media in files))
    read = [(file_id, prober, media) for file_id, prober, media in files if media is not None]
    connection.executemany(
        "INSERT INTO media (file_id, prober, duration_seconds, bit_rate, tags_json, warnings_json)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                file_id,
                prober,
                media.get("duration_seconds"),
                _integer(media.get("bit_rate")),
                _json(media.get("tags")),
                _json(media.get("warnings")),
            )
            for file_id, prober, media in read
        ),
    )
    connection.executemany(
        f"INSERT INTO tracks (file_id, {', '.join(Track._fields)})"
        f" VALUES ({', '.join('?' * (len(Track._fields) + 1))}){_IN_PLACE}",
        (
            # Tracks are half of what is recorded of a library: no Python code for each value.
            (file_id, *map(_storable(track).get, _TRACK_KEYS))
            for file_id, _, media in read
            for track in media.get("tracks", ())
        ),
    )
    connection.executemany(
        "INSERT INTO chapters (file_id, number, start_seconds, end_seconds, title)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            (
                file_id,
                number,
                chapter["start_seconds"],
                chapter["end_seconds"],
                chapter["title"],
            )
            for file_id, _, media in read
            for number, chapter in enumerate(media.get("chapters", ()), 1)
        ),
    )
    connection.executemany(
        f"INSERT INTO photos (file_id, {', '.join(_PHOTO_COLUMNS)}, keywords_json)"
        f" VALUES ({', '.join('?' * (len(_PHOTO_COLUMNS) + 2))})",
        (
            (file_id, *map(photo.get, _PHOTO_COLUMNS), _json(photo.get("keywords")))
            for file_id, _, media in read
            if (photo := media.get("photo"))
        ),
    )
    summarize(connection, (file_id for file_id, _, _ in read))


def add_rows(connection: sqlite3.Connection, rows: MediaRows, *, replace: bool) -> None:
    """Records what vpo's own prober found in files.

    With `replace`, it takes the place of what is known of their content. A track that still
    exists keeps its id.
    """
    if replace:
        _forget_from(connection, rows.first_free_indexes)
    for table, groups in (
        ("media", rows.media),
        ("tracks", rows.tracks),
        ("chapters", rows.chapters),
        ("photos", rows.photos),
    ):
        for fields, rows_per_statement, values in groups:
            statement = _insert(table, fields, rows_per_statement, may_exist=replace)
            connection.executemany(statement, values)


@lru_cache(maxsize=1024)
def _insert(table: str, fields: tuple[str, ...], rows: int, *, may_exist: bool) -> str:
    """The statement that inserts rows which have a value of these fields, after the file's id.

    The other columns get their defaults. With `may_exist`, a track takes the place of one with
    its index.
    """
    columns = ["file_id", *(_COLUMNS[table].get(field, field) for field in fields)]
    values = ["?"] * len(columns)
    if table == "media":
        columns.append("prober")
        values.append("'native'")
    row = f"({', '.join(values)})"
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"
    return sql + _IN_PLACE if table == "tracks" and may_exist else sql


def forget(connection: sqlite3.Connection, file_ids: Iterable[int]) -> None:
    """Deletes everything that is known of the content of files."""
    _forget_from(connection, ((file_id, 0) for file_id in file_ids))


def _forget_from(connection: sqlite3.Connection, keys: Iterable[tuple[int, int]]) -> None:
    """Deletes what is known of files (id, index), except the tracks before the index."""
    keys = list(keys)
    for table in ("media", "chapters", "photos"):
        connection.executemany(
            f"DELETE FROM {table} WHERE file_id = ?", ((file_id,) for file_id, _ in keys)
        )
    connection.executemany("DELETE FROM tracks WHERE file_id = ? AND track_index >= ?", keys)


def _first_free_index(media: Mapping[str, Any] | None) -> int:
    """The first track index that the new media do not have. Earlier tracks are replaced."""
    indexes = {track["index"] for track in (media or {}).get("tracks", ())}
    return next(index for index in count() if index not in indexes)


def _storable(track: Mapping[str, Any]) -> Mapping[str, Any]:
    """The track with a bit rate that SQLite can store. A file can claim any bit rate."""
    bit_rate = track.get("bit_rate")
    if bit_rate == _integer(bit_rate):
        return track
    return {**track, "bit_rate": None}


def _integer(value: Any) -> Any:
    """The value, or None if it is too large for SQLite."""
    return None if isinstance(value, int) and value > _MAX_INTEGER else value


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None


def as_recorded(media: Mapping[str, Any], prober: str) -> Media:
    """Media (as `vpo.media.model.Media`) as `media_of` returns them after they are recorded."""
    photo = media.get("photo")
    return Media(
        duration_seconds=media["duration_seconds"],
        bit_rate=media["bit_rate"],
        prober=prober,
        tags=media["tags"],
        tracks=[Track._make(map(track.get, _TRACK_KEYS)) for track in media["tracks"]],
        chapters=[
            Chapter(number, *map(chapter.get, Chapter._fields[1:]))
            for number, chapter in enumerate(media["chapters"], 1)
        ],
        photo=Photo._make(map(photo.get, Photo._fields)) if photo else None,
        warnings=media["warnings"],
    )


def media_of(connection: sqlite3.Connection, file_id: int) -> Media | None:
    """What is known of the content of a file, None if it was never read."""
    tracks = _tracks_of(connection, file_id)
    row = connection.execute(
        "SELECT duration_seconds, bit_rate, prober, tags_json, warnings_json"
        " FROM media WHERE file_id = ?",
        (file_id,),
    ).fetchone()
    if row is None:
        # An earlier program recorded only tracks.
        return Media(tracks=tracks) if tracks else None
    duration_seconds, bit_rate, prober, tags_json, warnings_json = row
    chapters = connection.execute(
        f"SELECT {', '.join(Chapter._fields)} FROM chapters WHERE file_id = ? ORDER BY number",
        (file_id,),
    )
    return Media(
        duration_seconds=duration_seconds,
        bit_rate=bit_rate,
        prober=prober,
        tags=orjson.loads(tags_json) if tags_json else {},
        tracks=tracks,
        chapters=[Chapter._make(chapter) for chapter in chapters],
        photo=_photo_of(connection, file_id),
        warnings=orjson.loads(warnings_json) if warnings_json else [],
    )


def _tracks_of(connection: sqlite3.Connection, file_id: int) -> list[Track]:
    rows = connection.execute(
        f"SELECT {', '.join(Track._fields)} FROM tracks WHERE file_id = ? ORDER BY track_index",
        (file_id,),
    )
    return [
        Track._make(
            bool(value) if column.startswith("is_") else value
            for column, value in zip(Track._fields, row, strict=True)
        )
        for row in rows
    ]


def _photo_of(connection: sqlite3.Connection, file_id: int) -> Photo | None:
    row = connection.execute(
        f"SELECT {', '.join(_PHOTO_COLUMNS)}, keywords_json FROM photos WHERE file_id = ?",
        (file_id,),
    ).fetchone()
    if row is None:
        return None
    *values, keywords = row
    photo = Photo._make((*values, orjson.loads(keywords) if keywords else []))
    return photo if photo.flash is None else photo._replace(flash=bool(photo.flash))

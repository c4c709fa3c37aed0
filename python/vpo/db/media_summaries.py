"""What each file holds, in short: the columns of `media` by which reports add up files.

A report on a million files would read three million tracks to find these texts. The engine
makes them from what it reads (`summary.rs`); for all other media, SQL makes them here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

FACT_END = "\x1f"
"""The separator between facts. No name of a codec has it."""

# The separator between tracks, and what stands for a comma in a fact: codecs that vpo does not
# know have the names that files give them.
_TRACK_END, _COMMA = ",", "\x1e"

_LANGUAGE = "ifnull(t.language, 'und')"
_FACTS = {
    "video": (
        "ifnull(t.codec, '')",
        "CASE WHEN t.width IS NULL OR t.height IS NULL THEN '' ELSE t.width || 'x' || t.height END",
        "ifnull(t.hdr, '')",
    ),
    "audio": ("ifnull(t.codec, '')", _LANGUAGE),
    "subtitle": (_LANGUAGE,),
}


def _year(moment: str) -> str:
    return (
        "(SELECT CASE WHEN year GLOB '[0-9][0-9][0-9][0-9]' AND year <> '0000'"
        f" THEN CAST(year AS INTEGER) END FROM (SELECT substr({moment}, 1, 4) AS year))"
    )


def _tracks(track_type: str) -> str:
    facts = f" || '{FACT_END}' || ".join(_FACTS[track_type])
    # With DISTINCT, SQLite puts commas between the texts, and takes no other separator.
    facts = f"replace({facts}, '{_TRACK_END}', '{_COMMA}')"
    return f"group_concat(DISTINCT {facts}) FILTER (WHERE t.track_type = '{track_type}')"


_TAGS = ", ".join(
    f"json_extract(media.tags_json, '$.{tag}')" for tag in ("date", "year", "creation_time")
)
_OF_TRACKS = (
    f"UPDATE media SET (year, {', '.join(f'{track_type}_summary' for track_type in _FACTS)})"
    f" = (SELECT {_year(f'coalesce({_TAGS})')}, {', '.join(map(_tracks, _FACTS))}"
    " FROM tracks t WHERE t.file_id = media.file_id)"
)
# The year of a photo is that of the camera's clock, whatever its tags are.
_OF_PHOTOS = (
    "UPDATE media SET (year, camera) ="
    f" (SELECT {_year('p.taken_at')},"
    " CASE WHEN p.camera_make IS NOT NULL OR p.camera_model IS NOT NULL THEN"
    f" ifnull(p.camera_make, '') || '{FACT_END}' || ifnull(p.camera_model, '') END"
    " FROM photos p WHERE p.file_id = media.file_id)"
    " WHERE file_id IN (SELECT file_id FROM photos)"
)


def tracks_in(summary: str) -> Iterator[list[str]]:
    """The facts of each track of a summary."""
    for track in summary.split(_TRACK_END):
        yield track.replace(_COMMA, _TRACK_END).split(FACT_END)


def summarize(connection: sqlite3.Connection, file_ids: Iterable[int]) -> None:
    """Records the summaries of what is recorded of these files."""
    ids = [(file_id,) for file_id in file_ids]
    connection.executemany(f"{_OF_TRACKS} WHERE file_id = ?", ids)
    connection.executemany(f"{_OF_PHOTOS} AND file_id = ?", ids)


def summarize_all(connection: sqlite3.Connection) -> None:
    """Records the summaries of all files."""
    connection.execute(_OF_TRACKS)
    connection.execute(_OF_PHOTOS)

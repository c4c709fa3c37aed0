"""Conditions on the media of files (tracks, photos), and how SQL classifies resolutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vpo.base.resolutions import CLASSES
from vpo.db.conditions import Condition, any_of, one_of

LANGUAGE = "coalesce({}.language, 'und')"
"""The language of a track. An earlier program did not record all languages."""

# The types of tracks that are played. Covers and fonts are not.
_PLAYED = ("video", "audio", "subtitle")


class MediaFilter(NamedTuple):
    """What a file must contain: of each field, one of the values; of all fields, each.

    A field that is empty fits all files.
    """

    containers: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ()
    """Of video, audio or subtitles. Covers do not count."""
    resolutions: tuple[str, ...] = ()
    """Names, as in `vpo.base.resolutions`."""
    picture_sizes: tuple[tuple[int, int], ...] = ()
    """Width and height, in either order. They add to `resolutions`."""
    hdr: tuple[str, ...] = ()
    """As in the column `tracks.hdr`."""
    languages: tuple[str, ...] = ()
    """ISO 639-2/B, of audio or subtitles."""
    audio_languages: tuple[str, ...] = ()
    subtitle_languages: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    """Parts of make and model."""
    taken: tuple[tuple[str, str], ...] = ()
    """First and last moment of periods, each cut short (`2019`, `2019-05`) or empty."""


def resolution_sql(alias: str) -> str:
    """SQL that names a track's resolution. It is NULL if the track has no picture."""
    width, height = f"{alias}.width", f"{alias}.height"
    tests = " ".join(
        f"WHEN max({width}, {height}) >= {each.least_long}"
        f" OR min({width}, {height}) >= {each.least_short} THEN '{each.name}'"
        for each in CLASSES[:-1]
    )
    last = CLASSES[-1]
    return (
        f"CASE WHEN {width} IS NULL OR {height} IS NULL OR min({width}, {height}) < 1 THEN NULL"
        f" {tests} ELSE '{last.name}' END"
    )


def media_conditions(wanted: MediaFilter, files: str, *, of_few: bool) -> Iterator[Condition]:
    """The conditions on files, which have the alias `files` in the query.

    `of_few`: other conditions leave only a few of all files.
    """

    def in_table(table: str, condition: Condition) -> Condition:
        if of_few:
            sql = (
                f"EXISTS (SELECT 1 FROM {table} c WHERE c.file_id = {files}.id AND {condition.sql})"
            )
        else:
            # Reading the table once takes a quarter of the time of a look-up for each of a
            # million files. The plus makes SQLite go through the files in the order of the
            # listing and return each one when it is found. Otherwise it would sort them all.
            sql = f"+{files}.id IN (SELECT c.file_id FROM {table} c WHERE {condition.sql})"
        return Condition(sql, condition.parameters)

    def in_tracks(types: Sequence[str], condition: Condition) -> Condition:
        is_type = any_of(Condition(f"c.track_type = '{name}'") for name in types)
        return in_table("tracks", is_type & condition)

    if wanted.containers:
        yield one_of(f"{files}.container_format", wanted.containers)
    if wanted.codecs:
        yield in_tracks(_PLAYED, one_of("c.codec", wanted.codecs))
    if wanted.resolutions or wanted.picture_sizes:
        yield in_tracks(("video",), any_of(_resolutions(wanted)))
    if wanted.hdr:
        yield in_tracks(("video",), one_of("c.hdr", wanted.hdr))
    for types, languages in (
        (("audio", "subtitle"), wanted.languages),
        (("audio",), wanted.audio_languages),
        (("subtitle",), wanted.subtitle_languages),
    ):
        if languages:
            yield in_tracks(types, one_of(LANGUAGE.format("c"), languages))
    if wanted.cameras:
        names = "ifnull(c.camera_make, '') || ' ' || ifnull(c.camera_model, '')"
        yield in_table(
            "photos",
            any_of(
                Condition(f"{names} LIKE ? ESCAPE '\\'", (f"%{_literal(camera)}%",))
                for camera in wanted.cameras
            ),
        )
    if wanted.taken:
        # "~" is after every character that can follow in a time.
        yield in_table(
            "photos",
            any_of(
                Condition("c.taken_at BETWEEN ? AND ?", (first, f"{last}~"))
                for first, last in wanted.taken
            ),
        )


def _resolutions(wanted: MediaFilter) -> Iterator[Condition]:
    if wanted.resolutions:
        yield one_of(resolution_sql("c"), wanted.resolutions)
    for width, height in wanted.picture_sizes:
        for sides in ((width, height), (height, width)):
            yield Condition("c.width = ? AND c.height = ?", sides)


def _literal(text: str) -> str:
    """Escapes the characters that have a meaning in LIKE."""
    for special in "\\%_":
        text = text.replace(special, f"\\{special}")
    return text

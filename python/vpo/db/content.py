"""Conditions on what is inside files, for listings; and how SQL classes pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from vpo.base.resolutions import CLASSES

LANGUAGE = "coalesce({}.language, 'und')"
"""The language of a track; an earlier program left some out."""

# Types of tracks that make up what is played: covers and fonts do not.
_PLAYED = ("video", "audio", "subtitle")


class ContentFilter(NamedTuple):
    """What is to be in a file. Of each field one value must fit; of all fields, each."""

    containers: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ()
    """Of a track that is seen, heard or read: covers are none."""
    resolutions: tuple[str, ...] = ()
    """Names, as in `vpo.base.resolutions`."""
    picture_sizes: tuple[tuple[int, int], ...] = ()
    """Width and height, turned either way; they add to `resolutions`."""
    hdr: tuple[str, ...] = ()
    """As `tracks.hdr` has them."""
    languages: tuple[str, ...] = ()
    """ISO 639-2/B, of sound or subtitles."""
    audio_languages: tuple[str, ...] = ()
    subtitle_languages: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    """Parts of make and model."""
    taken: tuple[tuple[str, str], ...] = ()
    """First and last moment, each cut to what matters: `2019`, `2019-05`; or empty."""


def resolution_sql(alias: str) -> str:
    """An expression for the name of the resolution of a track, NULL if it has none."""
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


def conditions_of(
    wanted: ContentFilter, parameters: dict[str, Any], *, of_few: bool
) -> Iterator[str]:
    """SQL conditions on `library_files`; the values in them are put into `parameters`.

    With `of_few`, it is few of the library's files that are asked about.
    """

    def in_table(table: str, condition: str) -> str:
        if of_few:
            return (
                f"EXISTS (SELECT 1 FROM {table} c"
                f" WHERE c.file_id = library_files.id AND ({condition}))"
            )
        # To look through a table once takes a quarter of the time of a look for
        # each of a million files. The plus has rows come in the order of the
        # listing, as they are found, instead of being sorted in the end.
        return f"+library_files.id IN (SELECT c.file_id FROM {table} c WHERE {condition})"

    def one_of(expression: str, values: Sequence[object]) -> str:
        names = [f"content_{len(parameters) + number}" for number in range(len(values))]
        parameters.update(zip(names, values, strict=True))
        return f"{expression} IN ({', '.join(':' + name for name in names)})"

    if wanted.containers:
        yield one_of("container_format", wanted.containers)
    if wanted.codecs:
        yield in_table("tracks", f"{_is_type(_PLAYED)} AND {one_of('c.codec', wanted.codecs)}")
    if wanted.resolutions or wanted.picture_sizes:
        tests = []
        if wanted.resolutions:
            tests.append(one_of(resolution_sql("c"), wanted.resolutions))
        for width, height in wanted.picture_sizes:
            for side, other in ((width, height), (height, width)):
                tests.append(f"{one_of('c.width', [side])} AND {one_of('c.height', [other])}")
        yield in_table("tracks", f"{_is_type(['video'])} AND ({' OR '.join(tests)})")
    if wanted.hdr:
        yield in_table("tracks", f"{_is_type(['video'])} AND {one_of('c.hdr', wanted.hdr)}")
    for types, languages in (
        (("audio", "subtitle"), wanted.languages),
        (("audio",), wanted.audio_languages),
        (("subtitle",), wanted.subtitle_languages),
    ):
        if languages:
            language = one_of(LANGUAGE.format("c"), languages)
            yield in_table("tracks", f"{_is_type(types)} AND {language}")
    tests = []
    for number, camera in enumerate(wanted.cameras):
        parameters[f"camera_{number}"] = f"%{_literal(camera)}%"
        names = "ifnull(c.camera_make, '') || ' ' || ifnull(c.camera_model, '')"
        tests.append(f"{names} LIKE :camera_{number} ESCAPE '\\'")
    if tests:
        yield in_table("photos", " OR ".join(tests))
    tests = []
    for number, (first, last) in enumerate(wanted.taken):
        # "~" comes after all that may follow in a time.
        parameters.update({f"taken_{number}_first": first, f"taken_{number}_last": f"{last}~"})
        tests.append(f"c.taken_at BETWEEN :taken_{number}_first AND :taken_{number}_last")
    if tests:
        yield in_table("photos", " OR ".join(tests))


def _is_type(types: Sequence[str]) -> str:
    return "(" + " OR ".join(f"c.track_type = '{name}'" for name in types) + ")"


def _literal(text: str) -> str:
    """A text without its special meaning for LIKE."""
    for special in "\\%_":
        text = text.replace(special, f"\\{special}")
    return text

"""The names of photos: `CAMERA COUNTER ("-" PROPERTY)* "." EXTENSION`, as in `AB3D0042-HDR.CR3`.

`parse(name)` returns a `ParsedName`, or a `Rejected` with the first rule that the name breaks.

To read many names, split them at `HEAD_LENGTH`. The head is camera and counter (`is_head`). The
tail, such as `-HDR.CR3`, has few distinct values in a collection: parse each once (`parse_tail`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from vpo.base.paths import StoredPath, display

CAMERA_LENGTH = 4
HEAD_LENGTH = 8

_UPPER_CASE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = frozenset("0123456789")
_IN_CAMERAS = _UPPER_CASE | _DIGITS
_EXTENSION = re.compile("[A-Za-z0-9]+")
# Not spaces alone.
_PROPERTY = re.compile(" *[A-Za-z0-9_][A-Za-z0-9_ ]*")
_TAIL = re.compile(rf"((?:-{_PROPERTY.pattern})*)(\.{_EXTENSION.pattern})")

CATEGORIES = (
    "too_short",
    "camera_case",
    "camera_chars",
    "counter_digits",
    "counter_zero",
    "counter_range",
    "empty_property",
    "property_chars",
    "extension",
)
"""Why a name can be rejected. The first that applies is reported."""

_SENTENCES = {
    "too_short": "A name begins with a camera ID of 4 characters, but has {} before its extension",
    "camera_case": "The camera ID {} has lower-case letters; only A to Z and 0 to 9 are allowed",
    "camera_chars": "The camera ID {} has characters other than A to Z and 0 to 9",
    "counter_digits": "The counter after the camera ID must be 4 digits, but the name has {} there",
    "counter_zero": "The counter after the camera ID is {}; counters run from 0001 to 9999",
    "counter_range": "The counter {} has digits other than 0 to 9",
    "empty_property": "The part {} after the counter has a dash without a property",
    "property_chars": "{} is not a dash and a property; a property has letters A to Z, digits,"
    " underscores and spaces, but not spaces alone",
    "extension": "A name ends in a dot and an extension of letters A to Z and digits,"
    " but has {} there",
}


class ParsedName(NamedTuple):
    """What the name of a photo says."""

    camera: str
    """4 characters."""
    counter: str
    """4 digits."""
    image: str
    """The ID of the separate image: the first property that has only digits, else `""`."""
    methods: tuple[str, ...]
    """All other properties, in the order of the name, with repetitions."""
    extension: str
    """With its dot, in the case of the name."""


class Rejected(NamedTuple):
    """Why a name breaks the rule."""

    category: str
    """One of `CATEGORIES`."""
    reason: str
    """A sentence for people that names the offending part, safe to print on a terminal."""


class Tail(NamedTuple):
    """What the part of a name behind camera and counter says; the fields are `ParsedName`'s."""

    image: str
    methods: tuple[str, ...]
    extension: str


def parse(name: StoredPath) -> ParsedName | Rejected:
    """What a name says, or why it breaks the rule.

    Each byte that is not UTF-8 counts as one character that no part of a name may have.
    """
    text = as_text(name)
    fault = _fault(text)
    if fault is not None:
        category, part = fault
        return Rejected(category, _SENTENCES[category].format(_quoted(part)))
    tail = parse_tail(text[HEAD_LENGTH:])
    assert tail is not None
    return ParsedName(text[:CAMERA_LENGTH], text[CAMERA_LENGTH:HEAD_LENGTH], *tail)


def category_of(name: StoredPath) -> str | None:
    """The category of a rejected name, without the sentence. None: the name is valid."""
    fault = _fault(as_text(name))
    return fault and fault[0]


def as_text(name: StoredPath) -> str:
    """A name as text, in which a surrogate character stands for a byte that is not UTF-8."""
    return name if isinstance(name, str) else name.decode(errors="surrogateescape")


def is_head(text: str) -> bool:
    """Whether a text is a camera ID and a counter."""
    return (
        len(text) == HEAD_LENGTH
        and _IN_CAMERAS.issuperset(text[:CAMERA_LENGTH])
        and _DIGITS.issuperset(text[CAMERA_LENGTH:])
        and text[CAMERA_LENGTH:] != "0000"
    )


def is_tail(text: str) -> bool:
    """Whether a text can stand behind camera and counter."""
    return _TAIL.fullmatch(text) is not None


def parse_tail(text: str) -> Tail | None:
    """What the part behind camera and counter says. None: it breaks the rule."""
    match = _TAIL.fullmatch(text)
    return match and Tail(*parse_properties(match[1]), match[2])


def parse_properties(text: str) -> tuple[str, tuple[str, ...]]:
    """The ID of the separate image and the methods, from the properties with their dashes.

    The text must obey the rule.
    """
    properties = text.split("-")[1:]
    for each in properties:
        if each.isdigit():
            properties.remove(each)
            return each, tuple(properties)
    return "", tuple(properties)


def _fault(name: str) -> tuple[str, str] | None:
    """The first rule that a name breaks, and the part that breaks it."""
    stem, dot, extension = name.rpartition(".") if "." in name else (name, "", "")
    camera = stem[:CAMERA_LENGTH]
    counter = stem[CAMERA_LENGTH:HEAD_LENGTH]
    rest = stem[HEAD_LENGTH:]
    if len(stem) < CAMERA_LENGTH:
        return "too_short", stem
    if not _IN_CAMERAS.issuperset(camera):
        return "camera_case" if _has_lower_case(camera) else "camera_chars", camera
    if len(stem) < HEAD_LENGTH or not counter.isdigit():
        return "counter_digits", counter
    if counter == "0000":
        return "counter_zero", counter
    if not _DIGITS.issuperset(counter):
        return "counter_range", counter
    if "--" in rest or rest.endswith("-"):
        return "empty_property", rest
    before, *properties = rest.split("-")
    if before:
        return "property_chars", before
    for each in properties:
        if not _PROPERTY.fullmatch(each):
            return "property_chars", f"-{each}"
    if not _EXTENSION.fullmatch(extension):
        return "extension", dot + extension
    return None


def _has_lower_case(text: str) -> bool:
    if text.isascii():
        return text != text.upper()
    return any(character.islower() for character in text)


def _quoted(part: str) -> str:
    shown = part if part.isprintable() else display(part.encode(errors="surrogateescape"))
    return f"`{shown}`" if part else "nothing"

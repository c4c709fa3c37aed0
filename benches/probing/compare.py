"""Two documents of one file, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# What two programs may differ by and still agree, as a share and in units.
_TOLERANCES: Mapping[str, tuple[float, float]] = {
    "duration_seconds": (0.01, 0.05),
    "start_seconds": (0.0, 0.002),
    "end_seconds": (0.01, 0.05),
    "bit_rate": (0.02, 0),
    "latitude": (0.0, 1e-5),
    "longitude": (0.0, 1e-5),
    "altitude": (0.001, 0.01),
    "exposure_seconds": (0.01, 0.0),
    "f_number": (0.005, 0.0),
    "focal_length": (0.005, 0.01),
    "focal_length_35mm": (0.005, 0.5),
}

# Nothing is said of these by either peer, or it is nobody's to compare.
_NOT_COMPARED = ("warnings", "unsure")

# Neither saying so nor saying nothing says that there is some.
_SAYS_NOTHING: tuple[Any, ...] = (None, "", False, [], {}, "und")


@dataclass(frozen=True)
class Field:
    """One thing that at least one side says of a file."""

    name: str
    """`track.codec`, `tags.title`, `photo.iso`."""
    where: str
    """Which of several: the track's number and type."""
    ours: Any
    theirs: Any

    @property
    def agrees(self) -> bool:
        """Whether both say the same, within tolerances."""
        return _same(self.name.rpartition(".")[2], self.ours, self.theirs)


def compare(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[Field]:
    """All fields of which at least one side says something."""
    fields = _fields(ours, theirs)
    return [field for field in fields if _counts(field)]


def _fields(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[Field]:
    for key in ours.keys() | theirs.keys():
        one, other = ours.get(key), theirs.get(key)
        if key in _NOT_COMPARED:
            continue
        if key == "tracks":
            yield from _tracks(one or [], other or [])
        elif key == "chapters":
            yield from _chapters(one or [], other or [])
        elif key in ("tags", "photo"):
            one, other = one or {}, other or {}
            for inner in sorted(one.keys() | other.keys()):
                yield Field(f"{key}.{inner}", "", one.get(inner), other.get(inner))
        else:
            yield Field(key, "", one, other)


def _tracks(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> Iterator[Field]:
    yield Field("track count", "", len(ours), len(theirs))
    of_us = {track["index"]: track for track in ours}
    of_them = {track["index"]: track for track in theirs}
    for index in sorted(of_us.keys() | of_them.keys()):
        one, other = of_us.get(index, {}), of_them.get(index, {})
        where = f"#{index} {(other or one).get('type')} {(other or one).get('codec')}"
        for key in sorted((one.keys() | other.keys()) - {"index"}):
            yield Field(f"track.{key}", where, one.get(key), other.get(key))


def _chapters(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> Iterator[Field]:
    if ours or theirs:
        yield Field("chapter count", "", len(ours), len(theirs))
    for number in range(max(len(ours), len(theirs))):
        one = ours[number] if number < len(ours) else {}
        other = theirs[number] if number < len(theirs) else {}
        for key in ("start_seconds", "end_seconds", "title"):
            yield Field(f"chapter.{key}", f"#{number}", one.get(key), other.get(key))


def _silent(said: Any) -> bool:
    # 0 is an answer; False, which equals it, is none.
    return any(said is nothing or (said == nothing and said != 0) for nothing in _SAYS_NOTHING)


def _counts(field: Field) -> bool:
    if field.name == "photo.flash":
        # That none fired was recorded.
        return field.ours is not None or field.theirs is not None
    return not (_silent(field.ours) and _silent(field.theirs))


def _same(name: str, ours: Any, theirs: Any) -> bool:
    if name == "rotation":
        return (ours or 0) == (theirs or 0)
    if name == "flash":
        return ours is theirs
    if _silent(ours) and _silent(theirs):
        return True
    numbers = (int, float)
    if isinstance(ours, numbers) and isinstance(theirs, numbers) and name in _TOLERANCES:
        share, units = _TOLERANCES[name]
        return abs(ours - theirs) <= max(share * abs(theirs), units)
    if name == "frame_rate" and ours and theirs:
        return _ratio(ours) == _ratio(theirs)
    return bool(ours == theirs)


def _ratio(text: str) -> tuple[float, str]:
    above, _, below = text.partition("/")
    try:
        return round(int(above) / int(below or 1), 3), ""
    except (ValueError, ZeroDivisionError):
        return 0.0, text

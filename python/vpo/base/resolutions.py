"""The usual names of resolutions: `1080p`, `2160p`, …

A picture gets the name whose width or height is close to its own. One of the two is
enough, because films are often cropped: both 1920x800 and 1440x1080 are 1080p. Portrait
and landscape are the same.
"""

from __future__ import annotations

from typing import NamedTuple


class ResolutionClass(NamedTuple):
    """A name, and the sides in pixels; a picture needs one of them."""

    name: str
    least_long: int
    least_short: int


def _near(name: str, width: int, height: int) -> ResolutionClass:
    # A tenth less is enough: some films are cropped on both sides, and cameras and
    # encoders round sizes.
    return ResolutionClass(name, -(-width * 9 // 10), -(-height * 9 // 10))


CLASSES = (
    _near("4320p", 7680, 4320),
    _near("2160p", 3840, 2160),
    _near("1440p", 2560, 1440),
    _near("1080p", 1920, 1080),
    _near("720p", 1280, 720),
    _near("576p", 1024, 576),
    # The width of a DVD. Its pixels are not square.
    _near("480p", 720, 480),
    _near("360p", 640, 360),
    _near("240p", 426, 240),
    # Everything that is smaller.
    ResolutionClass("144p", 1, 1),
)
"""From the largest to the smallest. A picture belongs to the first that fits."""

NAMES = tuple(each.name for each in CLASSES)

ALIASES = {"4k": "2160p", "8k": "4320p"}


def class_of(width: int | None, height: int | None) -> str | None:
    """The name for a picture of this size; None if the size is unknown."""
    if not width or not height or min(width, height) < 1:
        return None
    longer, shorter = max(width, height), min(width, height)
    return next(
        each.name for each in CLASSES if longer >= each.least_long or shorter >= each.least_short
    )

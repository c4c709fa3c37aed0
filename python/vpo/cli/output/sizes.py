"""Sizes in bytes, as people read and type them."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?) ?([KMGTP]?)(?:iB|B)?")


def human_size(size_bytes: int) -> str:
    """A size with a binary unit: `1.5 GiB`."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            break
        size /= 1024
    return f"{size_bytes} B" if unit == "B" else f"{size:.1f} {unit}"


def parse_size(text: str) -> int:
    """The bytes of a size as people type it: `500`, `50M`, `1.5G`. The units are binary.

    Units are upper-case, because `m` stands for minutes. Raises ValueError if the text is not
    a size.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"`{text}` is not a valid size")
    unit: int = 1024 ** " KMGTP".index(match[2] or " ")
    return round(float(match[1]) * unit)

"""The metadata in XMP sidecars: what a reader of them hands to the analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from vpo.base.paths import StoredPath

XmpTags = dict[str, str | list[str]]
"""Values by `prefix:Tag` or `prefix:Tag@attribute`."""


class XmpResult(NamedTuple):
    """What a sidecar contains, or why that is not known."""

    path: StoredPath
    """Relative to the collection."""
    tags: XmpTags | None
    """None: see `problem`."""
    problem: str | None = None
    """`unreadable`: it could not be opened or read. Any other: it contains no valid XMP."""
    message: str | None = None
    """The problem in words."""


Reads = Callable[[Sequence[StoredPath]], Iterable[XmpResult]]
"""Reads sidecars by their paths relative to the collection: one result each, in this order."""

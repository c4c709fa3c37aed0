"""The metadata in XMP sidecars, which the engine reads many at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from vpo._engine import Roots, read_sidecars
from vpo.base.paths import StoredPath, from_stored

XmpTags = dict[str, str | list[str]]
"""Values by `prefix:Tag` or `prefix:Tag@attribute`."""


class XmpResult(NamedTuple):
    """What a sidecar contains, or why that is not known."""

    path: StoredPath
    """Relative to the collection."""
    tags: XmpTags | None
    """None: see `problem`."""
    problem: str | None = None
    """`unreadable`: it could not be opened or read. Any other: vpo found no valid XMP in it."""
    message: str | None = None
    """The problem in words."""


Reads = Callable[[Sequence[StoredPath]], Iterable[XmpResult]]
"""Reads sidecars by their paths relative to the collection: one result each, in this order."""


def reader(roots: Roots, collection: StoredPath) -> Reads:
    """Reads the sidecars of a collection, whose absolute path is given, beneath `roots`."""
    return partial(_read, roots, collection)


def _read(roots: Roots, collection: StoredPath, paths: Sequence[StoredPath]) -> Iterator[XmpResult]:
    above = from_stored(collection)
    rows = read_sidecars(roots, [os.path.join(above, from_stored(path)) for path in paths])
    for path, (tags, problem, message) in zip(paths, rows, strict=True):
        yield XmpResult(path, tags, problem, message)

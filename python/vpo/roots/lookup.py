"""Finds the roots that people name, and how they lie in each other."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from vpo.base.errors import RootNotFoundError
from vpo.base.paths import absolute, display, is_within
from vpo.catalogue.lookup import places
from vpo.db import files as file_table
from vpo.db.known_roots import KnownRoot, known_roots
from vpo.db.root_removal import Extent


def find_root(connection: sqlite3.Connection, path: bytes) -> KnownRoot:
    """The root at a path. Raises RootNotFoundError."""
    roots = known_roots(connection)
    found = _at(roots, path)
    if found is None:
        raise _no_root(roots, path)
    return found


def find_place(connection: sqlite3.Connection, path: bytes) -> bytes:
    """The path of a root, or of a directory with records that belong to no root.

    A first scan that was stopped leaves such records. Raises RootNotFoundError.
    """
    roots = known_roots(connection)
    found = _at(roots, path)
    if found is not None:
        return found.place
    for place in places(path):
        is_in_root = any(is_within(place, root.place) for root in roots)
        if not is_in_root and file_table.knows_files(connection, place):
            return place
    raise _no_root(roots, path)


def roots_above(connection: sqlite3.Connection, place: bytes) -> list[KnownRoot]:
    """The roots that a directory lies in, the nearest first."""
    above = [
        root
        for root in known_roots(connection)
        if root.place != place and is_within(place, root.place)
    ]
    return sorted(above, key=lambda root: -len(root.place))


def extent_of(
    connection: sqlite3.Connection, place: bytes, along: Collection[bytes] = ()
) -> Extent:
    """The records that belong to a place, and to no other root but those in `along`."""
    others = [
        root.place
        for root in known_roots(connection)
        if root.place != place and root.place not in along
    ]
    if any(is_within(place, other) for other in others):
        return Extent(())
    return Extent((place,), tuple(other for other in others if is_within(other, place)))


def _at(roots: Sequence[KnownRoot], path: bytes) -> KnownRoot | None:
    given = absolute(path)
    for root in roots:
        if root.place == given:
            # Links in the path are not looked for: its file system may not answer.
            return root
    spellings = places(path)
    return next((root for root in roots if root.place in spellings), None)


def _no_root(roots: Sequence[KnownRoot], path: bytes) -> RootNotFoundError:
    shown = display(places(path)[0])
    within = next((root for root in roots if is_within(places(path)[-1], root.place)), None)
    if within is not None:
        return RootNotFoundError(
            f"`{shown}` is a directory in the root `{display(within.path)}`, not a root",
            hint="To forget what is in it, exclude it: `vpo scan --exclude GLOB"
            " --forget-excluded DIRECTORY`.",
        )
    known = "\n".join(f"  {display(root.path)}" for root in roots)
    return RootNotFoundError(
        f"There is no root `{shown}`", hint=f"The roots are:\n{known}" if known else None
    )

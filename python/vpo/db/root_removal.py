"""Forgets roots: all records below them, with digests, history, damage and actions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from vpo.base.paths import to_stored
from vpo.db.conditions import Condition, any_of
from vpo.db.selection import STATUSES, Selection, Source, condition_for, in_places


class Extent(NamedTuple):
    """Which records belong to roots: those in `places`, but for those in `without`."""

    places: tuple[bytes, ...]
    without: tuple[bytes, ...] = ()
    """Roots inside of the places that stay."""

    def paths(self, column: str) -> Condition:
        """The path in a column belongs to the roots."""
        return in_places(self.places, column) & ~in_places(self.without, column)

    def files(self) -> Condition:
        """A file (`files f`) belongs to the roots."""
        if not self.places:
            # A selection without places selects everything.
            return any_of(())
        selection = Selection(places=self.places, without=self.without)
        return condition_for(selection, Source())


class Extents(NamedTuple):
    """How much the catalogue knows of roots."""

    files: dict[str, int]
    """The number of files by status."""
    size_bytes: int
    """Of the files that are not missing."""
    directories: int
    digests: int
    damaged: int
    actions: int
    """Actions on files, such as links that were made and files that were trashed."""
    undoable: int
    """Actions that can still be undone."""


def measure(connection: sqlite3.Connection, extent: Extent) -> Extents:
    """Counts the records of roots."""
    where, values = extent.files()
    files, size_bytes, digests = dict.fromkeys(STATUSES, 0), 0, 0
    for status, count, size, hashed in connection.execute(
        "SELECT f.scan_status, count(*), sum(f.size_bytes), count(f.content_hash) FROM files f"
        f" WHERE {where} GROUP BY f.scan_status",
        values,
    ):
        files[status] = count
        digests += hashed
        if status != "missing":
            size_bytes += size
    damaged = connection.execute(
        f"SELECT count(*) FROM damage JOIN files f ON f.id = file_id WHERE {where}", values
    ).fetchone()[0]
    where, values = extent.paths("path")
    directories = connection.execute(
        f"SELECT count(*) FROM directories WHERE {where}", values
    ).fetchone()[0]
    where, values = extent.paths("file_path")
    actions, undoable = connection.execute(
        "SELECT count(*), coalesce(sum(status = 'COMPLETED' AND undo_json IS NOT NULL), 0)"
        f" FROM operations WHERE {where}",
        values,
    ).fetchone()
    return Extents(files, size_bytes, directories, digests, damaged, actions, undoable)


def forget(connection: sqlite3.Connection, extent: Extent) -> None:
    """Deletes the records of roots. Jobs stay. In the caller's transaction."""
    where, values = extent.files()
    connection.execute(
        # If another file gets the id later, this must not be taken for its history.
        f"DELETE FROM file_changes WHERE file_id IN (SELECT f.id FROM files f WHERE {where})",
        values,
    )
    paths, path_values = extent.paths("file_path")
    connection.execute(f"DELETE FROM operations WHERE {paths}", path_values)
    connection.execute(
        f"DELETE FROM files WHERE id IN (SELECT f.id FROM files f WHERE {where})", values
    )
    paths, path_values = extent.paths("path")
    connection.execute(f"DELETE FROM directories WHERE {paths}", path_values)


def forget_roots(connection: sqlite3.Connection, roots: Sequence[bytes]) -> None:
    """Deletes roots from the list. Their records stay."""
    connection.executemany("DELETE FROM roots WHERE path = ?", [(to_stored(r),) for r in roots])

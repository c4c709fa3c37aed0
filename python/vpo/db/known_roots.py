"""Table `roots` with everything that `vpo roots` shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from vpo.base.paths import StoredPath, from_stored


class KnownRoot(NamedTuple):
    """A root, as the catalogue has it."""

    id: int
    path: StoredPath
    filesystem_id: int | None
    identity: str | None
    """The identity of its file system: the kind, a colon, and what tells it from others."""
    file_count: int | None
    added_at: str
    last_scan_at: str | None
    last_job_id: str | None
    rules_json: str | None
    """The rules that are kept with it, None if there are none."""

    @property
    def place(self) -> bytes:
        """Its path as bytes."""
        return from_stored(self.path)


def known_roots(connection: sqlite3.Connection) -> list[KnownRoot]:
    """All roots, sorted by path."""
    rows = connection.execute(
        "SELECT r.id, r.path, r.filesystem_id, f.identity, r.file_count, r.added_at,"
        " r.last_scan_at, r.last_job_id, r.rules_json"
        " FROM roots r LEFT JOIN filesystems f ON f.id = r.filesystem_id ORDER BY r.path"
    )
    return [KnownRoot._make(row) for row in rows]


def move_roots(
    connection: sqlite3.Connection, moves: Iterable[tuple[int, StoredPath, int | None]]
) -> None:
    """Gives roots (ids) another path and another file system."""
    connection.executemany("UPDATE roots SET path = ?2, filesystem_id = ?3 WHERE id = ?1", moves)


def join_roots(connection: sqlite3.Connection, kept: int, dropped: int) -> None:
    """Deletes a root, and gives another one what only the deleted one knows."""
    of_dropped = "(SELECT {} FROM roots WHERE id = :dropped)".format
    connection.execute(
        f"UPDATE roots SET added_at = min(added_at, {of_dropped('added_at')}),"
        f" last_scan_at = coalesce(last_scan_at, {of_dropped('last_scan_at')}),"
        f" last_scan_sequence = coalesce(last_scan_sequence, {of_dropped('last_scan_sequence')}),"
        f" rules_json = coalesce(rules_json, {of_dropped('rules_json')}),"
        f" last_job_id = coalesce(last_job_id, {of_dropped('last_job_id')}) WHERE id = :kept",
        {"kept": kept, "dropped": dropped},
    )
    connection.execute("DELETE FROM roots WHERE id = ?", (dropped,))

"""Table `damage`: what was found wrong with files, until it is right again or accepted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from vpo.base.paths import StoredPath
from vpo.db.directories import below

KINDS = ("rotted", "rewritten", "unreadable")


class Damage(NamedTuple):
    """What is wrong with a file; the fields are columns."""

    file_id: int
    damage: str
    """One of `KINDS`."""
    found_at: str
    job: int
    digest_recorded: str | None
    recorded_at: str | None
    digest_found: str | None
    size_bytes: int
    mtime_ns: int
    ctime_ns_recorded: int | None
    ctime_ns_found: int | None
    byte_offset: int | None = None
    message: str | None = None


class DamagedFile(NamedTuple):
    """Damage with the file's path."""

    path: StoredPath
    damage: Damage


def record_damage(connection: sqlite3.Connection, found: Damage, compared_with: str | None) -> bool:
    """Records what was found; returns whether it is news.

    What was found before stays, but for what could not be read and now is read
    and wrong. Nothing is recorded if `files.content_hash` is no more what the
    content was compared with: then somebody has accepted it, or a scan has found
    another file in its place.
    """
    columns = ", ".join(Damage._fields)
    values = ", ".join(f":{name}" for name in Damage._fields)
    cursor = connection.execute(
        f"INSERT INTO damage ({columns}) SELECT {values} WHERE EXISTS"
        " (SELECT 1 FROM files WHERE id = :file_id AND content_hash IS :compared_with)"
        " ON CONFLICT (file_id) DO NOTHING",
        {**found._asdict(), "compared_with": compared_with},
    )
    if cursor.rowcount == 1:
        return True
    if found.damage == "unreadable":
        return False
    cursor = connection.execute(
        "UPDATE damage SET damage = :damage, digest_found = :digest_found,"
        " ctime_ns_found = :ctime_ns_found"
        " WHERE file_id = :file_id AND damage = 'unreadable' AND digest_recorded IS NOT NULL",
        found._asdict(),
    )
    return cursor.rowcount == 1


def forget_damage(connection: sqlite3.Connection, file_ids: Iterable[int]) -> None:
    """Deletes what was found wrong with files."""
    connection.executemany(
        "DELETE FROM damage WHERE file_id = ?", ((file_id,) for file_id in file_ids)
    )


def damage_of(connection: sqlite3.Connection, file_id: int) -> Damage | None:
    """What is wrong with a file, if anything."""
    row = connection.execute(
        f"SELECT {', '.join(Damage._fields)} FROM damage WHERE file_id = ?", (file_id,)
    ).fetchone()
    return Damage._make(row) if row else None


def list_damage(
    connection: sqlite3.Connection, place: bytes | None = None, *, limit: int | None = None
) -> list[DamagedFile]:
    """What is wrong with the files below a directory (None: with any), by path.

    Missing files are left out.
    """
    columns = ", ".join(f"v.{name}" for name in Damage._fields)
    condition, parameters = _below(place)
    parameters["limit"] = -1 if limit is None else limit
    rows = connection.execute(
        f"SELECT v.path, {columns} FROM library_damage v JOIN files f ON f.id = v.file_id"
        f" JOIN directories d ON d.id = f.directory_id WHERE {condition}"
        " ORDER BY d.path, f.name LIMIT :limit",
        parameters,
    )
    return [DamagedFile(row[0], Damage._make(row[1:])) for row in rows]


def count_damage(connection: sqlite3.Connection, place: bytes | None = None) -> dict[str, int]:
    """With how many files of those that `list_damage` lists what is wrong, by `KINDS`."""
    condition, parameters = _below(place)
    counts = dict.fromkeys(KINDS, 0)
    counts.update(
        connection.execute(
            "SELECT m.damage, count(*) FROM damage m JOIN files f ON f.id = m.file_id"
            f" JOIN directories d ON d.id = f.directory_id WHERE {condition} GROUP BY m.damage",
            parameters,
        )
    )
    return counts


def _below(place: bytes | None) -> tuple[str, dict[str, Any]]:
    there = "f.scan_status <> 'missing'"
    if place is None:
        return there, {}
    condition, parameters = below(place, "d.path")
    return f"{there} AND {condition}", dict(parameters)

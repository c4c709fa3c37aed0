"""Table `damage`: what is wrong with files, until they are repaired or accepted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from vpo.base.paths import StoredPath
from vpo.db.conditions import Condition, below
from vpo.db.selection import present

KINDS = ("rotted", "rewritten", "unreadable")


class Damage(NamedTuple):
    """What is wrong with a file. The fields are columns."""

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
    """A damaged file."""

    path: StoredPath
    damage: Damage
    is_symlink: bool


def record_damage(connection: sqlite3.Connection, found: Damage, compared_with: str | None) -> bool:
    """Records damage; returns whether it was not known before.

    Known damage stays as it was found first, with one exception: a file that could not be
    read is now read, and its content is wrong. Nothing is recorded if `files.content_hash` is
    no longer what the content was compared with: then somebody has accepted the content, or a
    scan has found another file at this path.
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
    """Deletes the damage of files."""
    connection.executemany(
        "DELETE FROM damage WHERE file_id = ?", ((file_id,) for file_id in file_ids)
    )


def damage_of(connection: sqlite3.Connection, file_id: int) -> Damage | None:
    """The damage of a file, None if it has none."""
    row = connection.execute(
        f"SELECT {', '.join(Damage._fields)} FROM damage WHERE file_id = ?", (file_id,)
    ).fetchone()
    return Damage._make(row) if row else None


def list_damage(
    connection: sqlite3.Connection, place: bytes | None = None, *, limit: int | None = None
) -> list[DamagedFile]:
    """The damaged files below a directory (None: all), sorted by path.

    Missing files are left out.
    """
    columns = ", ".join(f"v.{name}" for name in Damage._fields)
    condition = _present_below(place)
    rows = connection.execute(
        f"SELECT v.path, f.is_symlink, {columns} FROM library_damage v"
        " JOIN files f ON f.id = v.file_id"
        f" JOIN directories d ON d.id = f.directory_id WHERE {condition.sql}"
        " ORDER BY d.path, f.name LIMIT ?",
        (*condition.parameters, -1 if limit is None else limit),
    )
    return [
        DamagedFile(path, Damage._make(damage), bool(is_symlink))
        for path, is_symlink, *damage in rows
    ]


def count_damage(connection: sqlite3.Connection, place: bytes | None = None) -> dict[str, int]:
    """The number of the files that `list_damage` lists, by what is wrong (`KINDS`)."""
    condition = _present_below(place)
    counts = dict.fromkeys(KINDS, 0)
    counts.update(
        connection.execute(
            "SELECT m.damage, count(*) FROM damage m JOIN files f ON f.id = m.file_id"
            " JOIN directories d ON d.id = f.directory_id"
            f" WHERE {condition.sql} GROUP BY m.damage",
            condition.parameters,
        )
    )
    return counts


def _present_below(place: bytes | None) -> Condition:
    return present() if place is None else present() & below(place, "d.path")

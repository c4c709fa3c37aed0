"""Damaged files: one by its path, or all below a directory."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from vpo.base import times
from vpo.base.errors import NotDamagedError
from vpo.base.paths import StoredPath, display, to_json, to_stored
from vpo.catalogue import lookup
from vpo.db import damage as damage_table
from vpo.db.damage import Damage
from vpo.db.library import Library

_LIST_THEM = "`vpo verify status` lists the damaged files."


class KnownDamage(Damage):
    """What is wrong with a file."""

    __slots__ = ()

    def to_dict(self) -> dict[str, object]:
        """The damage as JSON."""
        return {
            "damage": self.damage,
            "found_at": times.with_z(self.found_at),
            "digest_recorded": self.digest_recorded,
            "recorded_at": times.with_z(self.recorded_at),
            "digest_found": self.digest_found,
            "size_bytes": self.size_bytes,
            "mtime_ns": self.mtime_ns,
            "ctime_ns_recorded": self.ctime_ns_recorded,
            "ctime_ns_found": self.ctime_ns_found,
            "offset": self.byte_offset,
            "message": self.message,
        }


class DamagedFile(NamedTuple):
    """A damaged file."""

    path: StoredPath
    damage: KnownDamage
    is_symlink: bool

    def to_dict(self) -> dict[str, object]:
        """The file and its damage as JSON."""
        return {**to_json(self.path), **self.damage.to_dict()}


def read_damage(connection: sqlite3.Connection, file_id: int) -> KnownDamage | None:
    """The damage of a file, None if it has none."""
    damage = damage_table.damage_of(connection, file_id)
    return None if damage is None else KnownDamage(*damage)


def list_damaged(
    connection: sqlite3.Connection, place: bytes | None = None, *, limit: int | None = None
) -> list[DamagedFile]:
    """The damaged files below a directory (None: all), sorted by path, without missing files."""
    return [
        DamagedFile(path, KnownDamage(*damage), is_symlink)
        for path, damage, is_symlink in damage_table.list_damage(connection, place, limit=limit)
    ]


def find_damaged(library: Library, path: bytes) -> DamagedFile:
    """The damaged file at a path.

    Raises FileNotInLibraryError, or NotDamagedError if it is not damaged or is missing.
    """
    with library.reading() as connection:
        file = lookup.find_file(connection, path)
        if file is None:
            raise lookup.unknown_file(path)
        damage = read_damage(connection, file.id)
    if damage is None:
        raise NotDamagedError(f"`{display(file.path)}` is not known to be damaged", hint=_LIST_THEM)
    if file.scan_status == "missing":
        raise NotDamagedError(
            f"`{display(file.path)}` is missing, so it cannot be accepted",
            hint="If the file is back, scan its directory. Its damage is then reported again.",
        )
    return DamagedFile(file.path, damage, file.is_symlink)


def find_damaged_below(library: Library, directory: bytes) -> list[DamagedFile]:
    """The damaged files below a directory.

    Raises FileNotInLibraryError if the catalogue knows no files there, and NotDamagedError if
    none of them is damaged.
    """
    places = lookup.known_places(library, [directory])
    with library.reading() as connection:
        found = [file for place in places for file in list_damaged(connection, place)]
    if not found:
        raise NotDamagedError(
            f"No file in `{display(to_stored(directory))}` is known to be damaged", hint=_LIST_THEM
        )
    return found

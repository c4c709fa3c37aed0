"""Table `directories`: paths and fingerprints."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from vpo.base.paths import StoredPath, to_stored


@dataclass(frozen=True)
class KnownDirectory:
    """What the catalogue knows of a directory."""

    id: int
    path: StoredPath
    filesystem_id: int | None
    is_present: bool
    via_symlink: bool


def below(
    directory: bytes, column: str = "path", prefix: str = "below"
) -> tuple[str, dict[str, StoredPath]]:
    """A condition for `column` being `directory` or below it, and its parameters.

    Their names begin with `prefix`. TEXT and BLOB each have a range of their own
    in the index on the column.
    """
    first = directory.rstrip(b"/") + b"/"
    last = first[:-1] + b"0"  # "0" comes right after "/"
    bounds: list[dict[str, StoredPath]] = [{"first": first, "last": last, "self": directory}]
    # A TEXT below a directory whose own path is not UTF-8 cannot be.
    if not isinstance(to_stored(directory), bytes):
        bounds.append({name: bound.decode() for name, bound in bounds[0].items()})  # type: ignore[union-attr]
    conditions, parameters = [], {}
    for kind, each in zip(("blob", "text"), bounds, strict=False):
        name = f"{prefix}_{kind}"
        conditions.append(f"({column} >= :{name}_first AND {column} < :{name}_last)")
        conditions.append(f"{column} = :{name}_self")
        parameters.update({f"{name}_{bound}": value for bound, value in each.items()})
    return f"({' OR '.join(conditions)})", parameters


def fingerprints(
    connection: sqlite3.Connection, root: bytes
) -> Iterable[tuple[StoredPath, bytes | None, int]]:
    """Path, fingerprint and id of every directory under `root` that is present."""
    condition, parameters = below(root)
    return connection.execute(
        f"SELECT path, fingerprint, id FROM directories WHERE is_present AND {condition}",
        parameters,
    )


def gone_directories(connection: sqlite3.Connection, root: bytes) -> dict[StoredPath, int]:
    """The ids of directories under `root` that are gone but have records left."""
    condition, parameters = below(root)
    return dict(
        connection.execute(
            f"SELECT path, id FROM directories WHERE NOT is_present AND {condition}",
            parameters,
        )
    )


_KNOWN = "SELECT id, path, filesystem_id, is_present, via_symlink FROM directories"


def get_directory(connection: sqlite3.Connection, directory_id: int) -> KnownDirectory | None:
    """The directory of that id."""
    row = connection.execute(f"{_KNOWN} WHERE id = ?", (directory_id,)).fetchone()
    return _known(row)


def find_directory(connection: sqlite3.Connection, path: StoredPath) -> KnownDirectory | None:
    """The directory at that path."""
    return _known(connection.execute(f"{_KNOWN} WHERE path = ?", (path,)).fetchone())


def _known(row: sqlite3.Row | tuple[Any, ...] | None) -> KnownDirectory | None:
    if row is None:
        return None
    return KnownDirectory(row[0], row[1], row[2], bool(row[3]), bool(row[4]))


def add_directory(
    connection: sqlite3.Connection,
    path: StoredPath,
    *,
    filesystem_id: int | None,
    fingerprint: bytes | None,
    via_symlink: bool,
) -> int:
    """Adds a directory and returns its id."""
    cursor = connection.execute(
        "INSERT INTO directories (path, filesystem_id, fingerprint, via_symlink)"
        " VALUES (?, ?, ?, ?)",
        (path, filesystem_id, fingerprint, via_symlink),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def update_directory(
    connection: sqlite3.Connection,
    directory_id: int,
    *,
    filesystem_id: int | None,
    fingerprint: bytes | None,
    via_symlink: bool,
) -> None:
    """Records a look at a known directory."""
    connection.execute(
        "UPDATE directories SET filesystem_id = ?, fingerprint = ?, via_symlink = ?, is_present = 1"
        " WHERE id = ?",
        (filesystem_id, fingerprint, via_symlink, directory_id),
    )


def settle(connection: sqlite3.Connection, settled: Iterable[tuple[bytes, int]]) -> None:
    """Stores the fingerprints (with the ids) of directories now fully recorded."""
    connection.executemany("UPDATE directories SET fingerprint = ? WHERE id = ?", settled)


def mark_gone(
    connection: sqlite3.Connection, directories: Iterable[tuple[int, StoredPath]]
) -> None:
    """Records that directories (ids and paths) are not there any more."""
    connection.executemany(
        "UPDATE directories SET is_present = 0, fingerprint = NULL WHERE id = ? AND path = ?",
        directories,
    )


def delete_unused(connection: sqlite3.Connection, root: bytes) -> None:
    """Deletes the gone directories under `root` that no file's record refers to."""
    condition, parameters = below(root)
    connection.execute(
        f"DELETE FROM directories WHERE NOT is_present AND {condition}"
        " AND NOT EXISTS (SELECT 1 FROM files WHERE directory_id = directories.id)",
        parameters,
    )


def holds_present_files(connection: sqlite3.Connection, root: bytes) -> bool:
    """Whether any file under `root` is known and not missing."""
    condition, parameters = below(root, "d.path")
    row = connection.execute(
        f"SELECT 1 FROM directories d WHERE d.is_present AND {condition} AND EXISTS ("
        "SELECT 1 FROM files f WHERE f.directory_id = d.id AND f.scan_status <> 'missing') LIMIT 1",
        parameters,
    ).fetchone()
    return row is not None

"""Lists files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vpo.base import times
from vpo.base.paths import StoredPath, to_json
from vpo.catalogue.selection import Selection
from vpo.db import files as file_table
from vpo.db.library import Library


class ListedFile(NamedTuple):
    """A file in a listing.

    This is the table of the columns of `files list`: the fields are the columns that are read,
    and `to_dict` has their JSON. A new column is added here and in the view `library_files`.
    """

    path: StoredPath
    size_bytes: int
    mtime_ns: int
    kind: str
    extension: str
    scan_status: str
    scan_error: str | None
    scanned_at: str
    missing_since: str | None
    content_hash: str | None
    container_format: str | None
    duration_seconds: float | None

    def to_dict(self) -> dict[str, object]:
        """The file as JSON."""
        return {
            **to_json(self.path),
            "size_bytes": self.size_bytes,
            "modified_at": times.ns_to_text(self.mtime_ns),
            "mtime_ns": self.mtime_ns,
            "kind": self.kind,
            "extension": self.extension,
            "scan_status": self.scan_status,
            "scan_error": self.scan_error,
            "scanned_at": times.with_z(self.scanned_at),
            "missing_since": times.with_z(self.missing_since),
            "content_hash": self.content_hash,
            "container_format": self.container_format,
            "duration_seconds": self.duration_seconds,
        }


def list_files(
    library: Library, selection: Selection, limit: int | None = None
) -> Iterator[ListedFile]:
    """The selected files, sorted by path. Each one is read when it is asked for."""
    with library.reading() as connection:
        rows = file_table.list_files(connection, ListedFile._fields, selection, limit)
        yield from map(ListedFile._make, rows)


def list_paths(
    library: Library, selection: Selection, limit: int | None = None
) -> Iterator[StoredPath]:
    """The paths of the selected files, as `list_files` lists them."""
    with library.reading() as connection:
        rows = file_table.list_files(connection, ("path",), selection, limit)
        yield from (path for (path,) in rows)

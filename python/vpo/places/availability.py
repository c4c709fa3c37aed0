"""Whether roots and disks are there. Files on a disk that is not mounted are not missing."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass

from vpo.base.errors import RootOfflineError, VpoError
from vpo.base.paths import StoredPath, display, from_stored, is_within, to_json, to_stored
from vpo.db import counts
from vpo.db import directories as directory_table
from vpo.places import guards
from vpo.places.directories import is_empty, nearest_directory
from vpo.places.filesystems import identity
from vpo.places.recognition import is_same_filesystem

# How long a look at a root counts, while its files cannot be read.
LOOK_SECONDS = 1.0

MOUNT_HINT = "Check that the disk or share is mounted."
GONE_HINT = (
    "If the directory is at another path now, run `vpo roots move OLD NEW`. If it is gone for good,"
    " run `vpo roots remove DIRECTORY`."
)


@dataclass(frozen=True)
class Offline:
    """A place that is not there. Its files are left out."""

    path: StoredPath
    message: str

    def __str__(self) -> str:
        return self.message

    def to_dict(self) -> dict[str, object]:
        """The place as JSON."""
        return {
            **to_json(self.path),
            "finding": "offline",
            "operation": "find",
            "message": self.message,
        }


class Places:
    """The roots that hold the files of a check, and which places are not there."""

    def __init__(self, connection: sqlite3.Connection, places: tuple[bytes, ...]) -> None:
        self._connection = connection
        known = [from_stored(root.path) for root in counts.list_roots(connection)]
        self.roots = [
            root
            for root in known
            if not places
            or any(is_within(root, place) or is_within(place, root) for place in places)
        ]
        self.offline: dict[bytes, Offline] = {}
        """Places that are not there, by path."""
        self._looked: dict[bytes, float] = {}
        self._file_systems: dict[bytes, Offline | None] = {}

    def look(self) -> list[VpoError]:
        """Looks at all roots. Returns the errors of those whose files cannot be checked."""
        found = [error for root in self.roots if (error := self._look_at(root)) is not None]
        self._looked.clear()
        return found

    def _look_at(self, root: bytes) -> VpoError | None:
        error: VpoError | None = None
        try:
            guards.check_root(self._connection, root, new_device=False)
            with os.scandir(root) as entries:
                is_empty = next(entries, None) is None
            if is_empty and directory_table.holds_present_files(self._connection, root):
                error = RootOfflineError(
                    f"`{display(to_stored(root))}` is empty, but the catalogue lists files there",
                    hint=f"{MOUNT_HINT} {GONE_HINT}",
                )
        except OSError as problem:
            error = guards.unreadable_root(root, problem)
        except RootOfflineError as problem:
            # The hint of a scan does not fit here.
            hint = MOUNT_HINT
            if "filesystem" in problem.details:
                hint += (
                    " If you moved the files to another disk, run `vpo scan --new-device DIR` once."
                )
            else:
                hint += f" {GONE_HINT}"
            error = RootOfflineError(problem.message, hint=hint, **problem.details)
        except VpoError as problem:
            error = problem
        if error is not None:
            self.offline[root] = Offline(to_stored(root), error.message)
        return error

    def is_offline(self, path: bytes) -> bool:
        """Whether a path is in a place that is known not to be there."""
        return any(is_within(path, place) for place in self.offline)

    def why_gone(self, path: bytes) -> Offline | None:
        """The place whose absence explains why a file is gone or unreadable, if any."""
        root = max((root for root in self.roots if is_within(path, root)), key=len, default=None)
        now = time.monotonic()
        if root is not None and now - self._looked.get(root, 0.0) >= LOOK_SECONDS:
            self._look_at(root)
            self._looked[root] = now
        for place, offline in self.offline.items():
            if is_within(path, place):
                return offline
        directory = os.path.dirname(path)
        if directory not in self._file_systems:
            self._file_systems[directory] = self._not_mounted(directory)
        offline_there = self._file_systems[directory]
        if offline_there is not None:
            self.offline[from_stored(offline_there.path)] = offline_there
        return offline_there

    def _not_mounted(self, directory: bytes) -> Offline | None:
        """The topmost directory of a file system that was there and is not mounted now, if any."""
        known = directory_table.find_directory(self._connection, to_stored(directory))
        if known is None or known.filesystem_id is None:
            return None
        above = nearest_directory(directory)
        try:
            name = identity(above, os.stat(above).st_dev)
        except OSError:
            return None
        if name is None or is_same_filesystem(self._connection, above, known.filesystem_id, name):
            return None
        # Report the mount point once: it is empty now.
        if is_empty(above):
            directory = above
        while (parent := os.path.dirname(directory)) != directory:
            of_parent = directory_table.find_directory(self._connection, to_stored(parent))
            if of_parent is None or of_parent.filesystem_id != known.filesystem_id:
                break
            directory = parent
        shown: StoredPath = to_stored(directory)
        return Offline(shown, f"the file system of `{display(shown)}` is not mounted there")

"""Gives the records of a tree to another place, and joins them with the records there.

If both places have a record of a file, and both say the same of it, one record is kept: with
the id, the history and the digest of the old place, and with size, mtime and inode as the new
place has them. If they say different things, the file has changed on its way, and the record of
the new place is right.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from vpo.base.paths import StoredPath, from_stored, join, to_stored
from vpo.content.digests import Digest
from vpo.db import directories as directory_table
from vpo.db import file_changes as change_table
from vpo.db import known_roots as root_table
from vpo.db import relocation as table
from vpo.db import roots
from vpo.db.file_changes import FileChange
from vpo.db.relocation import DirectoryMove, Join, PlacedDirectory, Record
from vpo.jobs.context import Context
from vpo.jobs.progress import Progress
from vpo.places.filesystems import identity
from vpo.roots.sample import moved_path


class Places(NamedTuple):
    """From where to where, and what that means for what is known of files."""

    old: bytes
    new: bytes
    keeps_inodes: bool
    """Whether the files are the recorded ones, and not copies of them."""


@dataclass
class Relocated:
    """What was done."""

    files: int = 0
    directories: int = 0
    joined: int = 0
    """Files of which both places had a record."""
    changed: int = 0
    """Those of them whose records say different things."""
    conflicts: int = 0
    """Files that have another digest at the new place. The digest of the old place stays."""
    roots: int = 0
    touched: list[int] = field(default_factory=list)
    """Ids of directories that the next scan must compare."""

    def counts(self) -> dict[str, int]:
        """What was done as counts."""
        return {
            "files": self.files,
            "directories": self.directories,
            "joined": self.joined,
            "changed": self.changed,
            "conflicts": self.conflicts,
        }


class Relocation:
    """One relocation, in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, places: Places, context: Context) -> None:
        self.connection = connection
        self.places = places
        self.context = context
        self.done = Relocated()
        assert context.job is not None
        self.job = context.job.number

    def run(self) -> Relocated:
        """Gives all records at and below the old place to the new one."""
        places, connection = self.places, self.connection
        self._filesystem = _filesystem_at(connection, places.new)
        root = roots.find_root(connection, to_stored(places.old))
        self._old_filesystem = root.filesystem_id if root else None
        directories = table.directories_below(connection, places.old)
        for number, directory in enumerate(directories):
            self.context.report(partial(Progress, "relocate", number, len(directories)))
            path = to_stored(moved_path(from_stored(directory.path), places.old, places.new))
            there = directory_table.find_directory(connection, path)
            if there is None:
                self._move(directory, path)
            else:
                self._join(directory, there.id)
        directory_table.unsettle(connection, self.done.touched)
        self.done.directories = len(directories)
        self._move_roots()
        return self.done

    # -- A directory that only the old place has ----------------------------------------

    def _move(self, directory: PlacedDirectory, path: StoredPath) -> None:
        connection = self.connection
        keeps = self._keeps_inodes(directory)
        filesystem = directory.filesystem_id
        if not keeps:
            # Of other disks that were mounted below, it is not known whether they are there.
            is_of_root = filesystem in (None, self._old_filesystem, self._filesystem)
            filesystem = self._filesystem if is_of_root else None
            table.forget_inodes(connection, [directory.id])
        table.move_directories(connection, [DirectoryMove(directory.id, path, filesystem, keeps)])
        change_table.add_moved_directory(connection, self.job, directory.id, directory.path)
        self.done.files += len(table.records_in(connection, directory.id))

    def _keeps_inodes(self, directory: PlacedDirectory) -> bool:
        is_same = directory.filesystem_id is not None and (
            directory.filesystem_id == self._filesystem
            or directory.filesystem_id != self._old_filesystem
        )
        return self.places.keeps_inodes and is_same

    # -- A directory that both places have ------------------------------------------------

    def _join(self, directory: PlacedDirectory, there: int) -> None:
        connection = self.connection
        old = table.records_in(connection, directory.id)
        new = table.records_in(connection, there)
        alone = [record for name, record in old.items() if name not in new]
        joins: list[Join] = []
        records: list[Record] = []
        changes: list[FileChange] = []
        for name, before in old.items():
            changes.append(_moved(before, join(directory.path, name), new.get(name)))
            if name not in new:
                continue
            joined = join_records(before, new[name])
            joins.append(joined.join)
            records.append(joined.record)
            self.done.conflicts += joined.is_conflict
            if joined.join.kept != before.id:
                self.done.changed += 1
                changes.append(_changed(before, new[name]))
        table.join(connection, joins)
        table.record_joined(connection, there, records)
        table.move_files(connection, there, (record.id for record in alone))
        change_table.add_changes(connection, self.job, changes)
        table.delete_directory(connection, directory.id)
        self.done.files += len(old)
        self.done.joined += len(joins)
        self.done.touched.append(there)
        if any(record.scan_status != "missing" for record in (*old.values(), *new.values())):
            table.mark_present(connection, there)

    # -- Roots --------------------------------------------------------------------------

    def _move_roots(self) -> None:
        connection, places = self.connection, self.places
        known = {root.place: root for root in root_table.known_roots(connection)}
        for root in known.values():
            if root.place != places.old and not root.place.startswith(
                places.old.rstrip(b"/") + b"/"
            ):
                continue
            path = moved_path(root.place, places.old, places.new)
            there = known.get(path)
            self.done.roots += 1
            if there is not None:
                root_table.join_roots(connection, there.id, root.id)
                continue
            filesystem = self._filesystem
            if root.place != places.old:
                filesystem = _filesystem_at(connection, path)
            root_table.move_roots(connection, [(root.id, to_stored(path), filesystem)])


class Joined(NamedTuple):
    """How two records of one file become one."""

    join: Join
    record: Record
    """What the kept record says then."""
    is_conflict: bool


def join_records(old: Record, new: Record) -> Joined:
    """Joins the records of a file at its old and at its new place."""
    if new.scan_status == "missing":
        # The new place has lost it, so what the old place knows is all there is.
        kept = old._replace(inode=None, ctime_ns=None)
        return Joined(Join(old.id, new.id, takes_media=False), kept, is_conflict=False)
    same_digest = _same_digest(old, new)
    if old.size_bytes != new.size_bytes or (
        old.mtime_ns != new.mtime_ns and same_digest is not True
    ):
        # `new` describes other content, which is there now.
        kept = new._replace(added_by=old.added_by)
        return Joined(Join(new.id, old.id, takes_media=False), kept, is_conflict=False)
    is_conflict = same_digest is False or (
        None not in (old.quick_hash, new.quick_hash) and old.quick_hash != new.quick_hash
    )
    keeps_media = old.scan_status == "ok"
    record = new._replace(id=old.id, added_by=old.added_by)
    if keeps_media:
        record = record._replace(
            scan_status="ok", scan_error=None, container_format=old.container_format
        )
    if new.quick_hash is None:
        record = record._replace(quick_hash=old.quick_hash)
    if old.content_hash is not None and same_digest is not True:
        # The older digest is the one that a copy must have. Only reading the file can tell.
        record = record._replace(
            content_hash=old.content_hash, verified_at=old.verified_at, ctime_ns=None
        )
    takes = Join(old.id, new.id, takes_media=not keeps_media, is_sound=same_digest is True)
    return Joined(takes, record, is_conflict)


def _same_digest(old: Record, new: Record) -> bool | None:
    """Whether both have the same digest; None if that cannot be compared."""
    if old.content_hash is None or new.content_hash is None:
        return None
    one, other = Digest.parse(old.content_hash), Digest.parse(new.content_hash)
    if one.algorithm != other.algorithm or not one.is_comparable:
        return None
    return one.value == other.value


def _moved(before: Record, path: StoredPath, there: Record | None) -> FileChange:
    kept = before
    if there is not None:
        kept = join_records(before, there).record
    return FileChange(
        kept.id,
        "moved",
        None,
        before.size_bytes,
        before.mtime_ns,
        kept.size_bytes,
        kept.mtime_ns,
        path=path,
    )


def _changed(before: Record, now: Record) -> FileChange:
    reason = "size" if before.size_bytes != now.size_bytes else "mtime"
    return FileChange(
        now.id,
        "changed",
        reason,
        before.size_bytes,
        before.mtime_ns,
        now.size_bytes,
        now.mtime_ns,
    )


def _filesystem_at(connection: sqlite3.Connection, path: bytes) -> int | None:
    try:
        name = identity(path, os.stat(path).st_dev)
    except OSError:
        return None
    return None if name is None else roots.filesystem_id(connection, name)

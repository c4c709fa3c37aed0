"""Finding duplicates: by size, then by head and quick hash, then by the whole content.

Each step reads only the files that the step before has left: the first 4 KiB of files of the
same size, both ends of files with the same head, and all of the files with the same quick hash.
Files of up to 1 MiB with the same head are read whole at once.
What was read is recorded in the catalogue, and is not read again. Memory follows these
candidates, not the library.

A digest is that of the file as the last scan saw it. So each file is looked at again before it
is reported, and is left out if it has changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from vpo._engine import look_at
from vpo.base.paths import StoredPath, checked, from_stored, join, real_path
from vpo.db import duplicates as table
from vpo.db.duplicates import Candidate
from vpo.db.library import Library
from vpo.db.stored_stat import stored_inode
from vpo.duplicates.models import Copy, Duplicates, Group, Name
from vpo.duplicates.request import DuplicatesRequest
from vpo.duplicates.shared_storage import StorageOf
from vpo.places.beneath import roots_of
from vpo.places.filesystems import filesystem_kind

if TYPE_CHECKING:
    from vpo.duplicates.hashing import DigestReader

LOOKED_AT_AT_A_TIME = 4096

Seen = tuple[int, int, int, int, int]
"""A file as it is now: see `look_at`."""


class DuplicateSearch:
    """One search for duplicates."""

    def __init__(self, library: Library, request: DuplicatesRequest) -> None:
        self.library = library
        self.selection = request.selection
        self.keep = request.keep
        self.found = Duplicates()
        self._digests: dict[int, str] = {}
        """The digests that were read, by the IDs of files."""
        self._without_head: list[int] = []
        self._without_quick_hash: list[list[Candidate]] = []
        with library.reading() as connection:
            self.roots = roots_of(connection)
            self.found.damaged = table.count_damaged(connection, self.selection)
            if not (table.is_settled(connection) or table.knows_all_quick_hashes(connection)):
                self._without_head = table.without_head(connection, self.selection)
                if not self._without_head:
                    self._without_quick_hash = self._of_same_head()
        is_unclear = self._without_head or self._without_quick_hash
        self._sets = [] if is_unclear else self._of_same_quick_hash()

    def _of_same_head(self) -> list[list[Candidate]]:
        """The files without a quick hash that have the same size and head as another file.

        Each list has those of one size and head.
        """
        with self.library.reading() as connection:
            sets = table.of_equal_head(connection, self.selection)
        return [
            [file for file in files if file.quick_hash is None]
            for files in sets
            if _are_several(files)
        ]

    def _of_same_quick_hash(self) -> list[list[Candidate]]:
        """The sets of files that have the same size and quick hash."""
        with self.library.reading() as connection:
            files = table.of_equal_quick_hash(connection, self.selection)
        sets = []
        for _, same in groupby(files, key=attrgetter("quick_hash")):
            each = list(same)
            size_bytes = each[0].size_bytes
            if all(file.size_bytes == size_bytes for file in each):
                sets.append(each)
            else:
                each.sort(key=attrgetter("size_bytes"))
                sets += (list(some) for _, some in groupby(each, key=attrgetter("size_bytes")))
        return [each for each in sets if len(each) > 1]

    @property
    def has_to_read(self) -> bool:
        """Whether files have to be read for an answer."""
        to_read = self._without_head or self._without_quick_hash
        return bool(to_read) or any(map(_to_read_fully, self._sets))

    def read(self, reader: DigestReader, job: int) -> None:
        """Reads what has to be read, as a part of a job (its number), and records it.

        Raises StoppedError.
        """
        was_unclear = bool(self._without_head or self._without_quick_hash)
        if self._without_head:
            reader.heads(self._without_head)
            self._without_head = []
            self._without_quick_hash = self._of_same_head()
        if self._without_quick_hash:
            self._digests = reader.quick(self._without_quick_hash)
            self._without_quick_hash = []
        if not self._sets:
            self._sets = self._of_same_quick_hash()
        unread = [files for files in map(_to_read_fully, self._sets) if files]
        if unread:
            self._digests.update(reader.full(unread))
        # The next run has to look again at files that could not be read or were not selected.
        left_out = self.found.issues or self.found.changed
        if was_unclear and table.is_everything(self.selection) and not left_out:
            with self.library.transaction() as connection:
                table.settle(connection, job)

    # -- Answering -------------------------------------------------------------

    def answer(self, check: Callable[[], None], storage_of: StorageOf | None) -> None:
        """Looks at each candidate again, and puts the groups into `found`.

        `check` is called often, and may raise. `storage_of` None: no files share storage.
        """
        seen = self._look(check)
        for files in self._sets:
            check()
            for content_hash, same in self._by_content(files):
                copies = self._copies(same, seen)
                if len(copies) < 2:
                    continue
                if storage_of is not None:
                    for number, copy in enumerate(copies):
                        storage = storage_of(copy.path, copy.device, self.roots)
                        if storage is not None:
                            copies[number] = copy._replace(storage=storage)
                if not all(_is_on_own_disk(copy) for copy in copies):
                    from vpo.duplicates import aliases

                    copies = aliases.mark(copies, self.roots)
                shared = {copy.storage for copy in copies if copy.storage is not None}
                storages = len(shared) + sum(copy.storage is None for copy in copies)
                size_bytes = files[0].size_bytes
                ordered = self.keep.in_order(copies)
                group = Group(size_bytes, content_hash, ordered, (storages - 1) * size_bytes)
                if storages > 1:
                    self.found.groups.append(group)
                elif any(copy.is_alias for copy in copies):
                    self.found.aliases.append(group)
                else:
                    self.found.shared.append(group)
        self.found.groups.sort(key=attrgetter("wasted_bytes"), reverse=True)

    def _by_content(self, files: list[Candidate]) -> list[tuple[str, list[Candidate]]]:
        """Files by their content, if it is known. Files that no other file equals are left out."""
        first = files[0].digest
        if first is not None and all(file.content_hash == first for file in files):
            return [(first, files)]
        by_content: dict[str, list[Candidate]] = {}
        for file in files:
            content_hash = file.digest or self._digests.get(file.id)
            if content_hash is not None:
                by_content.setdefault(content_hash, []).append(file)
        return [each for each in by_content.items() if len(each[1]) > 1]

    def _look(self, check: Callable[[], None]) -> dict[int, tuple[StoredPath, Seen | None]]:
        """Looks at all files. Returns the path and what was seen there, by the files' IDs."""
        ids = [file.id for files in self._sets for file in files]
        paths = [checked(join(file[-2], file[-1])) for files in self._sets for file in files]
        seen: list[Seen | None] = []
        for start in range(0, len(paths), LOOKED_AT_AT_A_TIME):
            check()
            seen += look_at(paths[start : start + LOOKED_AT_AT_A_TIME])
        return dict(zip(ids, zip(paths, seen, strict=True), strict=True))

    def _copies(
        self, files: list[Candidate], looked_at: dict[int, tuple[StoredPath, Seen | None]]
    ) -> list[Copy]:
        """Files as they are now, with all names of a file. Changed files are left out."""
        copies: dict[tuple[int, int], Copy] = {}
        for file_id, size_bytes, mtime_ns, recorded_inode, *_ in files:
            path, seen = looked_at[file_id]
            if seen is None:
                self.found.changed += 1
                continue
            device, inode, size_now, mtime_now, links = seen
            if (
                size_now != size_bytes
                or mtime_now != mtime_ns
                or (recorded_inode is not None and stored_inode(inode) != recorded_inode)
            ):
                self.found.changed += 1
                continue
            key = (device, inode)
            if key not in copies:
                copies[key] = Copy((Name(file_id, path),), mtime_ns, device, inode)
            else:
                known = copies[key]
                names = _distinct([*known.names, Name(file_id, path)], links)
                copies[key] = known._replace(names=names)
        return list(copies.values())


def _is_on_own_disk(copy: Copy) -> bool:
    """Whether no other path of another device or inode can lead to it."""
    return filesystem_kind(copy.path, copy.device).holds_its_files


def _to_read_fully(files: list[Candidate]) -> list[Candidate]:
    """The files whose digest is not known. None of them, if all are names of one file."""
    unread = [file for file in files if file.digest is None]
    return unread if unread and _are_several(files) else []


def _are_several(files: list[Candidate]) -> bool:
    """Whether at least two of them are not known to be names of one file."""
    first = files[0]
    return len(files) > 1 and (
        first.inode is None
        or any(
            file.inode != first.inode or file.filesystem_id != first.filesystem_id for file in files
        )
    )


def _distinct(names: list[Name], links: int) -> tuple[Name, ...]:
    """Names of one file, without names that lead to another of them through a symbolic link."""
    names.sort(key=lambda name: from_stored(name.path))
    if links >= len(names):
        return tuple(names)
    real: dict[bytes, Name] = {}
    for name in names:
        directory, last = os.path.split(from_stored(name.path))
        real.setdefault(os.path.join(real_path(directory), last), name)
    return tuple(real.values())

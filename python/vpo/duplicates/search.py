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
import stat
import time
from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from vpo.base.paths import StoredPath, from_stored, join, real_path
from vpo.db import duplicates as table
from vpo.db.duplicates import Candidate
from vpo.db.library import Library
from vpo.db.stored_stat import stored_inode, stored_mtime
from vpo.duplicates import aliases
from vpo.duplicates.models import Copy, Duplicates, Group, Name
from vpo.duplicates.request import DuplicatesRequest
from vpo.duplicates.shared_storage import StorageOf
from vpo.places.beneath import roots_of

if TYPE_CHECKING:
    from vpo.duplicates.hashing import DigestReader

# If looking at a file takes longer than this, as on shares, many are looked at in parallel.
SLOW_SECONDS = 0.0003
SAMPLE = 32
THREADS = 32
BATCH = 1024


class DuplicateSearch:
    """One search for duplicates."""

    def __init__(self, library: Library, request: DuplicatesRequest) -> None:
        self.library = library
        self.selection = request.selection
        self.keep = request.keep
        self.found = Duplicates()
        self._digests: dict[int, str] = {}
        """The digests that were read, by the IDs of files."""
        self._seen: dict[int, os.stat_result | None] = {}
        self._without_head: list[tuple[int, StoredPath, int, int, bool]] = []
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
        self._look_ahead(check)
        for files in self._sets:
            check()
            for content_hash, same in self._by_content(files):
                copies = self._copies(same)
                if len(copies) < 2:
                    continue
                if storage_of is not None:
                    copies = [
                        copy._replace(storage=storage_of(copy.path, copy.device, self.roots))
                        for copy in copies
                    ]
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

    def _look_ahead(self, check: Callable[[], None]) -> None:
        """Looks at all files in parallel, if one after the other would take long (shares)."""
        files = [file for files in self._sets for file in files]
        begin = time.monotonic()
        for file in files[:SAMPLE]:
            self._seen[file.id] = _look(file)
        if time.monotonic() - begin < SLOW_SECONDS * min(len(files), SAMPLE):
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(THREADS) as pool:
            for start in range(SAMPLE, len(files), BATCH):
                check()
                batch = files[start : start + BATCH]
                seen = pool.map(_look, batch)
                self._seen.update(zip((file.id for file in batch), seen, strict=True))

    def _copies(self, files: list[Candidate]) -> list[Copy]:
        """Files as they are now, with all names of a file. Changed files are left out."""
        copies: dict[tuple[int, int], Copy] = {}
        for file in files:
            file_id, size_bytes, mtime_ns, recorded_inode, _, _, _, directory, name = file
            path = join(directory, name)
            status = self._seen[file_id] if file_id in self._seen else _look(file)
            if (
                status is None
                or status.st_size != size_bytes
                or stored_mtime(status.st_mtime_ns) != mtime_ns
                or not stat.S_ISREG(status.st_mode)
                or (recorded_inode is not None and stored_inode(status.st_ino) != recorded_inode)
            ):
                self.found.changed += 1
                continue
            key = (status.st_dev, status.st_ino)
            if key not in copies:
                copies[key] = Copy((Name(file_id, path),), mtime_ns, *key)
            else:
                known = copies[key]
                names = _distinct([*known.names, Name(file_id, path)], status.st_nlink)
                copies[key] = known._replace(names=names)
        return list(copies.values())


def _look(file: Candidate) -> os.stat_result | None:
    """A file's status. None: it does not exist, or cannot be looked at."""
    try:
        return os.lstat(from_stored(join(file.directory, file.name)))
    except OSError:
        return None


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

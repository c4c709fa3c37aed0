"""Finding duplicates: by size, then by head and quick hash, then by the whole content.

Each step reads only what the one before has left: the first 4 KiB of files whose size
another has, both ends of those that have the same head, and in full those whose quick
hash another has, too. What was read is in the library; the next
run reads nothing of it again. Memory follows these candidates, not the library.

A digest is of the file as the last scan saw it. So each file is looked at once more before
it is said to be a duplicate, and one that has changed since is left out.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from vpo.base.paths import StoredPath, from_stored, join
from vpo.db import duplicates as table
from vpo.db.duplicates import Candidate
from vpo.db.library import Library
from vpo.db.selection import Selection
from vpo.db.stored_stat import stored_inode, stored_mtime
from vpo.duplicates.keep_rules import Keeping
from vpo.duplicates.models import Copy, Findings, Group, Name

if TYPE_CHECKING:
    from vpo.duplicates.hashing import Reader


# If to look at a file takes longer than this, as it does on shares, many are looked at at once.
SLOW_SECONDS = 0.0003
SAMPLE = 32
THREADS = 32
BATCH = 1024


class Finding:
    """One search for duplicates."""

    def __init__(self, library: Library, wanted: Selection, keeping: Keeping) -> None:
        self.library = library
        self.wanted = wanted
        self.keeping = keeping
        self.findings = Findings()
        self._digests: dict[int, str] = {}
        """Of what was read, by the ids of files."""
        self._seen: dict[int, os.stat_result | None] = {}
        self._without_head: list[tuple[int, StoredPath, int, int, bool]] = []
        self._unknown: list[Candidate] = []
        with library.reading() as connection:
            self.findings.damaged = table.count_damaged(connection, wanted)
            if not (table.is_settled(connection) or table.knows_all_quick_hashes(connection)):
                self._without_head = table.without_head(connection, wanted)
                if not self._without_head:
                    self._unknown = self._alike()
        self._sets = [] if self._without_head or self._unknown else self._equal()

    def _alike(self) -> list[Candidate]:
        """The files without a quick hash whose size and head another has."""
        with self.library.reading() as connection:
            sets = table.of_equal_head(connection, self.wanted)
        return [
            file
            for files in sets
            if _are_several(files)
            for file in files
            if file.quick_hash is None
        ]

    def _equal(self) -> list[list[Candidate]]:
        """The sets of files whose size and quick hash are the same."""
        with self.library.reading() as connection:
            files = table.of_equal_quick_hash(connection, self.wanted)
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
    def reads(self) -> bool:
        """Whether files have to be read for an answer."""
        to_read = self._without_head or self._unknown
        return bool(to_read) or any(map(_to_read_fully, self._sets))

    def read(self, reader: Reader, job: int) -> None:
        """Reads what has to be read, as a part of a job (its number); what was read is recorded.

        Raises StoppedError.
        """
        was_unclear = bool(self._without_head or self._unknown)
        if self._without_head:
            reader.heads(self._without_head)
            self._without_head = []
            self._unknown = self._alike()
        if self._unknown:
            self._digests = reader.quick(self._unknown)
            self._unknown = []
        if not self._sets:
            self._sets = self._equal()
        unread = [file for files in self._sets for file in _to_read_fully(files)]
        if unread:
            self._digests.update(reader.full(unread))
        # Of what could not be read, or was not asked for, the next run is to think again.
        left_out = self.findings.problems or self.findings.changed
        if was_unclear and table.is_everything(self.wanted) and not left_out:
            with self.library.transaction() as connection:
                table.settle(connection, job)

    # -- Answering -------------------------------------------------------------

    def answer(
        self,
        go_on: Callable[[], None],
        storage_of: Callable[[StoredPath, int], bytes | None] | None,
    ) -> Findings:
        """The groups, each file of them looked at once more.

        `go_on` is called often, and may raise. `storage_of` tells where a file (path and
        `st_dev`) is stored, if it shares storage; None: none does.
        """
        self._look_ahead(go_on)
        for files in self._sets:
            go_on()
            for content_hash, same in self._by_content(files):
                copies = self._copies(same)
                if len(copies) < 2:
                    continue
                storages = len(copies)
                if storage_of is not None:
                    copies = [
                        copy._replace(storage=storage_of(copy.path, copy.device)) for copy in copies
                    ]
                    shared = {copy.storage for copy in copies if copy.storage is not None}
                    storages = len(shared) + sum(copy.storage is None for copy in copies)
                size_bytes = files[0].size_bytes
                ordered = self.keeping.in_order(copies)
                group = Group(size_bytes, content_hash, ordered, (storages - 1) * size_bytes)
                (self.findings.groups if storages > 1 else self.findings.shared).append(group)
        self.findings.groups.sort(key=attrgetter("wasted_bytes"), reverse=True)
        return self.findings

    def _by_content(self, files: list[Candidate]) -> list[tuple[str, list[Candidate]]]:
        """Files by their content, as far as that is known; those that are alone are left out."""
        first = files[0].digest
        if first is not None and all(file.content_hash == first for file in files):
            return [(first, files)]
        by_content: dict[str, list[Candidate]] = {}
        for file in files:
            content_hash = file.digest or self._digests.get(file.id)
            if content_hash is not None:
                by_content.setdefault(content_hash, []).append(file)
        return [each for each in by_content.items() if len(each[1]) > 1]

    def _look_ahead(self, go_on: Callable[[], None]) -> None:
        """Looks at all files at once where one after the other would take long (shares)."""
        files = [file for files in self._sets for file in files]
        begin = time.monotonic()
        for file in files[:SAMPLE]:
            self._seen[file.id] = _look(file)
        if time.monotonic() - begin < SLOW_SECONDS * min(len(files), SAMPLE):
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(THREADS) as pool:
            for start in range(SAMPLE, len(files), BATCH):
                go_on()
                batch = files[start : start + BATCH]
                seen = pool.map(_look, batch)
                self._seen.update(zip((file.id for file in batch), seen, strict=True))

    def _copies(self, files: list[Candidate]) -> list[Copy]:
        """Files as they are now, names of one taken together; changed ones are left out."""
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
                self.findings.changed += 1
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
    """A file's status; None if it is gone, or cannot be looked at."""
    try:
        return os.lstat(from_stored(join(file.directory, file.name)))
    except OSError:
        return None


def _to_read_fully(files: list[Candidate]) -> list[Candidate]:
    """Of files that may be equal, those whose content is not known; none if they are one file."""
    unread = [file for file in files if file.digest is None]
    return unread if unread and _are_several(files) else []


def _are_several(files: list[Candidate]) -> bool:
    """Whether there are two of them that are not known to be one file."""
    first = files[0]
    return len(files) > 1 and (
        first.inode is None
        or any(
            file.inode != first.inode or file.filesystem_id != first.filesystem_id for file in files
        )
    )


def _distinct(names: list[Name], links: int) -> tuple[Name, ...]:
    """Names of one file, without those that lead to another of them through a link."""
    names.sort(key=lambda name: from_stored(name.path))
    if links >= len(names):
        return tuple(names)
    real: dict[bytes, Name] = {}
    for name in names:
        directory, last = os.path.split(from_stored(name.path))
        real.setdefault(os.path.join(os.path.realpath(directory), last), name)
    return tuple(real.values())

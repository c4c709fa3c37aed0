"""Finding duplicates: by size, then by quick hash, then by the whole content.

Each step reads only what the one before has left: files whose size another has, and in
full those whose size and quick hash another has. What was read is in the library; the next
run reads nothing of it again. Memory follows these candidates, not the library.

A digest is of the file as the last scan saw it. So each file is looked at once more before
it is said to be a duplicate, and one that has changed since is left out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from vpo.db import duplicates as table
from vpo.db.duplicates import Candidate, Selection, signed
from vpo.db.library import Library
from vpo.duplicates.keeping import Keeping
from vpo.duplicates.models import Copy, Findings, Group, Name, Shared
from vpo.duplicates.read import Read
from vpo.paths import StoredPath, from_stored

if TYPE_CHECKING:
    from vpo.duplicates.reading import Reader


class Finding:
    """One search for duplicates."""

    def __init__(self, library: Library, wanted: Selection, keeping: Keeping) -> None:
        self.library = library
        self.wanted = wanted
        self.keeping = keeping
        self.findings = Findings()
        with library.reading() as connection:
            self._unknown = table.without_quick_hash(connection, wanted)
            self._sets = [] if self._unknown else self._equal()

    def _equal(self) -> list[list[Read]]:
        """The sets of files that are equal as far as is known, and are not one file."""
        with self.library.reading() as connection:
            files = map(Read, table.of_equal_quick_hash(connection, self.wanted))
        sets = groupby(files, key=lambda each: (each.file.size_bytes, each.quick_hash))
        return [each for _, names in sets if _are_several(each := list(names))]

    @property
    def reads(self) -> bool:
        """Whether files have to be read for an answer."""
        return bool(self._to_read_quickly()) or any(self._to_read_fully())

    def read(self, reader: Reader) -> None:
        """Reads what has to be read. Raises StoppedError; what was read is recorded."""
        if quickly := self._to_read_quickly():
            reader.quick(quickly)
        if self._unknown:
            self._unknown = []
            self._sets = self._equal()
        if fully := list(self._to_read_fully()):
            reader.full(fully)

    def _to_read_quickly(self) -> list[Read]:
        # By size, as it was asked for; but not what is one file with several names.
        if not self._unknown:
            return []
        by_size: dict[int, list[Read]] = {}
        for file in self._unknown:
            by_size.setdefault(file.size_bytes, []).append(Read(file))
        return [
            each
            for files in by_size.values()
            if _are_several(files)
            for each in files
            if each.quick_hash is None
        ]

    def _to_read_fully(self) -> Iterator[Read]:
        for files in self._sets:
            for each in files:
                if each.content_hash is None:
                    yield each

    # -- Answering -------------------------------------------------------------

    def answer(
        self, go_on: Callable[[], None], storage_of: Callable[[StoredPath, int], bytes | None]
    ) -> Findings:
        """The groups, each file of them looked at once more.

        `storage_of` tells where a file (path and `st_dev`) is stored, if it shares storage.
        """
        findings = self.findings
        for files in self._sets:
            go_on()
            known = [each for each in files if each.content_hash is not None]
            if len(known) < 2:
                continue
            known.sort(key=attrgetter("content_hash"))
            for content_hash, same in groupby(known, key=attrgetter("content_hash")):
                copies = self._copies([each.file for each in same])
                if len(copies) > 1:
                    self._add(known[0].file.size_bytes, content_hash, copies, storage_of)
        findings.groups.sort(key=lambda group: -group.wasted_bytes)
        with self.library.reading() as connection:
            left_out = table.left_out(connection, self.wanted)
        findings.small, findings.damaged = left_out
        return findings

    def _add(
        self,
        size_bytes: int,
        content_hash: str,
        copies: list[Copy],
        storage_of: Callable[[StoredPath, int], bytes | None],
    ) -> None:
        copies = [copy._replace(storage=storage_of(copy.path, copy.device)) for copy in copies]
        ordered = self.keeping.in_order(copies)
        group = Group(size_bytes, content_hash, ordered)
        if group.storages > 1:
            self.findings.groups.append(group)
        else:
            self.findings.shared.append(Shared(*group))

    def _copies(self, files: Iterable[Candidate]) -> list[Copy]:
        """Files as they are now, names of one taken together; changed ones are left out."""
        copies: dict[tuple[int, int], Copy] = {}
        for file in files:
            path = file.path
            try:
                status = os.lstat(from_stored(path))
            except OSError:
                self.findings.changed += 1
                continue
            if (
                status.st_size != file.size_bytes
                or status.st_mtime_ns != file.mtime_ns
                or not stat.S_ISREG(status.st_mode)
                or (file.inode is not None and signed(status.st_ino) != file.inode)
            ):
                self.findings.changed += 1
                continue
            key = (status.st_dev, status.st_ino)
            name = Name(file.id, path)
            if (known := copies.get(key)) is None:
                copies[key] = Copy((name,), status.st_mtime_ns, *key)
            elif (names := _distinct([*known.names, name], status.st_nlink)) != known.names:
                copies[key] = known._replace(names=names)
        return list(copies.values())


def _are_several(files: list[Read]) -> bool:
    """Whether there are two of them that are not known to be one file."""
    first = files[0].file
    if len(files) < 2:
        return False
    return first.inode is None or any(
        (each.file.filesystem_id, each.file.inode) != (first.filesystem_id, first.inode)
        for each in files
    )


def _distinct(names: list[Name], links: int) -> tuple[Name, ...]:
    """Names of one file, without those that lead to another of them through a link."""
    names = sorted(names, key=lambda name: from_stored(name.path))
    if links >= len(names):
        return tuple(names)
    real: dict[bytes, Name] = {}
    for name in names:
        directory, last = os.path.split(from_stored(name.path))
        real.setdefault(os.path.join(os.path.realpath(directory), last), name)
    return tuple(real.values())

"""The catalogue's files with their digests: recorded ones if they still hold, else read now."""

from __future__ import annotations

import errno
import heapq
import os
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from vpo._engine import Digested
from vpo.base import times
from vpo.base.errors import DirectoryNotFoundError, FileNotInLibraryError
from vpo.base.paths import display, to_stored
from vpo.catalogue import lookup
from vpo.content.algorithms import RECORDED
from vpo.content.digests import (
    Digest,
    algorithms_for,
    is_same_content,
    recorded_digest,
    union,
)
from vpo.content.hashing import POLL_SECONDS, FileToRead, HashingQueue, why_unreadable
from vpo.db import file_facts
from vpo.db import manifests as manifest_table
from vpo.db.file_facts import Verified
from vpo.db.library import Library, open_library
from vpo.db.manifests import Content
from vpo.db.selection import Selection
from vpo.db.stored_stat import stored_inode
from vpo.jobs.progress import Progress
from vpo.manifest.exporting import Export
from vpo.places.availability import Places
from vpo.places.read_errors import is_of_the_medium, is_of_the_place

# Files that are held at a time: those being read, and those that wait for files before them.
MOST_PENDING = 8192
RECORDED_AT_A_TIME = 2000

_GONE = "is gone; the next scan records that"
_LED_ELSEWHERE = (
    "is left out: a symbolic link leads to another file than when it was scanned; scan it again"
)


class FileWithDigests(NamedTuple):
    """A file that can be listed."""

    name: bytes
    """The path relative to the directory."""
    path: bytes
    size_bytes: int
    mtime_ns: int
    is_symlink: bool
    """Whether the catalogue has a link in its place."""
    linked_inode: int | None
    """Its inode, if a link leads to it and that is known."""
    digests: Mapping[str, str]


@dataclass
class _PendingFile:
    """A file of the catalogue that was not returned yet."""

    name: bytes
    path: bytes
    content: Content
    size_bytes: int = 0
    mtime_ns: int = 0
    digests: Mapping[str, str] | None = None
    is_settled: bool = False
    """Whether it has digests, or is left out."""

    def settle(self, size_bytes: int, mtime_ns: int, digests: Mapping[str, str]) -> None:
        """Notes the digests, and the size and mtime of the content that has them."""
        self.size_bytes, self.mtime_ns, self.digests = size_bytes, mtime_ns, digests
        self.is_settled = True

    def to_read(self, algorithms: tuple[str, ...]) -> FileToRead:
        """How the file is to be read, so that its content can be compared and recorded."""
        content = self.content
        wanted = union(algorithms, algorithms_for(content.content_hash))
        return FileToRead(
            self.path, wanted, follows_link=content.is_symlink, inode=content.linked_inode
        )


@contextmanager
def files_with_digests(
    export: Export, algorithms: tuple[str, ...]
) -> Iterator[Iterator[FileWithDigests]]:
    """The files of an export, in the order of the bytes of their names.

    Files that cannot be listed are left out, and noted in the result. Raises
    RootOfflineError if no root of these files is available, FileNotInLibraryError or
    DirectoryNotFoundError if the catalogue has no such file.
    """
    # A connection of its own reads one state of the catalogue, although this process and
    # others write to it at the same time.
    with open_library(export.library.path, "read") as listing:
        directory = export.result.directory
        places = Places(listing.connection, lookup.places(directory))
        errors = places.look()
        if errors and len(errors) == len(places.roots):
            raise errors[0]
        files = _files_below(listing, directory, export.request.kinds)
        with closing(_DigestSource(export, algorithms, places).read(files)) as found:
            yield found


def _files_below(
    library: Library, directory: bytes, kinds: tuple[str, ...]
) -> Iterator[tuple[bytes, bytes, Content]]:
    """The name, path and record of each file below a directory, by the bytes of the names.

    The catalogue may have the directory by another path, without links.
    """
    places = lookup.places(directory)

    def files_of(place: bytes) -> Iterator[tuple[bytes, bytes, Content]]:
        skipped = len(place.rstrip(b"/")) + 1
        rows = manifest_table.contents_below(library.connection, Selection((place,), kinds=kinds))
        return ((path[skipped:], path, content) for path, content in rows)

    before: bytes | None = None
    for name, path, content in heapq.merge(*map(files_of, places), key=lambda row: row[0]):
        if name != before:
            yield name, path, content
        before = name
    if before is None:
        shown = display(to_stored(directory))
        if not os.path.isdir(directory):
            raise DirectoryNotFoundError(f"There is no directory `{shown}`")
        what = f"files of kind {', '.join(kinds)}" if kinds else "files"
        raise FileNotInLibraryError(
            f"The catalogue has no {what} below `{shown}`", hint="Scan the directory first."
        )


class _DigestSource:
    """Takes digests from the catalogue if they still hold, and reads the other files."""

    def __init__(self, export: Export, algorithms: tuple[str, ...], places: Places) -> None:
        self._export = export
        self._library = export.library
        self._result = export.result
        self._algorithms = algorithms
        self._places = places
        self._verified: list[Verified] = []
        self._queue = HashingQueue[_PendingFile](
            self._report, threads=export.request.threads, roots=export.roots
        )
        self._done = 0
        self._last_report = 0.0
        self._now = ""

    def read(
        self, files: Iterator[tuple[bytes, bytes, Content]]
    ) -> Generator[FileWithDigests, None, None]:
        """The files that can be listed, in the given order. The others are noted."""
        pending: deque[_PendingFile] = deque()
        with self._queue:
            try:
                for name, path, content in files:
                    file = _PendingFile(name, path, content)
                    pending.append(file)
                    if not self._settle_unread(file):
                        self._queue.add(file, file.to_read(self._algorithms))
                    yield from self._settled(pending)
                    while len(pending) >= MOST_PENDING:
                        self._take()
                        yield from self._settled(pending)
                    self._report()
                while pending:
                    self._take()
                    yield from self._settled(pending)
            finally:
                self._record()

    def _settled(self, pending: deque[_PendingFile]) -> Iterator[FileWithDigests]:
        """The first files, as far as they are settled."""
        while pending and pending[0].is_settled:
            first = pending.popleft()
            self._done += 1
            if first.digests is not None:
                yield FileWithDigests(
                    first.name,
                    first.path,
                    first.size_bytes,
                    first.mtime_ns,
                    bool(first.content.is_symlink),
                    first.content.linked_inode,
                    first.digests,
                )

    def _settle_unread(self, file: _PendingFile) -> bool:
        """Settles a file that need not be read; False if it must be read."""
        content = file.content
        if content.is_damaged:
            self._leave_out(file, "is left out: it is recorded as damaged; see `vpo verify status`")
            return True
        if self._places.offline and self._places.is_offline(file.path):
            self._leave_out_unread(file, _GONE, None)
            return True
        if self._algorithms != (RECORDED.name,) or content.content_hash is None:
            return False
        digest = Digest.parse(content.content_hash)
        if digest.algorithm != RECORDED.name:
            return False
        try:
            found = os.stat(file.path, follow_symlinks=bool(content.is_symlink))
        except OSError as error:
            is_gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
            message = _GONE if is_gone else f"cannot be examined: {error.strerror}"
            self._leave_out_unread(file, message, error.errno)
            return True
        if (found.st_size, found.st_mtime_ns) != (content.size_bytes, content.mtime_ns):
            return False
        if content.linked_inode not in (None, stored_inode(found.st_ino)):
            # The engine decides whether that means another file.
            return False
        file.settle(found.st_size, found.st_mtime_ns, {digest.algorithm: digest.value})
        self._result.from_records += 1
        return True

    def _leave_out(self, file: _PendingFile, message: str, number: int | None = None) -> None:
        file.is_settled = True
        self._result.leave_out(file.path, message, number)

    def _leave_out_unread(self, file: _PendingFile, message: str, number: int | None) -> None:
        """Leaves out a file that cannot be read; perhaps because its place is not available."""
        if message == _GONE or is_of_the_medium(number) or is_of_the_place(number):
            offline = self._places.why_gone(file.path)
            if offline is not None:
                self._result.offline = offline
                message = f"is left out: {offline.message}"
        self._leave_out(file, message, number)

    def _take(self) -> None:
        answers = self._queue.take()
        self._now = times.to_text(times.now())
        for file, answer in answers:
            self._settle(file, answer)
        if len(self._verified) >= RECORDED_AT_A_TIME:
            self._record()

    def _settle(self, file: _PendingFile, answer: Digested) -> None:
        """Settles a file that was read."""
        if answer.digests is None:
            if answer.problem == "changing":
                message = "was written to while vpo read it"
            elif answer.problem == "gone":
                message = _GONE
            elif answer.problem == "changed":
                message = _LED_ELSEWHERE
            else:
                message = f"cannot be read{why_unreadable(answer)}"
            self._leave_out_unread(file, message, answer.errno)
            return
        content = file.content
        assert answer.size_bytes is not None
        assert answer.mtime_ns is not None
        assert answer.ctime_ns is not None
        is_as_scanned = (content.size_bytes, content.mtime_ns) == (
            answer.size_bytes,
            answer.mtime_ns,
        )
        if is_as_scanned and is_same_content(content.content_hash, answer.digests) is False:
            self._leave_out(
                file,
                "is left out: its content does not match the digest in the catalogue, although size"
                " and mtime are unchanged; check it with `vpo verify`",
            )
            return
        if is_as_scanned:
            self._verified.append(
                Verified(
                    content.id,
                    recorded_digest(answer.digests),
                    content.size_bytes,
                    content.mtime_ns,
                    answer.ctime_ns,
                    self._now,
                )
            )
            self._result.recorded += 1
        else:
            self._result.outdated += 1
        file.settle(answer.size_bytes, answer.mtime_ns, answer.digests)

    def _record(self) -> None:
        if self._verified:
            with self._library.transaction() as connection:
                done = file_facts.record_verified(connection, self._verified)
            self._result.recording_lost(len(self._verified) - done)
            self._verified = []

    def _report(self) -> None:
        """Reports progress, at most twenty times a second. Raises to stop the work."""
        now = time.monotonic()
        if now - self._last_report < POLL_SECONDS:
            return
        self._last_report = now
        expected = self._done + self._queue.outstanding
        self._export.context.report(lambda: Progress("read", self._done, expected))

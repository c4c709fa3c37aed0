"""The export of a manifest: digests as they are recorded, or read now, in the order of names."""

from __future__ import annotations

import errno
import heapq
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from vpo._engine import Digested, Digester
from vpo.base import times
from vpo.base.errors import (
    DirectoryNotFoundError,
    FileNotInLibraryError,
    IsABagError,
    NothingToListError,
    RootOfflineError,
)
from vpo.base.paths import StoredPath, display, to_json, to_stored
from vpo.catalogue import lookup
from vpo.db import file_facts
from vpo.db import manifests as manifest_table
from vpo.db.file_facts import Verified
from vpo.db.library import Library, open_library
from vpo.db.manifests import Content
from vpo.db.selection import Selection
from vpo.integrity.models import Offline
from vpo.jobs.control import Reporter, ShouldStop
from vpo.manifest.bag import is_bag
from vpo.manifest.models import FORMAT_ALGORITHMS, UnwritableNameError
from vpo.manifest.results import unread
from vpo.manifest.writer import head_of, line_of
from vpo.places.availability import MOUNT_HINT, Places
from vpo.places.read_errors import is_of_the_medium, is_of_the_place

# Files whose digests are not known yet, or wait for those of files before them.
MOST_WAITING = 8192
SUBMITTED_AT_A_TIME = 256
RECORDED_AT_A_TIME = 2000
TAKE_SECONDS = 0.05

LISTED_ISSUES = 1000
# Of these, those that an error has with it.
ISSUES_OF_ERROR = 10

_GONE = "is gone; a scan records that"


@dataclass(frozen=True)
class ExportIssue:
    """A file that is not in the manifest, and why."""

    path: StoredPath
    message: str
    """As what is said of it."""
    errno: int | None = None

    def __str__(self) -> str:
        return f"`{display(self.path)}` {self.message}"

    def to_dict(self) -> dict[str, object]:
        """The issue as JSON has it."""
        return {**to_json(self.path), "errno": self.errno, "message": self.message}


@dataclass
class ExportResult:
    """The outcome of an export."""

    directory: bytes
    format: str
    started_at: float = field(default_factory=time.monotonic)
    files: int = 0
    """Files in the manifest."""
    size_bytes: int = 0
    """Of these files."""
    from_records: int = 0
    """Of these, files whose digest was recorded, so that they were not read."""
    recorded: int = 0
    """Files that were read, and whose digest is recorded as verified."""
    outdated: int = 0
    """Files that changed since they were scanned; their digests are of now."""
    left_out: int = 0
    """Files that are not in the manifest, though they are known."""
    issues: list[ExportIssue] = field(default_factory=list)
    """Why, of the first ones."""
    offline: Offline | None = None
    """A place that is not there, so that its files are left out."""
    duration_seconds: float = 0.0

    def leave_out(self, path: bytes, message: str, errno: int | None = None) -> None:
        """Counts a file that is left out, and keeps why while there is room."""
        self.left_out += 1
        if len(self.issues) < LISTED_ISSUES:
            self.issues.append(ExportIssue(to_stored(path), message, errno))


@dataclass(frozen=True)
class Export:
    """One export: of what, into what result, and who is told."""

    library: Library
    result: ExportResult
    reporter: Reporter
    should_stop: ShouldStop
    kinds: tuple[str, ...] = ()
    """Empty: all."""
    threads: int = 0
    """0: chosen by device."""


class Exported(NamedTuple):
    """A file with its digests."""

    name: bytes
    """Relative to the directory."""
    path: bytes
    size_bytes: int
    mtime_ns: int
    is_symlink: bool
    """Whether the library knows it by a link."""
    digests: Mapping[str, str]


@dataclass
class _Waiting:
    """A file whose turn is to come."""

    name: bytes
    path: bytes
    content: Content
    size_bytes: int = 0
    mtime_ns: int = 0
    digests: Mapping[str, str] | None = None
    is_settled: bool = False
    """Whether it has digests, or never will."""

    def settle(self, size_bytes: int, mtime_ns: int, digests: Mapping[str, str]) -> None:
        """Notes the digests, and of what."""
        self.size_bytes, self.mtime_ns, self.digests = size_bytes, mtime_ns, digests
        self.is_settled = True


def check_directory(directory: bytes) -> None:
    """Raises an error for a directory of which there is no manifest to be written."""
    if is_bag(directory):
        raise IsABagError(
            f"`{display(to_stored(directory))}` is a BagIt bag, which has manifests",
            hint="`vpo verify import` checks it against them.",
        )


def files_below(
    library: Library, directory: bytes, kinds: tuple[str, ...]
) -> Iterator[tuple[bytes, bytes, Content]]:
    """Name, path and record of each known file below a directory, by the bytes of names.

    The library may have it by another path, without links. Raises FileNotInLibraryError
    if it knows none, DirectoryNotFoundError if there is no such directory either.
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
        raise FileNotInLibraryError(
            f"The library knows no such file below `{shown}`", hint="Scan it first."
        )


def export_lines(export: Export, write: Callable[[bytes], object]) -> None:
    """Writes a manifest of the known files below a directory; the result says how it went.

    Raises as `files_with_digests` and `check_any`, StoppedError where it is stopped.
    """
    result = export.result
    head = head_of(result.format)
    with files_with_digests(export, FORMAT_ALGORITHMS[result.format]) as files:
        for file in files:
            try:
                line = line_of(result.format, file.name, file.size_bytes, file.digests)
            except UnwritableNameError as error:
                result.leave_out(file.path, f"is left out: {error}")
                continue
            write(head + line)
            head = b""
            result.files += 1
            result.size_bytes += file.size_bytes
    check_any(result)


def check_any(result: ExportResult) -> None:
    """Raises an error if not one file could be listed: that is no manifest, and replaces none.

    RootOfflineError if it is because a place is not there, else NothingToListError.
    """
    if result.files:
        return
    if result.offline is not None:
        message = result.offline.message
        raise RootOfflineError(message[:1].upper() + message[1:], hint=MOUNT_HINT)
    shown = display(to_stored(result.directory))
    raise NothingToListError(
        f"None of the known files below `{shown}` can be listed ({result.left_out:,} left out)",
        hint="No manifest was written.",
        left_out=result.left_out,
        issues=[issue.to_dict() for issue in result.issues[:ISSUES_OF_ERROR]],
    )


@contextmanager
def files_with_digests(export: Export, algorithms: tuple[str, ...]) -> Iterator[Iterator[Exported]]:
    """The files of an export that can be read, by the bytes of names; the others are noted.

    Raises as `files_below`, and as a check does if no root of theirs is there.
    """
    # With a connection of its own: the list is of one moment, and other processes may write
    # after that, and so may we.
    with open_library(export.library.path, "read") as listing:
        directory = export.result.directory
        places = Places(listing.connection, lookup.places(directory))
        errors = places.look()
        if errors and len(errors) == len(places.roots):
            raise errors[0]
        files = files_below(listing, directory, export.kinds)
        with closing(_Reader(export, algorithms, places).read(files)) as found:
            yield found


class _Reader:
    """Has the digests of files: recorded ones where those are true, else read now."""

    def __init__(self, export: Export, algorithms: tuple[str, ...], places: Places) -> None:
        self._library = export.library
        self._result = export.result
        self._algorithms = algorithms
        self._places = places
        self._reporter = export.reporter
        self._should_stop = export.should_stop
        self._digester = Digester(threads=export.threads)
        self._keys = count()
        self._reading: dict[int, _Waiting] = {}
        self._verified: list[Verified] = []
        self._done = 0
        self._looked = 0.0
        self._now = ""

    def read(
        self, files: Iterator[tuple[bytes, bytes, Content]]
    ) -> Generator[Exported, None, None]:
        """The files that can be read, in the order given. The others are noted."""
        queue: deque[_Waiting] = deque()
        to_read: list[_Waiting] = []
        try:
            for name, path, content in files:
                waiting = _Waiting(name, path, content)
                queue.append(waiting)
                if not self._is_known(waiting):
                    to_read.append(waiting)
                if len(to_read) >= SUBMITTED_AT_A_TIME:
                    self._submit(to_read)
                yield from self._settled(queue)
                while len(queue) >= MOST_WAITING:
                    self._submit(to_read)
                    self._take()
                    yield from self._settled(queue)
                self._look()
            self._submit(to_read)
            while queue:
                self._take()
                yield from self._settled(queue)
        finally:
            self._digester.stop()
            self._record()

    def _settled(self, queue: deque[_Waiting]) -> Iterator[Exported]:
        while queue and queue[0].is_settled:
            first = queue.popleft()
            self._done += 1
            if first.digests is not None:
                yield Exported(
                    first.name,
                    first.path,
                    first.size_bytes,
                    first.mtime_ns,
                    bool(first.content.is_symlink),
                    first.digests,
                )

    def _is_known(self, file: _Waiting) -> bool:
        """Whether there is nothing to read of a file: its digest is recorded, or it has none."""
        content = file.content
        if content.is_damaged:
            self._leave_out(file, "is recorded as damaged, and left out; see `vpo verify`")
            return True
        if self._places.offline and self._places.is_offline(file.path):
            self._leave_out_unread(file, _GONE, None)
            return True
        algorithm, _, digest = (content.content_hash or "").partition(":")
        if self._algorithms != ("blake3",) or algorithm != "blake3":
            return False
        try:
            there = os.stat(file.path, follow_symlinks=bool(content.is_symlink))
        except OSError as error:
            is_gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
            message = _GONE if is_gone else f"cannot be looked at: {error.strerror}"
            self._leave_out_unread(file, message, error.errno)
            return True
        if (there.st_size, there.st_mtime_ns) != (content.size_bytes, content.mtime_ns):
            return False
        file.settle(there.st_size, there.st_mtime_ns, {algorithm: digest})
        self._result.from_records += 1
        return True

    def _leave_out(self, file: _Waiting, message: str, number: int | None = None) -> None:
        file.is_settled = True
        self._result.leave_out(file.path, message, number)

    def _leave_out_unread(self, file: _Waiting, message: str, number: int | None) -> None:
        """Leaves a file out that cannot be had, be it as its place is not there."""
        if message == _GONE or is_of_the_medium(number) or is_of_the_place(number):
            offline = self._places.why_gone(file.path)
            if offline is not None:
                self._result.offline = offline
                message = f"is left out: {offline.message}"
        self._leave_out(file, message, number)

    def _submit(self, files: list[_Waiting]) -> None:
        """Has files read; the list is empty then."""
        groups: dict[tuple[str, ...], list[tuple[int, bytes, int | None, int | None, bool]]] = {}
        for file in files:
            algorithms = {*self._algorithms, "blake3"}
            if (file.content.content_hash or "").startswith("xxh64:"):
                algorithms.add("xxh64")
            key = next(self._keys)
            self._reading[key] = file
            entry = (key, file.path, None, None, bool(file.content.is_symlink))
            groups.setdefault(tuple(sorted(algorithms)), []).append(entry)
        for group, entries in groups.items():
            self._digester.submit(entries, group)
        files.clear()

    def _take(self) -> None:
        answers = self._digester.take(TAKE_SECONDS)
        self._now = times.to_text(times.now())
        for digested in answers:
            self._judge(self._reading.pop(digested.key), digested)
        if len(self._verified) >= RECORDED_AT_A_TIME:
            self._record()
        self._look()

    def _judge(self, file: _Waiting, digested: Digested) -> None:
        if digested.digests is None:
            if digested.problem == "changing":
                message = "was being written while it was read"
            elif digested.problem == "gone":
                message = _GONE
            else:
                message = unread(digested)
            self._leave_out_unread(file, message, digested.errno)
            return
        content = file.content
        assert digested.size_bytes is not None
        assert digested.ctime_ns is not None
        is_as_recorded = (content.size_bytes, content.mtime_ns) == (
            digested.size_bytes,
            digested.mtime_ns,
        )
        algorithm, _, digest = (content.content_hash or "").partition(":")
        if is_as_recorded and digested.digests.get(algorithm, digest) != digest:
            self._leave_out(
                file,
                "is left out: its content is not what is recorded for the same size and mtime;"
                " `vpo verify` looks into that",
            )
            return
        if is_as_recorded:
            self._verified.append(
                Verified(
                    content.id,
                    f"blake3:{digested.digests['blake3']}",
                    content.size_bytes,
                    content.mtime_ns,
                    digested.ctime_ns,
                    self._now,
                )
            )
            self._result.recorded += 1
        else:
            self._result.outdated += 1
        assert digested.mtime_ns is not None
        file.settle(digested.size_bytes, digested.mtime_ns, digested.digests)

    def _record(self) -> None:
        if self._verified:
            with self._library.transaction() as connection:
                done = file_facts.record_verified(connection, self._verified)
            # A scan has meanwhile recorded another state of the others.
            self._result.recorded -= len(self._verified) - done
            self._result.outdated += len(self._verified) - done
            self._verified = []

    def _look(self) -> None:
        """Tells how far it is; raises where the work is to stop."""
        now = time.monotonic()
        if now - self._looked < TAKE_SECONDS:
            return
        self._looked = now
        self._reporter.reading(self._done, self._done + len(self._reading))
        if stopped := self._should_stop():
            raise stopped

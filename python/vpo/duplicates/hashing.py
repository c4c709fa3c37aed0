"""Reading the content of files, and recording the digests as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Protocol

from vpo._engine import Digested
from vpo.base import times
from vpo.base.paths import StoredPath, join
from vpo.content.algorithms import HEAD, QUICK, RECORDED
from vpo.content.digests import algorithms_for, is_same_content, recorded_digest
from vpo.content.hashing import FileToRead, HashingQueue
from vpo.db import duplicates as table
from vpo.db.duplicates import Candidate, Content, QuickHash, Whole
from vpo.db.library import Library
from vpo.duplicates.models import Findings, Problem

# Digests are committed after so many files or seconds: a commit waits for the disk, and
# what was not committed is read again after a kill.
FILES_PER_COMMIT = 20_000
SECONDS_PER_COMMIT = 2.0

# A file up to this size is in its quick hash (the first and the last 64 KiB) as a whole.
QUICK_BYTES = 128 * 1024

_ONLY_QUICK = (QUICK,)
_QUICK_AND_FULL = (QUICK, RECORDED.name)


class Progress(Protocol):
    """Who is told how far the reading is."""

    def reading(self, done: int, expected: int) -> None:
        """Called some twenty times a second."""


class Reader:
    """Has files read, each once whatever number of names it has."""

    def __init__(
        self,
        library: Library,
        queue: HashingQueue[list[Candidate]],
        findings: Findings,
        progress: Progress,
        go_on: Callable[[float], None],
    ) -> None:
        """`go_on` is called often, with percent, and may raise StoppedError to end it."""
        self.library = library
        self.queue = queue
        self.findings = findings
        self.progress = progress
        self.go_on = go_on
        self._read: set[int] = set()
        """Ids of files of which something was read."""

    def heads(self, files: Sequence[tuple[int, StoredPath, int, int, bool]]) -> None:
        """Has the heads of files (as the engine takes them) read, and recorded."""
        known = {file[0]: file for file in files}
        rows: list[tuple[int, int, int, str]] = []
        done = 0

        def record() -> None:
            # By id, as they lie in the table.
            with self.library.transaction() as connection:
                table.record_heads(connection, sorted(rows))
            rows.clear()

        with self._recording([rows], record) as record_if_due:
            for taken, failed in self.queue.rows(files, HEAD):
                for key, _, head, _ in taken:
                    _, _, size_bytes, mtime_ns, _ = known[key]
                    rows.append((key, size_bytes, mtime_ns, head))
                for answer in failed:
                    self._note(answer, [known[answer.key][1]])
                done += len(taken) + len(failed)
                self._read.update(key for key, *_ in taken)
                record_if_due()
                self._tell(done, len(files))

    def quick(self, files: Sequence[Candidate]) -> dict[int, str]:
        """Has the quick hashes of files read, and recorded. What cannot be read is noted.

        Small ones are read whole for that, and then get their full digest as well: they
        have the same size and head as others, and so are equal to them most of the time.
        Returns these by the files' ids.
        """
        by_file = _by_file(files)

        def algorithms(file: Candidate) -> tuple[str, ...]:
            is_small = file.size_bytes <= QUICK_BYTES
            return _QUICK_AND_FULL if is_small and file.content_hash is None else _ONLY_QUICK

        rows: list[QuickHash] = []
        wholes: list[Whole] = []
        found: dict[int, str] = {}

        def record() -> None:
            at = times.to_text(times.now())
            with self.library.transaction() as connection:
                table.record_quick_hashes(connection, rows)
                table.record_wholes(connection, wholes, at)
            rows.clear()
            wholes.clear()

        for names, answer, digests in self._answers(by_file, algorithms, [rows, wholes], record):
            quick_hash = bytes.fromhex(digests[QUICK])
            for file in names:
                if RECORDED.name not in digests:
                    rows.append(QuickHash(quick_hash, file.id, file.size_bytes, file.mtime_ns))
                    continue
                found[file.id] = content_hash = recorded_digest(digests)
                assert answer.ctime_ns is not None
                wholes.append(
                    Whole(
                        quick_hash,
                        content_hash,
                        answer.ctime_ns,
                        file.id,
                        file.size_bytes,
                        file.mtime_ns,
                    )
                )
        return found

    def full(self, files: Sequence[Candidate]) -> dict[int, str]:
        """Has the full digests of files read, and recorded; returns them by the files' ids.

        What cannot be read has none, and is noted.
        """
        by_file = _by_file(files)
        found: dict[int, str] = {}
        rows: list[Content] = []

        def record() -> None:
            at = times.to_text(times.now())
            with self.library.transaction() as connection:
                table.record_contents(connection, rows, at)
            rows.clear()

        def algorithms(file: Candidate) -> tuple[str, ...]:
            return algorithms_for(file.content_hash)

        for same, answer, digests in self._answers(by_file, algorithms, [rows], record):
            if is_same_content(same[0].content_hash, digests) is False:
                # The old digest is the better witness: it is not to be overwritten.
                message = "its content is not what its recorded digest says: see `vpo verify`"
                self.findings.problems += (Problem(file.path, message, "differs") for file in same)
                continue
            content_hash = recorded_digest(digests)
            ctime_ns = answer.ctime_ns
            assert ctime_ns is not None
            for file in same:
                found[file.id] = content_hash
                rows.append(
                    Content(content_hash, ctime_ns, file.id, file.size_bytes, file.mtime_ns)
                )
        return found

    def _answers(
        self,
        by_file: Sequence[list[Candidate]],
        algorithms: Callable[[Candidate], tuple[str, ...]],
        rows: Sequence[Sized],
        record: Callable[[], None],
    ) -> Iterator[tuple[list[Candidate], Digested, dict[str, str]]]:
        """Reads files; yields the names of each, the engine's answer, and the digests in it.

        Files that cannot be read are noted. `rows` are what the caller makes of the answers;
        `record` writes them to the catalogue, and empties them.
        """
        done = 0
        work = ((names, _to_read(names[0], algorithms(names[0]))) for names in by_file)
        with self._recording(rows, record) as record_if_due:
            for answers in self.queue.answers(work):
                for names, answer in answers:
                    done += 1
                    digests = answer.digests
                    if digests is None:
                        self._note(answer, [file.path for file in names])
                    else:
                        self._read.add(names[0].id)
                        yield names, answer, digests
                record_if_due()
                self._tell(done, len(by_file))

    @contextmanager
    def _recording(
        self, rows: Sequence[Sized], record: Callable[[], None]
    ) -> Iterator[Callable[[], None]]:
        """Gives what records `rows` now and then; does so in the end, whatever that is."""
        committed = time.monotonic()

        def record_if_due() -> None:
            nonlocal committed
            now = time.monotonic()
            if sum(map(len, rows)) >= FILES_PER_COMMIT or now - committed >= SECONDS_PER_COMMIT:
                record()
                committed = now

        try:
            yield record_if_due
        finally:
            if any(rows):
                record()
            self.findings.files_read = len(self._read)
            self.findings.bytes_read = self.queue.bytes_read

    def _tell(self, done: int, expected: int) -> None:
        self.go_on(100 * done / expected)
        self.progress.reading(done, expected)

    def _note(self, answer: Digested, paths: Sequence[StoredPath]) -> None:
        if answer.problem in ("gone", "changed", "not_regular"):
            self.findings.changed += len(paths)
            return
        reason = answer.problem or "unreadable"
        message = answer.message or reason
        self.findings.problems += (Problem(path, message, reason) for path in paths)


def _by_file(files: Iterable[Candidate]) -> list[list[Candidate]]:
    """The names of each file, as far as the library knows that they are of one."""
    found: dict[tuple[int | None, int | None, int], list[Candidate]] = {}
    listed: list[list[Candidate]] = []
    for file in files:
        # Of two mtimes one was recorded before the file changed: reading tells which.
        key = (file.filesystem_id, file.inode, file.mtime_ns)
        names = found.get(key)
        if names is None or file.inode is None or file.filesystem_id is None:
            found[key] = names = []
            listed.append(names)
        names.append(file)
    return listed


def _to_read(file: Candidate, algorithms: tuple[str, ...]) -> FileToRead:
    path = join(file.directory, file.name)
    return FileToRead(path, algorithms, file.size_bytes, file.mtime_ns)

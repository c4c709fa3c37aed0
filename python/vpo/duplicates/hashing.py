"""Reading files for a search for duplicates, and recording their digests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager

from vpo._engine import Digested
from vpo.base import times
from vpo.base.paths import StoredPath, join
from vpo.content.algorithms import HEAD, QUICK, RECORDED
from vpo.content.digests import algorithms_for, is_same_content, recorded_digest
from vpo.content.hashing import FileToRead, HashingQueue
from vpo.db import file_facts, heads
from vpo.db.duplicates import Candidate
from vpo.db.file_facts import BothDigests, FullDigest, QuickHash
from vpo.db.library import Library
from vpo.duplicates.models import Duplicates, Issue
from vpo.jobs.context import Context
from vpo.jobs.progress import Progress

# Digests are committed after so many files or seconds. A commit waits for the disk; files
# whose digests were not committed when the process is killed are read again.
FILES_PER_COMMIT = 20_000
SECONDS_PER_COMMIT = 2.0

# The quick hash (of the first and the last 64 KiB) covers all of a file up to this size.
QUICK_BYTES = 128 * 1024

_ONLY_QUICK = (QUICK,)
_QUICK_AND_FULL = (QUICK, RECORDED.name)


class DigestReader:
    """Reads files, each of them once even if it has several names."""

    def __init__(
        self,
        library: Library,
        queue: HashingQueue[list[Candidate]],
        found: Duplicates,
        context: Context,
    ) -> None:
        self.library = library
        self.queue = queue
        self.found = found
        self.context = context
        self._read: set[int] = set()
        """The IDs of files that were read, at least in part."""

    def heads(self, files: Sequence[tuple[int, StoredPath, int, int, bool]]) -> None:
        """Reads the heads of files, and records them. `files` are as the engine takes them."""
        known = {file[0]: file for file in files}
        rows: list[tuple[int, int, int, str]] = []
        done = 0

        def record() -> None:
            # By ID, as they lie in the table.
            with self.library.transaction() as connection:
                heads.record(connection, sorted(rows))
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
                self._report(done, len(files))

    def quick(self, files: Sequence[Candidate]) -> dict[int, str]:
        """Reads the quick hashes of files, and records them. Notes files that cannot be read.

        Small files are read whole for that, so their full digest is recorded as well: most of
        them equal another file, because they have the same size and head. Returns these
        digests by the files' IDs.
        """
        by_file = _by_file(files)

        def algorithms(file: Candidate) -> tuple[str, ...]:
            is_small = file.size_bytes <= QUICK_BYTES
            return _QUICK_AND_FULL if is_small and file.content_hash is None else _ONLY_QUICK

        rows: list[QuickHash] = []
        wholes: list[BothDigests] = []
        found: dict[int, str] = {}

        def record() -> None:
            at = times.to_text(times.now())
            with self.library.transaction() as connection:
                file_facts.record_quick_hashes(connection, rows)
                file_facts.record_both_digests(connection, wholes, at)
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
                    BothDigests(
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
        """Reads the full digests of files, and records them. Returns them by the files' IDs.

        Notes files that cannot be read.
        """
        by_file = _by_file(files)
        found: dict[int, str] = {}
        rows: list[FullDigest] = []

        def record() -> None:
            at = times.to_text(times.now())
            with self.library.transaction() as connection:
                file_facts.record_full_digests(connection, rows, at)
            rows.clear()

        def algorithms(file: Candidate) -> tuple[str, ...]:
            return algorithms_for(file.content_hash)

        for same, answer, digests in self._answers(by_file, algorithms, [rows], record):
            if is_same_content(same[0].content_hash, digests) is False:
                # The recorded digest may be right and the file damaged, so it must stay.
                message = "its content does not match its recorded digest; run `vpo verify`"
                self.found.issues += (Issue(file.path, message, "differs") for file in same)
                continue
            content_hash = recorded_digest(digests)
            ctime_ns = answer.ctime_ns
            assert ctime_ns is not None
            for file in same:
                found[file.id] = content_hash
                rows.append(
                    FullDigest(content_hash, ctime_ns, file.id, file.size_bytes, file.mtime_ns)
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
                self._report(done, len(by_file))

    @contextmanager
    def _recording(
        self, rows: Sequence[Sized], record: Callable[[], None]
    ) -> Iterator[Callable[[], None]]:
        """Yields a function that records `rows` now and then. Records the rest in any case."""
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
            self.found.files_read = len(self._read)
            self.found.bytes_read = self.queue.bytes_read

    def _report(self, done: int, expected: int) -> None:
        self.context.report(lambda: Progress("read", done, expected))

    def _note(self, answer: Digested, paths: Sequence[StoredPath]) -> None:
        if answer.problem in ("gone", "changed", "not_regular"):
            self.found.changed += len(paths)
            return
        reason = answer.problem or "unreadable"
        message = answer.message or reason
        self.found.issues += (Issue(path, message, reason) for path in paths)


def _by_file(files: Iterable[Candidate]) -> list[list[Candidate]]:
    """The names of each file, as far as the catalogue knows which are names of one file."""
    found: dict[tuple[int | None, int | None, int], list[Candidate]] = {}
    listed: list[list[Candidate]] = []
    for file in files:
        # If two names have different mtimes, one was recorded before the file changed.
        # Reading shows which one.
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

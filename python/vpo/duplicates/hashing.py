"""Reading files for a search for duplicates, and recording their digests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from itertools import count, groupby
from operator import itemgetter

from vpo._engine import Digested
from vpo.base import times
from vpo.base.paths import StoredPath, checked, join
from vpo.content.algorithms import HEAD, QUICK, RECORDED
from vpo.content.digests import algorithms_for, is_same_content, recorded_digest
from vpo.content.hashing import EngineFile, HashingQueue
from vpo.db import duplicates as table
from vpo.db import file_facts, heads
from vpo.db.duplicates import Candidate
from vpo.db.file_facts import BothDigests, FullDigest, QuickHash
from vpo.db.library import Library
from vpo.duplicates.models import Duplicates, Issue
from vpo.jobs.context import Context
from vpo.jobs.progress import Progress

# Digests are committed after so many files or seconds. A commit waits for the disk; files
# whose digests were not committed when the process is killed are read again.
FILES_PER_COMMIT = 10_000
SECONDS_PER_COMMIT = 2.0

LOOKED_UP_AT_A_TIME = 4096

# Of files with the same head, those up to this size are read whole, and not first for the quick
# hash. A disk takes as long to reach a second place in a file as to read so many bytes.
WHOLE_BYTES = 1024 * 1024


class DigestReader:
    """Reads files, each of them once even if it has several names."""

    def __init__(
        self,
        library: Library,
        queue: HashingQueue[None],
        found: Duplicates,
        context: Context,
    ) -> None:
        self.library = library
        self.queue = queue
        self.found = found
        self.context = context
        self._read: set[int] = set()
        """The IDs of files that were read, at least in part."""

    def heads(self, ids: Sequence[int]) -> None:
        """Reads the heads of files, given by their ids, and records them."""
        reading: dict[int, tuple[int, StoredPath, int, int, bool]] = {}
        rows: list[tuple[int, int, int, str]] = []
        done = 0

        def files() -> Iterator[EngineFile]:
            # The engine reads some while the next ones are looked up.
            for start in range(0, len(ids), LOOKED_UP_AT_A_TIME):
                some = ids[start : start + LOOKED_UP_AT_A_TIME]
                with self.library.reading() as connection:
                    found = table.to_read(connection, some)
                reading.update((file[0], file) for file in found)
                yield from found

        def record() -> None:
            # By ID, as they lie in the table.
            with self.library.transaction() as connection:
                heads.record(connection, sorted(rows))
            rows.clear()

        with self._recording([rows], record) as record_if_due:
            for taken, failed in self.queue.rows(files(), (HEAD,)):
                for key, _, head, _ in taken:
                    _, _, size_bytes, mtime_ns, _ = reading.pop(key)
                    rows.append((key, size_bytes, mtime_ns, head))
                for answer in failed:
                    self._note(answer, [reading.pop(answer.key)[1]])
                done += len(taken) + len(failed)
                self._read.update(key for key, *_ in taken)
                record_if_due()
                self._report(done, len(ids))

    def quick(self, sets: Iterable[list[Candidate]]) -> dict[int, str]:
        """Reads the quick hashes of files, and records them. Notes files that cannot be read.

        The files of a set have the same size and head, so most of them equal another one. Small
        files are therefore read whole, and their full digest is recorded as well. Returns these
        digests by the files' IDs.
        """
        wholes: list[list[list[Candidate]]] = []
        others: list[list[list[Candidate]]] = []
        for files in sets:
            alike = []
            for names in _by_file(files):
                if names[0].size_bytes <= WHOLE_BYTES and names[0].content_hash is None:
                    alike.append(names)
                else:
                    others.append([names])
            wholes.append(alike)
        quick_hashes: list[QuickHash] = []
        digests: list[BothDigests] = []
        found: dict[int, str] = {}

        def record() -> None:
            at = times.to_text(times.now())
            with self.library.transaction() as connection:
                file_facts.record_quick_hashes(connection, quick_hashes)
                file_facts.record_both_digests(connection, digests, at)
            quick_hashes.clear()
            digests.clear()

        work = {(QUICK, RECORDED.name): wholes, (QUICK,): others}
        for names, values, ctime_ns in self._answers(work, [quick_hashes, digests], record):
            quick_hash = bytes.fromhex(values[QUICK])
            for file_id, size_bytes, mtime_ns, *_ in names:
                if RECORDED.name not in values:
                    quick_hashes.append(QuickHash(quick_hash, file_id, size_bytes, mtime_ns))
                    continue
                found[file_id] = content_hash = recorded_digest(values)
                digests.append(
                    BothDigests(quick_hash, content_hash, ctime_ns, file_id, size_bytes, mtime_ns)
                )
        return found

    def full(self, sets: Iterable[list[Candidate]]) -> dict[int, str]:
        """Reads the full digests of files, and records them. Returns them by the files' IDs.

        The files of a set probably have the same content. Notes files that cannot be read.
        """
        work: dict[tuple[str, ...], list[list[list[Candidate]]]] = {}
        for files in sets:
            alike: dict[tuple[str, ...], list[list[Candidate]]] = {}
            for names in _by_file(files):
                alike.setdefault(algorithms_for(names[0].content_hash), []).append(names)
            for algorithms, group in alike.items():
                work.setdefault(algorithms, []).append(group)
        found: dict[int, str] = {}
        rows: list[FullDigest] = []

        def record() -> None:
            at = times.to_text(times.now())
            with self.library.transaction() as connection:
                file_facts.record_full_digests(connection, rows, at)
            rows.clear()

        for same, values, ctime_ns in self._answers(work, [rows], record):
            if is_same_content(same[0].content_hash, values) is False:
                # The recorded digest may be right and the file damaged, so it must stay.
                message = "its content does not match its recorded digest; run `vpo verify`"
                self.found.issues += (Issue(file.path, message, "differs") for file in same)
                continue
            content_hash = recorded_digest(values)
            for file in same:
                found[file.id] = content_hash
                rows.append(
                    FullDigest(content_hash, ctime_ns, file.id, file.size_bytes, file.mtime_ns)
                )
        return found

    def _answers(
        self,
        work: Mapping[tuple[str, ...], Sequence[Sequence[list[Candidate]]]],
        rows: Sequence[Sized],
        record: Callable[[], None],
    ) -> Iterator[tuple[list[Candidate], dict[str, str], int]]:
        """Reads files; yields the names of each, its digests by algorithm, and its ctime in ns.

        `work` are groups of files that probably have the same content, by the algorithms to
        digest them with. Files that cannot be read are noted. `rows` are what the caller makes of
        the answers; `record` writes them to the catalogue, and empties them.
        """
        by_key = [names for groups in work.values() for group in groups for names in group]
        keys = count()
        done = 0
        with self._recording(rows, record) as record_if_due:
            for algorithms, groups in work.items():
                to_read = ([_to_read(next(keys), names[0]) for names in each] for each in groups)
                for taken, failed in self.queue.rows_of_alike(to_read, algorithms):
                    for key, of_file in groupby(taken, key=itemgetter(0)):
                        names = by_key[key]
                        each = list(of_file)
                        values = {algorithm: value for _, algorithm, value, _ in each}
                        self._read.add(names[0].id)
                        done += 1
                        yield names, values, each[0][3]
                    for answer in failed:
                        self._note(answer, [file.path for file in by_key[answer.key]])
                    done += len(failed)
                    record_if_due()
                    self._report(done, len(by_key))

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


def _to_read(key: int, file: Candidate) -> EngineFile:
    return key, checked(join(file.directory, file.name)), file.size_bytes, file.mtime_ns, False

"""Reading the content of files, and recording the digests as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Protocol

from vpo._engine import Digested, Digester
from vpo.base import times
from vpo.base.paths import StoredPath, join
from vpo.db import file_facts, heads
from vpo.db.duplicates import Candidate
from vpo.db.file_facts import BothDigests, FullDigest, QuickHash
from vpo.db.library import Library
from vpo.db.verification import FULL_DIGEST
from vpo.duplicates.models import Findings, Problem

POLL_SECONDS = 0.05

# While more than these are outstanding, answers are gathered for so long.
MANY = 64
GATHER_SECONDS = 0.01

# Digests are committed after so many files or seconds: a commit waits for the disk, and
# what was not committed is read again after a kill.
FILES_PER_COMMIT = 20_000
SECONDS_PER_COMMIT = 2.0

# A file up to this size is in its quick hash (the first and the last 64 KiB) as a whole.
QUICK_BYTES = 128 * 1024

_XXH64 = "xxh64:"


class Progress(Protocol):
    """Who is told how far the reading is."""

    def reading(self, done: int, expected: int) -> None:
        """Called some twenty times a second."""


class Reader:
    """Has files read, each once whatever number of names it has."""

    def __init__(
        self,
        library: Library,
        digester: Digester,
        findings: Findings,
        progress: Progress,
        go_on: Callable[[float], None],
    ) -> None:
        """`go_on` is called often, with percent, and may raise StoppedError to end it."""
        self.library = library
        self.digester = digester
        self.findings = findings
        self.progress = progress
        self.go_on = go_on
        self._read: set[int] = set()
        """Ids of files of which something was read."""

    def heads(self, files: Sequence[tuple[int, StoredPath, int, int, bool]]) -> None:
        """Has the heads of files (as the engine takes them) read, and recorded."""
        known = {file[0]: file for file in files}
        self.digester.submit(files, ["head"])
        rows: list[tuple[int, int, int, str]] = []
        done = 0

        def record() -> None:
            # By id, as they lie in the table.
            with self.library.transaction() as connection:
                heads.record(connection, sorted(rows))
            rows.clear()

        with self._recording([rows], record) as record_if_due:
            while outstanding := self.digester.outstanding:
                self._gather(outstanding)
                taken, failed = self.digester.take_rows(POLL_SECONDS)
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
        names = _by_file(files)
        small: list[int] = []
        large: list[int] = []
        for place, (file, *_) in enumerate(names):
            is_small = file.size_bytes <= QUICK_BYTES
            (small if is_small and file.content_hash is None else large).append(place)
        self.digester.submit(_to_submit(names, large), ["quick"])
        self.digester.submit(_to_submit(names, small), ["quick", "blake3"])
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

        for answer, digests in self._answers(names, [rows, wholes], record):
            quick_hash = bytes.fromhex(digests["quick"])
            full = digests.get("blake3")
            for file in names[answer.key]:
                if full is None:
                    rows.append(QuickHash(quick_hash, file.id, file.size_bytes, file.mtime_ns))
                    continue
                found[file.id] = content_hash = FULL_DIGEST + full
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
        """Has the full digests of files read, and recorded; returns them by the files' ids.

        What cannot be read has none, and is noted.
        """
        names = _by_file(files)
        old = [_has_old_digest(each[0]) for each in names]
        for is_old, algorithms in ((False, ["blake3"]), (True, ["blake3", "xxh64"])):
            places = [place for place in range(len(names)) if old[place] is is_old]
            if places:
                self.digester.submit(_to_submit(names, places), algorithms)
        found: dict[int, str] = {}
        rows: list[FullDigest] = []

        def record() -> None:
            at = times.to_text(times.now())
            with self.library.transaction() as connection:
                file_facts.record_full_digests(connection, rows, at)
            rows.clear()

        for answer, digests in self._answers(names, [rows], record):
            same = names[answer.key]
            if "xxh64" in digests and same[0].content_hash != _XXH64 + digests["xxh64"]:
                # The old digest is the better witness: it is not to be overwritten.
                message = "its content is not what its recorded digest says: see `vpo verify`"
                self.findings.problems += (Problem(file.path, message, "differs") for file in same)
                continue
            content_hash = FULL_DIGEST + digests["blake3"]
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
        names: Sequence[Sequence[Candidate]],
        rows: Sequence[Sized],
        record: Callable[[], None],
    ) -> Iterator[tuple[Digested, dict[str, str]]]:
        """What the engine says of files, without those it could not read, which are noted.

        `rows` are what the caller makes of it; `record` writes that down, and empties them.
        """
        done = 0
        with self._recording(rows, record) as record_if_due:
            while outstanding := self.digester.outstanding:
                self._gather(outstanding)
                for answer in self.digester.take(POLL_SECONDS):
                    done += 1
                    digests = answer.digests
                    if digests is None:
                        self._note(answer, [file.path for file in names[answer.key]])
                    else:
                        self._read.add(names[answer.key][0].id)
                        yield answer, digests
                record_if_due()
                self._tell(done, len(names))

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
        except BaseException:
            self.digester.stop()
            raise
        finally:
            if any(rows):
                record()
            self.findings.files_read = len(self._read)
            self.findings.bytes_read = self.digester.bytes_read

    def _gather(self, outstanding: int) -> None:
        """Waits a little if there is much to come.

        To wake for each of them would take time from those who read.
        """
        if outstanding > MANY:
            time.sleep(GATHER_SECONDS)

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


def _has_old_digest(file: Candidate) -> bool:
    return file.content_hash is not None and file.content_hash.startswith(_XXH64)


def _to_submit(
    names: Sequence[Sequence[Candidate]], places: Iterable[int]
) -> Iterator[tuple[int, str | bytes, int | None, int | None, bool]]:
    for place in places:
        file = names[place][0]
        yield place, join(file.directory, file.name), file.size_bytes, file.mtime_ns, False

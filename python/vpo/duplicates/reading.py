"""Reading the content of files, and recording the digests as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import Protocol

from vpo import times
from vpo._engine import Digested, Digester
from vpo.db import duplicates as table
from vpo.db.duplicates import Candidate, Content, QuickHash
from vpo.db.library import Library
from vpo.db.verification import FULL_DIGEST
from vpo.duplicates.models import Findings, Problem
from vpo.paths import join

POLL_SECONDS = 0.05

# While more than these are outstanding, answers are gathered for so long.
MANY = 64
GATHER_SECONDS = 0.01

# Digests are committed after so many files or seconds: a commit waits for the disk, and
# what was not committed is read again after a kill.
FILES_PER_COMMIT = 20_000
SECONDS_PER_COMMIT = 2.0

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

    def quick(self, files: Sequence[Candidate]) -> None:
        """Has the quick hashes of files read, and recorded. What cannot be read is noted.

        The whole of a small file is read for it. Its full digest is not taken on the way
        all the same: most files have nothing in common but their size, and the few others
        are in the page cache when their turn comes.
        """
        names = _by_file(files)
        self.digester.submit(_to_submit(names, range(len(names))), ["quick"])
        rows: list[QuickHash] = []

        def record() -> None:
            with self.library.transaction() as connection:
                table.record_quick_hashes(connection, rows)
            rows.clear()

        for answer, digests in self._answers(names, rows, record):
            quick_hash = bytes.fromhex(digests["quick"])
            for file in names[answer.key]:
                rows.append(QuickHash(quick_hash, file.id, file.size_bytes, file.mtime_ns))

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
        rows: list[Content] = []

        def record() -> None:
            at = times.to_seconds_text(times.now())
            with self.library.transaction() as connection:
                table.record_contents(connection, rows, at)
            rows.clear()

        for answer, digests in self._answers(names, rows, record):
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
                    Content(content_hash, ctime_ns, file.id, file.size_bytes, file.mtime_ns)
                )
        return found

    def _answers(
        self, names: Sequence[Sequence[Candidate]], rows: Sized, record: Callable[[], None]
    ) -> Iterator[tuple[Digested, dict[str, str]]]:
        """What the engine says of files, without those it could not read, which are noted.

        `rows` is what the caller makes of it; `record` writes that down, and empties it.
        """
        done = 0
        committed = time.monotonic()
        try:
            while outstanding := self.digester.outstanding:
                if outstanding > MANY:
                    # To wake for each of them would take time from those who read.
                    time.sleep(GATHER_SECONDS)
                for answer in self.digester.take(POLL_SECONDS):
                    done += 1
                    digests = answer.digests
                    if digests is None:
                        self._note(answer, names[answer.key])
                    else:
                        self.findings.files_read += 1
                        yield answer, digests
                now = time.monotonic()
                if len(rows) >= FILES_PER_COMMIT or now - committed >= SECONDS_PER_COMMIT:
                    record()
                    committed = now
                self.go_on(100 * done / len(names))
                self.progress.reading(done, len(names))
        except BaseException:
            self.digester.stop()
            raise
        finally:
            if rows:
                record()
            self.findings.bytes_read = self.digester.bytes_read

    def _note(self, answer: Digested, names: Sequence[Candidate]) -> None:
        if answer.problem in ("gone", "changed", "not_regular"):
            self.findings.changed += len(names)
            return
        reason = answer.problem or "unreadable"
        message = answer.message or reason
        if answer.offset is not None:
            message += f" (at byte {answer.offset:,})"
        self.findings.problems += (Problem(each.path, message, reason) for each in names)


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

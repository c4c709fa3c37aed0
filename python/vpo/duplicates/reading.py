"""Reading the content of files, and recording the digests as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from vpo import times
from vpo._engine import Digested, Digester
from vpo.db import duplicates as table
from vpo.db.duplicates import Candidate, Digests
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

    def read(self, files: Sequence[Candidate], *, quick: bool) -> dict[int, str]:
        """Reads the quick hashes of files, or their full digests.

        Those that a quick hash covers get the full digest in the same reading. Returns the
        full digests by the ids of files; what cannot be read has none, and is noted.
        """
        names = _by_file(files)
        firsts = [each[0] for each in names]
        for algorithms, keys in _by_algorithms(firsts, quick=quick).items():
            self.digester.submit(_to_submit(firsts, keys), algorithms)
        found: dict[int, str] = {}
        done = 0
        unrecorded: list[Digests] = []
        committed = time.monotonic()
        try:
            while outstanding := self.digester.outstanding:
                if outstanding > MANY:
                    # To wake for each of them would take time from those who read.
                    time.sleep(GATHER_SECONDS)
                for answer in self.digester.take(POLL_SECONDS):
                    done += 1
                    unrecorded += self._take(answer, names[answer.key], found)
                now = time.monotonic()
                if len(unrecorded) >= FILES_PER_COMMIT or now - committed >= SECONDS_PER_COMMIT:
                    self._record(unrecorded)
                    unrecorded, committed = [], now
                self.go_on(100 * done / len(names))
                self.progress.reading(done, len(names))
        except BaseException:
            self.digester.stop()
            raise
        finally:
            self._record(unrecorded)
            self.findings.bytes_read = self.digester.bytes_read
        return found

    def _take(
        self, answer: Digested, names: Sequence[Candidate], found: dict[int, str]
    ) -> Iterator[Digests]:
        """Takes what the engine says of a file, for each of its names."""
        digests = answer.digests
        if digests is None:
            self._note(answer, names)
            return
        assert answer.ctime_ns is not None
        self.findings.files_read += 1
        quick = digests.get("quick")
        full = digests.get("blake3")
        known = names[0].content_hash
        if "xxh64" in digests and known != _XXH64 + digests["xxh64"]:
            # The old digest is the better witness: it is not to be overwritten.
            message = "its content is not what its recorded digest says: see `vpo verify`"
            self.findings.problems += (Problem(each.path, message, "differs") for each in names)
            return
        content_hash = None if full is None else FULL_DIGEST + full
        quick_hash = None if quick is None else bytes.fromhex(quick)
        for each in names:
            if content_hash is not None:
                found[each.id] = content_hash
            yield Digests(
                quick_hash, content_hash, answer.ctime_ns, each.id, each.size_bytes, each.mtime_ns
            )

    def _note(self, answer: Digested, names: Sequence[Candidate]) -> None:
        if answer.problem in ("gone", "changed", "not_regular"):
            self.findings.changed += len(names)
            return
        reason = answer.problem or "unreadable"
        message = answer.message or reason
        if answer.offset is not None:
            message += f" (at byte {answer.offset:,})"
        self.findings.problems += (Problem(each.path, message, reason) for each in names)

    def _record(self, digests: Sequence[Digests]) -> None:
        if not digests:
            return
        at = times.to_seconds_text(times.now())
        with self.library.transaction() as connection:
            table.record_digests(connection, digests, at)


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


def _by_algorithms(
    files: Sequence[Candidate], *, quick: bool
) -> Mapping[tuple[str, ...], list[int]]:
    """The places of files in the list, by what is to be taken of them in one reading."""
    wanted: dict[tuple[str, ...], list[int]] = {}
    for place, file in enumerate(files):
        if not quick:
            algorithms: tuple[str, ...] = ("blake3",)
        elif file.size_bytes <= QUICK_BYTES and file.digest is None:
            algorithms = ("quick", "blake3")
        else:
            algorithms = ("quick",)
        old = file.content_hash
        if old is not None and old.startswith(_XXH64) and "blake3" in algorithms:
            algorithms = (*algorithms, "xxh64")
        wanted.setdefault(algorithms, []).append(place)
    return wanted


def _to_submit(
    files: Sequence[Candidate], places: Iterable[int]
) -> Iterator[tuple[int, str | bytes, int | None, int | None, bool]]:
    for place in places:
        file = files[place]
        yield place, file.path, file.size_bytes, file.mtime_ns, False

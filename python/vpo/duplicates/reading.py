"""Reading the content of files, and recording the digests as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from vpo import times
from vpo._engine import Digested, Digester
from vpo.db import duplicates as table
from vpo.db.duplicates import Digests
from vpo.db.library import Library
from vpo.duplicates.models import Findings, Problem
from vpo.duplicates.read import BLAKE3, Read

POLL_SECONDS = 0.05

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

    def quick(self, files: Sequence[Read]) -> None:
        """Gives files their quick hashes, and those that they cover the full digest, too.

        Those that cannot be read are left without, and noted.
        """
        self._read(files, quick=True)

    def full(self, files: Sequence[Read]) -> None:
        """Gives files their full digests. Those that cannot be read are left without."""
        self._read(files, quick=False)

    def _read(self, files: Sequence[Read], *, quick: bool) -> None:
        names = _by_file(files)
        firsts = [each[0] for each in names]
        for algorithms, keys in _by_algorithms(firsts, quick=quick).items():
            self.digester.submit(_to_submit(firsts, keys), algorithms)
        done = 0
        unrecorded: list[Digests] = []
        committed = time.monotonic()
        try:
            while self.digester.outstanding:
                for answer in self.digester.take(POLL_SECONDS):
                    done += 1
                    unrecorded += self._take(answer, names[answer.key])
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

    def _take(self, answer: Digested, names: Sequence[Read]) -> Iterator[Digests]:
        """Takes what the engine says of a file, for each of its names."""
        digests = answer.digests
        if digests is None:
            self._note(answer, names)
            return
        assert answer.ctime_ns is not None
        self.findings.files_read += 1
        quick = digests.get("quick")
        full = digests.get("blake3")
        known = names[0].file.content_hash
        if "xxh64" in digests and known != _XXH64 + digests["xxh64"]:
            # The old digest is the better witness: it is not to be overwritten.
            for name in names:
                self.findings.problems.append(
                    Problem(
                        name.file.path,
                        "its content is not what its recorded digest says: see `vpo verify`",
                        "differs",
                    )
                )
            return
        for name in names:
            if quick is not None:
                name.quick_hash = bytes.fromhex(quick)
            if full is not None:
                name.content_hash = BLAKE3 + full
            yield Digests(
                name.quick_hash,
                None if full is None else name.content_hash,
                answer.ctime_ns,
                name.file.id,
                name.file.size_bytes,
                name.file.mtime_ns,
            )

    def _note(self, answer: Digested, names: Sequence[Read]) -> None:
        if answer.problem in ("gone", "changed", "not_regular"):
            self.findings.changed += len(names)
            return
        message = answer.message or answer.problem or ""
        if answer.offset is not None:
            message += f" (at byte {answer.offset:,})"
        for name in names:
            problem = Problem(name.file.path, message, answer.problem or "unreadable")
            self.findings.problems.append(problem)

    def _record(self, digests: Sequence[Digests]) -> None:
        if not digests:
            return
        at = times.to_seconds_text(times.now())
        with self.library.transaction() as connection:
            table.record_digests(connection, digests, at)


def _by_file(files: Iterable[Read]) -> list[list[Read]]:
    """The names of each file, as far as the library knows that they are of one."""
    found: dict[tuple[int, int], list[Read]] = {}
    alone: list[list[Read]] = []
    for each in files:
        file = each.file
        if file.inode is None or file.filesystem_id is None:
            alone.append([each])
        elif (names := found.get((file.filesystem_id, file.inode))) is None:
            found[file.filesystem_id, file.inode] = names = [each]
            alone.append(names)
        elif names[0].file.mtime_ns == file.mtime_ns:
            names.append(each)
        else:
            # One of them was recorded before the file changed; reading tells which.
            alone.append([each])
    return alone


def _by_algorithms(files: Sequence[Read], *, quick: bool) -> Mapping[tuple[str, ...], list[int]]:
    """The places of files in the list, by what is to be taken of them in one reading."""
    wanted: dict[tuple[str, ...], list[int]] = {}
    for place, each in enumerate(files):
        algorithms: tuple[str, ...] = ("quick",) if quick else ("blake3",)
        if quick and each.file.size_bytes <= QUICK_BYTES and each.content_hash is None:
            algorithms = ("quick", "blake3")
        old = each.file.content_hash
        if "blake3" in algorithms and old is not None and old.startswith(_XXH64):
            algorithms = (*algorithms, "xxh64")
        wanted.setdefault(algorithms, []).append(place)
    return wanted


def _to_submit(
    files: Sequence[Read], places: Iterable[int]
) -> Iterator[tuple[int, str | bytes, int | None, int | None, bool]]:
    for place in places:
        file = files[place].file
        yield place, file.path, file.size_bytes, file.mtime_ns, False

"""Reading files for a search for duplicates, and recording their digests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager

from vpo._engine import Digested, Digester
from vpo.base import times
from vpo.base.paths import StoredPath, join
from vpo.db import duplicates as table
from vpo.db.duplicates import Candidate, Content, QuickHash, Whole
from vpo.db.library import Library
from vpo.db.verification import FULL_DIGEST
from vpo.duplicates.models import Duplicates, Issue
from vpo.jobs.context import Context
from vpo.jobs.progress import Progress

POLL_SECONDS = 0.05

# While more than these are outstanding, answers are gathered for so long.
MANY = 64
GATHER_SECONDS = 0.01

# Digests are committed after so many files or seconds. A commit waits for the disk; files
# whose digests were not committed when the process is killed are read again.
FILES_PER_COMMIT = 20_000
SECONDS_PER_COMMIT = 2.0

# The quick hash (of the first and the last 64 KiB) covers all of a file up to this size.
QUICK_BYTES = 128 * 1024

_XXH64 = "xxh64:"


class DigestReader:
    """Reads files, each of them once even if it has several names."""

    def __init__(
        self, library: Library, digester: Digester, found: Duplicates, context: Context
    ) -> None:
        self.library = library
        self.digester = digester
        self.found = found
        self.context = context
        self._read: set[int] = set()
        """The IDs of files that were read, at least in part."""

    def heads(self, files: Sequence[tuple[int, StoredPath, int, int, bool]]) -> None:
        """Reads the heads of files, and records them. `files` are as the engine takes them."""
        known = {file[0]: file for file in files}
        self.digester.submit(files, ["head"])
        rows: list[tuple[int, int, int, str]] = []
        done = 0

        def record() -> None:
            # By ID, as they lie in the table.
            with self.library.transaction() as connection:
                table.record_heads(connection, sorted(rows))
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
                self._report(done, len(files))

    def quick(self, files: Sequence[Candidate]) -> dict[int, str]:
        """Reads the quick hashes of files, and records them. Notes files that cannot be read.

        Small files are read whole for that, so their full digest is recorded as well: most of
        them equal another file, because they have the same size and head. Returns these
        digests by the files' IDs.
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
        wholes: list[Whole] = []
        found: dict[int, str] = {}

        def record() -> None:
            at = times.to_text(times.now())
            with self.library.transaction() as connection:
                table.record_quick_hashes(connection, rows)
                table.record_wholes(connection, wholes, at)
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
        """Reads the full digests of files, and records them. Returns them by the files' IDs.

        Notes files that cannot be read.
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
            at = times.to_text(times.now())
            with self.library.transaction() as connection:
                table.record_contents(connection, rows, at)
            rows.clear()

        for answer, digests in self._answers(names, [rows], record):
            same = names[answer.key]
            if "xxh64" in digests and same[0].content_hash != _XXH64 + digests["xxh64"]:
                # The recorded digest may be right and the file damaged, so it must stay.
                message = "its content does not match its recorded digest; run `vpo verify`"
                self.found.issues += (Issue(file.path, message, "differs") for file in same)
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
        self,
        names: Sequence[Sequence[Candidate]],
        rows: Sequence[Sized],
        record: Callable[[], None],
    ) -> Iterator[tuple[Digested, dict[str, str]]]:
        """The answers of the engine. Notes files that it could not read.

        `rows` is what the caller makes of the answers. `record` writes `rows` to the catalogue
        and empties it.
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
                self._report(done, len(names))

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
        except BaseException:
            self.digester.stop()
            raise
        finally:
            if any(rows):
                record()
            self.found.files_read = len(self._read)
            self.found.bytes_read = self.digester.bytes_read

    def _gather(self, outstanding: int) -> None:
        """Waits a little if many answers are still to come.

        Waking for each of them would take time from the threads that read.
        """
        if outstanding > MANY:
            time.sleep(GATHER_SECONDS)

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


def _has_old_digest(file: Candidate) -> bool:
    return file.content_hash is not None and file.content_hash.startswith(_XXH64)


def _to_submit(
    names: Sequence[Sequence[Candidate]], places: Iterable[int]
) -> Iterator[tuple[int, str | bytes, int | None, int | None, bool]]:
    for place in places:
        file = names[place][0]
        yield place, join(file.directory, file.name), file.size_bytes, file.mtime_ns, False

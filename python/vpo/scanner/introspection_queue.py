"""The media of a scan that wait to be introspected, while the walk goes on.

Files to be read are `pending` in the catalogue, so that a scan which is stopped or killed
forgets none: the next scan reads them. Only their ids wait here.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable, Mapping, Sequence

from vpo._engine import MediaRows
from vpo.base.paths import StoredPath, from_stored, join
from vpo.db import file_facts
from vpo.db import media as media_table
from vpo.db.file_facts import Introspected
from vpo.db.library import Library
from vpo.media.introspection import (
    NOTHING_TAKEN,
    Introspection,
    IntrospectionRequest,
    Introspector,
    Taken,
)
from vpo.scanner.result import CountedAs, Issue, ScanResult

# The introspector gets this many files at a time, and no more while it has enough to do:
# paths and answers are what takes memory.
FILES_AT_A_TIME = 500
ENOUGH_QUEUED = 1000

# So many are recorded together while there are more to come: each statement takes them all.
WORTH_TAKING = 400

# At most this many answers are kept while others have their turn to write.
MOST_ANSWERS = 5000


# A file that takes longer is shown by its name.
SLOW_SECONDS = 3.0

# One byte per waiting file, as there may be millions.
_CODES: Mapping[CountedAs, int] = {"added": 0, "scanned": 1, "skipped": 2, "moved": 3}
_COUNTS = tuple(_CODES)


class IntrospectionQueue:
    """The files of a scan that wait to be read, and those that are being read."""

    def __init__(self, library: Library, introspector: Introspector, result: ScanResult) -> None:
        self.connection = library.connection
        self.introspector = introspector
        self.result = result
        self.may_be_moved = bool(media_table.newest_file(self.connection))
        self.done = 0
        self.errors_of_known = 0
        """Files that the catalogue knew before and that cannot be read."""
        self.first_read: dict[int, CountedAs] = {}
        """What files count as that were never read before: they may be moved ones."""
        self._waiting = array("q")
        self._counted_as = array("b")
        self._next = 0
        self._oldest: int | None = None
        self._oldest_since = 0.0
        self._taken = NOTHING_TAKEN
        self._read: dict[int, tuple[StoredPath, tuple[int, int], CountedAs, int]] = {}

    @property
    def expected(self) -> int:
        """All files that are to be read, as far as is known."""
        return self.done + len(self._read) + len(self._waiting) - self._next

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be read."""
        return self._next == len(self._waiting) and not self._read

    def slow_file(self) -> StoredPath | None:
        """The file that has waited longest for its answer, if that is long."""
        # Files are read in about the order in which they were handed over.
        oldest = next(iter(self._read), None)
        now = time.monotonic()
        if oldest != self._oldest:
            self._oldest, self._oldest_since = oldest, now
        if oldest is None or now - self._oldest_since < SLOW_SECONDS:
            return None
        return self._read[oldest][0]

    def want(self, ids: Iterable[int], counted_as: CountedAs) -> None:
        """Has files read, each at most once per scan. The result counts them as `counted_as`.

        Their records are in the catalogue, though perhaps not committed.
        """
        self._waiting.extend(ids)
        more = len(self._waiting) - len(self._counted_as)
        self._counted_as.extend([_CODES[counted_as]] * more)

    def feed(self) -> None:
        """Hands waiting files to the introspector if it has room for some."""
        while self._next < len(self._waiting) and self.introspector.queued < ENOUGH_QUEUED:
            some = slice(self._next, self._next + FILES_AT_A_TIME)
            counted_as = dict(zip(self._waiting[some], self._counted_as[some], strict=True))
            self._next += len(counted_as)
            if self._next == len(self._waiting):
                self._waiting, self._counted_as, self._next = array("q"), array("b"), 0
            files = []
            for (
                file_id,
                directory,
                name,
                kind,
                size_bytes,
                mtime_ns,
                has_quick_hash,
                is_symlink,
            ) in media_table.files_to_read(self.connection, list(counted_as)):
                # A catalogue that was tampered with may have any size.
                path, stat = join(directory, name), (max(size_bytes, 0), mtime_ns)
                count = _COUNTS[counted_as[file_id]]
                self._read[file_id] = (path, stat, count, has_quick_hash)
                files.append(
                    IntrospectionRequest(file_id, from_stored(path), kind, bool(is_symlink), stat)
                )
            self.introspector.submit(files)

    def take(self, timeout: float) -> Taken:
        """Returns what has been read. Waits up to `timeout` seconds for the first file."""
        if not self._read:
            return NOTHING_TAKEN
        taken, self._taken = self._taken, NOTHING_TAKEN
        timeout = 0.0 if taken.files else timeout
        return taken.plus(self.introspector.take(timeout, WORTH_TAKING))

    @property
    def is_worth_taking(self) -> bool:
        """Whether many files have been read."""
        return self._taken.files + self.introspector.completed >= WORTH_TAKING

    def gather(self, seconds: float) -> None:
        """Goes on reading for some seconds without recording anything."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.feed()
            if self._taken.files < min(len(self._read), MOST_ANSWERS):
                self._taken = self._taken.plus(self.introspector.take(left, WORTH_TAKING))
            else:
                time.sleep(left)

    def record(self, taken: Taken) -> None:
        """Records what was read, in the caller's transaction."""
        for rows in taken.rows:
            self._record_rows(rows)
        if taken.others:
            self._record_others(taken.others)

    def _record_rows(self, rows: MediaRows) -> None:
        """Records files that were read without a problem: nearly all."""
        if self.may_be_moved:
            for key in rows.keys:
                _, _, count, is_known = self._read[key]
                if not is_known and count in ("added", "skipped"):
                    self.first_read[key] = count
        for key in rows.keys:
            del self._read[key]
        self.done += len(rows)
        file_facts.record_read(self.connection, rows, are_new=not self.may_be_moved)

    def _record_others(self, probed: Sequence[Introspection]) -> None:
        read = []
        for each in probed:
            path, stat, count, is_known = self._read.pop(each.key)
            self.done += 1
            if each.is_gone or each.stat not in (None, stat):
                # It stays pending: the next scan finds out what became of it.
                continue
            if self.may_be_moved and not is_known and count in ("added", "skipped"):
                self.first_read[each.key] = count if each.error is None else "errors"
            read.append(
                Introspected(
                    each.key,
                    each.media,
                    each.prober,
                    each.error,
                    each.quick_hash,
                    is_passing=each.is_passing,
                )
            )
            if each.error is not None:
                # A file that cannot be read counts as an error, not as what it was taken for.
                self.result.note(Issue(path, "read", each.error), instead_of=count)
                if count != "added":
                    self.errors_of_known += 1
        file_facts.record_introspected(self.connection, read)

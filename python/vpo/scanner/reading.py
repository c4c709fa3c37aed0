"""The reading of files in a scan: what the walk finds is introspected meanwhile.

Files to be read are `pending` in the library, so that a scan which is stopped or
killed forgets none: the next one goes on with them. Here only their ids wait.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from vpo.db import media as media_table
from vpo.db.library import Library
from vpo.db.media import Finding
from vpo.media.introspection import Introspector, Probed, ToProbe
from vpo.paths import StoredPath, from_stored, join
from vpo.scanner.models import Issue, ScanResult

# So many files are handed to the introspector at a time, and no more than that
# while it has enough to do: their paths and answers are what takes memory.
FILES_AT_A_TIME = 500
ENOUGH_QUEUED = 1000


class Reading:
    """The files of a scan that wait to be read, and those being read."""

    def __init__(self, library: Library, introspector: Introspector, result: ScanResult) -> None:
        self.connection = library.connection
        self.introspector = introspector
        self.result = result
        self.done = 0
        self._waiting = array("q")
        self._next = 0
        self._read: dict[int, tuple[StoredPath, int, int]] = {}
        self._added_after = media_table.newest_file(self.connection)
        self._changed: set[int] = set()

    @property
    def expected(self) -> int:
        """All files that are to be read, as far as is known."""
        return self.done + len(self._read) + len(self._waiting) - self._next

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be read."""
        return self._next == len(self._waiting) and not self._read

    def want(self, ids: Iterable[int], *, changed: bool = False) -> None:
        """Has files read. Their record is in the library, if not committed yet."""
        ids = array("q", ids)
        self._waiting.extend(ids)
        if changed:
            self._changed.update(ids)

    def feed(self) -> None:
        """Hands waiting files to the introspector, if it can do with some."""
        while self._next < len(self._waiting) and self.introspector.queued < ENOUGH_QUEUED:
            ids = self._waiting[self._next : self._next + FILES_AT_A_TIME]
            self._next += len(ids)
            if self._next == len(self._waiting):
                self._waiting, self._next = array("q"), 0
            files, again = [], []
            for file in media_table.files_to_read(self.connection, ids.tolist()):
                if file.id in self._read:
                    # It changed while it is being read: once more, after that.
                    again.append(file.id)
                    continue
                path = join(file.directory, file.name)
                self._read[file.id] = (path, file.size_bytes, file.mtime_ns)
                files.append(ToProbe(file.id, from_stored(path), file.kind))
            self.introspector.submit(files)
            if again:
                self.want(again)
                break

    def take(self, timeout: float) -> list[Probed]:
        """What was read by now; waits up to `timeout` seconds for the first."""
        return self.introspector.take(timeout) if self._read else []

    def record(self, probed: list[Probed]) -> None:
        """Records what was read, in the caller's transaction."""
        findings = []
        for each in probed:
            path, *expected = self._read.pop(each.key)
            self.done += 1
            if each.is_gone or (each.stat is not None and list(each.stat) != expected):
                # It stays pending: the next scan sees what has become of it.
                continue
            findings.append(Finding(each.key, each.media, each.prober, each.error))
            if each.error is not None:
                self._count_error(each.key)
                self.result.note(Issue(path, "read", each.error))
        media_table.record(self.connection, findings)

    def _count_error(self, file_id: int) -> None:
        """A file that cannot be read counts as an error, not as what it was taken for."""
        if file_id > self._added_after:
            self.result.added -= 1
        elif file_id in self._changed:
            self.result.scanned -= 1
        else:
            self.result.skipped -= 1

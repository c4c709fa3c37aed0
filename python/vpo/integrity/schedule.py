"""Which files of a check the engine reads next: the stalest first, within the budget."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from itertools import accumulate

from vpo._engine import Digester
from vpo.base.paths import from_stored
from vpo.content.algorithms import RECORDED
from vpo.content.digests import algorithms_for
from vpo.content.hashing import EngineFile
from vpo.db import verification as table
from vpo.db.verification import Candidate, Due
from vpo.integrity.classify import baseline
from vpo.integrity.request import VerifyOptions
from vpo.integrity.result import Amount
from vpo.places.availability import Places

PAGE = 2000
OF_FEW = 5 * PAGE

# How much the engine gets ahead of time: enough that its threads never wait, and that a
# rotating disk is read in order for a while.
AHEAD_FILES = 8192
AHEAD_BYTES = 4 * 2**30
# If the time is limited, the engine still reads what it has got. So it gets about this many
# seconds of work, and this many bytes before it is known how fast it reads.
AHEAD_SECONDS = 2.0
AHEAD_BYTES_AT_FIRST = 64 * 2**20
AT_A_TIME = 500
# At least this many files wait in the engine, however large they are.
LEAST_QUEUED = 2


class Feed:
    """Gives the selected files to the engine."""

    def __init__(
        self,
        digester: Digester,
        places: Places,
        options: VerifyOptions,
        selected: Amount,
    ) -> None:
        """`selected` is the amount of the files that are to be checked."""
        self._digester = digester
        self._max_rate = options.max_rate
        self._places = places
        self._selected = selected
        self._pages: Iterator[list[Candidate]] = iter(())
        self._page: list[Candidate] = []
        self._mean_bytes = 0
        """The mean size of the files on the page."""
        self._asked_bytes = 0
        self._begun_bytes = 0
        """The bytes of all files that count against the budget."""
        self._began = time.monotonic()
        self.asked: dict[int, Candidate] = {}
        """Files that the engine has not answered yet, by id."""
        self.most_bytes: float | None = None
        """How many bytes the budget allows. None: no limit."""
        self._until: float | None = None
        budget = options.budget
        if budget is None:
            return
        if budget.unit == "seconds":
            self._until = self._began + budget.amount
        elif budget.unit == "bytes":
            self.most_bytes = budget.amount
        else:
            # A share of zero bytes is no limit: all files are empty then.
            self.most_bytes = selected.size_bytes * budget.amount / 100 or None

    def open(self, connection: sqlite3.Connection, due: Due) -> None:
        """Begins with the files that are due."""
        of_few = self._selected.files <= OF_FEW
        self._pages = table.candidates(connection, due, page=PAGE, of_few=of_few)

    def feed(self) -> None:
        """Gives files to the engine until it has enough or there are no more."""
        most = self._most_ahead()
        while len(self.asked) < AHEAD_FILES and (
            self._asked_bytes < most or self._digester.queued < LEAST_QUEUED
        ):
            if self._budget_is_used_up():
                return
            files = self._some_files(most - self._asked_bytes)
            if not files:
                return
            self._ask(files)

    def is_exhausted(self) -> bool:
        """Whether the engine got all selected files."""
        return not self._page and next(self._pages, None) is None

    def came_back(self, size_bytes: int) -> None:
        """Counts the bytes of files that the engine has answered."""
        self._asked_bytes -= size_bytes

    def was_not_read(self, size_bytes: int) -> None:
        """Gives the budget back for a file that the engine did not have to read."""
        self._begun_bytes -= size_bytes

    def _budget_is_used_up(self) -> bool:
        if self._until is not None:
            return time.monotonic() >= self._until
        return self.most_bytes is not None and self._begun_bytes >= self.most_bytes

    def _most_ahead(self) -> int:
        """How many bytes the engine gets ahead of time."""
        if self._until is None:
            return AHEAD_BYTES
        took = time.monotonic() - self._began
        most = AHEAD_BYTES_AT_FIRST
        if took > AHEAD_SECONDS:
            most = int(self._digester.bytes_read * AHEAD_SECONDS / took)
        if self._max_rate is not None:
            most = min(most, int(self._max_rate * AHEAD_SECONDS))
        return min(most, AHEAD_BYTES)

    def _some_files(self, room: int) -> list[Candidate]:
        """The next files of a page, of about `room` bytes; none if there are no more."""
        if not self._page:
            self._page = next(self._pages, [])
            self._mean_bytes = sum(file.size_bytes for file in self._page) // (len(self._page) or 1)
        count = min(AT_A_TIME, max(room // max(self._mean_bytes, 1), 1))
        if self.most_bytes is not None:
            # Not one more than it takes to reach it.
            room = int(self.most_bytes) - self._begun_bytes
            sizes = accumulate(file.size_bytes for file in self._page[:count])
            count = next((number for number, size in enumerate(sizes, 1) if size >= room), count)
        files, self._page = self._page[:count], self._page[count:]
        return files

    def _ask(self, files: list[Candidate]) -> None:
        if self._places.offline:
            is_offline = self._places.is_offline
            files = [file for file in files if not is_offline(from_stored(file.path))]
        plain = [_as_recorded(file) for file in files if file.is_plain]
        self.asked.update((file.id, file) for file in files)
        of_all = sum(file.size_bytes for file in files)
        self._asked_bytes += of_all
        self._begun_bytes += of_all
        self._digester.submit(plain, (RECORDED.name,))
        if len(plain) == len(files):
            return
        for file in files:
            if file.is_plain:
                continue
            digest, _ = baseline(file)
            expected = _as_recorded(file)
            if file.damage is not None:
                # Its content counts, whatever its mtime is by now.
                expected = (file.id, file.path, None, None, bool(file.is_symlink), None)
            self._digester.submit([expected], algorithms_for(digest))


def _as_recorded(file: Candidate) -> EngineFile:
    """A file that is read only if it is as its record says."""
    return (
        file.id,
        file.path,
        file.size_bytes,
        file.mtime_ns,
        bool(file.is_symlink),
        file.linked_inode,
    )

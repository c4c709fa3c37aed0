"""Which files of a check go to the engine, and when: the stalest first, within the budget."""

from __future__ import annotations

import sqlite3
import time
from itertools import accumulate

from vpo._engine import Digester
from vpo.base.paths import from_stored
from vpo.db import verification as table
from vpo.db.verification import Candidate, Due
from vpo.integrity.models import Amount, VerifyOptions, baseline
from vpo.places.availability import Places

PAGE = 2000
OF_FEW = 5 * PAGE

# What is handed to the engine ahead of time: enough that its threads never wait,
# and that a rotating disk is read in order for a while.
AHEAD_FILES = 8192
AHEAD_BYTES = 4 * 2**30
# Where the time is limited, what was handed over is still read: about so much of that,
# and at first, before it is known how fast that goes, so many bytes.
AHEAD_SECONDS = 2.0
AHEAD_BYTES_AT_FIRST = 64 * 2**20
AT_A_TIME = 500
# At least so many wait to be begun with, however large.
LEAST_QUEUED = 2

# What a record can hold: `xxh64` of an earlier program, others of manifests.
_COMPARABLE = ("xxh64", "sha256", "sha512", "sha1", "md5")


class Feed:
    """Hands the selected files to the engine."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        digester: Digester,
        due: Due,
        selected: Amount,
        options: VerifyOptions,
        places: Places,
    ) -> None:
        """`selected` is the amount of the files that are due."""
        self._digester = digester
        self._max_rate = options.max_rate
        self._places = places
        of_few = selected.files <= OF_FEW
        self._pages = table.candidates(connection, due, page=PAGE, of_few=of_few)
        self._page: list[Candidate] = []
        self._mean_bytes = 0
        """Of the files of the page."""
        self._asked_bytes = 0
        self._begun_bytes = 0
        """Of all files that were handed over and not found to be others."""
        self._began = time.monotonic()
        self.asked: dict[int, Candidate] = {}
        """Files whose answers are still to come."""
        self.most_bytes: float | None = None
        """What the budget allows."""
        self._until: float | None = None
        budget = options.budget
        if budget is None:
            return
        if budget.unit == "seconds":
            self._until = self._began + budget.amount
        elif budget.unit == "bytes":
            self.most_bytes = budget.amount
        else:
            # Of nothing there is no share: then they are all empty files.
            self.most_bytes = selected.size_bytes * budget.amount / 100 or None

    def feed(self) -> None:
        """Hands files to the engine, until it has enough or there are no more."""
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
        """Whether no selected file is left that was not handed over."""
        return not self._page and next(self._pages, None) is None

    def came_back(self, size_bytes: int) -> None:
        """Counts files, of so many bytes, that there was an answer for."""
        self._asked_bytes -= size_bytes

    def was_not_read(self, size_bytes: int) -> None:
        """Gives the budget of a file back whose answer took no reading."""
        self._begun_bytes -= size_bytes

    def _budget_is_used_up(self) -> bool:
        if self._until is not None:
            return time.monotonic() >= self._until
        return self.most_bytes is not None and self._begun_bytes >= self.most_bytes

    def _most_ahead(self) -> int:
        """How many bytes are handed to the engine ahead of time."""
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
        plain = [
            (file.id, file.path, file.size_bytes, file.mtime_ns, bool(file.is_symlink))
            for file in files
            if file.is_plain
        ]
        self.asked.update((file.id, file) for file in files)
        of_all = sum(file.size_bytes for file in files)
        self._asked_bytes += of_all
        self._begun_bytes += of_all
        self._digester.submit(plain, ("blake3",))
        if len(plain) == len(files):
            return
        for file in files:
            if file.is_plain:
                continue
            digest, _ = baseline(file)
            # Of a damaged file it is the content that counts, whatever its mtime is by now.
            is_damaged = file.damage is not None
            size_bytes = None if is_damaged else file.size_bytes
            mtime_ns = None if is_damaged else file.mtime_ns
            self._digester.submit(
                [(file.id, file.path, size_bytes, mtime_ns, bool(file.is_symlink))],
                _digests_for(digest),
            )


def _digests_for(recorded: str | None) -> tuple[str, ...]:
    """What to make of a file: the digest that is recorded in the end, and what it is held against.

    What vpo does not know is no digest, and the content counts as new.
    """
    if recorded is None or recorded.startswith(table.FULL_DIGEST):
        return ("blake3",)
    algorithm = recorded.partition(":")[0]
    return ("blake3", algorithm) if algorithm in _COMPARABLE else ("blake3",)

"""What the work of a job is told while it runs, and what it tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vpo.base.errors import EXIT_NOT_DONE, EXIT_SIGINT
from vpo.base.paths import StoredPath


class StoppedError(Exception):
    """The work is to stop at the next safe point; what was done is kept."""

    message = "Stopped before it was done"

    def __init__(self, exit_status: int = EXIT_SIGINT) -> None:
        super().__init__(self.message)
        self.exit_status = exit_status


class CancelledError(StoppedError):
    """`vpo jobs cancel` asked for it."""

    message = "Cancelled"

    def __init__(self) -> None:
        super().__init__(EXIT_NOT_DONE)


class OutOfTimeError(StoppedError):
    """The worker's time is over."""

    message = "Stopped as the time was over"


ShouldStop = Callable[[], StoppedError | None]


class Counts(Protocol):
    """How far some work is."""

    @property
    def files(self) -> int: ...

    @property
    def directories(self) -> int: ...


class Reporter(Protocol):
    """Who is told what some work is doing."""

    def progress(self, read: Callable[[], Counts], expected: int | None) -> None:
        """Called some twenty times a second; `expected` files, if that is known."""

    def reading(self, done: int, expected: int) -> None:
        """Called as often while files are read; `expected` is how many in all."""

    def file(self, change: str, path: StoredPath, before: StoredPath | None = None) -> None:
        """Called for each file added, changed, moved (from `before`), removed, returned, pruned."""

    wants_files: bool

"""Log records, made with the standard module `logging`.

A record carries facts: `extra=facts(path=…)`. `bound` adds facts to all records inside a
block, including records of other packages.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_bound: ContextVar[Mapping[str, object] | None] = ContextVar("bound", default=None)


def facts(**values: object) -> dict[str, dict[str, object]]:
    """Facts for one record: `logger.info("Scan started", extra=facts(directory=…))`."""
    return {"context": values}


def shown(**values: object) -> dict[str, object]:
    """Facts for a record whose content the command also shows, in its own words."""
    return {"context": values, "is_shown": True}


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Adds facts to every record inside the block."""
    token = _bound.set({**bound_facts(), **values})
    try:
        yield
    finally:
        _bound.reset(token)


def bound_facts() -> Mapping[str, object]:
    """The facts of all enclosing `bound` blocks."""
    return _bound.get() or {}


class Phases:
    """Logs how long each phase of some work took, at level `debug`."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._begin = time.perf_counter()

    def done(self, phase: str) -> None:
        """Ends a phase and starts the next one."""
        now = time.perf_counter()
        self._logger.debug(
            "Took time", extra=facts(phase=phase, seconds=round(now - self._begin, 6))
        )
        self._begin = now

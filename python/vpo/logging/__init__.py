"""What the program says of its work for machines and for later: standard `logging`, set up.

Records carry facts as `extra=facts(path=…)`; `bound` adds some to all records
of a stretch of work, those of libraries included.
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
    """As `facts`, of a record that the user is told in other words as well."""
    return {"context": values, "is_shown": True}


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Adds facts to every record inside."""
    token = _bound.set({**bound_facts(), **values})
    try:
        yield
    finally:
        _bound.reset(token)


def bound_facts() -> Mapping[str, object]:
    """The facts of all enclosing `bound`."""
    return _bound.get() or {}


class Phases:
    """Logs, at `debug`, how long each stretch of a piece of work took."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._begin = time.perf_counter()

    def done(self, phase: str) -> None:
        """Ends a phase, and begins the next."""
        now = time.perf_counter()
        self._logger.debug(
            "Took time", extra=facts(phase=phase, seconds=round(now - self._begin, 6))
        )
        self._begin = now

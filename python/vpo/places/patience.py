"""Looks at places that may never answer: a share whose server is gone hangs whoever asks it.

Nothing can end such a call, and a process cannot end before its calls have ended. So a child of
its own asks each place. If no answer comes in time, the child is left behind.
"""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from vpo.base.errors import RootOfflineError
from vpo.base.paths import display, to_stored

# A disk that was spun down needs up to ten seconds to start, but most answers are in memory.
ANSWER_SECONDS = 10.0

# An answer counts for this long: a scan looks at its root at several points before it begins.
FRESH_SECONDS = 5.0

# Work that gets no further for this long asks whether its file system still answers.
STALLED_SECONDS = 30.0

_ANSWER = struct.Struct("=?QQ")


class Space(NamedTuple):
    """The space on a file system, in bytes."""

    free: int
    total: int


class _Question:
    """A child that asks for the space at a place."""

    def __init__(self, place: bytes) -> None:
        self._reader, writer = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            # Nothing here may raise, or run what the parent has registered.
            with suppress(BaseException):
                _let_go_of_all_but(writer)
                os.write(writer, _ask(place))
            os._exit(0)
        os.close(writer)

    def answer(self, until: float) -> bytes | None:
        """What the child found. None if it has not answered by then."""
        left = max(until - time.monotonic(), 0.0)
        if not select.select([self._reader], [], [], left)[0]:
            return None
        found = os.read(self._reader, _ANSWER.size)
        os.close(self._reader)
        with suppress(ChildProcessError):
            os.waitpid(self._child, 0)
        return found


def _let_go_of_all_but(descriptor: int) -> None:
    """Closes what the child has inherited, as others wait for the end of a pipe."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    most = os.sysconf("SC_OPEN_MAX")
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, most if 0 < most <= 1 << 20 else 1 << 16)


_pending: dict[bytes, _Question] = {}
"""The questions that were not answered yet."""


def _ask(place: bytes) -> bytes:
    # Unlike the status of a file, this is not kept in memory.
    try:
        found = os.statvfs(place)
    except OSError:
        return _ANSWER.pack(False, 0, 0)
    return _ANSWER.pack(True, found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


def spaces(places: Iterable[bytes]) -> dict[bytes, Space | None]:
    """The space on the file systems of these places, None where there is an error.

    Places that do not answer are left out. A place that did not answer before gets no more time.
    """
    until = time.monotonic() + ANSWER_SECONDS
    known = set(_pending)
    for place in places:
        if place not in _pending:
            _pending[place] = _Question(place)
    found: dict[bytes, Space | None] = {}
    for place in dict.fromkeys(places):
        answer = _pending[place].answer(0.0 if place in known else until)
        if answer is None:
            continue
        del _pending[place]
        if place in known:
            # That was an old answer.
            found.update(spaces([place]))
            continue
        is_there, free, total = _ANSWER.unpack(answer) if answer else (False, 0, 0)
        found[place] = Space(free, total) if is_there else None
    return found


_answered: dict[bytes, float] = {}
"""When places have last answered `answers`."""


def answers(place: bytes) -> bool:
    """Whether the file system at a place answers, or has just answered.

    An error is an answer, too.
    """
    if time.monotonic() - _answered.get(place, float("-inf")) < FRESH_SECONDS:
        return True
    is_there = place in spaces([place])
    if is_there:
        _answered[place] = time.monotonic()
    return is_there


def no_answer(root: bytes) -> RootOfflineError:
    """The error for a root whose file system does not answer."""
    return RootOfflineError(
        f"`{display(to_stored(root))}` does not answer",
        hint="Nothing was marked missing. Check the disk, or the server of the share.",
        hangs=True,
    )


class Watch:
    """Notices work in a root that gets no further because the file system hangs."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._moved = time.monotonic()
        self._mark: object = None

    def see(self, mark: object) -> None:
        """Takes note of how far the work is: a value that changes while it goes on.

        Raises RootOfflineError if it has not changed for long and the file system hangs.
        """
        now = time.monotonic()
        if mark != self._mark:
            self._mark, self._moved = mark, now
        elif now - self._moved >= STALLED_SECONDS:
            if self._root not in spaces([self._root]):
                raise no_answer(self._root)
            # It is only slow.
            self._moved = time.monotonic()

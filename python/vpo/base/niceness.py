"""Giving way to others: processor and disk are theirs if they want them."""

from __future__ import annotations

import contextlib
import os

from vpo._engine import set_idle_io

# As `nice` alone has it.
NICENESS = 10


def be_nice() -> None:
    """Lowers the priority of this process, and of the threads that it starts from now on."""
    os.nice(NICENESS)
    # In some containers it is not allowed; then it is as nice as it can be.
    with contextlib.suppress(OSError):
        set_idle_io()

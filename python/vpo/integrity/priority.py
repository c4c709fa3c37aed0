"""Giving way to others: processor and disk are theirs if they want them."""

from __future__ import annotations

import os

# As `nice` alone has it.
NICENESS = 10


def be_nice() -> None:
    """Lowers the priority of this process, and of the threads that it starts from now on."""
    os.nice(NICENESS)

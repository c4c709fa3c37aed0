"""Low priority: other processes get the processor and the disk first."""

from __future__ import annotations

import contextlib
import os

from vpo._engine import set_idle_io

# The default of the command `nice`.
NICENESS = 10


def be_nice() -> None:
    """Lowers the priority of this process and of the threads that it starts later."""
    os.nice(NICENESS)
    # Some containers do not allow this. Then only the processor has a low priority.
    with contextlib.suppress(OSError):
        set_idle_io()

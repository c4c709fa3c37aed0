"""The roots beneath which files of a catalogue are opened.

vpo may run as root over directories of other users, who can swap any name below a root for a link
at any moment. So vpo opens a root once, and everything else relative to it, without links on the
way (`vpo._engine.Roots`). Directories that a scan with `--follow-symlinks` has reached through a
link are the exception.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable
from itertools import chain

from vpo._engine import Roots
from vpo.base.paths import StoredPath
from vpo.db import counts
from vpo.db import directories as directory_table


def roots_of(connection: sqlite3.Connection, also: Iterable[StoredPath] = ()) -> Roots:
    """The roots of a catalogue. `also` are roots that it does not have yet."""
    known = (root.path for root in counts.list_roots(connection))
    return Roots(chain(also, known), directory_table.linked_directories(connection))


def status_of(roots: Roots, path: bytes) -> os.stat_result:
    """The status of a file or link beneath one of the roots. Raises OSError."""
    directory = roots.open_directory(os.path.dirname(path))
    try:
        return os.stat(os.path.basename(path), dir_fd=directory, follow_symlinks=False)
    finally:
        os.close(directory)


def mode_of_directory(roots: Roots, path: bytes) -> int:
    """The permissions of a directory beneath one of the roots. Raises OSError."""
    directory = roots.open_directory(path)
    try:
        return stat.S_IMODE(os.fstat(directory).st_mode)
    finally:
        os.close(directory)

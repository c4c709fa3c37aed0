"""Whether a file system has given all its files other inode numbers since the last scan.

Some do at each mount: overlays, and shares of servers that number files anew. Then another inode
does not mean that another file has taken a name.
"""

from __future__ import annotations

import os

from vpo.base.paths import display, from_stored, join, to_stored
from vpo.db import files as file_table
from vpo.places.filesystems import filesystem_kind
from vpo.scanner.state import ScanState

# So many files are looked at, each in another directory. With fewer than the least number, it may
# be chance.
MOST_FILES = 32
LEAST_FILES = 3


def have_inodes_changed(state: ScanState) -> bool:
    """Looks at some known files. True if they are as recorded, but none has its inode."""
    try:
        device = os.stat(state.root).st_dev
    except OSError:
        return False
    if filesystem_kind(state.root, device).holds_its_files:
        return False
    looked_at = 0
    for file in file_table.some_with_inodes(state.connection, state.root, most=MOST_FILES):
        try:
            found = os.lstat(from_stored(join(file.directory, file.name)))
        except OSError:
            continue
        if found.st_dev != device or (found.st_size, found.st_mtime_ns) != (
            file.size_bytes,
            file.mtime_ns,
        ):
            continue
        # The catalogue has signed numbers.
        if (found.st_ino - file.inode) % (1 << 64) == 0:
            return False
        looked_at += 1
    if looked_at < LEAST_FILES:
        return False
    state.result.warnings.append(
        f"The file system of `{display(to_stored(state.root))}` has given its files other inode"
        " numbers since the last scan. This scan ignores them"
    )
    return True

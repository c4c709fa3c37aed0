"""Which files share their storage (reflinks): such copies take no space of their own."""

from __future__ import annotations

import os
from collections.abc import Callable

from vpo._engine import Roots
from vpo.base.paths import StoredPath, from_stored

StorageOf = Callable[[StoredPath, int, Roots], "bytes | None"]
"""Where a file (path and `st_dev`) beneath one of the roots is stored.

None: it is not known to share its storage.
"""

# The file systems on which files can share storage. On others, files need not be opened.
_SHARING = (b"btrfs", b"xfs", b"bcachefs", b"ocfs2", b"zfs", b"overlay")


def storage_lookup() -> StorageOf | None:
    """A function that returns where a file is stored.

    None if no mounted file system lets files share storage.
    """
    try:
        with open("/proc/self/mountinfo", "rb") as mounts:
            table = mounts.read()
    except OSError:
        # The file systems are not known, so every file is looked at.
        return _storage_of
    return _storage_of if any(b" - " + kind in table for kind in _SHARING) else None


def _storage_of(path: StoredPath, device: int, roots: Roots) -> bytes | None:
    if not _can_share(device, os.path.dirname(from_stored(path))):
        return None
    from vpo._engine import storage_of

    try:
        return storage_of(path, roots)
    except OSError:
        # It has disappeared, or cannot be opened.
        return None


_known: dict[int, bool] = {}


def _can_share(device: int, directory: bytes) -> bool:
    """Whether files with this `st_dev` can share storage."""
    if device not in _known:
        from vpo.places.filesystems import identity

        name = identity(directory, device)
        _known[device] = name is None or name.encode().startswith(_SHARING)
    return _known[device]

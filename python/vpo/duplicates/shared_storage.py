"""Which files share their storage (reflinks): such copies take no space of their own."""

from __future__ import annotations

from collections.abc import Callable

from vpo._engine import Roots
from vpo.base.paths import StoredPath
from vpo.places.filesystems import filesystem_kind, may_share_content

StorageOf = Callable[[StoredPath, int, Roots], "bytes | None"]
"""Where a file (path and `st_dev`) beneath one of the roots is stored.

None: it is not known to share its storage.
"""


def storage_lookup() -> StorageOf | None:
    """A function that returns where a file is stored.

    None if no mounted file system lets files share storage.
    """
    return _storage_of if may_share_content() else None


def _storage_of(path: StoredPath, device: int, roots: Roots) -> bytes | None:
    if not filesystem_kind(path, device).shares_content:
        return None
    from vpo._engine import storage_of

    try:
        return storage_of(path, roots)
    except OSError:
        # It has disappeared, or cannot be opened.
        return None

"""Writing the names in directories to the disk."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

from vpo._engine import Roots
from vpo.base.paths import StoredPath, from_stored, to_stored
from vpo.logging import facts

logger = logging.getLogger(__name__)


def sync_directories(roots: Roots, paths: Iterable[StoredPath]) -> None:
    """Writes the directories that hold these files to the disk, where the file system can."""
    for directory in {os.path.dirname(from_stored(path)) for path in paths}:
        try:
            descriptor = roots.open_directory(directory)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            # Some file systems cannot do this. After a crash, settlement looks at the disk.
            logger.debug(
                "The directory could not be synced: %s",
                error.strerror,
                extra=facts(path=to_stored(directory)),
            )

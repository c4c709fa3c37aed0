"""What exports of every format share: their state, and what they check."""

from __future__ import annotations

from dataclasses import dataclass

from vpo._engine import Roots
from vpo.base.errors import IsABagError, NothingToListError, RootOfflineError
from vpo.base.paths import display, to_stored
from vpo.db.library import Library
from vpo.jobs.context import Context
from vpo.manifest.bag import is_bag
from vpo.manifest.request import ExportRequest
from vpo.manifest.results import ExportResult
from vpo.places.availability import MOUNT_HINT

# Left-out files that an error lists.
FILES_OF_ERROR = 10


@dataclass(frozen=True)
class Export:
    """An export while it runs."""

    library: Library
    request: ExportRequest
    context: Context
    result: ExportResult
    roots: Roots
    """Where files are opened."""


def check_directory(directory: bytes) -> None:
    """Raises IsABagError for a bag, which has manifests already."""
    if is_bag(directory):
        raise IsABagError(
            f"`{display(to_stored(directory))}` is a BagIt bag, so it has manifests already",
            hint="Check the bag with `vpo verify import`.",
        )


def check_any(result: ExportResult) -> None:
    """Raises an error if no file could be listed: an empty manifest must not replace another.

    Raises RootOfflineError if a place is not available, else NothingToListError.
    """
    if result.files:
        return
    if result.offline is not None:
        message = result.offline.message
        raise RootOfflineError(message[:1].upper() + message[1:], hint=MOUNT_HINT)
    shown = display(to_stored(result.directory))
    raise NothingToListError(
        f"None of the catalogue's files below `{shown}` can be listed"
        f" ({result.left_out:,} left out)",
        hint="No manifest was written.",
        left_out=result.left_out,
        issues=[file.to_dict() for file in result.left_out_files[:FILES_OF_ERROR]],
    )

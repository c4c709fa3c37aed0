"""What a search for duplicates is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vpo.base.paths import StoredPath, to_json, to_stored
from vpo.db.selection import Selection
from vpo.duplicates.keep_rules import KeepRules
from vpo.jobs.operations import OPERATIONS

if TYPE_CHECKING:
    from vpo.jobs.conflicts import JobToRun

__all__ = ["ACTIONS", "DuplicatesRequest", "Selection"]

ACTIONS = tuple(kind.name for kind in OPERATIONS.values() if kind.duplicates is not None)
"""The kinds of operation that `vpo duplicates` can do."""


@dataclass(frozen=True)
class DuplicatesRequest:
    """Which files to compare, and what to do with duplicates."""

    selection: Selection = field(default_factory=Selection)
    keep: KeepRules = field(default_factory=KeepRules)
    action: str | None = None
    """One of ACTIONS. None: files are only compared."""
    dry_run: bool = False
    """Whether the action is only planned."""

    @property
    def changes_files(self) -> bool:
        """Whether files are changed."""
        return self.action is not None and not self.dry_run

    def to_json(self) -> str:
        """The request as the job's record has it."""
        import orjson

        return orjson.dumps(
            {
                "under": [_to_json(directory) for directory in self.selection.places],
                "kinds": self.selection.kinds,
                "min_size": self.selection.least_bytes,
                "action": self.action if self.changes_files else None,
                "keep": [_to_json(directory) for directory in self.keep.directories],
                "prefer": self.keep.prefer,
            }
        ).decode()

    def to_job(self, path: StoredPath) -> JobToRun:
        """The job that does it. `path` is a directory that holds all selected files."""
        from vpo.jobs.conflicts import JobToRun
        from vpo.jobs.kinds import KINDS

        return JobToRun(KINDS["duplicates"], path, self.to_json())


def _to_json(directory: bytes) -> object:
    stored = to_stored(directory)
    return stored if isinstance(stored, str) else to_json(stored)

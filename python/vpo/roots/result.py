"""What changing roots answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vpo.base.paths import display, to_json, to_stored
from vpo.db.root_removal import Extents
from vpo.jobs.record import JobRecord, JobResult

Action = Literal["remove", "move", "merge"]


@dataclass
class RootsResult(JobResult):
    """What was done to roots, or would be."""

    action: Action
    path: bytes
    """The root that is changed."""
    target: bytes | None = None
    """Where their records belong from now on."""
    dry_run: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    """How many files, directories, digests, … this is about."""
    comparison: dict[str, int] = field(default_factory=dict)
    """How the files of a sample compare with those at the new place."""
    warnings: list[str] = field(default_factory=list)
    """What people should know, and is not an error."""

    def measured(self, found: Extents) -> None:
        """Takes the counts of the records that this is about."""
        self.counts = {
            "files": sum(found.files.values()),
            **found.files,
            "bytes": found.size_bytes,
            "directories": found.directories,
            "digests": found.digests,
            "damaged": found.damaged,
            "actions": found.actions,
            "undoable": found.undoable,
        }

    @property
    def is_all_well(self) -> bool:
        """Always: what fails raises an error."""
        return True

    def in_words(self) -> str:
        """The action and the number of files, in one line."""
        where = "" if self.target is None else f" to {display(to_stored(self.target))}"
        return f"{self.action}{where}: {self.counts.get('files', 0):,} files"

    def record(self) -> JobRecord:
        """The result as the job's record has it."""
        summary: dict[str, object] = {"action": self.action, **self.counts}
        if self.target is not None:
            summary |= to_json(to_stored(self.target), "target")
        return JobRecord(summary)

    def to_dict(self) -> dict[str, object]:
        """The result as JSON."""
        target: dict[str, object] = {"target": None}
        if self.target is not None:
            target = {**to_json(to_stored(self.target), "target")}
        return {
            "job_id": self.job_id,
            "action": self.action,
            "dry_run": self.dry_run,
            **to_json(to_stored(self.path)),
            **target,
            **self.counts,
            **self.comparison,
            "warnings": self.warnings,
        }

"""What a scan answers: its counts, what happened to files, and what went wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from vpo.base import times
from vpo.base.paths import StoredPath, display, to_json, to_stored
from vpo.jobs.record import LISTED_ISSUES, JobRecord, JobResult, PathList

if TYPE_CHECKING:
    # Imported when content is verified: most scans do not.
    from vpo.integrity.findings import Finding
    from vpo.integrity.result import VerifyResult

CountedAs = Literal["added", "scanned", "skipped", "moved", "errors"]
"""What a scan counts a file as: `scanned` means that it has changed, `skipped` that it has not."""

Change = Literal["added", "changed", "moved", "removed", "returned", "pruned"]
"""What happened to a file."""

CHANGES: tuple[Change, ...] = ("added", "changed", "moved", "removed", "returned", "pruned")


@dataclass(frozen=True)
class Issue:
    """A place that the scan could not look at, or could not believe."""

    path: StoredPath
    operation: str
    message: str
    errno: int | None = None

    @classmethod
    def from_errno(cls, path: StoredPath, operation: str, errno: int) -> Issue:
        """An issue that the system reported."""
        return cls(path, operation, os.strerror(errno), errno)

    def __str__(self) -> str:
        return f"cannot {self.operation} `{display(self.path)}`: {self.message}"

    def to_dict(self) -> dict[str, object]:
        """The issue as JSON."""
        return {
            **to_json(self.path),
            "operation": self.operation,
            "errno": self.errno,
            "message": self.message,
        }


class Tally:
    """How many files a scan counts as what. Each file that it found counts once."""

    def __init__(self) -> None:
        self._counts: dict[CountedAs, int] = {
            "scanned": 0,
            "skipped": 0,
            "added": 0,
            "moved": 0,
            "errors": 0,
        }

    def __getitem__(self, counted_as: CountedAs) -> int:
        return self._counts[counted_as]

    def add(self, counted_as: CountedAs, count: int = 1) -> None:
        """Counts files that were not counted yet."""
        self._counts[counted_as] += count

    def move(self, before: CountedAs, now: CountedAs, count: int = 1) -> None:
        """Counts files as something else than before."""
        self._counts[before] -= count
        self._counts[now] += count

    @property
    def total(self) -> int:
        """All files that were found."""
        return sum(self._counts.values())


@dataclass
class ScanResult(JobResult):
    """The outcome of a scan of one directory."""

    directory: bytes
    incremental: bool = True
    dry_run: bool = False
    tally: Tally = field(default_factory=Tally)
    removed: int = 0
    """Files that are newly missing (with `--prune`: their records are deleted)."""
    excluded: int = 0
    """Known files that the rules leave out, if the rules have changed. Their records stay."""
    issues: list[Issue] = field(default_factory=list)
    """The first of them; the tally counts all."""
    warnings: list[str] = field(default_factory=list)
    """What could have been better, and is not an error."""
    affected: dict[Change, PathList] = field(
        default_factory=lambda: {change: PathList() for change in CHANGES}
    )
    verification: VerifyResult | None = None
    """What reading all content found, if that was asked for."""

    @property
    def is_all_well(self) -> bool:
        """Whether there is nothing that somebody should look at."""
        return not (self.tally["errors"] or (self.verification and self.verification.found))

    @property
    def pruned(self) -> int:
        """Records that were deleted, of missing files or of files that the rules leave out."""
        return self.affected["pruned"].count

    def note(self, issue: Issue, *, instead_of: CountedAs | None = None) -> None:
        """Counts an issue, and lists it while there is room.

        `instead_of` is what its file was counted as before.
        """
        if instead_of is None:
            self.tally.add("errors")
        else:
            self.tally.move(instead_of, "errors")
        if len(self.issues) < LISTED_ISSUES:
            self.issues.append(issue)

    def counts(self) -> dict[str, int]:
        """The counts of the summary, always in this order."""
        tally = self.tally
        return {
            "total_discovered": tally.total,
            "scanned": tally["scanned"],
            "skipped": tally["skipped"],
            "added": tally["added"],
            "moved": tally["moved"],
            "removed": self.removed,
            "errors": tally["errors"],
        }

    def in_words(self) -> str:
        """The counts that matter, in one line."""
        tally = self.tally
        return (
            f"{tally['added']:,} added, {tally['scanned']:,} changed, {tally['moved']:,} moved,"
            f" {self.removed:,} removed, {tally['skipped']:,} unchanged,"
            f" {tally['errors']:,} errors"
        )

    def record(self) -> JobRecord:
        """The result as the job's record has it."""
        summary: dict[str, object] = dict(self.counts())
        damaged: list[Finding] = []
        if self.verification is not None:
            summary["verification"] = self.verification.summary()
            damaged = self.verification.damaged()
        return JobRecord(
            summary,
            affected={str(change): paths for change, paths in self.affected.items()},
            issues=[
                *(each.to_dict() for each in self.issues),
                *(each.to_dict() for each in damaged),
            ],
            issue_count=self.tally["errors"] + len(damaged),
        )

    def to_dict(self) -> dict[str, object]:
        """The result as JSON (see the command-line contract)."""
        return {
            "job_id": self.job_id,
            **to_json(to_stored(self.directory), "directory"),
            "started_at": times.to_text(self.started_at),
            "completed_at": times.to_text(self.completed_at) if self.completed_at else None,
            "duration_seconds": round(self.duration_seconds, 3),
            "incremental": self.incremental,
            "dry_run": self.dry_run,
            **self.counts(),
            "pruned": self.pruned,
            "excluded": self.excluded,
            "issues": [issue.to_dict() for issue in self.issues],
            "warnings": self.warnings,
            **self._verification_to_dict(),
        }

    def _verification_to_dict(self) -> Mapping[str, object]:
        found = self.verification
        if found is None:
            return {}
        findings = [finding.to_dict() for finding in found.findings]
        return {"verification": {**found.summary(), "findings": findings}}

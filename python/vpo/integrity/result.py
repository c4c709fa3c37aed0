"""What a check of files answers: counts, findings, and places that are not there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from vpo.base import times
from vpo.base.paths import to_json, to_stored
from vpo.integrity.classify import Verdict
from vpo.integrity.findings import Finding
from vpo.jobs.record import LISTED_ISSUES, JobRecord, JobResult, PathList
from vpo.places.availability import Offline


class Amount(NamedTuple):
    """A number of files, and their bytes."""

    files: int
    size_bytes: int = 0


NOTHING = Amount(0, 0)

COUNTS = (
    "verified",
    "new",
    "modified",
    "damaged",
    "unreadable",
    "missing",
    "restored",
    "changing",
)


@dataclass
class VerifyResult(JobResult):
    """The outcome of a check."""

    paths: tuple[bytes, ...]
    """What was to be checked. Empty: the whole library."""
    selected: Amount = NOTHING
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    size_bytes: int = 0
    """Bytes of the files that were read to their end."""
    findings: list[Finding] = field(default_factory=list)
    """The first files that are not as they should be."""
    offline: list[Offline] = field(default_factory=list)
    affected: dict[str, PathList] = field(default_factory=dict)
    is_complete: bool = False
    """Whether the check went through all selected files. With a budget it may not."""

    def count(self, verdict: Verdict) -> None:
        """Counts one file."""
        self.counts[_count_of(verdict)] += 1

    def note(self, finding: Finding) -> None:
        """Counts a file, and lists it while there is room."""
        name = _count_of(finding.verdict)
        self.counts[name] += 1
        self.affected.setdefault(name, PathList()).add(finding.path)
        is_wrong = finding.verdict not in ("restored", "modified")
        if is_wrong and len(self.findings) < LISTED_ISSUES:
            self.findings.append(finding)

    @property
    def checked(self) -> int:
        """Files with a verdict."""
        return sum(self.counts.values())

    @property
    def found(self) -> int:
        """Files that are not as they should be, and places that are not there."""
        wrong = ("damaged", "unreadable", "missing", "changing")
        return sum(self.counts[name] for name in wrong) + len(self.offline)

    @property
    def is_all_well(self) -> bool:
        """Whether nothing was found."""
        return not self.found

    def damaged(self) -> list[Finding]:
        """The findings of files whose content is not what it was."""
        return [each for each in self.findings if _count_of(each.verdict) == "damaged"]

    def summary(self) -> dict[str, int]:
        """The counts of the job's record, always in this order."""
        return {**self.counts, "bytes": self.size_bytes}

    def failure(self) -> str | None:
        """Why the job failed: `3 files are damaged, 1 is unreadable`. None if it did not."""
        parts: list[str] = []
        for name in ("damaged", "unreadable"):
            if count := self.counts[name]:
                noun = "" if parts else (" file" if count == 1 else " files")
                parts.append(f"{count:,}{noun} {'is' if count == 1 else 'are'} {name}")
        return ", ".join(parts) or None

    def in_words(self) -> str:
        """The counts that matter, in one line."""
        parts = [f"{self.counts[name]:,} {name}" for name in COUNTS if self.counts[name]]
        if self.offline:
            parts.append(f"{len(self.offline):,} offline")
        return ", ".join(parts) or "nothing to check"

    def record(self) -> JobRecord:
        """The result as the job's record has it. Damage is a failure though all work was done."""
        return JobRecord(
            self.summary(),
            affected=self.affected,
            issues=[
                *(each.to_dict() for each in self.offline),
                *(each.to_dict() for each in self.findings),
            ],
            issue_count=self.found,
            error_message=self.failure(),
        )

    def to_dict(self) -> dict[str, object]:
        """The result as JSON (see the command-line contract)."""
        return {
            "job_id": self.job_id,
            "directories": [to_json(to_stored(path)) for path in self.paths],
            "started_at": times.to_text(self.started_at),
            "completed_at": times.to_text(self.completed_at) if self.completed_at else None,
            "duration_seconds": round(self.duration_seconds, 3),
            "complete": self.is_complete,
            "selected": self.selected.files,
            "selected_bytes": self.selected.size_bytes,
            **self.summary(),
            "findings": [finding.to_dict() for finding in self.findings],
            "offline": [offline.to_dict() for offline in self.offline],
        }


def _count_of(verdict: Verdict) -> str:
    """The count that a verdict goes into: both kinds of changed content are damage."""
    return "damaged" if verdict in ("rotted", "rewritten") else verdict

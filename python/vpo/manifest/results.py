"""The results of importing and exporting manifests, which know their JSON."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal, get_args

from vpo.base import times
from vpo.base.paths import StoredPath, display, to_json, to_stored
from vpo.jobs.record import LISTED_ISSUES, JobRecord, JobResult, PathList
from vpo.places.availability import Offline

Problem = Literal[
    "differing",  # the manifest has another digest or size
    "damaged",  # the catalogue has another digest for the same size and mtime
    "missing",
    "unreadable",
    "changing",  # it was written to while vpo read it
    "refused",  # a line that cannot be read, or that leads elsewhere
    "extra",  # a file that the manifest should list, and does not
]
PROBLEMS: tuple[Problem, ...] = get_args(Problem)


@dataclass(frozen=True)
class ManifestMismatch:
    """A file that is not as the manifest lists it, or a line that cannot be used."""

    path: StoredPath
    """The file; for a refused line, the manifest."""
    problem: Problem
    message: str
    """What is wrong, as a sentence whose subject is the file or the line."""
    line: int | None = None
    """The line of the manifest that lists the file."""
    errno: int | None = None

    def __str__(self) -> str:
        line = self._refused_line()
        if line is not None:
            return f"`{display(self.path)}`, {line}: {self.message}"
        return f"`{display(self.path)}` {self.message}"

    def _refused_line(self) -> str | None:
        return f"line {self.line}" if self.problem == "refused" and self.line else None

    def to_dict(self) -> dict[str, object]:
        """The mismatch as JSON has it."""
        line = self._refused_line()
        return {
            **to_json(self.path),
            "problem": self.problem,
            "line": self.line,
            # `vpo jobs show` shows it for jobs of every type.
            "operation": "read" if self.problem == "unreadable" else "verify",
            "errno": self.errno,
            "message": self.message if line is None else f"{line}: {self.message}",
        }


@dataclass
class ImportResult(JobResult):
    """The outcome of an import."""

    manifest: bytes
    directory: bytes
    format: str = ""
    entries: int = 0
    """Files that the manifest lists, without refused lines."""
    matched: int = 0
    """Files that are as the manifest lists them."""
    recorded: int = 0
    """Matching files whose digest is now recorded as verified."""
    unknown: int = 0
    """Matching files that are not in the catalogue."""
    outdated: int = 0
    """Matching files that changed since they were scanned."""
    tag_files: int = 0
    """Matching files of a bag that are not in its payload."""
    problems: dict[Problem, int] = field(default_factory=lambda: dict.fromkeys(PROBLEMS, 0))
    """The number of mismatches of each kind."""
    size_bytes: int = 0
    """Bytes of the files that were read to their end."""
    mismatches: list[ManifestMismatch] = field(default_factory=list)
    """The first mismatches. Not all are kept, as there may be millions."""
    warnings: list[str] = field(default_factory=list)
    affected: PathList = field(default_factory=PathList)
    """Files whose digest is now recorded as verified."""

    def note(self, mismatch: ManifestMismatch) -> None:
        """Counts a mismatch, and keeps it while there is room."""
        self.problems[mismatch.problem] += 1
        if len(self.mismatches) < LISTED_ISSUES:
            self.mismatches.append(mismatch)

    def recording_lost(self, count: int) -> None:
        """Counts files that were not recorded because a scan found another state of them."""
        self.recorded -= count
        self.outdated += count
        self.affected.count -= count

    @property
    def mismatch_count(self) -> int:
        """The number of all mismatches."""
        return sum(self.problems.values())

    @property
    def is_all_well(self) -> bool:
        """Whether everything matches."""
        return not self.mismatch_count

    def counts(self) -> dict[str, int]:
        """The counts of the summary, in a fixed order."""
        return {
            "entries": self.entries,
            "matched": self.matched,
            "recorded": self.recorded,
            "unknown": self.unknown,
            "outdated": self.outdated,
            "tag_files": self.tag_files,
            **{problem: self.problems[problem] for problem in PROBLEMS},
            "bytes": self.size_bytes,
        }

    def failure(self) -> str | None:
        """Why the job failed: `3 differing, 1 missing`; None if there are no mismatches."""
        parts = [f"{count:,} {problem}" for problem, count in self.problems.items() if count]
        return ", ".join(parts) or None

    def to_dict(self) -> dict[str, object]:
        """The result as JSON has it."""
        return {
            "job_id": self.job_id,
            **to_json(to_stored(self.manifest), "manifest"),
            **to_json(to_stored(self.directory), "directory"),
            "format": self.format,
            "started_at": times.to_text(self.started_at),
            "completed_at": times.to_text(self.completed_at) if self.completed_at else None,
            "duration_seconds": round(self.duration_seconds, 3),
            **self.counts(),
            "findings": [mismatch.to_dict() for mismatch in self.mismatches],
            "warnings": self.warnings,
        }

    def in_words(self) -> str:
        """The counts that matter, in one line."""
        return self.failure() or f"{self.matched:,} matching"

    def record(self) -> JobRecord:
        """The result as the job's record has it."""
        failure = self.failure()
        return JobRecord(
            self.counts(),
            affected={"recorded": self.affected},
            issues=[mismatch.to_dict() for mismatch in self.mismatches],
            issue_count=self.mismatch_count,
            error_message=failure and f"Files do not match the manifest: {failure}",
        )


@dataclass(frozen=True)
class LeftOutFile:
    """A file that is not in the exported manifest, and why."""

    path: StoredPath
    message: str
    """Why, as a sentence whose subject is the file."""
    errno: int | None = None

    def __str__(self) -> str:
        return f"`{display(self.path)}` {self.message}"

    def to_dict(self) -> dict[str, object]:
        """The file as JSON has it."""
        return {**to_json(self.path), "errno": self.errno, "message": self.message}


@dataclass
class ExportResult:
    """The outcome of an export."""

    directory: bytes
    format: str
    output: bytes = b"-"
    """The file or the bag that is written; `-`: standard output."""
    started_at: float = field(default_factory=time.monotonic)
    files: int = 0
    """Files in the manifest."""
    size_bytes: int = 0
    """Their size."""
    from_records: int = 0
    """Files that were not read, because their digest was recorded."""
    recorded: int = 0
    """Files that were read, and whose digest is now recorded as verified."""
    outdated: int = 0
    """Files that were read, and that changed since they were scanned."""
    left_out: int = 0
    """Files that are in the catalogue, but not in the manifest."""
    left_out_files: list[LeftOutFile] = field(default_factory=list)
    """The first files that were left out. Not all are kept, as there may be millions."""
    offline: Offline | None = None
    """A place that is not available, so that its files are left out."""
    duration_seconds: float = 0.0

    def leave_out(self, path: bytes, message: str, errno: int | None = None) -> None:
        """Counts a file that is left out, and keeps the reason while there is room."""
        self.left_out += 1
        if len(self.left_out_files) < LISTED_ISSUES:
            self.left_out_files.append(LeftOutFile(to_stored(path), message, errno))

    def recording_lost(self, count: int) -> None:
        """Counts files that were not recorded because a scan found another state of them."""
        self.recorded -= count
        self.outdated += count

    def to_dict(self) -> dict[str, object]:
        """The result as JSON has it."""
        return {
            **to_json(to_stored(self.directory), "directory"),
            **to_json(to_stored(self.output), "output"),
            "format": self.format,
            "duration_seconds": round(self.duration_seconds, 3),
            "files": self.files,
            "bytes": self.size_bytes,
            "from_records": self.from_records,
            "recorded": self.recorded,
            "outdated": self.outdated,
            "left_out": self.left_out,
            "issues": [file.to_dict() for file in self.left_out_files],
        }

"""What a scan is asked, and what it answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from vpo.base import times
from vpo.base.errors import JobConfigurationError
from vpo.base.paths import StoredPath, display, to_json
from vpo.config.models import ProberChoice, ScanConfig

if TYPE_CHECKING:
    from vpo.integrity.models import VerifyResult

# Lists in a job's record end here; the counts beside them are always true.
LISTED_PATHS = 1000
LISTED_ISSUES = 1000


@dataclass(frozen=True)
class ScanOptions:
    """How one scan is to be done, besides its rules."""

    full: bool = False
    prune: bool = False
    dry_run: bool = False
    allow_mass_removal: bool = False
    new_device: bool = False
    verify_hash: bool = False
    """Whether files are changed only if their content is, and all of it is verified."""
    retry_errors: bool = False
    """Whether files that could not be read are tried again, though they have not changed."""
    prober: ProberChoice = "auto"
    ffprobe: str | None = None
    """The ffprobe to use, where the settings name one."""
    profile: str | None = None
    """The profile that the settings came from, for the record."""
    rules: ScanConfig = field(default_factory=ScanConfig)

    def to_json(self) -> str:
        """The configuration used, for the job's record."""
        record = asdict(self)
        # Where it is done is the job's path.
        del record["rules"]["directories"]
        return orjson.dumps(record).decode()

    @classmethod
    def from_json(cls, text: str) -> ScanOptions:
        """Reads a job's record. Raises JobConfigurationError if it is not one of a scan."""
        from pydantic import TypeAdapter, ValidationError

        try:
            options: ScanOptions = TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(str(part) for part in problem["loc"])
            raise JobConfigurationError(
                f"The job's configuration is not that of a scan: {place}: {problem['msg']}",
                hint="Scan the directory anew instead of trying this job again.",
            ) from error
        return options


@dataclass(frozen=True)
class Issue:
    """A place that could not be looked at, or not be believed."""

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
        """The issue as JSON has it."""
        return {
            **to_json(self.path),
            "operation": self.operation,
            "errno": self.errno,
            "message": self.message,
        }


@dataclass
class PathList:
    """Paths that something happened to: the first ones, and how many in all."""

    count: int = 0
    paths: list[StoredPath] = field(default_factory=list)
    before: dict[StoredPath, StoredPath] = field(default_factory=dict)
    """Where files were that were moved to some of the paths."""

    def add(self, path: StoredPath, before: StoredPath | None = None) -> None:
        """Counts a path, and keeps it (and what it was before) while there is room."""
        self.count += 1
        if len(self.paths) < LISTED_PATHS:
            self.paths.append(path)
            if before is not None:
                self.before[path] = before

    def discard(self, path: StoredPath) -> None:
        """Takes a path back."""
        self.count -= 1
        if path in self.paths:
            self.paths.remove(path)

    def has_room(self) -> bool:
        """Whether a path would be kept, for who can count without making it."""
        return len(self.paths) < LISTED_PATHS

    def listed(self) -> list[object]:
        """The paths as JSON: strings, unless that would lose bytes or where it was before."""
        return [
            {**to_json(path), **to_json(self.before[path], "path_before")}
            if path in self.before
            else (path if isinstance(path, str) else to_json(path))
            for path in self.paths
        ]


@dataclass
class FilesAffected:
    """What a scan found to have happened, for the job's record."""

    added: PathList = field(default_factory=PathList)
    changed: PathList = field(default_factory=PathList)
    moved: PathList = field(default_factory=PathList)
    removed: PathList = field(default_factory=PathList)
    returned: PathList = field(default_factory=PathList)
    pruned: PathList = field(default_factory=PathList)

    def to_json(self) -> str:
        """Lists of paths and the true counts."""
        lists = {name: getattr(self, name) for name in self.__dataclass_fields__}
        listed: dict[str, object] = {name: each.listed() for name, each in lists.items()}
        listed["counts"] = {name: each.count for name, each in lists.items()}
        listed["truncated"] = any(each.count > len(each.paths) for each in lists.values())
        return orjson.dumps(listed).decode()


@dataclass
class ScanResult:
    """The outcome of a scan of one directory."""

    directory: bytes
    started_at: datetime
    job_id: str | None = None
    completed_at: datetime | None = None

    scanned: int = 0
    """Known files whose content is to be read anew: size, mtime or inode differ."""
    skipped: int = 0
    """Known files that are as they were, returned ones among them."""
    added: int = 0
    moved: int = 0
    """Known files that are at another path now."""
    removed: int = 0
    """Files newly marked missing (with `prune`: deleted)."""
    errors: int = 0
    """Places that could not be looked at."""

    incremental: bool = True
    dry_run: bool = False
    issues: list[Issue] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What was not as it could be, and is no error."""
    files_affected: FilesAffected = field(default_factory=FilesAffected)
    verification: VerifyResult | None = None
    """What reading all content told, where that was asked for."""

    @property
    def is_all_well(self) -> bool:
        """Whether there is nothing that somebody should look at."""
        return not (self.errors or (self.verification and self.verification.found))

    @property
    def total_discovered(self) -> int:
        """Everything that was found, whatever came of it."""
        return self.scanned + self.skipped + self.added + self.moved + self.errors

    @property
    def pruned(self) -> int:
        """Records of missing files that were deleted."""
        return self.files_affected.pruned.count

    @property
    def duration_seconds(self) -> float:
        """How long it took."""
        return ((self.completed_at or times.now()) - self.started_at).total_seconds()

    def note(self, issue: Issue) -> None:
        """Counts an issue, and keeps it while there is room."""
        self.errors += 1
        if len(self.issues) < LISTED_ISSUES:
            self.issues.append(issue)

    def counts(self) -> dict[str, int]:
        """The counts of the summary, in the order in which they are always given."""
        return {
            "total_discovered": self.total_discovered,
            "scanned": self.scanned,
            "skipped": self.skipped,
            "added": self.added,
            "moved": self.moved,
            "removed": self.removed,
            "errors": self.errors,
        }

    def in_words(self) -> str:
        """The counts that matter, in a line."""
        return (
            f"{self.added:,} added, {self.scanned:,} changed, {self.moved:,} moved,"
            f" {self.removed:,} removed, {self.skipped:,} unchanged, {self.errors:,} errors"
        )

    def to_summary_json(self) -> str:
        """The counts, for the job's record."""
        summary: dict[str, object] = dict(self.counts())
        if self.verification is not None:
            summary["verification"] = self.verification.summary()
        return orjson.dumps(summary).decode()


def errors_json(result: ScanResult, failure: Mapping[str, object] | None = None) -> str | None:
    """What went wrong, for the job's record; None if nothing did.

    `failure` says why the job as a whole failed.
    """
    damaged = [] if result.verification is None else result.verification.damaged()
    if not result.errors and not damaged and failure is None:
        return None
    issues = [issue.to_dict() for issue in result.issues]
    record = {
        "failure": failure,
        "count": result.errors + len(damaged),
        "issues": issues + [finding.to_dict() for finding in damaged],
    }
    return orjson.dumps(record, default=repr).decode()

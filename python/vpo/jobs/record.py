"""What the catalogue keeps of a job's result: counts, files affected, and errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from vpo.base import times
from vpo.base.paths import StoredPath, to_json

# Lists in a job's record end here. The counts beside them are always complete.
LISTED_PATHS = 1000
LISTED_ISSUES = 1000

Failure = Mapping[str, object]
"""Why a job failed as a whole: its code, and the details of the error."""


@dataclass
class PathList:
    """Paths that something happened to: the first ones, and how many there are."""

    count: int = 0
    paths: list[StoredPath] = field(default_factory=list)
    before: dict[StoredPath, StoredPath] = field(default_factory=dict)
    """Where files were that were moved to some of the paths."""

    def add(self, path: StoredPath, before: StoredPath | None = None) -> None:
        """Counts a path, and lists it (and where it was before) while there is room."""
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
        """Whether a path would be listed. If not, counting it needs no path."""
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
class JobRecord:
    """What the job's row has of its result."""

    summary: Mapping[str, object]
    affected: Mapping[str, PathList] | None = None
    issues: Sequence[Mapping[str, object]] = ()
    """The first things that went wrong, as JSON."""
    issue_count: int | None = None
    """How many things went wrong. None: as many as are listed."""
    error_message: str | None = None
    """Why the job failed though it did all its work, such as damage that a check found."""

    @property
    def status(self) -> str:
        """How the job ended if nothing stopped it."""
        return "completed" if self.error_message is None else "failed"

    def columns(self, failure: Failure | None = None) -> dict[str, str | None]:
        """The columns of the job's row. `failure`: why the job could not finish."""
        import orjson

        columns: dict[str, str | None] = {
            "summary_json": orjson.dumps(self.summary).decode(),
            "files_affected_json": None,
            "errors_json": None,
        }
        if self.affected is not None:
            lists = self.affected
            listed: dict[str, object] = {name: each.listed() for name, each in lists.items()}
            listed["counts"] = {name: each.count for name, each in lists.items()}
            listed["truncated"] = any(each.count > len(each.paths) for each in lists.values())
            columns["files_affected_json"] = orjson.dumps(listed).decode()
        count = len(self.issues) if self.issue_count is None else self.issue_count
        if count or self.issues or failure is not None:
            errors = {"failure": failure, "count": count, "issues": list(self.issues)}
            columns["errors_json"] = orjson.dumps(errors, default=repr).decode()
        return columns


@dataclass(kw_only=True)
class JobResult(ABC):
    """What a service returns. Each service adds its own counts."""

    started_at: datetime = field(default_factory=times.now)
    completed_at: datetime | None = None
    job_id: str | None = None

    @property
    def duration_seconds(self) -> float:
        """How long the work took, or has taken until now."""
        return ((self.completed_at or times.now()) - self.started_at).total_seconds()

    @property
    @abstractmethod
    def is_all_well(self) -> bool:
        """Whether there is nothing that somebody should look at."""

    @abstractmethod
    def record(self) -> JobRecord:
        """The result as the job's record has it."""

    @abstractmethod
    def in_words(self) -> str:
        """The counts that matter, in one line."""

    @abstractmethod
    def to_dict(self) -> dict[str, object]:
        """The result as JSON."""

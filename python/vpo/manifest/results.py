"""What an import of a manifest is asked, and what it answers."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

import orjson

from vpo._engine import Digested
from vpo.base import times
from vpo.base.errors import JobConfigurationError
from vpo.base.paths import StoredPath, display, to_json, to_stored
from vpo.scanner.models import PathList

# Lists in a job's record end here; the counts beside them are always true.
LISTED_FINDINGS = 1000

Backslashes = Literal["auto", "separator", "name"]

Problem = Literal[
    "differing",  # the manifest has another digest or size
    "damaged",  # the library has another digest for the same size and mtime
    "missing",
    "unreadable",
    "changing",  # it was written while it was read
    "refused",  # a line that is none, or leads elsewhere
    "extra",  # not in the manifest, though it should be
]


@dataclass(frozen=True)
class ImportOptions:
    """How a manifest is to be read and checked."""

    format: str | None = None
    """None: its content tells."""
    encoding: str | None = None
    """Of its text; None: a byte-order mark or `bagit.txt` tells, else names are bytes."""
    backslashes: Backslashes = "auto"
    complete: bool = False
    """Whether files that it does not name are findings; in a bag they always are."""
    threads: int = 0
    """0: chosen by device."""

    def to_json(self, root: bytes) -> str:
        """The configuration used, for the job's record."""
        record = {**asdict(self), **to_json(to_stored(root), "directory")}
        return orjson.dumps(record).decode()

    @classmethod
    def from_json(cls, text: str) -> tuple[ImportOptions, bytes]:
        """Reads a job's record: options, and the directory.

        Raises JobConfigurationError if it is not one of an import.
        """
        from pydantic import TypeAdapter, ValidationError

        try:
            record = orjson.loads(text)
            encoded = record.pop("directory_b64", None)
            directory: bytes = record.pop("directory").encode()
            if encoded is not None:
                directory = base64.b64decode(encoded)
            options: ImportOptions = TypeAdapter(cls).validate_python(record)
        except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise JobConfigurationError(
                "The job's configuration is not that of an import",
                hint="Run `vpo verify import` anew instead of trying this job again.",
            ) from error
        return options, directory


@dataclass(frozen=True)
class Finding:
    """A file, or a line of the manifest, that is not as it should be."""

    path: StoredPath
    problem: Problem
    message: str
    """What is wrong, as what is said of the file or line."""
    line: int | None = None
    errno: int | None = None

    def __str__(self) -> str:
        where = self._where()
        if where is not None:
            return f"`{display(self.path)}`, {where}: {self.message}"
        return f"`{display(self.path)}` {self.message}"

    def _where(self) -> str | None:
        """The line, where it is that which is at fault."""
        return f"line {self.line}" if self.problem == "refused" and self.line else None

    def to_dict(self) -> dict[str, object]:
        """The finding as JSON has it."""
        where = self._where()
        return {
            **to_json(self.path),
            "problem": self.problem,
            "line": self.line,
            # As `vpo jobs show` says it of any job.
            "operation": "read" if self.problem == "unreadable" else "verify",
            "errno": self.errno,
            "message": self.message if where is None else f"{where}: {self.message}",
        }


PROBLEMS: tuple[Problem, ...] = (
    "differing",
    "damaged",
    "missing",
    "unreadable",
    "changing",
    "refused",
    "extra",
)


@dataclass
class ImportResult:
    """The outcome of an import."""

    manifest: bytes
    directory: bytes
    started_at: datetime
    format: str = ""
    job_id: str | None = None
    completed_at: datetime | None = None
    entries: int = 0
    """Files that the manifest has, as far as its lines are not refused."""
    matched: int = 0
    """Files that are as the manifest has them."""
    recorded: int = 0
    """Of these, files whose digest is recorded as verified."""
    unknown: int = 0
    """Of these, files that are not in the library."""
    outdated: int = 0
    """Of these, files that changed since they were scanned."""
    tag_files: int = 0
    """Of these, files of a bag beside its payload."""
    problems: dict[Problem, int] = field(default_factory=lambda: dict.fromkeys(PROBLEMS, 0))
    size_bytes: int = 0
    """Bytes of the files that were read to their end."""
    findings: list[Finding] = field(default_factory=list)
    """The first ones."""
    warnings: list[str] = field(default_factory=list)
    """What was not as it could be, and is no finding."""
    affected: PathList = field(default_factory=PathList)
    """Files whose digest is recorded as verified."""

    def note(self, finding: Finding) -> None:
        """Counts a finding, and keeps it while there is room."""
        self.problems[finding.problem] += 1
        if len(self.findings) < LISTED_FINDINGS:
            self.findings.append(finding)

    @property
    def found(self) -> int:
        """How many findings there are."""
        return sum(self.problems.values())

    @property
    def duration_seconds(self) -> float:
        """How long it took."""
        return ((self.completed_at or times.now()) - self.started_at).total_seconds()

    def counts(self) -> dict[str, int]:
        """The counts of the summary, in the order in which they are always given."""
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
        """Why the job failed: `3 differing, 1 missing`; None if there are no findings."""
        said = [f"{count:,} {problem}" for problem, count in self.problems.items() if count]
        return ", ".join(said) or None

    def to_summary_json(self) -> str:
        """The counts, for the job's record."""
        return orjson.dumps(self.counts()).decode()

    def to_affected_json(self) -> str:
        """Paths of the files that were recorded, and their true count."""
        listed = [path if isinstance(path, str) else to_json(path) for path in self.affected.paths]
        record = {
            "recorded": listed,
            "counts": {"recorded": self.affected.count},
            "truncated": self.affected.count > len(listed),
        }
        return orjson.dumps(record).decode()

    def to_errors_json(self, failure: Mapping[str, object] | None = None) -> str | None:
        """What was found, for the job's record; None if nothing was.

        `failure` says why the job as a whole could not go on.
        """
        if not self.found and failure is None:
            return None
        record = {
            "failure": failure,
            "count": self.found,
            "issues": [finding.to_dict() for finding in self.findings],
        }
        return orjson.dumps(record, default=repr).decode()


def unread(digested: Digested) -> str:
    """What is said of a file that cannot be read: where, and why."""
    where = f" at byte {digested.offset:,}" if digested.offset is not None else ""
    # The engine's words have the offset in them.
    why = digested.message if digested.errno is None else os.strerror(digested.errno)
    return f"cannot be read{where}: {why}"

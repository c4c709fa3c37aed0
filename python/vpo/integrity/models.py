"""What a check of files is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

import orjson

from vpo.base import times
from vpo.base.errors import JobConfigurationError
from vpo.base.paths import StoredPath, display, to_json
from vpo.db.verification import Candidate
from vpo.places.read_errors import is_of_the_medium
from vpo.scanner.models import PathList

Verdict = Literal[
    "verified",  # its content is what it was
    "new",  # its content was read for the first time
    "restored",  # it was damaged, and is what it was again
    "modified",  # size or mtime are others: a scan records that
    "rotted",  # other content, and nothing wrote it
    "rewritten",  # other content; size and mtime are as they were
    "unreadable",
    "missing",
    "changing",  # it was written while it was read
]

# Lists in a job's record end here; the counts beside them are always true.
LISTED_FINDINGS = 1000

BudgetUnit = Literal["seconds", "bytes", "percent"]


@dataclass(frozen=True)
class Budget:
    """After how much a check begins with no more files."""

    amount: float
    unit: BudgetUnit


@dataclass(frozen=True)
class VerifyOptions:
    """Which files are to be checked, and how."""

    older_than_seconds: float | None = None
    """Only those that were not verified for so long, or never."""
    only_new: bool = False
    """Only those of whose whole content there is no digest."""
    kinds: tuple[str, ...] = ()
    budget: Budget | None = None
    max_rate: int | None = None
    """Bytes a second."""
    threads: int | None = None
    """None: chosen by device."""
    nice: bool = False
    """Whether to leave processor and disk to others who want them."""

    def to_json(self, directories: list[bytes]) -> str:
        """The configuration used, for the job's record."""
        from vpo.base.paths import to_stored

        listed: list[object] = []
        for directory in map(to_stored, directories):
            listed.append(directory if isinstance(directory, str) else to_json(directory))
        return orjson.dumps({**asdict(self), "directories": listed}).decode()

    @classmethod
    def from_json(cls, text: str) -> tuple[VerifyOptions, list[bytes]]:
        """Reads a job's record: options and directories.

        Raises JobConfigurationError if it is not one of a check.
        """
        import base64

        from pydantic import TypeAdapter, ValidationError

        problem = "directories"
        try:
            record = orjson.loads(text)
            directories = [
                each.encode() if isinstance(each, str) else base64.b64decode(each["path_b64"])
                for each in record.pop("directories")
            ]
            options: VerifyOptions = TypeAdapter(cls).validate_python(record)
        except ValidationError as error:
            problem = ".".join(str(part) for part in error.errors()[0]["loc"])
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        else:
            return options, directories
        raise JobConfigurationError(
            f"The job's configuration is not that of a check: {problem}",
            hint="Run `vpo verify` anew instead of trying this job again.",
        )


@dataclass(frozen=True)
class Finding:
    """A file that is not as it should be, and in what way."""

    path: StoredPath
    verdict: Verdict
    digest_recorded: str | None = None
    recorded_at: str | None = None
    digest_found: str | None = None
    ctime_is_known: bool = True
    """Whether it can be told if something wrote the file."""
    modified_since: tuple[str, str] | None = None
    """If it was modified since: what had been found wrong with it, and when."""
    message: str | None = None
    """What the system said."""
    errno: int | None = None
    offset: int | None = None

    @property
    def is_damage(self) -> bool:
        """Whether content is not what it was, or the medium does not give it."""
        if self.verdict == "unreadable":
            return is_of_the_medium(self.errno)
        return self.verdict in ("rotted", "rewritten")

    def __str__(self) -> str:
        said = "is damaged" if self.is_damage else f"is {self.verdict}"
        if self.verdict == "unreadable":
            said = "cannot be read"
            if self.offset is not None:
                said += f" at byte {self.offset:,}"
        why = self.why()
        return f"`{display(self.path)}` {said}" + (f": {why}" if why else "")

    def why(self) -> str | None:
        """What makes it that, in words."""
        if self.verdict in ("rotted", "rewritten"):
            then = f" on {times.to_local_text(self.recorded_at)}" if self.recorded_at else ""
            if self.modified_since is not None:
                damage, found_at = self.modified_since
                found = f"was found {damage} on {times.to_local_text(found_at)}"
                return f"its content is not what it was{then}; it {found}, and modified since"
            who = "nothing wrote it: size, mtime and ctime are the same"
            if self.verdict == "rewritten":
                who = "something wrote it and put the time back: ctime is another"
                if not self.ctime_is_known:
                    who = "who wrote it cannot be told: its ctime of then is not known"
            return f"its content is not what it was{then}, and {who}"
        if self.verdict == "changing":
            return "it was written while it was read"
        return self.message

    def to_dict(self) -> dict[str, object]:
        """The finding as JSON has it."""
        return {
            **to_json(self.path),
            "finding": "damaged" if self.verdict in ("rotted", "rewritten") else self.verdict,
            "damage": self.verdict if self.is_damage else None,
            "digest_recorded": self.digest_recorded,
            "recorded_at": times.with_z(self.recorded_at),
            "digest_found": self.digest_found,
            "errno": self.errno,
            "offset": self.offset,
            # As `vpo jobs show` says it of any job.
            "operation": "read" if self.verdict == "unreadable" else "verify",
            "message": self.why() or "it is not there",
        }


@dataclass(frozen=True)
class Offline:
    """A place whose files were left out, as it is not there."""

    path: StoredPath
    message: str

    def __str__(self) -> str:
        return self.message

    def to_dict(self) -> dict[str, object]:
        """The place as JSON has it."""
        return {
            **to_json(self.path),
            "finding": "offline",
            "operation": "find",
            "message": self.message,
        }


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
class VerifyResult:
    """The outcome of a check."""

    directories: list[bytes]
    """Empty: the whole library."""
    started_at: datetime
    job_id: str | None = None
    completed_at: datetime | None = None
    selected: Amount = NOTHING
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    size_bytes: int = 0
    """Bytes of the files that were read to their end."""
    findings: list[Finding] = field(default_factory=list)
    """The first ones of what is not as it should be."""
    offline: list[Offline] = field(default_factory=list)
    affected: dict[str, PathList] = field(default_factory=dict)
    is_complete: bool = False
    """Whether it came to the end of what was selected: no budget was in the way."""

    def count(self, verdict: Verdict) -> None:
        """Counts one file."""
        name = "damaged" if verdict in ("rotted", "rewritten") else verdict
        self.counts[name] += 1

    def note(self, finding: Finding) -> None:
        """Counts a file that is to be listed, and keeps it while there is room."""
        self.count(finding.verdict)
        name = "damaged" if finding.verdict in ("rotted", "rewritten") else finding.verdict
        self.affected.setdefault(name, PathList()).add(finding.path)
        is_wrong = finding.verdict not in ("restored", "modified")
        if is_wrong and len(self.findings) < LISTED_FINDINGS:
            self.findings.append(finding)

    @property
    def checked(self) -> int:
        """Files that there was an answer for."""
        return sum(self.counts.values())

    @property
    def is_failed(self) -> bool:
        """Whether there is damage, or what may be."""
        return bool(self.counts["damaged"] or self.counts["unreadable"])

    @property
    def found(self) -> int:
        """Files that are not as they should be, and places that are not there."""
        wrong = ("damaged", "unreadable", "missing", "changing")
        return sum(self.counts[name] for name in wrong) + len(self.offline)

    def damaged(self) -> list[Finding]:
        """The findings of files whose content is not what it was."""
        return [each for each in self.findings if each.verdict in ("rotted", "rewritten")]

    @property
    def duration_seconds(self) -> float:
        """How long it took."""
        return ((self.completed_at or times.now()) - self.started_at).total_seconds()

    def summary(self) -> dict[str, int]:
        """The counts of the job's record, in the order in which they are always given."""
        return {**self.counts, "bytes": self.size_bytes}

    def failure(self) -> str | None:
        """Why the job failed: `3 files are damaged, 1 is unreadable`; None if it did not."""
        said: list[str] = []
        for name, adjective in (("damaged", "damaged"), ("unreadable", "unreadable")):
            if count := self.counts[name]:
                noun = "" if said else (" file" if count == 1 else " files")
                said.append(f"{count:,}{noun} {'is' if count == 1 else 'are'} {adjective}")
        return ", ".join(said) or None

    def in_words(self) -> str:
        """The counts that matter, in a line."""
        parts = [f"{self.counts[name]:,} {name}" for name in COUNTS if self.counts[name]]
        if self.offline:
            parts.append(f"{len(self.offline):,} offline")
        return ", ".join(parts) or "nothing to check"

    def to_affected_json(self) -> str:
        """Paths by what was found of them, and the true counts."""
        listed: dict[str, object] = {
            name: [path if isinstance(path, str) else to_json(path) for path in each.paths]
            for name, each in self.affected.items()
        }
        listed["counts"] = {name: each.count for name, each in self.affected.items()}
        listed["truncated"] = any(each.count > len(each.paths) for each in self.affected.values())
        return orjson.dumps(listed).decode()

    def to_errors_json(self, failure: Mapping[str, object] | None = None) -> str | None:
        """What was found, for the job's record; None if nothing was.

        `failure` says why the job as a whole could not go on.
        """
        if not self.found and failure is None:
            return None
        issues: list[Finding | Offline] = [*self.offline, *self.findings]
        record = {
            "failure": failure,
            "count": self.found,
            "issues": [issue.to_dict() for issue in issues],
        }
        return orjson.dumps(record, default=repr).decode()


class Reporter(Protocol):
    """Who is told what a check is doing."""

    wants_files: bool

    def checking(self, done: Amount, selected: Amount) -> None:
        """Called some twenty times a second; bytes count as soon as they are read."""

    def file(self, verdict: Verdict, path: StoredPath) -> None:
        """Called for each file that there is an answer for, if `wants_files`."""


class Checked(Protocol):
    """What the engine says of a file: a `Digested` of it."""

    @property
    def digests(self) -> dict[str, str] | None: ...
    @property
    def problem(self) -> str | None: ...
    @property
    def errno(self) -> int | None: ...
    @property
    def ctime_ns(self) -> int | None: ...


def baseline(known: Candidate) -> tuple[str | None, str | None]:
    """The digest that a file's content is held against, and when it was right."""
    if known.damage is not None:
        # A scan may have voided the file's own.
        return known.digest_recorded, known.recorded_at
    return known.content_hash, known.verified_at or known.scanned_at

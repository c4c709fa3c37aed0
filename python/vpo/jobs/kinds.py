"""The kinds of job. A new kind is one entry here, and the service that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from vpo.base.errors import (
    AnalysisLockedError,
    DuplicatesLockedError,
    JobLockedError,
    ScanLockedError,
    VerifyLockedError,
)

if TYPE_CHECKING:
    from vpo.db.library import Library
    from vpo.jobs.context import Context
    from vpo.jobs.job import Job
    from vpo.jobs.record import JobResult

Configuration = Mapping[str, Any]
"""What the job was asked to do, as its record has it."""


class Request(Protocol):
    """What a service is asked to do."""


class Service(Protocol):
    """The module that does the jobs of a kind."""

    def request_of(self, job: Job) -> Request:
        """The request that a job from the queue was recorded with.

        Raises VpoError if the record makes no sense.
        """

    def run(self, library: Library, request: Any, context: Context) -> JobResult:
        """Does the work, as the job of the context or as a new one.

        Raises VpoError if it fails, StoppedError if it is stopped.
        """


def _never(_configuration: Configuration) -> bool:
    return False


def _always(_configuration: Configuration) -> bool:
    return True


def _has_action(configuration: Configuration) -> bool:
    return configuration.get("action") is not None


@dataclass(frozen=True)
class JobKind:
    """One kind of job, and what follows from that everywhere."""

    name: str
    """As `job_type` has it in the catalogue."""
    label: str
    """As messages and logs name it."""
    service: str | None = None
    """The module that does jobs of this kind from the queue; None: they are never queued."""
    excludes: frozenset[str] = frozenset()
    """Kinds that never run at the same time in the same place."""
    is_everywhere: bool = False
    """Whether its jobs reach beyond their path, so that every place counts as the same one."""
    changes_files: Callable[[Configuration], bool] = _never
    """Whether a job with this configuration changes files. Such jobs wait for each other, and
    for jobs that record files, in the same place."""
    records_files: bool = False
    """Whether it records what it sees of files, and so waits for jobs that change them."""
    repeats: bool = False
    """Whether people run it again and again: `status` shows its failure until it succeeds.
    The failure of any other kind is shown for some days."""
    locked: type[JobLockedError] = JobLockedError
    """The error that names the job which is in the way."""
    locked_hint: str = "Try again when it has ended."

    def load(self) -> Service:
        """Imports the service. Only for kinds that have one."""
        assert self.service is not None
        return cast(Service, import_module(self.service))


# For the kinds whose commands have the option.
_WAIT_HINT = "Try again when it has ended, or wait for it with `--wait`."

KINDS: Mapping[str, JobKind] = {
    kind.name: kind
    for kind in (
        JobKind(
            "scan",
            "Scan",
            service="vpo.scanner.scan",
            excludes=frozenset({"scan", "roots"}),
            records_files=True,
            repeats=True,
            locked=ScanLockedError,
            locked_hint=_WAIT_HINT,
        ),
        JobKind(
            "verify",
            "Check",
            service="vpo.integrity.verify",
            excludes=frozenset({"verify", "roots"}),
            repeats=True,
            locked=VerifyLockedError,
            locked_hint=_WAIT_HINT,
        ),
        JobKind(
            "import",
            "Import",
            service="vpo.manifest.importing",
            excludes=frozenset({"roots"}),
        ),
        JobKind("accept", "Acceptance", excludes=frozenset({"roots"})),
        JobKind(
            "duplicates",
            "Search for duplicates",
            excludes=frozenset({"duplicates", "undo", "roots"}),
            is_everywhere=True,
            changes_files=_has_action,
            repeats=True,
            locked=DuplicatesLockedError,
        ),
        JobKind(
            "undo",
            "Undo",
            excludes=frozenset({"duplicates", "undo", "roots"}),
            is_everywhere=True,
            changes_files=_always,
            locked=DuplicatesLockedError,
            locked_hint=_WAIT_HINT,
        ),
        JobKind(
            "analyze",
            "Analysis",
            service="vpo.photos.analyze",
            excludes=frozenset({"analyze", "roots"}),
            repeats=True,
            locked=AnalysisLockedError,
            locked_hint=_WAIT_HINT,
        ),
        # Records are forgotten, or given to another place.
        JobKind(
            "roots",
            "Change of roots",
            excludes=frozenset(
                {"scan", "verify", "import", "accept", "duplicates", "undo", "analyze", "roots"}
            ),
        ),
        # Jobs of an earlier program, in libraries that were upgraded.
        JobKind("apply", "Apply", changes_files=_always),
        JobKind("transcode", "Transcode", changes_files=_always),
        JobKind("move", "Move", changes_files=_always),
    )
}


TYPES = tuple(KINDS)


def queued_kinds() -> frozenset[str]:
    """The kinds that workers can do."""
    return frozenset(kind.name for kind in KINDS.values() if kind.service is not None)


def repeats(name: str) -> bool:
    """Whether people run jobs of a kind again and again. Not those of unknown kinds."""
    kind = KINDS.get(name)
    return kind is not None and kind.repeats

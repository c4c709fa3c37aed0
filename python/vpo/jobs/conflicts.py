"""Which running job a job waits for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from vpo.base.errors import VpoError
from vpo.base.paths import StoredPath, display, from_stored, is_within
from vpo.db.jobs import RunningJob
from vpo.jobs.kinds import KINDS, JobKind


class JobToRun(NamedTuple):
    """A job that is about to start."""

    kind: JobKind
    path: StoredPath
    configuration_json: str

    @property
    def changes_files(self) -> bool:
        """Whether it changes files."""
        return _changes_files(self.kind, self.configuration_json)


def find_conflict(job: JobToRun, running: Iterable[RunningJob]) -> RunningJob | None:
    """Finds a running job that must end before `job` can begin."""
    changes = job.changes_files
    return next((other for other in running if _is_in_the_way(job, changes, other)), None)


def _is_in_the_way(job: JobToRun, changes: bool, other: RunningJob) -> bool:
    kind, other_kind = job.kind, KINDS.get(other.job_type)
    if other_kind is None:
        # A newer program runs it, which knows what it may run beside.
        return False
    if not (kind.is_everywhere or _overlap(job.path, other.file_path)):
        return False
    if other.job_type in kind.excludes or (changes and other_kind.records_files):
        return True
    return (changes or kind.records_files) and _changes_files(other_kind, other.policy_json)


def _changes_files(kind: JobKind, configuration_json: str) -> bool:
    import orjson

    try:
        configuration = orjson.loads(configuration_json)
    except orjson.JSONDecodeError:
        configuration = None
    known: Mapping[str, Any] = configuration if isinstance(configuration, dict) else {}
    return kind.changes_files(known)


def _overlap(path: StoredPath, other: StoredPath) -> bool:
    one, two = from_stored(path), from_stored(other)
    return is_within(one, two) or is_within(two, one)


def conflict_error(kind: JobKind, other: RunningJob) -> VpoError:
    """The error that names the running job which a job of `kind` waits for."""
    if other.job_type == kind.name:
        what = f"Another {kind.label.lower()}"
    else:
        what = f"A job of type `{other.job_type}`"
        other_kind = KINDS.get(other.job_type)
        if other_kind is not None and _changes_files(other_kind, other.policy_json):
            what += " that changes files"
    return kind.locked(
        f"{what} is running in `{display(other.file_path)}`"
        f" (job {other.id[:8]}, pid {other.worker_pid})",
        hint=kind.locked_hint,
        job_id=other.id,
        pid=other.worker_pid,
    )

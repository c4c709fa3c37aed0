"""Jobs for people: lists, what jobs did to a file, and everything about one job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vpo.base import times
from vpo.base.errors import JobNotFoundError
from vpo.base.paths import StoredPath, to_json, to_stored
from vpo.catalogue import lookup
from vpo.db import job_history
from vpo.db import jobs as job_table
from vpo.db import operations as operation_table
from vpo.db.job_history import STATUSES, ChangeRow, JobFilter, JobRecord, JobRow
from vpo.db.library import Library
from vpo.db.operations import Operation
from vpo.jobs import liveness
from vpo.jobs.lookup import find_job_id

__all__ = [
    "STATUSES",
    "FileEvent",
    "JobDetails",
    "JobFilter",
    "JobOperation",
    "ListedJob",
    "Operation",
    "events_of_file",
    "list_jobs",
    "read_job",
]


class ListedJob(JobRow):
    """A job of a list."""

    __slots__ = ()

    @property
    def duration_seconds(self) -> float | None:
        """How long the job took, or has been running."""
        ended = self.completed_at
        if ended is None and self.status == "running":
            ended = times.to_text(times.now())
        return times.seconds_between(self.started_at, ended)

    def to_dict(self) -> dict[str, object]:
        """The job as JSON."""
        duration = self.duration_seconds
        return {
            "id": self.id,
            "type": self.job_type,
            "status": self.status,
            "priority": self.priority,
            "created_at": times.with_z(self.created_at),
            "started_at": times.with_z(self.started_at),
            "completed_at": times.with_z(self.completed_at),
            "duration_seconds": None if duration is None else round(duration, 3),
            "progress_percent": self.progress_percent,
            **to_json(self.file_path, "file_path"),
            "error_message": self.error_message,
            "error_count": self.error_count,
        }


def list_jobs(library: Library, wanted: JobFilter) -> list[ListedJob]:
    """The jobs that fit, newest first."""
    with library.reading() as connection:
        return [ListedJob(*row) for row in job_history.list_jobs(connection, wanted)]


# -- What jobs did to a file -------------------------------------------------------


@dataclass(frozen=True)
class FileEvent:
    """What a job did to a file."""

    job: ListedJob
    change: str | None
    """What became of the file: `added`, `changed`, … None: the job was about this one file."""
    reason: str | None
    size_before: int | None
    size_after: int | None
    mtime_ns_before: int | None
    mtime_ns_after: int | None
    path_before: StoredPath | None
    """The former path of a file that was moved."""

    def to_dict(self) -> dict[str, object]:
        """The job, and what it did, as JSON."""
        # `files show` called the type of a job `job_type` before there was `type`.
        listed = {**self.job.to_dict(), "job_type": self.job.job_type}
        listed["change"] = self.change
        listed["reason"] = self.reason
        if self.path_before is None:
            listed["path_before"] = None
        else:
            listed.update(to_json(self.path_before, "path_before"))
        for when, size_bytes, mtime_ns in (
            ("before", self.size_before, self.mtime_ns_before),
            ("after", self.size_after, self.mtime_ns_after),
        ):
            listed[f"size_bytes_{when}"] = size_bytes
            listed[f"mtime_ns_{when}"] = mtime_ns
            listed[f"modified_at_{when}"] = None if mtime_ns is None else times.ns_to_text(mtime_ns)
        return listed


def event_of(row: ChangeRow) -> FileEvent:
    """The event that a row records."""
    return FileEvent(
        job=ListedJob(*row.job),
        change=row.change,
        reason=row.reason,
        size_before=row.size_before,
        size_after=row.size_after,
        mtime_ns_before=row.mtime_ns_before,
        mtime_ns_after=row.mtime_ns_after,
        path_before=row.path if row.change == "moved" else None,
    )


def events_of_file(library: Library, path: bytes, limit: int | None = None) -> list[FileEvent]:
    """What jobs did to a file, newest first. The file may have moved since, or be forgotten.

    Raises FileNotInLibraryError if nothing was ever recorded for this path.
    """
    with library.reading() as connection:
        file = lookup.find_file(connection, path)
        if file is not None:
            rows = job_history.changes_of_file(connection, file.id, limit=limit)
            return [event_of(row) for row in rows]
        for spelling in lookup.spellings(path):
            rows = job_history.changes_of_former_file(connection, to_stored(spelling), limit=limit)
            if rows:
                return [event_of(row) for row in rows]
    raise lookup.unknown_file(path)


# -- One job -----------------------------------------------------------------------


class JobOperation(Operation):
    """One step of a job that changed a file."""

    __slots__ = ()

    @property
    def can_be_undone(self) -> bool:
        """Whether the step was done, and what it takes to undo it is known."""
        return self.status == operation_table.COMPLETED and self.undo_json is not None

    def to_dict(self) -> dict[str, object]:
        """The operation as JSON."""
        return {
            "id": self.id,
            "operation": self.operation,
            "status": self.status.lower(),
            **to_json(self.file_path),
            "actions": _parsed(self.actions_json),
            "can_be_undone": self.can_be_undone,
            "error_message": self.error_message,
            "started_at": times.with_z(self.started_at),
            "completed_at": times.with_z(self.completed_at),
        }


@dataclass(frozen=True)
class JobDetails:
    """Everything that is recorded of a job."""

    job: ListedJob
    record: JobRecord
    operations: list[JobOperation]
    is_dead: bool
    """Whether the job is recorded as running, but its process is gone."""

    @cached_property
    def configuration(self) -> Any:
        """The options and settings that the job was started with."""
        return _parsed(self.record.policy_json)

    @cached_property
    def progress(self) -> Any:
        """How far the job is."""
        return _parsed(self.record.progress_json)

    @cached_property
    def summary(self) -> Any:
        """The counts at its end."""
        return _parsed(self.record.summary_json)

    @cached_property
    def errors(self) -> Any:
        """The failure, and the files that had errors."""
        return _parsed(self.record.errors_json)

    @cached_property
    def files_affected(self) -> Any:
        """The first paths of each kind of change, and the counts."""
        return _parsed(self.record.files_affected_json)

    def to_dict(self) -> dict[str, object]:
        """The job as JSON."""
        record = self.record
        return {
            **self.job.to_dict(),
            "queued_at": times.with_z(record.queued_at),
            "attempts": record.attempts,
            "policy_name": record.policy_name,
            "configuration": self.configuration,
            "progress": self.progress,
            "summary": self.summary,
            "errors": self.errors,
            "files_affected": self.files_affected,
            "worker": {
                "pid": record.worker_pid,
                "heartbeat": times.with_z(record.worker_heartbeat),
                "is_gone": self.is_dead,
            },
            "cancel_requested_at": record.cancel_requested_at,
            **_path_to_json(record.output_path, "output_path"),
            **_path_to_json(record.backup_path, "backup_path"),
            "operations": [operation.to_dict() for operation in self.operations],
        }


def last_job(library: Library, job_type: str | None = None) -> str:
    """The id of the newest job, if given only of one type.

    Raises JobNotFoundError if there is none.
    """
    with library.reading() as connection:
        found = job_history.list_jobs(connection, JobFilter(job_type=job_type, limit=1))
    if not found:
        of_type = f" of type {job_type}" if job_type else ""
        raise JobNotFoundError(f"No job{of_type} was found", hint="`vpo jobs list` lists the jobs.")
    return found[0].id


def read_job(library: Library, given: str) -> JobDetails:
    """Everything about the job whose id is, or begins with, `given`.

    Raises JobNotFoundError, or AmbiguousJobError if several ids begin so.
    """
    with library.reading() as connection:
        record = job_history.get_job(connection, find_job_id(connection, given))
        assert record is not None
        operations = operation_table.operations_of_job(connection, record.number)
        running = job_table.running_jobs(connection)
    return JobDetails(
        ListedJob(*record.job),
        record,
        [JobOperation(*operation) for operation in operations],
        is_dead=any(job.id == record.job.id and not liveness.is_alive(job) for job in running),
    )


def _parsed(text: str | None) -> Any:
    """The value of a JSON column. An earlier program may have written other text there."""
    if text is None:
        return None
    import orjson

    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _path_to_json(path: StoredPath | None, key: str) -> dict[str, str | None]:
    return {**to_json(path, key)} if path else {key: None}

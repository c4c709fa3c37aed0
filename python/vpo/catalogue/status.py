"""The state of a library at a glance: roots, files, jobs, space."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from vpo.base import times
from vpo.base.paths import StoredPath, from_stored, to_json, to_stored
from vpo.base.read_errors import is_of_the_medium
from vpo.db import counts, job_history
from vpo.db import damage as damage_table
from vpo.db import jobs as job_table
from vpo.db.library import Library
from vpo.jobs import liveness
from vpo.jobs.kinds import KINDS

# How many of the failed jobs are listed.
LISTED_FAILURES = 10

# The failure of a kind of job that people do not repeat is shown for this long.
ONCE_TOLD_FOR = timedelta(days=7)


class Space(NamedTuple):
    """Room on a file system, in bytes."""

    free: int
    total: int


@dataclass(frozen=True)
class RootStatus:
    """A root: its files by status, its last scan that succeeded, and what failed since."""

    path: StoredPath
    last_success_at: str | None
    files: dict[str, tuple[int, int]]
    """Number and bytes, by status."""
    failure: str | None
    """Why the newest scan failed, if it did after the last success."""
    failed_job_id: str | None
    space: Space | None
    """None if the root cannot be looked at now."""

    @property
    def is_there(self) -> bool:
        """Whether there is a directory at its path now."""
        return self.space is not None


@dataclass(frozen=True)
class Status:
    """The state of a library."""

    path: str
    size_bytes: int
    space: Space | None
    roots: list[RootStatus]
    jobs: dict[str, int]
    """Number of jobs by status."""
    dead_jobs: int
    """Jobs that are said to run, but whose process is gone."""
    failures: list[job_history.Failed]
    """Jobs that failed and were not followed by a success, newest first."""
    damage: dict[str, int]
    """Number of damaged files by what is wrong with them."""

    @property
    def damaged_files(self) -> int:
        """How many files are damaged."""
        return sum(self.damage.values())

    @property
    def needs_attention(self) -> bool:
        """Whether something failed, is gone or is damaged."""
        return bool(
            self.failures
            or self.dead_jobs
            or self.damaged_files
            or any(not root.is_there or root.files["error"][0] for root in self.roots)
        )


def space_at(path: bytes | str) -> Space | None:
    """The room on the file system that holds `path`, None if it cannot be told."""
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


def read_status(library: Library) -> Status:
    """Reads the state of an open library. Raises LibraryError."""
    with library.reading() as connection:
        roots = counts.list_roots(connection)
        failures = _failures(connection, roots)
        newest = {
            failure.path: failure for failure in reversed(failures) if failure.job_type == "scan"
        }
        shown = []
        for root in roots:
            failure = newest.get(root.path)
            shown.append(
                RootStatus(
                    path=root.path,
                    last_success_at=times.with_z(root.last_scan_at),
                    files=counts.files_below(connection, root.path),
                    failure=failure.message if failure else None,
                    failed_job_id=failure.id if failure else None,
                    space=space_at(from_stored(root.path)),
                )
            )
        running = job_table.running_jobs(connection)
        damage = damage_table.count_damage(connection)
        by_status = job_history.count_by_status(connection)
    return Status(
        path=library.path,
        size_bytes=_size_of(library.path),
        space=space_at(os.path.dirname(os.path.abspath(library.path))),
        roots=shown,
        jobs=by_status,
        dead_jobs=sum(not liveness.is_alive(job) for job in running),
        failures=failures,
        damage=damage,
    )


def _failures(
    connection: sqlite3.Connection, roots: Sequence[counts.RootRow]
) -> list[job_history.Failed]:
    """The failed jobs that are still to be told, newest first."""
    failed = job_history.failed_jobs(connection)
    last = job_history.last_completed(connection, {job.job_type for job in failed})
    for root in roots:
        # The job itself may have been purged.
        known = last.get(("scan", root.path), "")
        last["scan", root.path] = max(known, root.last_scan_at or "")
    since: dict[tuple[str, StoredPath], str] = {}
    too_old = times.to_text(times.now() - ONCE_TOLD_FOR)
    told = []
    for job in failed:
        if not _repeats(job.job_type) and job.began < too_old:
            continue
        kind = (job.job_type, job.path)
        if kind not in since:
            # Who succeeds with a directory succeeds with what is in it.
            above = _and_above(job.path)
            since[kind] = max(last.get((job.job_type, place), "") for place in above)
        if job.began > since[kind] and not _failed_for_damage_alone(connection, job):
            told.append(job)
    return told


def _repeats(job_type: str) -> bool:
    kind = KINDS.get(job_type)
    return kind is not None and kind.repeats


def _and_above(path: StoredPath) -> Iterator[StoredPath]:
    """A path and all directories that it is in."""
    place = from_stored(path)
    yield path
    while (above := os.path.dirname(place)) != place:
        place = above
        yield to_stored(place)


def _failed_for_damage_alone(connection: sqlite3.Connection, job: job_history.Failed) -> bool:
    """Whether all that went wrong in a check is damage: that is told by itself, while it lasts."""
    if job.job_type != "verify":
        return False
    import orjson

    record = job_history.get_job(connection, job.id)
    assert record is not None
    try:
        errors = orjson.loads(record["errors_json"] or "{}")
        summary = orjson.loads(record["summary_json"] or "{}")
        unreadable = [each for each in errors["issues"] if each["finding"] == "unreadable"]
        lost = sum(is_of_the_medium(each["errno"]) for each in unreadable)
        # What may not be read (no permission, say) is not known to be damaged.
        return errors["failure"] is None and summary["unreadable"] == lost
    except (orjson.JSONDecodeError, KeyError, TypeError):
        # It died, or another program wrote it.
        return False


def _size_of(path: str) -> int:
    """Bytes of the library's file, and of what was not folded into it yet."""
    size = 0
    for name in (path, f"{path}-wal"):
        if os.path.exists(name):
            size += os.path.getsize(name)
    return size


def status_to_dict(status: Status) -> dict[str, object]:
    """The state as JSON."""
    return {
        "library": {
            "path": status.path,
            "size_bytes": status.size_bytes,
            **_space_to_dict(status.space),
        },
        "roots": [
            {
                **to_json(root.path),
                "is_there": root.is_there,
                "last_success_at": root.last_success_at,
                "failure": root.failure,
                "failed_job_id": root.failed_job_id,
                "files": {name: count for name, (count, _) in root.files.items()},
                "bytes": {name: size for name, (_, size) in root.files.items()},
                **_space_to_dict(root.space),
            }
            for root in status.roots
        ],
        "jobs": {**status.jobs, "dead": status.dead_jobs},
        "failures": [
            {
                "id": failure.id,
                "type": failure.job_type,
                **to_json(failure.path, "file_path"),
                "completed_at": times.with_z(failure.completed_at),
                "error_message": failure.message,
            }
            for failure in status.failures[:LISTED_FAILURES]
        ],
        "damage": status.damage,
        "needs_attention": status.needs_attention,
    }


def _space_to_dict(space: Space | None) -> dict[str, int | None]:
    if space is None:
        return {"free_bytes": None, "total_bytes": None}
    return {"free_bytes": space.free, "total_bytes": space.total}

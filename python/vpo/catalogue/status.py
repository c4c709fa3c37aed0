"""The state of the catalogue at a glance: roots, files, jobs, space."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from vpo.base import times
from vpo.base.paths import StoredPath, from_stored, to_json, to_stored
from vpo.db import counts, job_history
from vpo.db import damage as damage_table
from vpo.db import jobs as job_table
from vpo.db.job_history import Failed, Place
from vpo.db.library import Library
from vpo.jobs import clock, liveness
from vpo.jobs.clock import ClockTrouble
from vpo.jobs.kinds import repeats
from vpo.places import patience
from vpo.places.patience import Space

# The JSON lists only this many failed jobs.
LISTED_FAILURES = 10

# Failures of kinds of job that are never repeated are shown for this time.
SHOWN_FOR = timedelta(days=7)


def _space_to_dict(space: Space | None) -> dict[str, int | None]:
    return {
        "free_bytes": None if space is None else space.free,
        "total_bytes": None if space is None else space.total,
    }


@dataclass(frozen=True)
class RootStatus:
    """A root: its files, its last successful scan, and what failed since."""

    path: StoredPath
    last_success_at: str | None
    files: dict[str, tuple[int, int]]
    """Number and bytes of its files, by status."""
    failure: str | None
    """Why the newest scan failed, None if it succeeded."""
    failed_job_id: str | None
    last_scan_errors: int
    """Files and directories that the last completed scan could not read."""
    space: Space | None
    """None if the root cannot be reached now."""
    hangs: bool
    """Whether its file system does not answer at all."""

    @property
    def is_there(self) -> bool:
        """Whether the root can be reached now."""
        return self.space is not None

    @property
    def state(self) -> Literal["ok", "partial", "failed", "offline", "hangs"]:
        """The state in one word: the worst that is true."""
        if self.hangs:
            return "hangs"
        if not self.is_there:
            return "offline"
        if self.failure is not None:
            return "failed"
        return "partial" if self.last_scan_errors else "ok"

    def to_dict(self) -> dict[str, object]:
        """The root as JSON."""
        return {
            **to_json(self.path),
            "is_there": self.is_there,
            "hangs": self.hangs,
            "last_success_at": self.last_success_at,
            "failure": self.failure,
            "failed_job_id": self.failed_job_id,
            "last_scan_errors": self.last_scan_errors,
            "files": {name: count for name, (count, _) in self.files.items()},
            "bytes": {name: size for name, (_, size) in self.files.items()},
            **_space_to_dict(self.space),
        }


class FailedJob(Failed):
    """A failed job that still matters."""

    __slots__ = ()

    def to_dict(self) -> dict[str, object]:
        """The job as JSON."""
        return {
            "id": self.id,
            "type": self.job_type,
            **to_json(self.path, "file_path"),
            "completed_at": times.with_z(self.completed_at),
            "error_message": self.message,
        }


@dataclass(frozen=True)
class Status:
    """The state of the catalogue and of its roots."""

    path: str
    size_bytes: int
    space: Space | None
    roots: list[RootStatus]
    jobs: dict[str, int]
    """The number of jobs, by status."""
    dead_jobs: int
    """The number of jobs that are recorded as running, but whose process is gone."""
    failures: list[FailedJob]
    """Jobs that failed and have not succeeded since, newest first."""
    damage: dict[str, int]
    """The number of damaged files, by what is wrong with them."""
    clock: ClockTrouble
    """Signs that the clock was or is wrong."""

    @property
    def damaged_files(self) -> int:
        """The number of damaged files."""
        return sum(self.damage.values())

    @property
    def needs_attention(self) -> bool:
        """Whether something failed, cannot be reached or is damaged."""
        return bool(
            self.failures
            or self.dead_jobs
            or self.damaged_files
            or any(
                not root.is_there or root.files["error"][0] or root.last_scan_errors
                for root in self.roots
            )
        )

    def to_dict(self) -> dict[str, object]:
        """The state as JSON."""
        return {
            "library": {
                "path": self.path,
                "size_bytes": self.size_bytes,
                **_space_to_dict(self.space),
            },
            "roots": [root.to_dict() for root in self.roots],
            "jobs": {**self.jobs, "dead": self.dead_jobs},
            "failures": [failure.to_dict() for failure in self.failures[:LISTED_FAILURES]],
            "damage": self.damage,
            "clock": self.clock.to_dict(),
            "needs_attention": self.needs_attention,
        }


def space_at(path: bytes | str) -> Space | None:
    """The space on the file system that holds `path`, None if it cannot be reached."""
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


def read_status(library: Library) -> Status:
    """Reads the state of the catalogue. Raises LibraryError."""
    with library.reading() as connection:
        roots = counts.list_roots(connection)
        failures = _failures(connection, roots)
        newest = {
            failure.path: failure for failure in reversed(failures) if failure.job_type == "scan"
        }
        # Before all else, because the slowest root decides how long this takes.
        spaces = patience.spaces([from_stored(root.path) for root in roots])
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
                    last_scan_errors=job_history.errors_of_last_scan(connection, root.path),
                    space=spaces.get(from_stored(root.path)),
                    hangs=from_stored(root.path) not in spaces,
                )
            )
        running = job_table.running_jobs(connection)
        damage = damage_table.count_damage(connection)
        by_status = job_history.count_by_status(connection)
        trouble = clock.find_trouble(connection)
    return Status(
        path=library.path,
        size_bytes=_size_of(library.path),
        space=space_at(os.path.dirname(os.path.abspath(library.path))),
        roots=shown,
        jobs=by_status,
        dead_jobs=sum(not liveness.is_alive(job) for job in running),
        failures=failures,
        damage=damage,
        clock=trouble,
    )


def _failures(connection: sqlite3.Connection, roots: Sequence[counts.RootRow]) -> list[FailedJob]:
    """The failed jobs that still matter, newest first."""
    failed = job_history.failed_jobs(connection)
    last = job_history.last_completed(connection, {*(job.job_type for job in failed), "roots"})
    for root in roots:
        if root.last_scan_at is not None:
            # The job that succeeded may have been purged.
            known = Place(root.last_scan_sequence, root.last_scan_at)
            recorded = last.get(("scan", root.path))
            if recorded is None or known.is_after(recorded):
                last["scan", root.path] = known
    too_old = times.to_text(times.now() - SHOWN_FOR)
    failures = []
    for job in failed:
        if not repeats(job.job_type) and job.began < too_old:
            continue
        # A job that succeeded with a directory succeeded with everything in it. A root that was
        # forgotten, or is at another place now, does not fail any more.
        succeeded = (
            last.get((job_type, place))
            for place in _and_above(job.path)
            for job_type in (job.job_type, "roots")
        )
        if all(done is None or job.place.is_after(done) for done in succeeded) and not (
            _failed_for_damage_alone(connection, job)
        ):
            failures.append(FailedJob(*job))
    return failures


def _and_above(path: StoredPath) -> Iterator[StoredPath]:
    """A path and all directories above it."""
    place = from_stored(path)
    yield path
    while (above := os.path.dirname(place)) != place:
        place = above
        yield to_stored(place)


def _failed_for_damage_alone(connection: sqlite3.Connection, job: Failed) -> bool:
    """Whether damage is all that went wrong in a check. Damage is shown as such while it lasts."""
    if job.job_type != "verify":
        return False
    import orjson

    from vpo.places.read_errors import is_of_the_medium

    record = job_history.get_job(connection, job.id)
    assert record is not None
    try:
        errors = orjson.loads(record.errors_json or "{}")
        summary = orjson.loads(record.summary_json or "{}")
        unreadable = [each for each in errors["issues"] if each["finding"] == "unreadable"]
        lost = sum(is_of_the_medium(each["errno"]) for each in unreadable)
        # Files that vpo may not read are not known to be damaged.
        return errors["failure"] is None and summary["unreadable"] == lost
    except (orjson.JSONDecodeError, KeyError, TypeError):
        # The job died, or another program wrote the record.
        return False


def _size_of(path: str) -> int:
    """The bytes of the catalogue's file and of its WAL."""
    size = 0
    for name in (path, f"{path}-wal"):
        if os.path.exists(name):
            size += os.path.getsize(name)
    return size

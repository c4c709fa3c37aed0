"""Damage that is accepted: what a file holds now is what it is to hold from then on."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from vpo._engine import Digested, Digester
from vpo.base import times
from vpo.base.errors import FileUnreadableError, VpoError
from vpo.base.paths import StoredPath, display, to_json
from vpo.db import damage as damage_table
from vpo.db import file_changes as change_table
from vpo.db import file_facts
from vpo.db.damage import Damage
from vpo.db.file_changes import FileChange
from vpo.db.file_facts import Verified
from vpo.db.library import Library
from vpo.jobs import tracking
from vpo.jobs.control import ShouldStop
from vpo.jobs.outcome import Failure, end_recorded
from vpo.logging import bound, facts, shown
from vpo.scanner.models import PathList

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Accepted:
    """A file whose content was accepted."""

    path: StoredPath
    damage: Damage
    """What had been found wrong with it."""
    content_hash: str
    is_recorded: bool
    """Whether the digest is recorded; not that of a file that a scan is still to look at."""


@dataclass
class AcceptResult:
    """What was accepted, and what could not be."""

    job_id: str
    accepted: list[Accepted] = field(default_factory=list)
    errors: list[tuple[StoredPath, VpoError]] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """How many there are of each."""
        return {"accepted": len(self.accepted), "errors": len(self.errors)}


@dataclass(frozen=True)
class ToAccept:
    """A damaged file."""

    path: StoredPath
    damage: Damage
    is_symlink: bool


def accept(
    library: Library,
    place: StoredPath,
    files: Iterable[ToAccept],
    *,
    should_stop: ShouldStop = lambda: None,
) -> AcceptResult:
    """Reads damaged files, records their digests as right, and forgets the damage.

    `place` holds them all. Each is done for itself; one that cannot be read stays as
    it is. It is a job, so that the history of the files has it. Raises LibraryError,
    StoredError where it is stopped.
    """
    job = tracking.start_job(library, job_type="accept", path=place, configuration_json="{}")
    result = AcceptResult(job.id)
    with (
        bound(job_id=job.id),
        end_recorded(
            job,
            "Accepting",
            logger,
            counts=result.counts,
            columns=lambda failure: _record(result, failure),
        ),
    ):
        digester = Digester(leave_cache=True)
        try:
            for file in files:
                _accept(job, file, _read(job, digester, file, should_stop, result), result)
        finally:
            digester.stop()
        with library.transaction():
            job.end("completed", **_record(result))
    return result


def _read(
    job: tracking.Job,
    digester: Digester,
    file: ToAccept,
    should_stop: ShouldStop,
    result: AcceptResult,
) -> Digested:
    digester.submit([(file.damage.file_id, file.path, None, None, file.is_symlink)], ("blake3",))
    while True:
        answers = digester.take(POLL_SECONDS)
        job.beat(lambda: (0.0, {"files": len(result.accepted)}))
        if answers:
            return answers[0]
        if stopped := should_stop():
            raise stopped


def _accept(job: tracking.Job, file: ToAccept, seen: Digested, result: AcceptResult) -> None:
    if seen.digests is None:
        error = FileUnreadableError(
            f"`{display(file.path)}` cannot be accepted: {_why(seen)}",
            hint="Its damage stays recorded. Put a good copy in its place, or remove it and scan.",
            job_id=job.id,
        )
        logger.error("%s", error.message, extra=shown(code=error.code, **to_json(file.path)))
        result.errors.append((file.path, error))
        return
    assert seen.size_bytes is not None
    assert seen.mtime_ns is not None
    assert seen.ctime_ns is not None
    file_id, content_hash = file.damage.file_id, f"blake3:{seen.digests['blake3']}"
    at = times.to_text(times.now())
    row = Verified(file_id, content_hash, seen.size_bytes, seen.mtime_ns, seen.ctime_ns, at)
    with job.library.transaction() as connection:
        count = file_facts.record_verified(connection, [row])
        if count:
            # Else a scan is to look at it anyway, as its size or mtime is another.
            file_facts.record_other_content(connection, [file_id])
        damage_table.forget_damage(connection, [file_id])
        change = FileChange(file_id, "accepted", file.damage.damage)
        change_table.add_changes(connection, job.number, [change])
    logger.info("Damage accepted", extra=facts(**to_json(file.path), content_hash=content_hash))
    result.accepted.append(Accepted(file.path, file.damage, content_hash, count == 1))


def _why(seen: Digested) -> str:
    if seen.problem == "gone":
        return "it is gone"
    if seen.problem == "not_regular":
        return "something else is in its place"
    if seen.problem == "changing":
        return "it is being written"
    where = "" if seen.offset is None else f" at byte {seen.offset:,}"
    why = seen.message if seen.errno is None else os.strerror(seen.errno)
    return f"it cannot be read{where}: {why}"


def _record(result: AcceptResult, failure: Failure | None = None) -> dict[str, str | None]:
    accepted = PathList()
    for each in result.accepted:
        accepted.add(each.path)
    record: dict[str, str | None] = {
        "summary_json": orjson.dumps(result.counts()).decode(),
        "files_affected_json": orjson.dumps(
            {
                "accepted": [
                    path if isinstance(path, str) else to_json(path) for path in accepted.paths
                ],
                "counts": {"accepted": accepted.count},
                "truncated": accepted.count > len(accepted.paths),
            }
        ).decode(),
    }
    if result.errors or failure is not None:
        issues = [
            {**to_json(path), "operation": "accept", "errno": None, "message": error.message}
            for path, error in result.errors
        ]
        record["errors_json"] = orjson.dumps(
            {"failure": failure, "count": len(issues), "issues": issues}
        ).decode()
    return record

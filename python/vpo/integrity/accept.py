"""Accepting damage: the content that a file has now counts as right from then on."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field

from vpo._engine import Digested
from vpo.base import times
from vpo.base.errors import FileUnreadableError, VpoError
from vpo.base.paths import StoredPath, display, from_stored, to_json, to_stored
from vpo.content.algorithms import RECORDED
from vpo.content.digests import recorded_digest
from vpo.content.hashing import FileToRead, HashingQueue, why_unreadable
from vpo.db import damage as damage_table
from vpo.db import file_changes as change_table
from vpo.db import file_facts
from vpo.db.damage import Damage
from vpo.db.file_changes import FileChange
from vpo.db.file_facts import Verified
from vpo.db.library import Library
from vpo.jobs.conflicts import JobToRun
from vpo.jobs.context import Context
from vpo.jobs.job import Job
from vpo.jobs.kinds import KINDS
from vpo.jobs.lifecycle import recorded
from vpo.jobs.progress import Progress
from vpo.jobs.record import JobRecord, JobResult, PathList
from vpo.logging import facts, shown
from vpo.places.beneath import roots_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Accepted:
    """A file whose content was accepted."""

    path: StoredPath
    damage: Damage
    """What had been found wrong with it."""
    content_hash: str
    is_recorded: bool
    """Whether the digest was recorded. If the file was modified too, a scan has to see it first."""


@dataclass(frozen=True)
class ToAccept:
    """A damaged file."""

    path: StoredPath
    damage: Damage
    is_symlink: bool


@dataclass(frozen=True)
class AcceptRequest:
    """Damaged files whose content is to be accepted."""

    files: tuple[ToAccept, ...]

    @property
    def path(self) -> StoredPath:
        """The file, or the directory that holds all files."""
        if len(self.files) == 1:
            return self.files[0].path
        directories = [os.path.dirname(from_stored(file.path)) for file in self.files]
        return to_stored(os.path.commonpath(directories))


@dataclass
class AcceptResult(JobResult):
    """What was accepted, and what could not be."""

    accepted: list[Accepted] = field(default_factory=list)
    errors: list[tuple[StoredPath, VpoError]] = field(default_factory=list)

    @property
    def is_all_well(self) -> bool:
        """Whether all files were accepted."""
        return not self.errors

    def to_dict(self) -> dict[str, object]:
        """The result as JSON."""
        return {
            "job_id": self.job_id,
            "accepted": [
                {
                    **to_json(each.path),
                    "damage": each.damage.damage,
                    "digest_recorded": each.damage.digest_recorded,
                    "content_hash": each.content_hash,
                    "is_recorded": each.is_recorded,
                }
                for each in self.accepted
            ],
            "errors": [{**to_json(path), **error.to_dict()} for path, error in self.errors],
        }

    def in_words(self) -> str:
        """The counts, in one line."""
        return f"{len(self.accepted):,} accepted, {len(self.errors):,} errors"

    def record(self) -> JobRecord:
        """The result as the job's record has it."""
        accepted = PathList()
        for each in self.accepted:
            accepted.add(each.path)
        return JobRecord(
            {"accepted": len(self.accepted), "errors": len(self.errors)},
            affected={"accepted": accepted},
            issues=[
                {**to_json(path), "operation": "accept", "errno": None, "message": error.message}
                for path, error in self.errors
            ],
        )


def run(library: Library, request: AcceptRequest, context: Context) -> AcceptResult:
    """Reads damaged files, records their digests as right, and forgets the damage.

    A file that cannot be read stays damaged. It is a job, so that the history of the files has
    it. Raises LibraryError, StoppedError if it is stopped.
    """
    result = AcceptResult()
    to_run = JobToRun(KINDS["accept"], request.path, "{}")
    with recorded(library, to_run, context, result) as job:

        def check() -> None:
            context.beat(lambda: Progress("accept", len(result.accepted)))
            context.check()

        roots = roots_of(library.connection)
        with HashingQueue[ToAccept](check, leave_cache=True, roots=roots) as queue:
            for file in request.files:
                to_read = FileToRead(file.path, (RECORDED.name,), follows_link=file.is_symlink)
                for answers in queue.answers([(file, to_read)]):
                    for _, seen in answers:
                        _accept(job, file, seen, result)
    return result


def _accept(job: Job, file: ToAccept, seen: Digested, result: AcceptResult) -> None:
    if seen.digests is None:
        error = FileUnreadableError(
            f"`{display(file.path)}` cannot be accepted: {_why(seen)}",
            hint=f"The file stays recorded as damaged. {_advice(seen)}",
            job_id=job.id,
        )
        logger.error("%s", error.message, extra=shown(code=error.code, **to_json(file.path)))
        result.errors.append((file.path, error))
        return
    assert seen.size_bytes is not None
    assert seen.mtime_ns is not None
    assert seen.ctime_ns is not None
    file_id, content_hash = file.damage.file_id, recorded_digest(seen.digests)
    at = times.to_text(times.now())
    row = Verified(file_id, content_hash, seen.size_bytes, seen.mtime_ns, seen.ctime_ns, at)
    with job.library.transaction() as connection:
        count = file_facts.record_verified(connection, [row])
        if count:
            # Else its size or mtime differs, so that the next scan reads it anyway.
            file_facts.record_other_content(connection, [file_id])
        damage_table.forget_damage(connection, [file_id])
        change = FileChange(file_id, "accepted", file.damage.damage)
        change_table.add_changes(connection, job.number, [change])
    logger.info("Damage accepted", extra=facts(**to_json(file.path), content_hash=content_hash))
    result.accepted.append(Accepted(file.path, file.damage, content_hash, count == 1))


def _advice(seen: Digested) -> str:
    if seen.problem in ("gone", "not_regular"):
        return "Scan its directory."
    if seen.problem == "changing":
        return "Try again when no program writes to it."
    return "Replace it with a good copy, or delete it and scan."


def _why(seen: Digested) -> str:
    if seen.problem == "gone":
        return "it is gone"
    if seen.problem == "not_regular":
        return "something else is in its place"
    if seen.problem == "changing":
        return "a program is writing it"
    return f"it cannot be read{why_unreadable(seen)}"

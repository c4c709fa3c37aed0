"""Doing something about duplicates: one operation for each name, recorded before and after.

The library is told of what happened in the transaction that records its end. Operations
come in batches: a commit for each would wait for the disk thousands of times. Whatever
ends the process in a batch, `settlement` finds out how far it came.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from vpo.base import times
from vpo.base.errors import ActionError
from vpo.base.paths import StoredPath, display, from_stored, to_json, to_stored
from vpo.db import file_actions, file_facts
from vpo.db import operations as operation_table
from vpo.db.file_facts import Replaced
from vpo.db.library import Library
from vpo.db.operations import Ending, Operation
from vpo.duplicates import hardlink, reflink, settlement, trash
from vpo.duplicates.keep_rules import Keeping
from vpo.duplicates.models import Action, Copy, Group, Name
from vpo.duplicates.safe_open import Identity, OpenFile, changed, compare, sync_directory
from vpo.jobs.control import StoppedError
from vpo.jobs.tracking import Job
from vpo.logging import facts, shown

logger = logging.getLogger(__name__)

# So many files, or bytes to compare, are recorded at once.
BATCH_FILES = 100
BATCH_BYTES = 1024**3


@dataclass
class Issue:
    """A file that nothing was done about."""

    path: StoredPath
    message: str
    reason: str

    def to_dict(self) -> dict[str, object]:
        """The issue as JSON has it."""
        return {**to_json(self.path), "message": self.message, "reason": self.reason}


@dataclass
class ActionResult:
    """What became of the duplicates."""

    done: int = 0
    """Names that something was done about."""
    copies: int = 0
    bytes: int = 0
    """The size of the copies that were done completely."""
    issues: list[Issue] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The counts, for the job's record."""
        return {
            "files_done": self.done,
            "bytes_done": self.bytes,
            "files_failed": len(self.issues),
        }


class _Step(NamedTuple):
    """One name that something is to be done about."""

    operation_id: str
    group: Group
    copy: Copy
    name: Name
    facts: dict[str, Any] | None
    """What it takes to undo it; None: it cannot be."""
    identity: Identity


class Actor:
    """Does one kind of action, as the work of a job."""

    def __init__(
        self, library: Library, job: Job, action: Action, go_on: Callable[[], None]
    ) -> None:
        """`go_on` is called often, and may raise StoppedError to end it."""
        self.library = library
        self.job = job
        self.action = action
        self.go_on = go_on
        self.result = ActionResult()
        self._linked: tuple[Group, list[int]] | None = None

    def act(self, groups: list[Group], keeping: Keeping) -> None:
        """Does it to all copies that are not kept.

        What cannot be done to one file is noted, and the next one's turn comes. Raises
        StoppedError where `go_on` does; what was done until then is recorded.
        """
        batch: list[_Step] = []
        size = 0
        for group in groups:
            kept = group.copies[0]
            for copy in keeping.doomed(group):
                self.go_on()
                batch += self._steps(group, kept, copy)
                size += group.size_bytes
                if len(batch) >= BATCH_FILES or size >= BATCH_BYTES:
                    self._do(batch)
                    batch, size = [], 0
        if batch:
            self._do(batch)

    def _steps(self, group: Group, kept: Copy, copy: Copy) -> list[_Step]:
        """What is to be done about one copy: a step for each of its names, or none of them."""
        steps: list[_Step] = []
        for name in copy.names:
            try:
                with (
                    OpenFile(from_stored(kept.path)) as original,
                    OpenFile(from_stored(name.path)) as duplicate,
                ):
                    original.check_identity(_identity(kept, group))
                    duplicate.check_identity(_identity(copy, group))
                    undo = self._prepare(original, duplicate, copy)
            except ActionError as error:
                self._note(name.path, error)
                return []
            except OSError as error:
                self._note(name.path, _system(name.path, error))
                return []
            steps.append(
                _Step(
                    str(uuid.uuid4()),
                    group,
                    copy,
                    name,
                    undo,
                    _identity(copy, group),
                )
            )
        return steps

    def _prepare(self, kept: OpenFile, duplicate: OpenFile, copy: Copy) -> dict[str, Any] | None:
        """What it takes to undo it. Raises ActionError where it is not to be done."""
        status = duplicate.status
        if (kept.status.st_dev, kept.status.st_ino) == (status.st_dev, status.st_ino):
            raise changed(duplicate.path)
        if self.action == "reflink":
            reflink.prepare(kept, duplicate)
            return None
        if status.st_nlink != len(copy.names):
            raise ActionError(
                f"`{display(copy.path)}` has other names that the library does not know:"
                " no room would be saved",
                reason="other_names",
            )
        if self.action == "hardlink":
            return hardlink.prepare(kept, duplicate)
        return trash.prepare(duplicate)

    # -- Doing -----------------------------------------------------------------

    def _do(self, batch: list[_Step]) -> None:
        with self.library.transaction() as connection:
            at = times.to_text(times.now())
            operation_table.add_operations(
                connection, (self._operation(step, at) for step in batch)
            )
        happened = Happened()
        stopped: StoppedError | None = None
        left: Copy | None = None
        is_unclear = False
        try:
            for step in batch:
                if stopped is not None or step.copy is left:
                    # Of a copy all names are done, or the rest is left as it is.
                    happened.failed(step.operation_id, "It was not begun")
                    continue
                try:
                    self._one(step, happened)
                except ActionError as error:
                    self._note(step.name.path, error)
                    happened.failed(step.operation_id, error.message)
                    left = step.copy
                except StoppedError as error:
                    happened.failed(step.operation_id, "It was not begun")
                    stopped = error
                except OSError as error:
                    # How far it came only the disk says.
                    self._note(step.name.path, _system(step.name.path, error))
                    left = step.copy
                    is_unclear = True
        finally:
            # Whatever ended it. On the disk before the library says so.
            sync_directories(step.name.path for step in batch)
            with self.library.transaction() as connection:
                happened.record(connection, self.job.number)
        if is_unclear:
            with self.library.transaction() as connection:
                settlement.settle(connection, self.job.number)
        if stopped is not None:
            raise stopped

    def _one(self, step: _Step, happened: Happened) -> None:
        """Does one step.

        Raises ActionError if that cannot be done, OSError where it may have been done.
        """
        kept = step.group.copies[0]
        with (
            OpenFile(from_stored(kept.path)) as original,
            OpenFile(from_stored(step.name.path)) as duplicate,
        ):
            original.check_identity(_identity(kept, step.group))
            duplicate.check_identity(step.identity)
            if self.action == "reflink":
                reflink.share(original, duplicate, self.go_on)
            else:
                compare(original, duplicate, self.go_on)
            if self.action == "hardlink":
                hardlink.link(original, duplicate, step.operation_id)
                names = self._names_of_kept(step.group)
                happened.linked(step, names, original.status, os.fstat(original.descriptor))
                names.append(step.name.file_id)
            elif self.action == "trash":
                assert step.facts is not None
                trash.move(original, duplicate, step.facts, step.operation_id)
                happened.trashed.append((step.name.file_id, step.name.path))
        happened.completed(step.operation_id)
        self.result.done += 1
        if step.name is step.copy.names[-1]:
            self.result.copies += 1
            self.result.bytes += step.group.size_bytes
        logger.info(
            "Did it",
            extra=facts(action=self.action, path=step.name.path, kept=kept.path),
        )

    def _names_of_kept(self, group: Group) -> list[int]:
        """The names of the file that is kept of a group, by now."""
        if self._linked is None or self._linked[0] is not group:
            self._linked = group, [name.file_id for name in group.copies[0].names]
        return self._linked[1]

    def _operation(self, step: _Step, at: str) -> Operation:
        kept = step.group.copies[0]
        actions = {
            "action": self.action,
            **to_json(kept.path, "kept_path"),
            "content_hash": step.group.content_hash,
            "size_bytes": step.group.size_bytes,
        }
        return Operation(
            id=step.operation_id,
            job=self.job.number,
            operation=self.action,
            file_id=step.name.file_id,
            file_path=step.name.path,
            actions_json=orjson.dumps(actions).decode(),
            undo_json=None if step.facts is None else orjson.dumps(step.facts).decode(),
            status=operation_table.IN_PROGRESS,
            error_message=None,
            started_at=at,
            completed_at=None,
        )

    def _note(self, path: StoredPath, error: ActionError) -> None:
        issue = Issue(path, error.message, str(error.details.get("reason", "system")))
        self.result.issues.append(issue)
        logger.warning("%s", error.message, extra=shown(**issue.to_dict()))


@dataclass
class Happened:
    """What a batch of steps did, to be recorded in one transaction."""

    endings: list[Ending] = field(default_factory=list)
    trashed: list[tuple[int, StoredPath]] = field(default_factory=list)
    replaced: list[Replaced] = field(default_factory=list)
    ctimes: list[tuple[int, int, int]] = field(default_factory=list)

    def completed(self, operation_id: str) -> None:
        """A step was done."""
        self.endings.append(Ending(operation_id, operation_table.COMPLETED))

    def failed(self, operation_id: str, message: str) -> None:
        """A step was not done; everything is as it was."""
        self.endings.append(Ending(operation_id, operation_table.FAILED, message))

    def linked(
        self, step: _Step, names: list[int], before: os.stat_result, now: os.stat_result
    ) -> None:
        """A name became one of the kept file, whose other names (ids) are given."""
        self.replaced.append(
            Replaced(
                step.name.file_id,
                step.group.size_bytes,
                step.copy.mtime_ns,
                now.st_ino,
                now.st_mtime_ns,
                now.st_ctime_ns,
            )
        )
        # A new name moves the ctime of the file that gets it.
        self.ctimes += ((name, before.st_ctime_ns, now.st_ctime_ns) for name in names)

    def record(self, connection: sqlite3.Connection, job: int) -> None:
        """Writes it down. In a transaction."""
        at = times.to_text(times.now())
        operation_table.end_operations(connection, self.endings, at)
        file_actions.record_trashed(
            connection, job, self.trashed, times.to_seconds_text(times.now())
        )
        file_actions.record_replaced(connection, job, self.replaced)
        file_facts.record_ctimes(connection, self.ctimes)


def sync_directories(paths: Iterable[StoredPath]) -> None:
    """Has the directories of files written to the disk, as far as that can be."""
    for directory in {os.path.dirname(from_stored(path)) for path in paths}:
        try:
            sync_directory(directory)
        except OSError as error:
            # Some file systems cannot. What is on the disk settles it in any case.
            logger.debug("Not synced: %s", error.strerror, extra=facts(path=to_stored(directory)))


def _identity(copy: Copy, group: Group) -> Identity:
    return Identity(copy.device, copy.inode, group.size_bytes, copy.mtime_ns)


def _system(path: StoredPath, error: OSError) -> ActionError:
    return ActionError(f"`{display(path)}`: {error.strerror}", reason="system")

"""Changing duplicates: one operation for each name, recorded before and after.

The transaction that records the end of an operation also records its effects on files.
Operations come in batches: a commit for each would wait for the disk thousands of times. If the
process ends in the middle of a batch, `vpo.jobs.settlement` finds out how far it came.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import orjson

from vpo.base import times
from vpo.base.errors import ActionError
from vpo.base.paths import StoredPath, display, from_stored, to_json
from vpo.db import operations as table
from vpo.db.operations import Ending, Operation
from vpo.duplicates.aliases import check_distinct
from vpo.duplicates.models import Copy, Group, Issue
from vpo.duplicates.result import DuplicatesResult
from vpo.duplicates.safe_open import OpenFile
from vpo.duplicates.step import ActionModule, Record, Step, identity_of
from vpo.jobs import settlement
from vpo.jobs.context import Context
from vpo.jobs.job import Job
from vpo.jobs.operations import OPERATIONS
from vpo.jobs.progress import Progress
from vpo.jobs.stopping import StoppedError
from vpo.logging import facts, shown
from vpo.places.beneath import roots_of
from vpo.places.sync import sync_directories

logger = logging.getLogger(__name__)

# So many files, or bytes to compare, are recorded together.
BATCH_FILES = 100
BATCH_BYTES = 1024**3

NOT_BEGUN = "vpo stopped before it changed this file"


@dataclass
class _Outcome:
    """What became of the steps of a batch. It is recorded in one transaction."""

    endings: list[Ending] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    stopped: StoppedError | None = None
    is_unclear: bool = False
    """Whether only the disk shows how far one of the steps came."""

    def failed(self, step: Step, message: str) -> None:
        """A step was not done. Everything is as it was."""
        self.endings.append(Ending(step.operation_id, table.FAILED, message))


class Actor:
    """Does the action of a request, as the work of a job."""

    def __init__(self, job: Job, context: Context, result: DuplicatesResult) -> None:
        assert result.request.action is not None
        assert result.changes is not None
        self.job = job
        self.library = job.library
        self.roots = roots_of(job.library.connection)
        self.context = context
        self.result = result
        self.changes = result.changes
        self.kind = OPERATIONS[result.request.action]
        self.module = cast(ActionModule, self.kind.load())
        self.expected = sum(len(copy.names) for copy in result.to_change())

    def act(self) -> None:
        """Does the action to all copies that are not kept.

        If one file cannot be changed, that is noted, and the others are still changed. Raises
        StoppedError. What was done until then is recorded.
        """
        batch: list[Step] = []
        size_bytes = 0
        for group in self.result.duplicates.groups:
            kept_ids = [name.file_id for name in group.copies[0].names]
            for copy in self.result.request.keep.copies_to_change(group):
                self._report()
                batch += self._steps(group, copy, kept_ids)
                size_bytes += group.size_bytes
                if len(batch) >= BATCH_FILES or size_bytes >= BATCH_BYTES:
                    self._perform(batch)
                    batch, size_bytes = [], 0
        if batch:
            self._perform(batch)

    def _steps(self, group: Group, copy: Copy, kept_ids: list[int]) -> list[Step]:
        """The steps for one copy: one for each of its names. Empty if one is not possible."""
        kept = group.copies[0]
        steps: list[Step] = []
        for name in copy.names:
            try:
                with (
                    OpenFile.beneath(self.roots, from_stored(kept.path)) as original,
                    OpenFile.beneath(self.roots, from_stored(name.path)) as duplicate,
                ):
                    original.check_identity(identity_of(kept, group))
                    duplicate.check_identity(identity_of(copy, group))
                    check_distinct(original, duplicate)
                    undo = self.module.prepare(original, duplicate, copy)
            except ActionError as error:
                self._note(name.path, error)
                return []
            except OSError as error:
                self._note(name.path, _system_error(name.path, error))
                return []
            steps.append(Step(str(uuid.uuid4()), group, copy, name, undo, kept_ids))
        return steps

    # -- One batch ---------------------------------------------------------------

    def _perform(self, batch: Sequence[Step]) -> None:
        with self.library.transaction() as connection:
            at = times.to_text(times.now())
            table.add_operations(connection, [self._operation(step, at) for step in batch])
        outcome = _Outcome()
        try:
            self._try_each(batch, outcome)
        finally:
            # Whatever ended it. The disk has the changes before the catalogue says so.
            sync_directories(self.roots, (step.name.path for step in batch))
            with self.library.transaction() as connection:
                at = times.to_text(times.now())
                table.end_operations(connection, outcome.endings, at)
                for record in outcome.records:
                    record(connection, self.job.number)
        if outcome.is_unclear:
            with self.library.transaction() as connection:
                settlement.settle(connection, self.job.number)
        if outcome.stopped is not None:
            raise outcome.stopped

    def _try_each(self, batch: Sequence[Step], outcome: _Outcome) -> None:
        failed: Copy | None = None
        for step in batch:
            if outcome.stopped is not None or step.copy is failed:
                # If one name of a copy cannot be changed, its other names stay as they are.
                outcome.failed(step, NOT_BEGUN)
                continue
            try:
                self._perform_one(step, outcome)
            except ActionError as error:
                self._note(step.name.path, error)
                outcome.failed(step, error.message)
                failed = step.copy
            except StoppedError as error:
                outcome.failed(step, NOT_BEGUN)
                outcome.stopped = error
            except OSError as error:
                self._note(step.name.path, _system_error(step.name.path, error))
                failed = step.copy
                outcome.is_unclear = True

    def _perform_one(self, step: Step, outcome: _Outcome) -> None:
        """Does one step. Raises ActionError if it is not done, OSError if it may have been."""
        with (
            OpenFile.beneath(self.roots, from_stored(step.kept.path)) as original,
            OpenFile.beneath(self.roots, from_stored(step.name.path)) as duplicate,
        ):
            original.check_identity(identity_of(step.kept, step.group))
            duplicate.check_identity(identity_of(step.copy, step.group))
            check_distinct(original, duplicate)
            record = self.module.perform(step, original, duplicate, self._report)
        if record is not None:
            outcome.records.append(record)
        outcome.endings.append(Ending(step.operation_id, table.COMPLETED))
        self.changes.names += 1
        if step.name is step.copy.names[-1]:
            self.changes.size_bytes += step.group.size_bytes
        logger.info(
            "Duplicate changed",
            extra=facts(action=self.kind.name, path=step.name.path, kept=step.kept.path),
        )

    def _operation(self, step: Step, at: str) -> Operation:
        actions = {
            "action": self.kind.name,
            **to_json(step.kept.path, "kept_path"),
            "content_hash": step.group.content_hash,
            "size_bytes": step.group.size_bytes,
        }
        return Operation(
            id=step.operation_id,
            job=self.job.number,
            operation=self.kind.name,
            file_id=step.name.file_id,
            file_path=step.name.path,
            actions_json=orjson.dumps(actions).decode(),
            undo_json=None if step.facts is None else orjson.dumps(step.facts).decode(),
            status=table.IN_PROGRESS,
            error_message=None,
            started_at=at,
            completed_at=None,
        )

    # -- Progress and issues -------------------------------------------------------

    def _report(self) -> None:
        self.context.report(self._progress)

    def _progress(self) -> Progress:
        return Progress("act", self.changes.names + len(self.changes.issues), self.expected)

    def _note(self, path: StoredPath, error: ActionError) -> None:
        issue = Issue(path, error.message, str(error.details.get("reason", "system")))
        self.changes.issues.append(issue)
        logger.warning("%s", error.message, extra=shown(**issue.to_dict()))


def _system_error(path: StoredPath, error: OSError) -> ActionError:
    return ActionError(f"`{display(path)}`: {error.strerror}", reason="system")

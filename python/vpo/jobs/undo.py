"""Undoing operations as a job: one operation, or all of a job, the last one first."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import orjson

from vpo.base import times
from vpo.base.errors import UndoError
from vpo.base.paths import display, to_json
from vpo.db import operations as table
from vpo.db.library import Library
from vpo.db.operations import Ending, Operation
from vpo.jobs import settlement
from vpo.jobs.conflicts import JobToRun
from vpo.jobs.context import Context
from vpo.jobs.job import Job
from vpo.jobs.kinds import KINDS
from vpo.jobs.lifecycle import recorded
from vpo.jobs.operations import OPERATIONS
from vpo.jobs.progress import Progress
from vpo.jobs.record import LISTED_ISSUES, JobRecord, JobResult
from vpo.jobs.settlement import UNDONE_BY
from vpo.jobs.stopping import StoppedError
from vpo.jobs.undo_target import find_target
from vpo.logging import facts, shown
from vpo.places.beneath import roots_of
from vpo.places.sync import sync_directories

logger = logging.getLogger(__name__)

# So many operations are recorded together: a commit waits for the disk.
BATCH = 100


@dataclass(frozen=True)
class UndoRequest:
    """What to undo."""

    id: str
    """The ID of an operation or of a job, or the first characters of it."""


@dataclass
class UndoResult(JobResult):
    """What became of the operations."""

    selected: int = 0
    """How many operations were to be undone."""
    undone: list[Operation] = field(default_factory=list)
    errors: list[tuple[Operation, UndoError]] = field(default_factory=list)

    @property
    def is_all_well(self) -> bool:
        """Whether everything was undone."""
        return not self.errors

    def in_words(self) -> str:
        """The counts, in one line."""
        return f"{len(self.undone):,} of {self.selected:,} operations undone"

    def record(self) -> JobRecord:
        """The result as the job's record has it."""
        return JobRecord(
            {"operations_undone": len(self.undone), "errors": len(self.errors)},
            issues=[
                {**to_json(each.file_path), "operation": "undo", "message": error.message}
                for each, error in self.errors[:LISTED_ISSUES]
            ],
            issue_count=len(self.errors),
        )

    def to_dict(self) -> dict[str, object]:
        """The result as JSON (see the command-line contract)."""
        return {
            "job_id": self.job_id,
            "undone": [_to_dict(each) for each in self.undone],
            "errors": [{**_to_dict(each), **error.to_dict()} for each, error in self.errors],
        }


def _to_dict(operation: Operation) -> dict[str, object]:
    return {
        "id": operation.id,
        "operation": operation.operation,
        **to_json(operation.file_path),
    }


def run(library: Library, request: UndoRequest, context: Context) -> UndoResult:
    """Undoes an operation, or all operations of a job, and records that as a job.

    The result has the operations that could not be undone. If only one operation was to be
    undone, its error is raised.

    Raises VpoError if nothing is undone, StoppedError if it is stopped. The job says so, and
    what was undone until then is recorded.
    """
    with library.reading() as connection:
        target = find_target(connection, request.id)
    configuration = {"job" if target.is_job else "operation": target.id}
    to_run = JobToRun(KINDS["undo"], target.path, orjson.dumps(configuration).decode())
    result = UndoResult(selected=len(target.operations))
    with recorded(library, to_run, context, result) as job:
        # Interrupted operations are settled now, which may have changed what can be undone.
        with library.reading() as connection:
            target = find_target(connection, target.id)
        result.selected = len(target.operations)
        _Undo(job, context, result).run(target.operations)
        if not target.is_job and result.errors:
            raise result.errors[0][1]
    return result


class _Undo:
    """The undoing of operations while it runs."""

    def __init__(self, job: Job, context: Context, result: UndoResult) -> None:
        self.job = job
        self.library = job.library
        self.roots = roots_of(job.library.connection)
        self.context = context
        self.result = result

    def run(self, operations: Sequence[Operation]) -> None:
        """Undoes what can be undone, and notes the other operations in the result.

        Raises StoppedError. What was undone until then is recorded.
        """
        for start in range(0, len(operations), BATCH):
            self._undo(operations[start : start + BATCH])

    def _undo(self, batch: Sequence[Operation]) -> None:
        with self.library.transaction() as connection:
            table.begin_undo(
                connection,
                [
                    (
                        each.id,
                        orjson.dumps({**each.facts(), UNDONE_BY: self.job.number}).decode(),
                    )
                    for each in batch
                ],
            )
        done: list[Callable[[sqlite3.Connection, int], None]] = []
        endings: list[Ending] = []
        stopped: StoppedError | None = None
        is_unclear = False
        try:
            for operation in batch:
                # It can be undone later.
                ending = Ending(
                    operation.id, table.COMPLETED, operation.error_message, operation.undo_json
                )
                if stopped is None:
                    try:
                        done.append(self._undo_one(operation))
                        ending = Ending(operation.id, table.ROLLED_BACK)
                        self.result.undone.append(operation)
                    except UndoError as error:
                        self._note(operation, error)
                    except StoppedError as error:
                        stopped = error
                    except OSError as error:
                        # Only the disk shows how far the undo came.
                        path = display(operation.file_path)
                        self._note(operation, UndoError(f"`{path}`: {error.strerror}", path=path))
                        is_unclear = True
                        continue
                endings.append(ending)
        finally:
            # Whatever ended it. The disk has the changes before the catalogue says so.
            sync_directories(self.roots, (each.file_path for each in batch))
            with self.library.transaction() as connection:
                table.end_operations(connection, endings, times.to_text(times.now()))
                for record in done:
                    record(connection, self.job.number)
        if is_unclear:
            with self.library.transaction() as connection:
                settlement.settle(connection, self.job.number)
        if stopped is not None:
            raise stopped

    def _undo_one(self, operation: Operation) -> Callable[[sqlite3.Connection, int], None]:
        """Undoes one operation. Returns what records that in the catalogue.

        Raises UndoError if it is not undone, OSError if it may have been, StoppedError.
        """
        self._report()
        service = OPERATIONS[operation.operation].load_undo()
        record = service.undo(operation, operation.facts(), self.roots, self._report)
        logger.info(
            "Operation undone", extra=facts(operation_id=operation.id, path=operation.file_path)
        )
        return record

    def _report(self) -> None:
        self.context.report(self._progress)

    def _progress(self) -> Progress:
        done = len(self.result.undone) + len(self.result.errors)
        return Progress("act", done, self.result.selected)

    def _note(self, operation: Operation, error: UndoError) -> None:
        self.result.errors.append((operation, error))
        logger.warning(
            "%s",
            error.message,
            extra=shown(code=error.code, operation_id=operation.id, **to_json(operation.file_path)),
        )

"""Undoing operations: one, or all that a job did, the last one first."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from vpo.base import times
from vpo.base.errors import (
    AmbiguousOperationError,
    OperationNotFoundError,
    UndoError,
    UndoImpossibleError,
    UndoneError,
)
from vpo.base.paths import StoredPath, display, to_json
from vpo.db import duplicates as table
from vpo.db import file_actions, file_facts, job_history
from vpo.db import operations as operation_table
from vpo.db.file_actions import PutBack
from vpo.db.file_facts import Replaced
from vpo.db.library import Library
from vpo.db.operations import Ending, Operation
from vpo.duplicates import hardlink, settlement, trash
from vpo.duplicates import job as jobs
from vpo.duplicates.actions import sync_directories
from vpo.duplicates.hashing import Progress
from vpo.duplicates.settlement import UNDOING
from vpo.jobs.control import ShouldStop, StoppedError
from vpo.jobs.lookup import LEAST_CHARACTERS, SHOWN_MATCHES, is_text
from vpo.jobs.tracking import Job
from vpo.logging import facts, shown

logger = logging.getLogger(__name__)

# So many operations are recorded at once.
BATCH = 100

_PREFIX = re.compile(r"[0-9a-f-]+")


class Target(NamedTuple):
    """What is to be undone."""

    id: str
    path: StoredPath
    operations: list[Operation]
    """One operation, or those of a job that can be undone; the last one first."""
    is_job: bool


@dataclass
class UndoResult:
    """What became of the operations."""

    job_id: str
    asked: int
    """How many were to be undone."""
    undone: list[Operation] = field(default_factory=list)
    errors: list[tuple[Operation, UndoError]] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The counts, for the job's record."""
        return {"operations_undone": len(self.undone), "errors": len(self.errors)}


def find_target(connection: sqlite3.Connection, given: str) -> Target:
    """The operation or job that is meant by an id, or the beginning of one.

    Raises OperationNotFoundError, AmbiguousOperationError, or an UndoError where
    there is nothing to undo.
    """
    matches = _matches(connection, given.lower())
    quoted = display(given)
    if not matches:
        short = f"Give {LEAST_CHARACTERS} or more characters of the ID. "
        raise OperationNotFoundError(
            f"There is no operation and no job with ID '{quoted}'",
            hint=f"{short if len(given) < LEAST_CHARACTERS else ''}`vpo jobs list` lists jobs,"
            " and `vpo jobs show ID` the operations of one.",
            id=given if is_text(given) else quoted,
        )
    if len(matches) > 1:
        more = " …" if len(matches) > SHOWN_MATCHES else ""
        raise AmbiguousOperationError(
            f"Several operations or jobs match '{quoted}'. Use more characters",
            hint=f"They are: {', '.join(matches[:SHOWN_MATCHES])}{more}",
            matches=matches[:SHOWN_MATCHES],
        )
    operation = operation_table.get_operation(connection, matches[0])
    if operation is not None:
        check_undoable(operation)
        return Target(operation.id, operation.file_path, [operation], is_job=False)
    return _of_job(connection, matches[0])


def _matches(connection: sqlite3.Connection, given: str) -> list[str]:
    if not is_text(given):
        return []
    for exact in (operation_table.get_operation, job_history.get_job):
        if exact(connection, given) is not None:
            return [given]
    if len(given) < LEAST_CHARACTERS or not _PREFIX.fullmatch(given):
        return []
    return [
        *job_history.ids_beginning_with(connection, given, SHOWN_MATCHES + 1),
        *operation_table.ids_beginning_with(connection, given, SHOWN_MATCHES + 1),
    ]


def _of_job(connection: sqlite3.Connection, job_id: str) -> Target:
    record = job_history.get_job(connection, job_id)
    assert record is not None
    operations = operation_table.operations_of_job(connection, record.number)
    able = [each for each in operations if _obstacle(each) is None]
    if not able:
        if any(each.status == operation_table.ROLLED_BACK for each in operations):
            raise UndoneError(f"All that job {job_id[:8]} did was undone before", id=job_id)
        raise UndoImpossibleError(
            f"Job {job_id[:8]} did nothing that can be undone",
            hint=f"`vpo jobs show {job_id[:8]}` lists what it did.",
            id=job_id,
        )
    return Target(job_id, record.job.file_path, able[::-1], is_job=True)


def check_undoable(operation: Operation) -> None:
    """Raises UndoError if there is nothing to undo."""
    obstacle = _obstacle(operation)
    if obstacle is not None:
        raise obstacle


def _obstacle(operation: Operation) -> UndoError | None:
    short, path = operation.id[:8], display(operation.file_path)
    if operation.status == operation_table.ROLLED_BACK:
        return UndoneError(f"Operation {short} (`{path}`) was undone before", id=operation.id)
    if operation.status == operation_table.FAILED:
        return UndoImpossibleError(
            f"Operation {short} (`{path}`) was not done: there is nothing to undo",
            id=operation.id,
        )
    if operation.operation == "reflink":
        return UndoImpossibleError(
            f"Operation {short} needs no undo: `{path}` is a file of its own,"
            " and gets room of its own when it is written to",
            id=operation.id,
        )
    if operation.undo_json is None or operation.operation not in ("hardlink", "trash"):
        return UndoImpossibleError(
            f"Operation {short} (`{path}`) cannot be undone", id=operation.id
        )
    return None


def undo_by_id(
    library: Library,
    given: str,
    progress: Progress,
    *,
    should_stop: ShouldStop = lambda: None,
) -> UndoResult:
    """Undoes an operation, or all of a job, by an id or the beginning of one.

    What could not be undone is in the result; of one operation, it is raised.

    Raises VpoError where nothing is undone, StoppedError where it is stopped; the job
    says so. What was undone until then is recorded.
    """
    with library.reading() as connection:
        target = find_target(connection, given)
    job = jobs.start(
        library,
        job_type="undo",
        path=target.path,
        configuration={"job" if target.is_job else "operation": target.id},
        changes_files=True,
    )
    result = UndoResult(job.id, len(target.operations))

    def record() -> tuple[Mapping[str, object], Sequence[Mapping[str, object]]]:
        return result.counts(), [
            {**to_json(each.file_path), "operation": "undo", "message": error.message}
            for each, error in result.errors
        ]

    def go_on() -> None:
        if stopped := should_stop():
            raise stopped
        done = len(result.undone) + len(result.errors)
        job.beat(lambda: (100 * done / max(1, result.asked), {}))
        progress.reading(done, result.asked)

    with jobs.running(job, record):
        # What had been cut off is settled by now: what there is to undo may be another.
        with library.reading() as connection:
            target = find_target(connection, target.id)
        result.asked = len(target.operations)
        Undoer(library, job, result, go_on).undo(target.operations)
        if not target.is_job and result.errors:
            raise result.errors[0][1]
    return result


class Undoer:
    """Undoes operations, as the work of a job."""

    def __init__(
        self, library: Library, job: Job, result: UndoResult, go_on: Callable[[], None]
    ) -> None:
        """`go_on` is called often, and may raise StoppedError to end it."""
        self.library = library
        self.job = job
        self.result = result
        self.go_on = go_on

    def undo(self, operations: list[Operation]) -> None:
        """Undoes what it can; the others are noted in the result.

        Raises StoppedError where `go_on` does; what was done until then is recorded.
        """
        for start in range(0, len(operations), BATCH):
            self._undo(operations[start : start + BATCH])

    def _undo(self, batch: list[Operation]) -> None:
        undos: dict[str, dict[str, Any]] = {
            each.id: orjson.loads(each.undo_json or "{}") for each in batch
        }
        with self.library.transaction() as connection:
            operation_table.begin_undo(
                connection,
                (
                    (operation_id, orjson.dumps({**undo, UNDOING: self.job.number}).decode())
                    for operation_id, undo in undos.items()
                ),
            )
        done: list[Callable[[sqlite3.Connection], None]] = []
        endings: list[Ending] = []
        stopped: StoppedError | None = None
        is_unclear = False
        try:
            for operation in batch:
                undo = undos[operation.id]
                # It can be undone another time.
                ending = Ending(
                    operation.id,
                    operation_table.COMPLETED,
                    operation.error_message,
                    orjson.dumps(undo).decode(),
                )
                if stopped is None:
                    try:
                        done.append(self._one(operation, undo))
                        ending = Ending(operation.id, operation_table.ROLLED_BACK)
                        self.result.undone.append(operation)
                    except UndoError as error:
                        self._note(operation, error)
                    except StoppedError as error:
                        stopped = error
                    except OSError as error:
                        # How far it came only the disk says.
                        shown = display(operation.file_path)
                        self._note(operation, UndoError(f"`{shown}`: {error.strerror}", path=shown))
                        is_unclear = True
                        continue
                endings.append(ending)
        finally:
            # Whatever ended it. On the disk before the library says so.
            sync_directories(each.file_path for each in batch)
            with self.library.transaction() as connection:
                operation_table.end_operations(connection, endings, times.to_text(times.now()))
                for record in done:
                    record(connection)
        if is_unclear:
            with self.library.transaction() as connection:
                settlement.settle(connection, self.job.number)
        if stopped is not None:
            raise stopped

    def _one(
        self, operation: Operation, undo: dict[str, Any]
    ) -> Callable[[sqlite3.Connection], None]:
        """Undoes one; returns what tells the library.

        Raises UndoError if it is not done, OSError where it may have been done.
        """
        self.go_on()
        path, file_id = operation.file_path, operation.file_id
        if operation.operation == "trash":
            status = trash.put_back(path, undo, operation.id)

            def record(connection: sqlite3.Connection) -> None:
                if file_id is not None:
                    back = PutBack(file_id, path, status.st_ino, status.st_ctime_ns)
                    file_actions.record_put_back(connection, self.job.number, [back])

        else:
            separated = hardlink.separate(path, undo, operation.id, self.go_on)

            def record(connection: sqlite3.Connection) -> None:
                if file_id is not None:
                    self._record_separated(connection, file_id, undo, separated)

        logger.info("Undid it", extra=facts(operation_id=operation.id, path=path))
        return record

    def _record_separated(
        self,
        connection: sqlite3.Connection,
        file_id: int,
        undo: dict[str, Any],
        separated: hardlink.Separated,
    ) -> None:
        # Losing a name moves the ctime of the file that loses it.
        others = table.names_of_inode(connection, file_id)
        status: os.stat_result = separated.status
        file_actions.record_replaced(
            connection,
            self.job.number,
            [
                Replaced(
                    file_id,
                    status.st_size,
                    undo["after"]["mtime_ns"],
                    status.st_ino,
                    status.st_mtime_ns,
                    status.st_ctime_ns,
                )
            ],
        )
        file_facts.record_ctimes(
            connection,
            (
                (other, separated.ctime_ns_before, separated.ctime_ns_after)
                for other in others
                if other != file_id
            ),
        )

    def _note(self, operation: Operation, error: UndoError) -> None:
        self.result.errors.append((operation, error))
        logger.warning(
            "%s",
            error.message,
            extra=shown(code=error.code, operation_id=operation.id, **to_json(operation.file_path)),
        )

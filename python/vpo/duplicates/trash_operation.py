"""Operations of the kind `trash`: a file is moved to the trash."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable

import orjson

from vpo._engine import Roots
from vpo.base import times
from vpo.base.paths import from_stored, to_stored
from vpo.content.digests import algorithms_for, is_same_content
from vpo.content.hashing import FileToRead, HashingQueue
from vpo.db import file_actions
from vpo.db.file_actions import PutBack
from vpo.db.operations import Facts, Operation
from vpo.duplicates import trash
from vpo.duplicates.models import Copy
from vpo.duplicates.safe_open import OpenFile, compare
from vpo.duplicates.step import Record, Step
from vpo.places.beneath import roots_of, status_of


def prepare(_kept: OpenFile, duplicate: OpenFile, copy: Copy) -> Facts:
    """Which trash the file belongs into: see `ActionModule`."""
    duplicate.check_has_no_other_names(len(copy.names))
    return trash.prepare(duplicate)


def perform(step: Step, kept: OpenFile, duplicate: OpenFile, check: Callable[[], None]) -> Record:
    """Compares the files, and moves the duplicate to the trash: see `ActionModule`."""
    assert step.facts is not None
    compare(kept, duplicate, check)
    trash.move(kept, duplicate, step.facts, step.operation_id)
    name = step.name

    def record(connection: sqlite3.Connection, job: int) -> None:
        at = times.to_seconds_text(times.now())
        file_actions.record_trashed(connection, job, [(name.file_id, name.path)], at)

    return record


def settle(connection: sqlite3.Connection, operation: Operation, job: int) -> bool:
    """Whether the file of an interrupted operation is in the trash: see `Settling`."""
    if not trash.settle(operation.file_path, operation.facts(), operation.id):
        return False
    if operation.file_id is not None:
        at = times.to_seconds_text(times.now())
        moved = (operation.file_id, operation.file_path)
        file_actions.record_trashed(connection, job, [moved], at)
    return True


def settle_undo(connection: sqlite3.Connection, operation: Operation, job: int) -> bool:
    """Whether the file of an interrupted undo is back in its place: see `Undoing`."""
    if trash.settle(operation.file_path, operation.facts(), operation.id):
        return False
    try:
        status = status_of(roots_of(connection), from_stored(operation.file_path))
    except (FileNotFoundError, NotADirectoryError):
        return False
    _record_put_back(connection, operation, job, status)
    return True


def undo(
    operation: Operation,
    facts: Facts,
    roots: Roots,
    check: Callable[[], None],
) -> Callable[[sqlite3.Connection, int], None]:
    """Moves the file back to its place: see `Undoing`."""
    content_hash = orjson.loads(operation.actions_json)["content_hash"]

    def has_content(in_trash: OpenFile) -> bool:
        file = FileToRead(to_stored(in_trash.path), algorithms_for(content_hash))
        directory = (os.path.dirname(in_trash.path), in_trash.directory, False)
        with HashingQueue[None](check, roots=Roots(opened=directory)) as queue:
            for answers in queue.answers([(None, file)]):
                for _, answer in answers:
                    digests = answer.digests
                    return digests is not None and bool(is_same_content(content_hash, digests))
        return False

    status = trash.put_back(operation, facts, roots, has_content)

    def record(connection: sqlite3.Connection, job: int) -> None:
        _record_put_back(connection, operation, job, status)

    return record


def _record_put_back(
    connection: sqlite3.Connection, operation: Operation, job: int, status: os.stat_result
) -> None:
    if operation.file_id is not None:
        back = PutBack(operation.file_id, operation.file_path, status.st_ino, status.st_ctime_ns)
        file_actions.record_put_back(connection, job, [back])

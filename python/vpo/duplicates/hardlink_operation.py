"""Operations of the kind `hardlink`: a duplicate becomes another name of the kept file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable

from vpo._engine import Roots
from vpo.base.paths import from_stored
from vpo.db import duplicates as table
from vpo.db import file_actions, file_facts
from vpo.db.file_facts import Replaced
from vpo.db.operations import Facts, Operation
from vpo.duplicates import hardlink
from vpo.duplicates.models import Copy
from vpo.duplicates.safe_open import OpenFile, compare
from vpo.duplicates.step import Record, Step
from vpo.places.beneath import roots_of, status_of


def prepare(kept: OpenFile, duplicate: OpenFile, copy: Copy) -> Facts:
    """What it takes to undo the link: see `ActionModule`."""
    duplicate.check_has_no_other_names(len(copy.names))
    return hardlink.prepare(kept, duplicate)


def perform(step: Step, kept: OpenFile, duplicate: OpenFile, check: Callable[[], None]) -> Record:
    """Compares the files, and makes the link: see `ActionModule`."""
    compare(kept, duplicate, check)
    hardlink.link(kept, duplicate, step.operation_id)
    before, now = kept.status, os.fstat(kept.descriptor)
    replaced = _replaced(step.name.file_id, now, step.copy.mtime_ns)
    names = tuple(step.kept_ids)
    step.kept_ids.append(step.name.file_id)

    def record(connection: sqlite3.Connection, job: int) -> None:
        file_actions.record_replaced(connection, job, [replaced])
        # A new name changes the ctime of the file that gets it.
        file_facts.record_ctimes(
            connection, [(name, before.st_ctime_ns, now.st_ctime_ns) for name in names]
        )

    return record


def settle(connection: sqlite3.Connection, operation: Operation, job: int) -> bool:
    """Whether an interrupted link was made: see `Settling`."""
    known = operation.facts()
    if not hardlink.settle(operation.file_path, known, operation.id, roots_of(connection)):
        return False
    _record(connection, operation, job, known["before"]["mtime_ns"])
    return True


def settle_undo(connection: sqlite3.Connection, operation: Operation, job: int) -> bool:
    """Whether the file of an interrupted undo is a separate file again: see `Undoing`."""
    known = operation.facts()
    if not hardlink.settle_undo(operation.file_path, known, operation.id, roots_of(connection)):
        return False
    _record(connection, operation, job, known["after"]["mtime_ns"])
    return True


def undo(
    operation: Operation, facts: Facts, roots: Roots, check: Callable[[], None]
) -> Callable[[sqlite3.Connection, int], None]:
    """Makes the file a separate one again: see `Undoing`."""
    separated = hardlink.separate(operation, facts, roots, check)
    file_id = operation.file_id

    def record(connection: sqlite3.Connection, job: int) -> None:
        if file_id is None:
            return
        others = [each for each in table.names_of_inode(connection, file_id) if each != file_id]
        replaced = _replaced(file_id, separated.status, facts["after"]["mtime_ns"])
        file_actions.record_replaced(connection, job, [replaced])
        # Losing a name changes the ctime of the file that loses it.
        before, after = separated.ctime_ns_before, separated.ctime_ns_after
        file_facts.record_ctimes(connection, [(other, before, after) for other in others])

    return record


def _record(
    connection: sqlite3.Connection, operation: Operation, job: int, mtime_ns_before: int
) -> None:
    if operation.file_id is not None:
        now = status_of(roots_of(connection), from_stored(operation.file_path))
        replaced = _replaced(operation.file_id, now, mtime_ns_before)
        file_actions.record_replaced(connection, job, [replaced])


def _replaced(file_id: int, now: os.stat_result, mtime_ns_before: int) -> Replaced:
    return Replaced(
        file_id, now.st_size, mtime_ns_before, now.st_ino, now.st_mtime_ns, now.st_ctime_ns
    )

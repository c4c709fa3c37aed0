"""The kinds of operation. A new kind is one entry here, and the module that does it.

An operation is one step of a job that changes a file. `vpo.db.operations` records it before it
begins and when it has ended, so that it can be settled after a crash, and undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import sqlite3

    from vpo._engine import Roots
    from vpo.db.operations import Facts, Operation


class Settling(Protocol):
    """A module that settles operations of a kind: every kind has one."""

    def settle(self, connection: sqlite3.Connection, operation: Operation, job: int) -> bool:
        """Whether an interrupted operation was done. The disk decides.

        Removes what the operation left half done. If it was done, records its effects in the
        catalogue, as part of a job (its number).

        Raises OSError if the disk cannot be looked at, KeyError, TypeError or ValueError if the
        record of the operation cannot be understood.
        """


class Undoing(Settling, Protocol):
    """A module that also undoes them. Kinds that need no undo do without it."""

    def settle_undo(self, connection: sqlite3.Connection, operation: Operation, job: int) -> bool:
        """Whether an interrupted undo was done; otherwise like `settle`."""

    def undo(
        self, operation: Operation, facts: Facts, roots: Roots, check: Callable[[], None]
    ) -> Callable[[sqlite3.Connection, int], None]:
        """Undoes an operation. Returns what records that in the catalogue, for a job's number.

        `facts` is what was recorded for this. Files are opened beneath `roots`. `check`
        is called often, and may raise StoppedError.

        Raises UndoError if nothing was undone, OSError if it is not clear what was.
        """


@dataclass(frozen=True)
class DuplicatesAction:
    """How `vpo duplicates` describes what it does to duplicates."""

    verb: str
    """Stands before each file that would be changed."""
    plan: str
    """What `--yes` would do. `{files}` is a number of files."""
    done: str
    """What was done. `{files}` is a number of files, `{size}` the size of their content."""


@dataclass(frozen=True)
class OperationKind:
    """One kind of operation, and what follows from that everywhere."""

    name: str
    """As `operation` has it in the catalogue."""
    service: str | None = None
    """The module that settles and undoes it. None: this program does neither."""
    undone: str = "is as it was before"
    """What is true of a file again when the operation is undone. Follows the path."""
    needs_no_undo: str | None = None
    """Why there is nothing to undo. None: it can be undone."""
    duplicates: DuplicatesAction | None = None
    """None: it is not an action of `vpo duplicates`."""

    def load(self) -> Settling:
        """Imports the module. Only for kinds that have one."""
        assert self.service is not None
        return cast(Settling, import_module(self.service))

    @property
    def can_be_undone(self) -> bool:
        """Whether this program can undo operations of this kind."""
        return self.service is not None and self.needs_no_undo is None

    def load_undo(self) -> Undoing:
        """Imports the module. Only for kinds that can be undone."""
        assert self.can_be_undone
        return cast(Undoing, self.load())


OPERATIONS: Mapping[str, OperationKind] = {
    kind.name: kind
    for kind in (
        OperationKind(
            "hardlink",
            service="vpo.duplicates.hardlink_operation",
            undone="is a separate file again",
            duplicates=DuplicatesAction(
                verb="link",
                plan="hard-link {files}",
                done="Hard-linked {files}: {size} freed",
            ),
        ),
        OperationKind(
            "reflink",
            service="vpo.duplicates.reflink_operation",
            needs_no_undo="writing to a reflinked file does not change the other files",
            duplicates=DuplicatesAction(
                verb="share",
                plan="reflink {files}",
                done="Reflinked {files}: {size} freed",
            ),
        ),
        OperationKind(
            "trash",
            service="vpo.duplicates.trash_operation",
            undone="is back",
            duplicates=DuplicatesAction(
                verb="trash",
                plan="move {files} to the trash",
                done="Moved {files} to the trash: emptying it frees {size}",
            ),
        ),
        # Of an earlier program, in catalogues that were upgraded.
        OperationKind("policy"),
    )
}


def settled_kinds() -> frozenset[str]:
    """The kinds that this program can settle."""
    return frozenset(kind.name for kind in OPERATIONS.values() if kind.service is not None)

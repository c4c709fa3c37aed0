"""One step of an action, and what the module of its kind does for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import NamedTuple, Protocol

from vpo.db.operations import Facts
from vpo.duplicates.models import Copy, Group, Name
from vpo.duplicates.safe_open import Identity, OpenFile

Record = Callable[[sqlite3.Connection, int], None]
"""Records in the catalogue what a step did, as part of a job (its number)."""


class Step(NamedTuple):
    """One name of a copy, which an action is to change."""

    operation_id: str
    group: Group
    copy: Copy
    name: Name
    facts: Facts | None
    """What it takes to undo it. None: it needs no undo."""
    kept_ids: list[int]
    """The IDs of all names of the kept file. A name that becomes a hard link to it is added."""

    @property
    def kept(self) -> Copy:
        """The copy that is kept."""
        return self.group.copies[0]


def identity_of(copy: Copy, group: Group) -> Identity:
    """What the file of a copy must be for an action to change it."""
    return Identity(copy.device, copy.inode, group.size_bytes, copy.mtime_ns)


class ActionModule(Protocol):
    """What the module of an operation kind has, if the kind is an action on duplicates."""

    def prepare(self, kept: OpenFile, duplicate: OpenFile, copy: Copy) -> Facts | None:
        """What it takes to undo the action. Changes nothing.

        Raises ActionError if the action is not possible.
        """

    def perform(
        self, step: Step, kept: OpenFile, duplicate: OpenFile, check: Callable[[], None]
    ) -> Record | None:
        """Compares the two files, and does the action.

        `check` is called often, and may raise StoppedError. Returns what records the effects.

        Raises ActionError if it is not done, OSError if it may have been done.
        """

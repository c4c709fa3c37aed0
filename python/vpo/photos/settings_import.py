"""Importing the settings of photo collections from a YAML file, and exporting them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from vpo.base.paths import to_json, to_stored
from vpo.db.library import Library
from vpo.photos.settings_file import FileSettings, document_of, to_yaml
from vpo.photos.settings_rules import SettingKey, Value
from vpo.photos.settings_store import (
    BY_IMPORT,
    Kept,
    check_extensions,
    keep_value,
    kept_in,
)

Winner = Literal["yaml", "database"]


class Conflict(NamedTuple):
    """A setting that has one value in the catalogue and another one in the file."""

    setting: SettingKey
    database: Value | None
    """None if the catalogue has a value that is not valid."""
    yaml: Value

    def to_dict(self, winner: Winner | None) -> dict[str, object]:
        """The conflict as JSON."""
        return {
            **self.setting._asdict(),
            "database": self.database,
            "yaml": self.yaml,
            "resolution": winner,
        }


class Plan(NamedTuple):
    """What an import of a file means for the catalogue as it is."""

    new: list[SettingKey]
    identical: list[SettingKey]
    conflicts: list[Conflict]


@dataclass
class Resolution:
    """Which value wins where both differ."""

    otherwise: Winner | None = None
    """The winner of conflicts that `chosen` does not name. None: they are not resolved."""
    chosen: Mapping[SettingKey, Winner] | None = None
    seen: Mapping[SettingKey, Conflict] | None = None
    """The conflicts that `chosen` was decided on. A choice counts only for these values."""

    def winner(self, conflict: Conflict) -> Winner | None:
        """Which value to take, None if nobody has decided."""
        setting = conflict.setting
        if self.seen is None or self.seen.get(setting) == conflict:
            chosen = (self.chosen or {}).get(setting)
            if chosen is not None:
                return chosen
        return self.otherwise


@dataclass
class Imported:
    """What an import did, or would do."""

    path: str
    plan: Plan
    winners: list[Winner | None]
    """Of the plan's conflicts, in the same order."""
    ignored: list[str]
    dry_run: bool

    @property
    def unresolved(self) -> int:
        """The number of conflicts that nobody has decided."""
        return self.winners.count(None)

    @property
    def imported(self) -> list[SettingKey]:
        """The settings that take the value of the file; none if a conflict is not resolved."""
        if self.unresolved:
            return []
        taken = zip(self.plan.conflicts, self.winners, strict=True)
        return [
            *self.plan.new,
            *(conflict.setting for conflict, winner in taken if winner == "yaml"),
        ]

    @property
    def skipped(self) -> int:
        """The number of conflicts in which the catalogue keeps its value."""
        return self.winners.count("database")

    def to_dict(self) -> dict[str, object]:
        """The result as JSON."""
        conflicts = zip(self.plan.conflicts, self.winners, strict=True)
        return {
            **to_json(to_stored(self.path.encode(errors="surrogateescape"))),
            "dry_run": self.dry_run,
            "new": len(self.plan.new),
            "imported": len(self.imported),
            "skipped": self.skipped,
            "identical": len(self.plan.identical),
            "unresolved": self.unresolved,
            "conflicts": [conflict.to_dict(winner) for conflict, winner in conflicts],
            "ignored": self.ignored,
        }


class Exported(NamedTuple):
    """Settings as a file, and what is wrong with those that are left out."""

    document: dict[str, Any]
    settings: int
    """How many settings there are."""
    problems: list[str]

    @property
    def text(self) -> str:
        """The document as YAML."""
        return to_yaml(self.document)


def plan_import(library: Library, file: FileSettings) -> Plan:
    """What an import of the file means. Raises CollectionSettingError if it has a mistake."""
    file.check()
    with library.reading() as connection:
        return _plan(kept_in(connection), file)


def import_settings(
    library: Library, file: FileSettings, resolution: Resolution, *, dry_run: bool = False
) -> Imported:
    """Imports a file in one transaction. Settings that it does not have stay.

    Nothing is written if a conflict is not resolved, or with `dry_run`.

    Raises CollectionSettingError if the file has a mistake, or if `require_sidecar` would have
    an extension that `photo_extensions` does not have.
    """
    file.check()
    if dry_run:
        with library.reading() as connection:
            return _import(connection, file, resolution, dry_run=True)
    with library.transaction() as connection:
        return _import(connection, file, resolution, dry_run=False)


def export_settings(library: Library) -> Exported:
    """The settings in the catalogue as a file. Settings that are not valid are left out."""
    with library.reading() as connection:
        kept = kept_in(connection)
    problems = [f"{problem}. It is left out" for problem in kept.problems.values()]
    return Exported(document_of(kept.values), len(kept.values), problems)


def _import(
    connection: sqlite3.Connection, file: FileSettings, resolution: Resolution, *, dry_run: bool
) -> Imported:
    kept = kept_in(connection)
    plan = _plan(kept, file)
    winners = [resolution.winner(conflict) for conflict in plan.conflicts]
    result = Imported(file.path, plan, winners, file.ignored, dry_run)
    taken = {setting: file.values[setting] for setting in result.imported}
    check_extensions(kept.values, taken)
    if not dry_run:
        for setting, value in taken.items():
            keep_value(connection, setting, value, BY_IMPORT)
    return result


def _plan(kept: Kept, file: FileSettings) -> Plan:
    plan = Plan([], [], [])
    for setting, value in file.values.items():
        stored = kept.values.get(setting)
        if stored == value:
            plan.identical.append(setting)
        elif stored is None and tuple(setting) not in kept.problems:
            plan.new.append(setting)
        else:
            plan.conflicts.append(Conflict(setting, stored, value))
    return plan

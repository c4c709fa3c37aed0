"""How much of the library was verified when, and which files are damaged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from vpo.base import times
from vpo.base.paths import StoredPath, from_stored, is_within, to_json, to_stored
from vpo.catalogue.damage import DamagedFile, list_damaged
from vpo.catalogue.lookup import known_places
from vpo.db import counts
from vpo.db import damage as damage_table
from vpo.db import verification as table
from vpo.db.library import Library
from vpo.integrity.result import Amount

AGES = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}
"""Ages and their ends in days. Each begins where the one before it ends."""

NAMES = (*AGES, "older", "never", "damaged")


class Coverage(NamedTuple):
    """The files of a place by how long ago they were verified. Damaged files are counted apart."""

    path: StoredPath | None
    """None: the whole library."""
    amounts: dict[str, Amount]
    """By the names in `NAMES`. Each file counts once; missing files do not count."""

    def to_dict(self) -> dict[str, object]:
        """How much was verified, as JSON."""
        return {
            "files": self.total.files,
            "bytes": self.total.size_bytes,
            "verified": {
                name: {
                    "within_days": AGES.get(name),
                    "files": amount.files,
                    "bytes": amount.size_bytes,
                }
                for name, amount in self.amounts.items()
            },
        }

    @property
    def total(self) -> Amount:
        """All files of the place."""
        return Amount(
            sum(amount.files for amount in self.amounts.values()),
            sum(amount.size_bytes for amount in self.amounts.values()),
        )


@dataclass(frozen=True)
class VerifyStatus:
    """What is known about the content of files."""

    whole: Coverage
    roots: list[Coverage]
    damaged: list[DamagedFile]
    """The first damaged files, by path."""
    damage: dict[str, int]
    """How many damaged files there are in all, by what is wrong."""

    def to_dict(self) -> dict[str, object]:
        """The status as JSON."""
        return {
            **self.whole.to_dict(),
            "roots": [
                {**to_json(root.path), **root.to_dict()}
                for root in self.roots
                if root.path is not None
            ],
            "damaged": self.damage,
            "damage": [each.to_dict() for each in self.damaged],
        }

    @property
    def damaged_files(self) -> int:
        """How many files are damaged."""
        return sum(self.damage.values())


def read_status(
    library: Library, directory: bytes | None, *, most_damage: int | None
) -> VerifyStatus:
    """Reads the status of the whole library, or of one directory.

    Lists at most `most_damage` damaged files. Raises FileNotInLibraryError if the catalogue has
    no files in the directory, LibraryError.
    """
    place = None if directory is None else known_places(library, [directory])[0]
    now = times.now()
    since = [times.to_text(now - timedelta(days=days)) for days in AGES.values()]
    with library.reading() as connection:

        def cover(path: bytes | None) -> Coverage:
            found = table.coverage(connection, path, since)
            return Coverage(
                None if path is None else to_stored(path),
                {name: Amount(*each) for name, each in zip(NAMES, found, strict=True)},
            )

        roots = [from_stored(root.path) for root in counts.list_roots(connection)]
        return VerifyStatus(
            whole=cover(place),
            roots=[cover(root) for root in roots if place is None or is_within(root, place)],
            damaged=list_damaged(connection, place, limit=most_damage),
            damage=damage_table.count_damage(connection, place),
        )

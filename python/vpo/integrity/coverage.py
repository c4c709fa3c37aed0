"""How much of the library was verified how long ago, and what is damaged in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from vpo.base import times
from vpo.base.paths import StoredPath, from_stored, is_within, to_stored
from vpo.catalogue.damage import DamagedFile, list_damaged
from vpo.catalogue.lookup import known_places
from vpo.db import counts
from vpo.db import damage as damage_table
from vpo.db import verification as table
from vpo.db.library import Library
from vpo.integrity.models import Amount

AGES = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}
"""Names of spans of days, each from the end of the one before."""

NAMES = (*AGES, "older", "never", "damaged")


class Coverage(NamedTuple):
    """Files of one place (None: of the whole library) by how long ago they were verified.

    Those that are damaged are apart, whenever they were right.
    """

    path: StoredPath | None
    amounts: dict[str, Amount]
    """By `NAMES`: each file counts once. Missing files are left out."""

    @property
    def total(self) -> Amount:
        """All of them."""
        return Amount(
            sum(amount.files for amount in self.amounts.values()),
            sum(amount.size_bytes for amount in self.amounts.values()),
        )


@dataclass(frozen=True)
class VerifyStatus:
    """What is known of the content of files."""

    whole: Coverage
    roots: list[Coverage]
    damaged: list[DamagedFile]
    """The first ones, by path."""
    damage: dict[str, int]
    """How many there are in all, by what is wrong."""

    @property
    def damaged_files(self) -> int:
        """How many files are damaged."""
        return sum(self.damage.values())


def read_status(
    library: Library, directory: bytes | None, *, most_damage: int | None
) -> VerifyStatus:
    """Reads it for the whole library, or for one directory.

    Of damaged files `most_damage` are listed at most. Raises FileNotInLibraryError
    for a directory in which no files are known, LibraryError.
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

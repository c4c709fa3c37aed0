"""Damage as text."""

from __future__ import annotations

from collections.abc import Mapping

from vpo.base import times
from vpo.catalogue.damage import KnownDamage


def damage_in_words(damage: KnownDamage) -> str:
    """What is wrong with a file, and when that was found."""
    found = times.to_local_text(damage.found_at)
    if damage.damage == "unreadable":
        where = "" if damage.byte_offset is None else f" at byte {damage.byte_offset:,}"
        return f"unreadable{where} (found {found}): {damage.message}"
    then = f", intact on {times.to_local_text(damage.recorded_at)}" if damage.recorded_at else ""
    return f"{damage.damage} (found {found}{then})"


def damage_counts(damage: Mapping[str, int]) -> str:
    """The number of damaged files, by what is wrong: `2 rotted, 1 unreadable`."""
    return ", ".join(f"{count:,} {name}" for name, count in damage.items() if count)

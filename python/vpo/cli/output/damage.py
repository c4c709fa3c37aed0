"""Damage as text and as JSON."""

from __future__ import annotations

from vpo.base import times
from vpo.db.damage import Damage


def damage_in_words(damage: Damage) -> str:
    """What is wrong with a file, and since when that is known."""
    found = times.to_local_text(damage.found_at)
    if damage.damage == "unreadable":
        where = "" if damage.byte_offset is None else f" at byte {damage.byte_offset:,}"
        return f"unreadable{where} (found {found}): {damage.message}"
    then = f", right until {times.to_local_text(damage.recorded_at)}" if damage.recorded_at else ""
    return f"{damage.damage} (found {found}{then})"


def damage_to_dict(damage: Damage) -> dict[str, object]:
    """Damage as the contract's JSON."""
    return {
        "damage": damage.damage,
        "found_at": times.with_z(damage.found_at),
        "digest_recorded": damage.digest_recorded,
        "recorded_at": times.with_z(damage.recorded_at),
        "digest_found": damage.digest_found,
        "size_bytes": damage.size_bytes,
        "mtime_ns": damage.mtime_ns,
        "ctime_ns_recorded": damage.ctime_ns_recorded,
        "ctime_ns_found": damage.ctime_ns_found,
        "offset": damage.byte_offset,
        "message": damage.message,
    }


def damage_counts(damage: dict[str, int]) -> str:
    """How many files have what: `2 rotted, 1 unreadable`."""
    return ", ".join(f"{count:,} {name}" for name, count in damage.items() if count)

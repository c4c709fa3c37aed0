"""What the library holds: files, space and playing time by dimension."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vpo.base.resolutions import NAMES
from vpo.catalogue.selection import Selection
from vpo.db import report as report_table
from vpo.db.library import Library
from vpo.db.report import DIMENSIONS, Totals, Values

__all__ = [
    "DIMENSIONS",
    "OVERLAPPING",
    "Report",
    "Rest",
    "Table",
    "Totals",
    "report_on",
]

# A file may have several values of these dimensions. It counts once for each value.
OVERLAPPING = (
    "video_codec",
    "resolution",
    "hdr",
    "audio_codec",
    "audio_language",
    "subtitle_language",
)


@dataclass(frozen=True)
class Rest:
    """The values that a table has no room for, and the files that have one of them."""

    values: int
    """The number of values."""
    totals: Totals

    def to_dict(self) -> dict[str, object]:
        """The rest as JSON."""
        return {"values": self.values, **_totals_to_dict(self.totals)}


@dataclass(frozen=True)
class Table:
    """Files by the values of one dimension."""

    dimension: str
    values: list[tuple[str, Totals]]
    other: Rest | None
    none: Totals
    """The files without a known value."""

    def to_dict(self) -> dict[str, object]:
        """The table as JSON."""
        return {
            "dimension": self.dimension,
            "values": [
                {"value": value, **_totals_to_dict(totals)} for value, totals in self.values
            ],
            "other": None if self.other is None else self.other.to_dict(),
            "none": _totals_to_dict(self.none),
        }


@dataclass(frozen=True)
class Report:
    """What the library, or a part of it, holds."""

    totals: Totals
    missing: int
    """The number of missing files. They are not counted otherwise."""
    pending: int
    """The number of counted files that were not read yet."""
    errors: int
    """The number of counted files that could not be read."""
    tables: list[Table]

    def to_dict(self) -> dict[str, object]:
        """The report as JSON."""
        return {
            **_totals_to_dict(self.totals),
            "missing": self.missing,
            "pending": self.pending,
            "errors": self.errors,
            "tables": [table.to_dict() for table in self.tables],
        }


def _totals_to_dict(totals: Totals) -> dict[str, object]:
    return {
        "files": totals.files,
        "size_bytes": totals.size_bytes,
        "duration_seconds": round(totals.duration_seconds, 3),
    }


def report_on(
    library: Library,
    selection: Selection,
    dimensions: Sequence[str] = DIMENSIONS,
    limit: int | None = None,
) -> Report:
    """Reports on the selected files, with at most `limit` values per table.

    Missing files are not counted. Raises LibraryError.
    """
    sums = report_table.sum_up(library, selection, dimensions)
    return Report(
        totals=_sum(sums.by["kind"].values()),
        missing=sums.statuses["missing"],
        pending=sums.statuses["pending"],
        errors=sums.statuses["error"],
        tables=[_table(dimension, sums.by[dimension], limit) for dimension in dimensions],
    )


def _table(dimension: str, by_values: dict[Values, Totals], limit: int | None) -> Table:
    by_value: dict[str, Totals] = {}
    for values, totals in by_values.items():
        for value in values:
            by_value[value] = by_value.get(value, Totals()).plus(totals)
    ranked = sorted(
        by_value.items(), key=lambda item: (-item[1].size_bytes, -item[1].files, item[0])
    )
    if dimension == "year":
        ranked.sort(reverse=True)
    elif dimension == "resolution":
        ranked.sort(key=lambda item: NAMES.index(item[0]))
    shown = ranked if limit is None else ranked[:limit]
    hidden = {value for value, _ in ranked[len(shown) :]}
    other = None
    if hidden:
        # Each file counts once, even if it has several of the other values.
        files = _sum(totals for values, totals in by_values.items() if values & hidden)
        other = Rest(len(hidden), files)
    return Table(dimension, shown, other, by_values.get(frozenset(), Totals()))


def _sum(parts: Iterable[Totals]) -> Totals:
    total = Totals()
    for part in parts:
        total = total.plus(part)
    return total

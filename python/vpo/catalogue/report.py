"""What a library holds: files, space and playing time by dimension."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vpo.base.resolutions import NAMES
from vpo.db import report as report_table
from vpo.db.library import Library
from vpo.db.report import DIMENSIONS, ReportFilter, Totals, Values

# Of these a file may have several values; it counts for each.
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
    totals: Totals


@dataclass(frozen=True)
class Table:
    """Files by the values of one dimension."""

    dimension: str
    values: list[tuple[str, Totals]]
    other: Rest | None
    none: Totals
    """Files of which no value is known."""


@dataclass(frozen=True)
class Report:
    """What there is in a library, or in a part of it."""

    totals: Totals
    missing: int
    """Files that are not counted, as they are gone."""
    pending: int
    """Files that were counted, but not read yet."""
    errors: int
    """Files that were counted, but could not be read."""
    tables: list[Table]


def report_on(
    library: Library,
    wanted: ReportFilter,
    dimensions: Sequence[str] = DIMENSIONS,
    limit: int | None = None,
) -> Report:
    """Sums up an open library, with at most `limit` values a table. Raises LibraryError."""
    sums = report_table.sum_up(library, wanted, dimensions)
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
        # Each file once, even if it has several of the rest.
        files = _sum(totals for values, totals in by_values.items() if values & hidden)
        other = Rest(len(hidden), files)
    return Table(dimension, shown, other, by_values.get(frozenset(), Totals()))


def _sum(parts: Iterable[Totals]) -> Totals:
    total = Totals()
    for part in parts:
        total = total.plus(part)
    return total


def report_to_dict(report: Report) -> dict[str, object]:
    """The report as JSON."""
    return {
        **_totals_to_dict(report.totals),
        "missing": report.missing,
        "pending": report.pending,
        "errors": report.errors,
        "tables": [
            {
                "dimension": table.dimension,
                "values": [
                    {"value": value, **_totals_to_dict(totals)} for value, totals in table.values
                ],
                "other": table.other
                and {"values": table.other.values, **_totals_to_dict(table.other.totals)},
                "none": _totals_to_dict(table.none),
            }
            for table in report.tables
        ],
    }


def _totals_to_dict(totals: Totals) -> dict[str, object]:
    return {
        "files": totals.files,
        "size_bytes": totals.size_bytes,
        "duration_seconds": round(totals.duration_seconds, 3),
    }

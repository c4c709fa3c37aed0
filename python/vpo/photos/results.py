"""Results of analyses for people: lists, one result, its report, statistics, deletion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from vpo.base.errors import ReportMissingError, ResultNotFoundError
from vpo.db.library import Library
from vpo.db.photos import results as table
from vpo.db.photos.results import (
    SORTS,
    STATUSES,
    TOOLS,
    TRUNCATED,
    Order,
    ResultFilter,
    ResultRecord,
    ResultRow,
)

__all__ = [
    "SORTS",
    "STATUSES",
    "TOOLS",
    "TRUNCATED",
    "ListedResult",
    "Order",
    "ResultDetails",
    "ResultFilter",
    "ResultStatistics",
    "Results",
    "delete",
    "list_results",
    "read_report",
    "read_result",
    "report_name",
    "statistics",
]

SHOWN = 20
"""How many elements of each list a result shows, unless all are asked for."""

# A file name has at most 255 bytes.
_MOST_BYTES_OF_NAME = 160


class ListedResult(ResultRow):
    """A result of a list."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON."""
        return self._asdict()


class Results(NamedTuple):
    """A part of a list of results, and the length of the whole list."""

    results: list[ListedResult]
    total: int
    order: Order

    def to_dict(self) -> dict[str, Any]:
        """The list as JSON."""
        return {
            "total": self.total,
            "limit": self.order.limit,
            "offset": self.order.offset,
            "results": [result.to_dict() for result in self.results],
        }


@dataclass(frozen=True)
class ResultDetails:
    """A result with what it found."""

    row: ListedResult
    results: dict[str, Any]
    error_message: str | None

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON."""
        return {
            **self.row.to_dict(),
            "error_message": self.error_message,
            "results": self.results,
        }


def list_results(library: Library, wanted: ResultFilter, order: Order) -> Results:
    """The results that fit, the newest or the largest first."""
    with library.snapshot() as connection:
        page = table.list_results(connection, wanted, order)
    return Results([ListedResult(*row) for row in page.rows], page.total, order)


def read_result(library: Library, result_id: int, *, is_full: bool = False) -> ResultDetails:
    """A result with what it found; with `is_full`, all elements of its lists.

    Without it, each list has at most `SHOWN` elements, and the key `_truncated` beside a list has
    its full length.

    Raises ResultNotFoundError.
    """
    import orjson

    with library.snapshot() as connection:
        record = table.get(connection, result_id)
        if record is None:
            raise _not_found(result_id)
        results = orjson.loads(record.results_json)
        lengths = results.get(TRUNCATED)
        if is_full and isinstance(lengths, dict):
            for key in lengths:
                rest = table.rest_of(connection, result_id, key)
                _extend(results, key, rest)
            del results[TRUNCATED]
    if not is_full:
        results = _shortened(results)
    return ResultDetails(ListedResult(*record.row), results, record.error_message)


def stored_result(library: Library, result_id: int) -> ResultRecord:
    """A result as the catalogue holds it. Raises ResultNotFoundError."""
    with library.reading() as connection:
        record = table.get(connection, result_id)
    if record is None:
        raise _not_found(result_id)
    return record


def _extend(results: dict[str, Any], key: str, rest: Any) -> None:
    if isinstance(results.get(key), dict):
        results[key].update(rest)
    elif isinstance(results.get(key), list):
        results[key].extend(rest)


def _shortened(value: dict[str, Any]) -> dict[str, Any]:
    """The object with shorter lists. Their full lengths are in `_truncated` beside them."""
    known = value.get(TRUNCATED)
    lengths = dict(known) if isinstance(known, dict) else {}
    shorter = {}
    for key, inner in value.items():
        if isinstance(inner, list):
            if len(inner) > SHOWN:
                lengths.setdefault(key, len(inner))
            inner = [
                _shortened(element) if isinstance(element, dict) else element
                for element in inner[:SHOWN]
            ]
        elif isinstance(inner, dict) and key != TRUNCATED:
            inner = _shortened(inner)
        shorter[key] = inner
    if lengths:
        shorter[TRUNCATED] = lengths
    return shorter


def read_report(library: Library, result_id: int) -> tuple[ListedResult, str]:
    """The report of a result, as HTML.

    Raises ResultNotFoundError, or ReportMissingError if the result has no report.
    """
    with library.snapshot() as connection:
        record = table.get(connection, result_id)
        report = table.report_of(connection, result_id)
    if record is None:
        raise _not_found(result_id)
    if report is None:
        status = record.row.status
        raise ReportMissingError(
            f"Result {result_id} has no report",
            hint=f"The status of the analysis is {status}. Only completed analyses have reports."
            if status != "COMPLETED"
            else "Run the analysis again to get one.",
            result_id=result_id,
            status=status,
        )
    return ListedResult(*record.row), report


def report_name(result: ResultRow) -> str:
    """The file name for the report of a result."""
    name = "".join(each if each.isalnum() or each in "-_" else "_" for each in result.collection)
    while len(name.encode()) > _MOST_BYTES_OF_NAME:
        name = name[:-1]
    # 2026-01-31T12:00:00.123Z
    moment = result.completed_at[:19].replace("T", "_").replace(":", "-")
    return f"{result.tool}_report_{name}_{result.collection_id}_{moment}.html"


def delete(library: Library, ids: tuple[int, ...], *, is_dry_run: bool) -> list[ListedResult]:
    """Deletes results, and returns what they were. The statistics of their collections stay.

    Raises ResultNotFoundError if there is no result with one of the ids; then none is deleted.
    """
    with library.snapshot() if is_dry_run else library.transaction() as connection:
        found = []
        for result_id in dict.fromkeys(ids):
            record = table.get(connection, result_id)
            if record is None:
                raise _not_found(result_id)
            found.append(ListedResult(*record.row))
        if not is_dry_run:
            table.delete(connection, [result.id for result in found])
    return found


class ResultStatistics(NamedTuple):
    """How many results there are."""

    counts: dict[str, int]
    """By status."""
    by_tool: dict[str, int]
    last_run: str | None
    """When the last analysis ended. None: there was none."""

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON."""
        return {
            "total_results": sum(self.counts.values()),
            **{f"{status.lower()}_count": count for status, count in self.counts.items()},
            "by_tool": self.by_tool,
            "last_run": self.last_run,
        }


def statistics(library: Library, collection_id: int | None = None) -> ResultStatistics:
    """The numbers of results, of one collection or all."""
    with library.reading() as connection:
        rows = table.statistics(connection, collection_id)
    counts = dict.fromkeys(STATUSES, 0)
    by_tool = dict.fromkeys(TOOLS, 0)
    for row in rows:
        counts[row.status] += row.results
        by_tool[row.tool] += row.results
    return ResultStatistics(counts, by_tool, max((row.last_run for row in rows), default=None))


def _not_found(result_id: int) -> ResultNotFoundError:
    return ResultNotFoundError(
        f"There is no result {result_id}",
        hint="`vpo results list` shows the IDs of the results.",
        result_id=result_id,
    )

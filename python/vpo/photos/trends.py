"""How what analyses find develops over time: a point per day, and the direction.

Of the runs of a day (in UTC), the last one of each collection and pipeline counts. Up to
`MOST_SERIES` collections that are named have a series each. Otherwise all collections are summed
up, day by day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from vpo.db.library import Library
from vpo.db.photos import trends as table
from vpo.db.photos.trends import Run, RunFilter

__all__ = [
    "MOST_SERIES",
    "Direction",
    "RunFilter",
    "Series",
    "Summary",
    "Trend",
    "direction",
    "last_of_each_day",
    "summary",
    "trend",
]

MOST_SERIES = 5
DEFAULT_POINTS = 50

STATUSES = ("CONSISTENT", "PARTIAL", "INCONSISTENT")

Direction = Literal["improving", "stable", "degrading", "insufficient_data"]

# Fewer points have no direction.
_LEAST_POINTS = 3

# A change over the whole time that is smaller than this part of the range is none.
_STABLE = 0.2

Point = dict[str, Any]


class Series(NamedTuple):
    """The points of a collection and pipeline, or of all collections: a point per day."""

    collection_id: int | None
    """None: the sum of all collections."""
    collection: str | None
    pipeline_id: int | None
    pipeline: str | None
    points: list[Point]
    """The oldest first. Each has the key `date`."""

    def to_dict(self) -> dict[str, Any]:
        """The series as JSON."""
        return self._asdict()


class Trend(NamedTuple):
    """How the figures of a tool develop."""

    tool: str
    is_summed: bool
    series: list[Series]

    def to_dict(self) -> dict[str, Any]:
        """The trend as JSON."""
        return {
            "tool": self.tool,
            "mode": "summed" if self.is_summed else "per_collection",
            "series": [series.to_dict() for series in self.series],
        }


class Summary(NamedTuple):
    """Where the collections are heading."""

    orphaned_trend: Direction
    consistency_trend: Direction
    last_runs: dict[str, str | None]
    """When each tool last completed an analysis."""
    points: dict[str, int]
    """The number of points of each tool."""

    def to_dict(self) -> dict[str, Any]:
        """The summary as JSON."""
        return {
            "orphaned_trend": self.orphaned_trend,
            "consistency_trend": self.consistency_trend,
            "last_run": self.last_runs,
            "data_points_available": self.points,
        }


# -- The direction -----------------------------------------------------------------


def direction(values: Sequence[float], *, is_higher_better: bool) -> Direction:
    """Where daily values are heading.

    The line through them by least squares has to rise or fall by a fifth of their range.
    """
    if len(values) < _LEAST_POINTS:
        return "insufficient_data"
    middle = (len(values) - 1) / 2
    mean = sum(values) / len(values)
    slope = sum((at - middle) * (value - mean) for at, value in enumerate(values)) / sum(
        (at - middle) ** 2 for at in range(len(values))
    )
    change = slope * (len(values) - 1)
    spread = max(values) - min(values)
    if spread == 0 or abs(change) < _STABLE * spread:
        return "stable"
    return "improving" if (change > 0) == is_higher_better else "degrading"


# -- Which runs count --------------------------------------------------------------


def last_of_each_day(runs: Iterable[Run]) -> dict[tuple[int, int | None], dict[str, Run]]:
    """For each collection and pipeline, the last run of each day, the days in their order."""
    found: dict[tuple[int, int | None], dict[str, Run]] = defaultdict(dict)
    for run in runs:
        days = found[run.collection_id, run.pipeline_id]
        day = run.completed_at[:10]
        known = days.get(day)
        if known is None or (known.completed_at, known.id) < (run.completed_at, run.id):
            days[day] = run
    return {key: dict(sorted(days.items())) for key, days in found.items()}


# -- The points of each tool --------------------------------------------------------


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _photostats(figures: list[Any]) -> Point:
    keys = ("orphaned_images", "orphaned_xmp", "total_files", "total_size")
    return dict(zip(keys, map(_number, figures), strict=True))


def _photo_pairing(figures: list[Any]) -> Point:
    groups, images, usage = figures
    cameras = {}
    for camera, used in usage.items() if isinstance(usage, dict) else ():
        # A plain number, as other programs write it.
        cameras[camera] = _number(used.get("image_count") if isinstance(used, dict) else used)
    return {"group_count": _number(groups), "image_count": _number(images), "cameras": cameras}


def _pipeline_validation(figures: list[Any]) -> Point:
    counts, older_counts, terminations = figures
    return {
        **_shares(counts if isinstance(counts, dict) else older_counts),
        "by_termination": {
            label: _shares(of_label)
            for label, of_label in (terminations.items() if isinstance(terminations, dict) else ())
        },
    }


def _shares(counts: object) -> Point:
    known = counts if isinstance(counts, dict) else {}
    numbers = {status: _number(known.get(status)) for status in STATUSES}
    total = sum(numbers.values())
    return {
        "counts": numbers,
        "percentages": {
            status: round(100 * number / total, 1) if total else 0.0
            for status, number in numbers.items()
        },
    }


_POINTS = {
    "photostats": _photostats,
    "photo_pairing": _photo_pairing,
    "pipeline_validation": _pipeline_validation,
}


# -- Sums of all collections ---------------------------------------------------------


def _sum(tool: str, points: Sequence[Point]) -> Point:
    """The point of a day, from the points of the collections."""
    if tool == "pipeline_validation":
        labels = dict.fromkeys(label for point in points for label in point["by_termination"])
        return {
            **_shares(_added(point["counts"] for point in points)),
            "by_termination": {
                label: _shares(
                    _added(
                        point["by_termination"][label]["counts"]
                        for point in points
                        if label in point["by_termination"]
                    )
                )
                for label in labels
            },
        }
    keys = {
        "photostats": ("orphaned_images", "orphaned_xmp"),
        "photo_pairing": ("group_count", "image_count"),
    }[tool]
    return {key: sum(point[key] for point in points) for key in keys}


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = dict.fromkeys(STATUSES, 0)
    for each in counts:
        for status in STATUSES:
            total[status] += each[status]
    return total


# -- Trends --------------------------------------------------------------------------


def trend(library: Library, tool: str, wanted: RunFilter, *, limit: int = DEFAULT_POINTS) -> Trend:
    """How the figures of a tool develop: the last `limit` points of each series."""
    is_summed = not 1 <= len(wanted.collections) <= MOST_SERIES
    with library.snapshot() as connection:
        if is_summed:
            days = table.last_days(connection, tool, wanted, limit)
            wanted = wanted._replace(completed_from=max([wanted.completed_from or "", *days[:1]]))
        days_of = last_of_each_day(table.runs(connection, tool, wanted))
        if is_summed:
            kept = [(key, {day: days_of[key].get(day) for day in days}) for key in days_of]
        else:
            kept = [(key, dict(list(days.items())[-limit:])) for key, days in days_of.items()]
        ids = [run.id for _, days in kept for run in days.values() if run is not None]
        points = {
            result_id: _POINTS[tool](figures)
            for result_id, figures in table.figures(connection, tool, ids)
        }
        if is_summed:
            return Trend(tool, True, [_summed(tool, days, [runs for _, runs in kept], points)])
        collections = table.names(connection, "collections", wanted.collections)
        pipelines = table.names(
            connection, "pipelines", {key[1] for key in days_of if key[1] is not None}
        )
    with_runs = {collection for collection, _ in days_of}
    kept += [((each, None), {}) for each in wanted.collections if each not in with_runs]
    order = {collection: place for place, collection in enumerate(wanted.collections)}
    series = [
        Series(
            collection,
            collections.get(collection),
            pipeline,
            None if pipeline is None else pipelines.get(pipeline),
            [
                {
                    "date": day,
                    "result_id": run.id,
                    "completed_at": run.completed_at,
                    **points[run.id],
                }
                for day, run in days.items()
                if run is not None and run.id in points
            ],
        )
        for (collection, pipeline), days in sorted(
            kept, key=lambda each: (order[each[0][0]], each[0][1] or 0)
        )
    ]
    return Trend(tool, False, series)


def _summed(
    tool: str,
    days: Sequence[str],
    runs_by_day: Sequence[Mapping[str, Run | None]],
    points: Mapping[int, Point],
) -> Series:
    found = []
    for day in days:
        known = [runs[day] for runs in runs_by_day]
        there = [run for run in known if run is not None and run.id in points]
        if there:
            found.append(
                {
                    "date": day,
                    **_sum(tool, [points[run.id] for run in there]),
                    "collections_included": len({run.collection_id for run in there}),
                }
            )
    return Series(None, None, None, None, found)


def summary(library: Library, wanted: RunFilter, *, limit: int = DEFAULT_POINTS) -> Summary:
    """Where the collections are heading, all summed up."""
    found = {}
    for tool in _POINTS:
        of_tool = wanted if tool == "pipeline_validation" else wanted._replace(pipeline_id=None)
        found[tool] = _summed_points(library, tool, of_tool, limit)
    with library.reading() as connection:
        last = table.last_runs(connection, wanted.collections)
    orphaned = [point["orphaned_images"] + point["orphaned_xmp"] for point in found["photostats"]]
    consistent = [
        point["percentages"]["CONSISTENT"]
        for point in found["pipeline_validation"]
        if any(point["counts"].values())
    ]
    return Summary(
        direction(orphaned, is_higher_better=False),
        direction(consistent, is_higher_better=True),
        {tool: last.get(tool) for tool in _POINTS},
        {tool: len(points) for tool, points in found.items()},
    )


def _summed_points(library: Library, tool: str, wanted: RunFilter, limit: int) -> list[Point]:
    found = trend(library, tool, wanted, limit=limit)
    if found.is_summed:
        return found.series[0].points
    by_day: dict[str, list[Point]] = defaultdict(list)
    for series in found.series:
        for point in series.points:
            by_day[point["date"]].append(point)
    return [_sum(tool, points) for _, points in sorted(by_day.items())][-limit:]

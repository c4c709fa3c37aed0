"""A report of a trend: a chart with lines for each figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from vpo.base import times
from vpo.photos.reports.page import Line, LineChart, Page, human_size, text
from vpo.photos.reports.render import render_page
from vpo.photos.trends import STATUSES, Series, Trend

Read = Callable[[dict[str, Any]], float]
Show = Callable[[float], str]

_TITLES = {
    "photostats": "Photo statistics",
    "photo_pairing": "Photo pairing",
    "pipeline_validation": "Pipeline validation",
}


def render_trend(found: Trend) -> str:
    """The report, as HTML."""
    page = Page(
        f"{_TITLES[found.tool]}: trend",
        [
            ("Collections", "all, summed up" if found.is_summed else str(len(found.series))),
            ("Made", f"{times.to_text(times.now())[:16].replace('T', ' ')} UTC"),
        ],
    )
    series = [each for each in found.series if each.points]
    page.lines = [
        _chart(title, series, read, show) for title, read, show in _figures(found) if series
    ]
    return render_page(page)


def _figures(found: Trend) -> list[tuple[str, Read, Show]]:
    """The charts: their titles, the value of a point, and how to show it."""
    if found.tool == "pipeline_validation":
        return [
            (f"{status.capitalize()} images, in percent", _share(status), lambda each: f"{each} %")
            for status in STATUSES
        ]
    keys = {"group_count": "Groups", "image_count": "Images"}
    if found.tool == "photostats":
        keys = {
            "orphaned_images": "Images without a sidecar",
            "orphaned_xmp": "Sidecars without an image",
        }
        if not found.is_summed:
            keys |= {"total_files": "Files", "total_size": "Total size"}
    return [
        (title, _value(key), _size if key == "total_size" else "{:,}".format)
        for key, title in keys.items()
    ]


def _value(key: str) -> Read:
    return lambda point: point[key]


def _share(status: str) -> Read:
    return lambda point: point["percentages"][status]


def _size(value: float) -> str:
    return human_size(int(value))


def _label(series: Series) -> str:
    if series.collection is None:
        return "All collections"
    pipeline = f", {series.pipeline}" if series.pipeline else ""
    return text(f"{series.collection}{pipeline}", 40)


def _chart(title: str, series: Sequence[Series], read: Read, show: Show) -> LineChart:
    days = sorted({point["date"] for each in series for point in each.points})
    values = [read(point) for each in series for point in each.points]
    low, high = min(values), max(values)
    first, last = _day(days[0]), _day(days[-1])
    lines = []
    for each in series:
        points = [
            (
                100 * (_day(point["date"]) - first) / ((last - first) or 1),
                100 * (high - read(point)) / ((high - low) or 1),
            )
            for point in each.points
        ]
        if len(points) == 1:
            # A line needs two points to be seen.
            points.append((points[0][0] + 1.0, points[0][1]))
        lines.append(Line(_label(each), " ".join(f"{x:.2f},{y:.2f}" for x, y in points)))
    by_day = [{point["date"]: show(read(point)) for point in each.points} for each in series]
    return LineChart(
        title,
        lines,
        (show(low), show(high)),
        (text(days[0]), text(days[-1])),
        ["Day", *(line.label for line in lines)],
        [[text(day), *(known.get(day, "") for known in by_day)] for day in reversed(days)],
    )


def _day(day: str) -> int:
    try:
        return date.fromisoformat(day).toordinal()
    except ValueError:
        # Another program wrote the result.
        return 0

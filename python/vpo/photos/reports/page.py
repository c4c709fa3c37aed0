"""The parts of a report: cards, charts, tables, notes. The template lays them out.

Texts may be long and hostile: names come from disk. Each is made printable here, and cut; the
template escapes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from vpo.base.paths import display

Tone = Literal["plain", "good", "warning", "bad", "serious"]

_MOST_CHARACTERS = 240
_MOST_BARS = 12


class Card(NamedTuple):
    """A figure at the top of a report."""

    label: str
    value: str
    tone: Tone = "plain"


class Notice(NamedTuple):
    """A warning or an explanation."""

    text: str
    tone: Tone = "plain"


class Part(NamedTuple):
    """One segment of a stacked bar."""

    label: str
    value: int
    tone: Tone
    share: float
    """In percent of the width of the chart."""
    start: float
    """Where it begins, in percent of the width of the chart."""


class Bar(NamedTuple):
    """A row of a chart."""

    label: str
    text: str
    """Its value for people."""
    parts: list[Part]


class Chart(NamedTuple):
    """A chart of bars, which has its figures as a table beside it."""

    title: str
    heads: list[str]
    """Of the table."""
    bars: list[Bar]
    rows: list[list[str]]
    """Of the table."""
    legend: list[tuple[str, Tone]]


class Line(NamedTuple):
    """A line of a chart."""

    label: str
    points: str
    """As SVG has them, in percent of the chart's width and height from the upper left corner."""


class LineChart(NamedTuple):
    """A chart of lines over days, which has its figures as a table beside it."""

    title: str
    lines: list[Line]
    values: tuple[str, str]
    """The smallest and the largest value, for people."""
    days: tuple[str, str]
    """The first and the last day."""
    heads: list[str]
    rows: list[list[str]]


class Cell(NamedTuple):
    """A cell of a table."""

    text: str
    order: int | float | None = None
    """By which the rows are sorted, if it is a number."""
    lines: tuple[str, ...] = ()
    """Several texts in the cell, below each other."""
    tone: Tone = "plain"

    @property
    def is_number(self) -> bool:
        """Whether the cell shows the number by which it is sorted."""
        return self.order is not None and self.text[:1].isdigit()


class Table(NamedTuple):
    """A table that can be sorted."""

    title: str
    heads: list[str]
    rows: list[list[Cell]]
    left_out: int = 0
    """How many rows are not shown."""


@dataclass
class Page:
    """A report."""

    title: str
    facts: list[tuple[str, str]]
    cards: list[Card] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    lines: list[LineChart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    more: str = ""
    """The command that shows what is left out."""


def text(value: object, most: int = _MOST_CHARACTERS) -> str:
    """A text on one line that is safe to show; the beginning is cut off if it is long."""
    shown = display(str(value)[-4 * most :])
    return shown if len(shown) <= most else f"…{shown[-most + 1 :]}"


def number(value: int) -> str:
    """A number for people."""
    return f"{value:,}"


def count(value: object) -> int:
    """A number from a result, 0 if it is none."""
    return value if isinstance(value, int) else 0


def cell(value: object) -> Cell:
    """A cell with a number, a text or a list of texts."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Cell(f"{value:,}", value)
    if isinstance(value, list):
        lines = [text(each) for each in value[:10]]
        if len(value) > len(lines):
            lines.append(f"and {len(value) - len(lines):,} more")
        return Cell(" ".join(lines), None, tuple(lines))
    return Cell(text(value))


def bars(
    title: str, values: Iterable[tuple[str, int]], *, head: str, unit: str, sizes: bool = False
) -> Chart:
    """A chart with a bar for each value, the largest first; small ones are summed up."""
    shown = human_size if sizes else number
    ordered = sorted(values, key=lambda each: -each[1])
    if len(ordered) > _MOST_BARS:
        rest = ordered[_MOST_BARS - 1 :]
        others = (f"{len(rest):,} others", sum(value for _, value in rest))
        ordered = [*ordered[: _MOST_BARS - 1], others]
    largest = max((value for _, value in ordered), default=0) or 1
    return Chart(
        title,
        [head, unit],
        [
            Bar(
                text(label, 40),
                shown(value),
                [Part(text(label, 40), value, "plain", round(100 * value / largest, 2), 0.0)],
            )
            for label, value in ordered
        ],
        [[text(label, 60), shown(value)] for label, value in ordered],
        [],
    )


def stacked(
    title: str, rows: Sequence[tuple[str, dict[str, int]]], tones: dict[str, Tone], *, head: str
) -> Chart:
    """A chart with a bar for each row, divided by the keys of `tones`."""
    kept = rows[:_MOST_BARS]
    found = []
    for label, counts in kept:
        total = sum(counts.get(key, 0) for key in tones) or 1
        parts, start = [], 0.0
        for key, tone in tones.items():
            share = 100 * counts.get(key, 0) / total
            if share:
                parts.append(Part(key, counts[key], tone, round(share, 2), round(start, 2)))
            start += share
        best = counts.get(next(iter(tones)), 0)
        found.append(Bar(text(label, 40), f"{100 * best / total:.1f} %", parts))
    return Chart(
        title,
        [head, *map(words, tones)],
        found,
        [
            [text(label, 60), *(number(counts.get(key, 0)) for key in tones)]
            for label, counts in kept
        ],
        [(words(key), tone) for key, tone in tones.items()],
    )


def words(key: str) -> str:
    """A status or category in words: `Consistent with warning`."""
    return text(key).replace("-", " ").replace("_", " ").capitalize()


def human_size(size_bytes: int) -> str:
    """A size in steps of 1024: `1.5 GiB`."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            break
        size /= 1024
    return f"{size_bytes:,} B" if unit == "B" else f"{size:,.1f} {unit}"

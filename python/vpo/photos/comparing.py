"""What became better and worse from one result of an analysis to another, image by image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from vpo.base.errors import ResultsNotComparableError
from vpo.db.library import Library
from vpo.db.photos import results as table
from vpo.photos.elements import STATUSES, key_of, name_of, status_of, texts_of
from vpo.photos.results import ListedResult, ResultDetails, read_result

# The lists of problems of each tool, and what an element of them says.
_LISTS = {
    "photostats": {
        "orphaned_images": "image without a sidecar",
        "orphaned_xmp": "sidecar without an image",
    },
    "photo_pairing": {"invalid_files": "invalid name"},
    "pipeline_validation": {"images": "", "invalid_files": "invalid name"},
}

_FIGURES = {
    "photostats": ("total_files", "total_size", "paired_count"),
    "photo_pairing": ("group_count", "image_count", "invalid_files_count"),
    "pipeline_validation": ("total_images", "group_count", "invalid_files_count"),
}


class Problem(NamedTuple):
    """What a result says about an image or a file."""

    key: str
    """Identifies the image or file, even if its name is not UTF-8."""
    name: str
    kind: str
    rank: tuple[int, int]
    """The larger, the worse."""
    missing: list[str]


class Change(NamedTuple):
    """What two results say about an image or a file. None: it is in no list of problems."""

    before: Problem | None
    after: Problem | None

    @property
    def name(self) -> str:
        """The image, or the path of the file."""
        known = self.after or self.before
        assert known is not None
        return known.name

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "name": self.name,
            "before": self.before and self.before.kind,
            "after": self.after and self.after.kind,
            "missing_before": self.before.missing if self.before else [],
            "missing_after": self.after.missing if self.after else [],
        }


class Figure(NamedTuple):
    """A number in both results. None: the result does not have it."""

    name: str
    before: int | None
    after: int | None


@dataclass(frozen=True)
class Comparison:
    """What became better and worse."""

    before: ListedResult
    after: ListedResult
    figures: list[Figure]
    better: list[Change]
    worse: list[Change]
    unchanged: int
    """Problems that are the same in both."""

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return {
            "tool": self.before.tool,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "figures": {
                figure.name: {"before": figure.before, "after": figure.after}
                for figure in self.figures
            },
            "better_count": len(self.better),
            "worse_count": len(self.worse),
            "unchanged_count": self.unchanged,
            "better": [change.to_dict() for change in self.better],
            "worse": [change.to_dict() for change in self.worse],
        }


def compare(library: Library, first: int, second: int) -> Comparison:
    """Compares two results; the first is the one before.

    Raises ResultNotFoundError, or ResultsNotComparableError if the results are of different tools
    or collections, or of analyses that were not completed.
    """
    before = read_result(library, first)
    after = read_result(library, second)
    _check(before.row, after.row)
    problems = [
        {each.key: each for each in _problems(library, details.row)} for details in (before, after)
    ]
    better, worse, unchanged = [], [], 0
    for key in sorted(problems[0].keys() | problems[1].keys()):
        change = Change(problems[0].get(key), problems[1].get(key))
        old = change.before.rank if change.before else (0, 0)
        new = change.after.rank if change.after else (0, 0)
        if new < old:
            better.append(change)
        elif new > old:
            worse.append(change)
        else:
            unchanged += 1
    return Comparison(before.row, after.row, _figures(before, after), better, worse, unchanged)


def _check(before: ListedResult, after: ListedResult) -> None:
    ids = {"before": before.id, "after": after.id}
    if before.tool != after.tool or before.collection_id != after.collection_id:
        what = "tools" if before.tool != after.tool else "collections"
        raise ResultsNotComparableError(
            f"Results {before.id} and {after.id} are of different {what}",
            hint="Compare two results of the same tool and collection. `vpo results list` shows"
            " them.",
            **ids,
        )
    for row in (before, after):
        if row.status != "COMPLETED":
            raise ResultsNotComparableError(
                f"Result {row.id} has the status {row.status}",
                hint="Compare two results with the status COMPLETED.",
                **ids,
            )


def _problems(library: Library, row: ListedResult) -> Iterable[Problem]:
    with library.reading() as connection:
        for key, kind in _LISTS[row.tool].items():
            for element in table.items(connection, row.id, key):
                yield _problem(element, kind)


def _problem(element: Any, kind: str) -> Problem:
    key, name, status = key_of(element), name_of(element), status_of(element)
    if status is not None:
        missing = texts_of(element, "missing")
        rank = STATUSES.index(status) if status in STATUSES else len(STATUSES)
        return Problem(key, name, status, (rank, len(missing)), missing)
    category = element.get("category") if isinstance(element, Mapping) else None
    kind = f"{kind}: {category}" if category else kind
    return Problem(key, name, kind, (len(STATUSES), 0), [])


def _figures(before: ResultDetails, after: ResultDetails) -> list[Figure]:
    found = [
        Figure(name, _number(before.results.get(name)), _number(after.results.get(name)))
        for name in _FIGURES[before.row.tool]
    ]
    counts = [details.results.get("status_counts") for details in (before, after)]
    if all(isinstance(each, dict) for each in counts):
        found += [
            Figure(status, *(_number(each.get(status)) for each in counts))  # type: ignore[union-attr]
            for status in STATUSES
        ]
    issues = Figure("issues_found", before.row.issues_found, after.row.issues_found)
    return [*[each for each in found if each[1:] != (None, None)], issues]


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None

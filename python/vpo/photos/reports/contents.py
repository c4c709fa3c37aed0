"""What the report of each tool shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vpo.db.photos.results import TRUNCATED, ResultRow
from vpo.photos.elements import STATUSES, name_of, status_of, texts_of
from vpo.photos.reports.page import (
    Card,
    Cell,
    Notice,
    Page,
    Table,
    Tone,
    bars,
    cell,
    count,
    human_size,
    number,
    stacked,
    text,
    words,
)

_MANY_INVALID_NAMES = 10

_TONES: dict[str, Tone] = {
    "CONSISTENT": "good",
    "CONSISTENT-WITH-WARNING": "warning",
    "PARTIAL": "bad",
    "INCONSISTENT": "serious",
}
_THREE_TONES: dict[str, Tone] = {key: _TONES[key] for key in _TONES if "WARNING" not in key}

_NAMING_RULE = (
    "A name is a camera (4 of A-Z and 0-9), a counter (0001 to 9999), properties that each begin"
    " with a hyphen (letters, digits, spaces, underscores), and an extension: AB3D0042-2-HDR.tiff."
    " The first property of digits alone is a separate image; the others are processing methods."
)


class Found:
    """What an analysis found, and how much of it a report shows."""

    def __init__(self, results: Mapping[str, Any], most_rows: int) -> None:
        self.results = results
        self.most_rows = most_rows
        truncated = results.get(TRUNCATED)
        self._lengths = truncated if isinstance(truncated, dict) else {}

    def number(self, key: str) -> int:
        """A number, 0 if there is none."""
        return count(self.results.get(key))

    def mapping(self, key: str) -> dict[str, Any]:
        """An object, empty if there is none."""
        found = self.results.get(key)
        return found if isinstance(found, dict) else {}

    def elements(self, key: str) -> list[Any]:
        """A list, empty if there is none. A long list has only its beginning."""
        found = self.results.get(key)
        return found if isinstance(found, list) else []

    def length(self, key: str) -> int:
        """The length of the whole list or object."""
        found = self.results.get(key)
        kept = len(found) if isinstance(found, (list, dict)) else 0
        return max(count(self._lengths.get(key)), kept)

    def table(
        self, title: str, key: str, columns: Mapping[str, Callable[[Any], Cell]]
    ) -> list[Table]:
        """A table with the beginning of a list, images with the worst status first.

        None if the list is empty.
        """
        elements = sorted(self.elements(key), key=_rank, reverse=True)
        if not elements:
            return []
        rows = [[read(each) for read in columns.values()] for each in elements[: self.most_rows]]
        left_out = self.length(key) - len(rows)
        return [Table(f"{title} ({self.length(key):,})", [*columns], rows, left_out)]


def page_of(tool: str, row: ResultRow, results: Mapping[str, Any], most_rows: int) -> Page:
    """The report of a result, with at most `most_rows` rows in each table."""
    title, fill = _PAGES[tool]
    facts = [
        ("Collection", text(row.collection)),
        ("Completed", _in_utc(row.completed_at)),
        ("Duration", f"{row.duration_seconds:,.1f} s"),
        ("Result", str(row.id)),
    ]
    if row.pipeline is not None:
        version = "" if row.pipeline_version is None else f", version {row.pipeline_version}"
        facts.insert(1, ("Pipeline", f"{text(row.pipeline)}{version}"))
    page = Page(f"{title}: {text(row.collection)}", facts, more=f"vpo results show {row.id} --full")
    found = Found(results, most_rows)
    fill(page, found)
    for warning in found.elements("warnings")[:20]:
        level = warning.get("level") if isinstance(warning, dict) else None
        message = warning.get("message", "") if isinstance(warning, dict) else warning
        page.notices.append(Notice(text(message), "serious" if level == "high" else "warning"))
    return page


# -- photostats ----------------------------------------------------------------------


def _photostats(page: Page, found: Found) -> None:
    counts = {key: count(value) for key, value in found.mapping("file_counts").items()}
    storage = {key: count(value) for key, value in found.mapping("storage_by_type").items()}
    # Of the extensions, only images have storage of their own.
    images = {key: value for key, value in counts.items() if key in storage or not storage}
    orphans = {key: found.length(key) for key in ("orphaned_images", "orphaned_xmp")}
    page.cards += [
        Card("Images", number(sum(images.values()))),
        Card("Total size", human_size(found.number("total_size"))),
        Card("Files", number(found.number("total_files"))),
        _problems("Images without a sidecar", orphans["orphaned_images"]),
        _problems("Sidecars without an image", orphans["orphaned_xmp"]),
    ]
    if not any(orphans.values()):
        page.notices.append(Notice("Every image and every sidecar has its counterpart.", "good"))
    for key, what in (
        ("unreadable", "that could not be read"),
        ("xmp_unreadable", "without valid XMP"),
    ):
        if problems := found.number(key) or found.length(key):
            page.notices.append(Notice(f"{_counted(problems, 'sidecar')} {what}.", "warning"))
    page.charts += [
        bars("Images by type", images.items(), head="Type", unit="Images"),
        bars(
            "Storage by type",
            ((words(key) if key[:1] != "." else key, value) for key, value in storage.items()),
            head="Type",
            unit="Size",
            sizes=True,
        ),
    ]
    columns = {"Path": lambda each: cell(name_of(each))}
    page.tables += found.table("Images without a sidecar", "orphaned_images", columns)
    page.tables += found.table("Sidecars without an image", "orphaned_xmp", columns)


def _in_utc(moment: str) -> str:
    """A time for readers of any time zone."""
    return f"{text(moment[:16].replace('T', ' '))} UTC"


def _counted(number_of: int, noun: str) -> str:
    return f"{number_of:,} {noun}{'' if number_of == 1 else 's'}"


def _problems(label: str, problems: int) -> Card:
    return Card(label, number(problems), "bad" if problems else "good")


# -- photo_pairing ---------------------------------------------------------------------


def _photo_pairing(page: Page, found: Found) -> None:
    cameras, methods = found.mapping("camera_usage"), found.mapping("method_usage")
    invalid = found.number("invalid_files_count") or found.length("invalid_files")
    valid = found.number("valid_files_count")
    groups = found.number("group_count")
    average = found.results.get("avg_files_per_group")
    if not isinstance(average, (int, float)):
        average = valid / groups if groups else 0.0
    page.cards += [
        Card("Groups", number(groups)),
        Card("Images", number(found.number("image_count"))),
        Card("Files", number(valid)),
        Card("Files per group", f"{average:,.1f}"),
        Card("Cameras", number(found.length("camera_usage"))),
        Card("Methods", number(found.length("method_usage"))),
        _problems("Invalid names", invalid),
    ]
    if invalid:
        page.notices.append(
            Notice(
                f"{_counted(invalid, 'file')} with a name that breaks the naming rule. Such files"
                " are in no group.",
                "serious" if invalid > _MANY_INVALID_NAMES else "warning",
            )
        )
    page.notices.append(Notice(f"The naming rule: {_NAMING_RULE}"))
    page.charts += [
        bars("Images by camera", _images(cameras, "name"), head="Camera", unit="Images"),
        bars("Images by method", _images(methods, "description"), head="Method", unit="Images"),
    ]
    page.tables += _usage_table(
        found, "Cameras", "camera_usage", ("name", "serial_number", "image_count", "group_count")
    )
    page.tables += _usage_table(found, "Methods", "method_usage", ("description", "image_count"))
    page.tables += found.table(
        "Invalid names",
        "invalid_files",
        {
            "Path": lambda each: cell(name_of(each)),
            "Problem": lambda each: cell(words(str(_get(each, "category")))),
            "Reason": lambda each: cell(_get(each, "reason")),
        },
    )


def _get(element: Any, key: str) -> Any:
    return element.get(key, "") if isinstance(element, dict) else ""


def _images(usage: Mapping[str, Any], name: str) -> list[tuple[str, int]]:
    """The images of each camera or method. Other programs write plain numbers."""
    return [
        (f"{key} {_get(used, name)}".strip(), count(_get(used, "image_count")))
        if isinstance(used, dict)
        else (key, count(used))
        for key, used in usage.items()
    ]


def _usage_table(found: Found, title: str, key: str, columns: tuple[str, ...]) -> list[Table]:
    usage = found.mapping(key)
    if not usage:
        return []
    rows = []
    for code, used in list(usage.items())[: found.most_rows]:
        # Other programs write plain numbers.
        known = used if isinstance(used, dict) else {"image_count": used}
        rows.append([cell(code), *(cell(_get(known, column)) for column in columns)])
    heads = [title[:-1], *(words(column).replace(" count", "s") for column in columns)]
    return [Table(f"{title} ({found.length(key):,})", heads, rows, found.length(key) - len(rows))]


# -- pipeline_validation ---------------------------------------------------------------


def _pipeline_validation(page: Page, found: Found) -> None:
    counts = _counts(found.mapping("status_counts"))
    tones = _TONES
    if not any(counts.values()):
        three = found.mapping("consistency_counts") or found.mapping("overall_consistency")
        counts = _counts(three)
        tones = _THREE_TONES
    page.cards.append(Card("Images", number(found.number("total_images"))))
    page.cards += [
        Card(words(key), number(counts.get(key, 0)), tone if counts.get(key) else "plain")
        for key, tone in tones.items()
    ]
    invalid = found.number("invalid_files_count") or found.length("invalid_files")
    page.cards.append(_problems("Invalid names", invalid))
    truncated = found.number("truncated_images") or found.length("truncated_images")
    if truncated:
        page.notices.append(
            Notice(
                f"{_counted(truncated, 'image')} that vpo cannot judge fully: a method is repeated"
                " more often than vpo follows a loop of the pipeline.",
                "warning",
            )
        )
    if mismatches := found.number("capture_mismatches"):
        page.notices.append(
            Notice(
                f"{_counted(mismatches, 'image')} with a camera or counter that the capture of the"
                " pipeline does not match.",
                "warning",
            )
        )
    attention = counts.get("PARTIAL", 0) + counts.get("INCONSISTENT", 0)
    if not attention and found.number("total_images"):
        page.notices.append(Notice("Every image is consistent with the pipeline.", "good"))
    chart = stacked("Images by status", [("All images", counts)], tones, head="")
    rows = [[words(key), number(counts.get(key, 0))] for key in tones]
    page.charts.append(chart._replace(heads=["Status", "Images"], rows=rows))
    terminations = [
        (label, _counts(of_label if isinstance(of_label, dict) else {}))
        for label, of_label in found.mapping("by_termination").items()
    ]
    if terminations:
        by_four = any("CONSISTENT-WITH-WARNING" in each for _, each in terminations)
        page.charts.append(
            stacked(
                "Images by termination",
                terminations,
                _TONES if by_four else _THREE_TONES,
                head="Termination",
            )
        )
    page.tables += found.table(
        "Images that are not consistent",
        "images",
        {
            "Image": lambda each: cell(name_of(each)),
            "Status": _status_cell,
            "Complete": _completion_cell,
            "Missing": lambda each: cell(texts_of(each, "missing")),
            "Extra": lambda each: cell(texts_of(each, "extra")),
            "Files": lambda each: cell(texts_of(each, "actual")),
        },
    )


def _counts(counts: Mapping[str, Any]) -> dict[str, int]:
    return {key: count(value) for key, value in counts.items()}


def _rank(element: Any) -> int:
    status = status_of(element)
    return STATUSES.index(status) if status in STATUSES else -1


def _completion_cell(element: Any) -> Cell:
    completion = _get(element, "completion")
    if not isinstance(completion, (int, float)):
        return Cell("")
    return Cell(f"{completion:.1f} %", completion)


def _status_cell(element: Any) -> Cell:
    status = status_of(element) or ""
    return Cell(words(status), _rank(element), (), _TONES.get(status, "plain"))


_PAGES: dict[str, tuple[str, Callable[[Page, Found], None]]] = {
    "photostats": ("Photo statistics", _photostats),
    "photo_pairing": ("Photo pairing", _photo_pairing),
    "pipeline_validation": ("Pipeline validation", _pipeline_validation),
}

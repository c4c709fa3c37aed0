"""HTML reports of analyses, opened in a real browser: what is shown, and that nothing is loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from photo_results import Results
from support import CHROMIUM, Vpo, modules_imported, needs_chromium
from vpo.db.photos.results import ResultRecord, ResultRow
from vpo.photos.reports.render import MOST_BYTES, render

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = [
    "<script>document.title = 'hacked'</script>.cr3",
    '"><img src="http://127.0.0.1:9/x.png" onerror="document.title = \'hacked\'">.cr3',
    "{{ 7 * 7 }}{% include '/etc/passwd' %}.cr3",
    "a\u202egnp.cr3",
    "line\nfeed\x1b[31m.cr3",
    "x" * 5_000 + ".cr3",
]

PHOTOSTATS = {
    "total_size": 3_500_000_000,
    "total_files": 1_250,
    "file_counts": {".cr3": 300, ".dng": 500, ".xmp": 450},
    "storage_by_type": {".dng": 2_000_000_000, ".cr3": 1_000_000_000, "orphaned_sidecars": 500},
    "orphaned_images": [f"day/{number:04}.cr3" for number in range(1_000)],
    "orphaned_xmp": HOSTILE,
    "unreadable": 2,
    "_truncated": {"orphaned_images": 250_000},
}
PAIRING = {
    "group_count": 20,
    "image_count": 30,
    "valid_files_count": 70,
    "avg_files_per_group": 3.5,
    "camera_usage": {
        "AB3D": {"name": HOSTILE[0], "serial_number": "1", "image_count": 9, "group_count": 8},
        "XYZW": 21,
    },
    "method_usage": {"HDR": {"description": "High Dynamic Range", "image_count": 4}},
    "invalid_files_count": 11,
    "invalid_files": [
        {"path": path, "category": "camera_case", "reason": f"`{path}` is bad"} for path in HOSTILE
    ],
    "warnings": [{"code": "x", "level": "high", "message": HOSTILE[0], "count": 1}],
}
VALIDATION = {
    "total_images": 4,
    "status_counts": {
        "CONSISTENT": 1,
        "CONSISTENT-WITH-WARNING": 1,
        "PARTIAL": 1,
        "INCONSISTENT": 1,
    },
    "consistency_counts": {"CONSISTENT": 2, "PARTIAL": 1, "INCONSISTENT": 1},
    "by_termination": {
        "done": {"CONSISTENT": 2, "PARTIAL": 1, "INCONSISTENT": 1},
        HOSTILE[0]: {"CONSISTENT": 0, "PARTIAL": 4, "INCONSISTENT": 0},
    },
    "invalid_files_count": 0,
    "capture_mismatches": 1,
    "images": [
        {"id": "AB3D0003", "overall_status": "CONSISTENT-WITH-WARNING", "extra": ["e.jpg"]},
        {
            "id": "AB3D0002",
            "overall_status": "PARTIAL",
            "completion": 66.7,
            "actual": ["AB3D0002.dng", HOSTILE[1]],
            "missing": ["AB3D0002.tiff"],
        },
        {"id": "AB3D0004", "overall_status": "INCONSISTENT", "actual": ["AB3D0004.jpg"]},
    ],
}
FOUND: dict[str, dict[str, Any]] = {
    "photostats": PHOTOSTATS,
    "photo_pairing": PAIRING,
    "pipeline_validation": VALIDATION,
}


def record(tool: str, found: dict[str, Any], collection: str = "Safari") -> ResultRecord:
    """A result as it is in the catalogue."""
    is_validation = tool == "pipeline_validation"
    row = ResultRow(
        id=12,
        collection_id=3,
        collection=collection,
        tool=tool,
        pipeline_id=1 if is_validation else None,
        pipeline="Raw" if is_validation else None,
        pipeline_version=2 if is_validation else None,
        status="COMPLETED",
        started_at="2026-01-03T10:00:00.000Z",
        completed_at="2026-01-03T10:02:30.000Z",
        duration_seconds=150.0,
        files_scanned=1_250,
        issues_found=3,
        has_report=False,
        job_id=None,
        created_at="2026-01-03T10:02:30.000Z",
    )
    return ResultRecord(row, json.dumps(found), None)


def report(tool: str, **changes: Any) -> str:
    return render(tool, record(tool, {**FOUND[tool], **changes}))


# -- Without a browser -----------------------------------------------------------------


@pytest.mark.parametrize("tool", FOUND)
def test_a_report_is_small_however_long_its_names_are(tool: str) -> None:
    long = ["&" * 4_000 + str(number) for number in range(1_000)]
    usage = {f"{number:04}": {"name": name, "image_count": 1} for number, name in enumerate(long)}
    html = report(
        tool,
        orphaned_images=long,
        orphaned_xmp=long,
        invalid_files=[{"path": path, "category": "c", "reason": path} for path in long],
        images=[dict.fromkeys(("id", "missing", "actual", "extra"), long[:15]) for _ in range(200)],
        by_termination={path: {"PARTIAL": 1} for path in long},
        file_counts=dict.fromkeys(long, 1),
        camera_usage=usage,
        method_usage=usage,
        warnings=long,
    )
    assert len(html.encode()) <= MOST_BYTES


@pytest.mark.parametrize("tool", FOUND)
def test_a_report_needs_no_key_and_takes_any_json(tool: str) -> None:
    assert "Safari" in render(tool, record(tool, {}))
    for odd in ("text", 7, None, [1, [2]], {"a": {"b": None}}, True):
        html = render(tool, record(tool, dict.fromkeys(FOUND[tool], odd)))
        assert html.endswith("</html>")


def test_only_the_report_imports_jinja(vpo: Vpo) -> None:
    results = Results(vpo)
    results.collection("Safari")
    results.add(report="<p>")
    assert not any(name.startswith("jinja2") for name in modules_imported(vpo, "results", "list"))


# -- In a browser ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's sandbox does not work for root.
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens a report. In the end, it must have requested nothing and complained of nothing."""
    problems: list[str] = []
    contexts = []

    def open_report(html: str, *, width: int = 1280, **options: Any) -> Page:
        path = tmp_path / "report.html"
        path.write_text(html)
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on(
            "request",
            lambda request: (
                None
                if request.url in (path.as_uri(), "data:,")
                else problems.append(f"request: {request.url}")
            ),
        )
        page.goto(path.as_uri())
        return page

    yield open_report
    for context in contexts:
        for page in context.pages:
            page.wait_for_load_state("networkidle")
            assert page.title() != "hacked"
        context.close()
    assert problems == []


def cards(page: Page) -> dict[str, str]:
    return dict(
        page.eval_on_selector_all(
            ".card",
            "cards => cards.map(c => [c.querySelector('dt').innerText,"
            " c.querySelector('dd').innerText])",
        )
    )


def rows(page: Page, title: str) -> list[list[str]]:
    """The cells of the sortable table below a heading."""
    table = page.get_by_role("table", name=re.compile(f"^{re.escape(title)}"))
    found: list[list[str]] = table.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
    )
    return found


@needs_chromium
def test_photostats_shows_figures_and_the_first_orphans(opened: Callable[..., Page]) -> None:
    page = opened(report("photostats"))
    assert page.title() == "Photo statistics: Safari"
    assert cards(page) == {
        "Images": "800",
        "Total size": "3.3 GiB",
        "Files": "1,250",
        "Images without a sidecar": "250,000",
        "Sidecars without an image": "6",
    }
    shown = rows(page, "Images without a sidecar")
    assert (len(shown), shown[0]) == (100, ["day/0000.cr3"])
    text = page.inner_text("body")
    assert "249,900 more are left out. vpo results show 12 --full shows all." in text
    assert "2 sidecars that could not be read." in text
    assert "2026-01-03 10:02 UTC" in text
    images = page.get_by_role("figure").filter(has_text="Images by type")
    figures = images.locator("tbody tr").all_inner_texts()
    assert [each.split() for each in figures] == [[".dng", "500"], [".cr3", "300"]]


@needs_chromium
def test_hostile_names_are_shown_as_text(opened: Callable[..., Page]) -> None:
    for tool in FOUND:
        page = opened(report(tool))
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 1
    page = opened(report("photostats"))
    shown = [row[0] for row in rows(page, "Sidecars without an image")]
    assert shown[:3] == HOSTILE[:3]
    assert shown[3:5] == ["a\\u202egnp.cr3", "line\\nfeed\\x1b[31m.cr3"]
    assert shown[5].startswith("…xxx")
    assert shown[5].endswith("x.cr3")
    page = opened(render("photostats", record("photostats", {}, HOSTILE[0])))
    assert page.title() == f"Photo statistics: {HOSTILE[0]}"


@needs_chromium
def test_pairing_shows_cameras_methods_and_invalid_names(opened: Callable[..., Page]) -> None:
    page = opened(report("photo_pairing"))
    assert cards(page) == {
        "Groups": "20",
        "Images": "30",
        "Files": "70",
        "Files per group": "3.5",
        "Cameras": "2",
        "Methods": "1",
        "Invalid names": "11",
    }
    assert [row[:1] + row[3:] for row in rows(page, "Cameras")] == [
        ["AB3D", "9", "8"],
        ["XYZW", "21", ""],
    ]
    assert rows(page, "Methods") == [["HDR", "High Dynamic Range", "4"]]
    assert rows(page, "Invalid names")[0][1] == "Camera case"
    assert page.locator(".notice.serious").count() == 2
    assert "The naming rule:" in page.inner_text("main")
    few = opened(report("photo_pairing", invalid_files_count=10, warnings=[]))
    assert few.locator(".notice.serious").count() == 0
    assert few.locator(".notice.warning").count() == 1


@needs_chromium
def test_validation_shows_the_worst_images_first(opened: Callable[..., Page]) -> None:
    page = opened(report("pipeline_validation"))
    assert cards(page)["Consistent with warning"] == "1"
    shown = rows(page, "Images that are not consistent")
    assert [row[0] for row in shown] == ["AB3D0004", "AB3D0002", "AB3D0003"]
    assert shown[1][1:4] == ["Partial", "66.7 %", "AB3D0002.tiff"]
    assert shown[2][4] == "e.jpg"
    bars = page.get_by_role("figure").filter(has_text="Images by status").locator("rect.serious")
    assert bars.first.get_attribute("width") == "25.0%"
    assert "1 image with a camera or counter that" in page.inner_text("main")
    assert "Raw, version 2" in page.inner_text("header")
    done = page.get_by_role("figure").filter(has_text="Images by termination")
    assert done.locator("tbody tr").first.inner_text().split() == ["done", "2", "1", "1"]


@needs_chromium
def test_tables_sort_by_a_click_or_the_keyboard(opened: Callable[..., Page]) -> None:
    page = opened(report("photo_pairing"))

    def images() -> list[str]:
        return [row[3] for row in rows(page, "Cameras")]

    head = page.get_by_role("table", name="Cameras").get_by_role("button", name="Images")
    head.click()
    assert images() == ["9", "21"]
    head.press("Enter")
    assert images() == ["21", "9"]
    column = page.get_by_role("table", name="Cameras").locator("th").nth(3)
    assert column.get_attribute("aria-sort") == "descending"


@needs_chromium
def test_without_script_the_report_is_whole(opened: Callable[..., Page]) -> None:
    page = opened(report("pipeline_validation"), java_script_enabled=False)
    assert page.get_by_role("button").count() == 0
    assert page.locator("table.sortable tbody tr").count() == 3
    assert page.get_by_role("img", name="Images by status").is_visible()


@needs_chromium
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_fits_the_width_and_follows_the_colour_scheme(
    opened: Callable[..., Page], width: int, scheme: str
) -> None:
    for tool in FOUND:
        page = opened(report(tool), width=width, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        red = int(re.findall(r"\d+", background)[0])
        assert red > 200 if scheme == "light" else red < 60


@needs_chromium
def test_on_paper_the_colours_are_those_of_paper(opened: Callable[..., Page]) -> None:
    page = opened(report("photostats"), color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert page.pdf().startswith(b"%PDF")


@needs_chromium
def test_charts_and_tables_have_names_for_screen_readers(opened: Callable[..., Page]) -> None:
    page = opened(report("photo_pairing"))
    for name in ("Images by camera", "Images by method"):
        assert page.get_by_role("img", name=name).count() == 1
        assert page.get_by_role("table", name=name).count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.locator("html").get_attribute("lang") == "en"
    for table in page.get_by_role("table").all():
        assert table.get_by_role("columnheader").count() >= 1


@needs_chromium
def test_a_trend_is_a_page_with_lines_and_their_figures(
    vpo: Vpo, opened: Callable[..., Page], tmp_path: Path
) -> None:
    results = Results(vpo)
    for name in ("Safari", HOSTILE[0]):
        results.collection(name)
    for day, orphans in enumerate((3, 1, 0), 1):
        found = {**PHOTOSTATS, "orphaned_images": ["a"] * orphans, "_truncated": {}}
        for collection in (1, 2):
            at = f"2026-01-{day:02}T10:00:00.000Z"
            results.add(found=found, collection_id=collection, at=at)
    saved = tmp_path / "trend.html"
    words = ("trends", "photostats", "--collection", "1", "--collection", "2", "--html", saved)
    assert "Saved the charts" in vpo.ok(*words).stdout
    assert "already exists" in vpo.ok(*words, status=2).stderr
    vpo.ok(*words, "--force")
    for width in (1280, 390):
        page = opened(saved.read_text(), width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        chart = page.get_by_role("figure").filter(has_text="Images without a sidecar")
        assert chart.locator("polyline.line-0").first.get_attribute("points") == (
            "0.00,0.00 50.00,66.67 100.00,100.00"
        )
        shown = [row.split() for row in chart.locator("tbody tr").all_inner_texts()]
        assert shown[0] == ["2026-01-03", "0", "0"]
        assert shown[2] == ["2026-01-01", "3", "3"]
        assert page.get_by_role("img", name="Images without a sidecar").is_visible()
    for tool in ("photo-pairing", "pipeline-validation"):
        vpo.ok("trends", tool, "--html", saved, "--force")

"""`vpo results`: lists, one result, reports, comparison, deletion."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from photo_results import Results
from support import Vpo


@pytest.fixture
def results(vpo: Vpo) -> Results:
    """A catalogue with two collections and a pipeline."""
    stored = Results(vpo)
    stored.collection("Safari")
    stored.collection("Wedding")
    stored.pipeline("Raw")
    return stored


def test_the_list_has_the_newest_first_and_filters(vpo: Vpo, results: Results) -> None:
    results.add(at="2026-01-01T10:00:00.000Z", files_scanned=1_250, issues_found=3)
    results.add("photo_pairing", at="2026-01-02T23:59:59.999Z", collection_id=2)
    results.add(
        "pipeline_validation",
        at="2026-01-03T00:00:00.000Z",
        pipeline_id=1,
        pipeline_version=4,
        status="FAILED",
        error_message="gone",
    )
    vpo.environment = {"TZ": "UTC"}
    shown = vpo.ok("results", "list").stdout.splitlines()
    assert [line.split()[:3] for line in shown] == [
        ["ID", "TOOL", "STATUS"],
        ["3", "pipeline-validation", "failed"],
        ["2", "photo-pairing", "completed"],
        ["1", "photostats", "completed"],
    ]
    assert shown[3].split() == [
        *("1", "photostats", "completed", "2026-01-01", "10:00"),
        *("1.5s", "1,250", "3", "-", "Safari"),
    ]

    def ids(*words: str) -> list[int]:
        return [each["id"] for each in vpo.ok("results", "list", "--json", *words).json["results"]]

    assert ids("--collection", "Wedding") == [2]
    assert ids("--collection", "1") == [3, 1]
    assert ids("--tool", "photo-pairing") == ids("--tool", "photo_pairing") == [2]
    assert ids("--status", "failed") == [3]
    assert ids("--from", "2026-01-02", "--to", "2026-01-02") == [2]
    assert ids("--from", "2026-01-02") == [3, 2]
    assert ids("--limit", "1", "--offset", "1") == [2]
    assert ids("--reverse") == [1, 2, 3]
    assert ids("--sort", "files_scanned")[0] == 1
    document = vpo.ok("results", "list", "--json", "--limit", "2").json
    assert (document["total"], document["limit"], document["offset"]) == (3, 2, 0)
    assert document["results"][0] == {
        "id": 3,
        "collection_id": 1,
        "collection": "Safari",
        "tool": "pipeline_validation",
        "pipeline_id": 1,
        "pipeline": "Raw",
        "pipeline_version": 4,
        "status": "FAILED",
        "started_at": "2026-01-03T00:00:00.000Z",
        "completed_at": "2026-01-03T00:00:00.000Z",
        "duration_seconds": 1.5,
        "files_scanned": None,
        "issues_found": None,
        "has_report": False,
        "job_id": None,
        "created_at": "2026-01-03T00:00:00.000Z",
    }


@pytest.mark.parametrize(
    "words",
    [
        ("--limit", "101"),
        ("--limit", "0"),
        ("--offset", "-1"),
        ("--from", "2026-02-30"),
        ("--from", "2026-02-02", "--to", "2026-02-01"),
        ("--tool", "exif"),
        ("--status", "running"),
        ("--sort", "id"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(
    vpo: Vpo, results: Results, words: tuple[str, ...]
) -> None:
    results.add()
    assert vpo.error_code("results", "list", *words) == "USAGE"


def test_an_unknown_collection_names_those_there_are(vpo: Vpo, results: Results) -> None:
    results.add()
    error = vpo.run("results", "list", "--json", "--collection", "Nope").json
    assert error["code"] == "COLLECTION_NOT_FOUND"
    assert "Safari, Wedding" in error["hint"]


def test_csv_is_safe_to_open_in_a_spreadsheet(vpo: Vpo, results: Results) -> None:
    hostile = results.collection('=HYPERLINK("http://x")')
    results.add(collection_id=hostile)
    rows = list(csv.DictReader(vpo.ok("results", "list", "--csv").stdout.splitlines()))
    assert rows[0]["collection"] == '\'=HYPERLINK("http://x")'
    assert rows[0]["issues_found"] == ""


def test_show_cuts_lists_and_full_shows_them(vpo: Vpo, results: Results) -> None:
    paths = [f"day/{number:04}.cr3" for number in range(1_234)]
    groups = [{"id": "AB3D0001", "files": [f"{number}.dng" for number in range(30)]}]
    found = {"total_files": 1_300, "orphaned_images": paths, "groups": groups}
    result_id = str(results.add(found=found, files_scanned=1_300))
    document = vpo.ok("results", "show", result_id, "--json").json
    cut = document["results"]
    assert document["error_message"] is None
    assert cut["orphaned_images"] == paths[:20]
    assert cut["_truncated"] == {"orphaned_images": 1_234}
    assert cut["groups"][0]["_truncated"] == {"files": 30}
    assert vpo.ok("results", "show", result_id, "--json", "--full").json["results"] == found
    text = vpo.ok("results", "show", result_id).stdout
    assert "Orphaned images (1,234):\n  day/0000.cr3\n" in text
    assert "  and 1,214 more (`--full` shows all)" in text
    full = vpo.ok("results", "show", result_id, "--full").stdout
    assert "  day/1233.cr3\n" in full
    assert "more" not in full


def test_an_unknown_result_is_an_error_everywhere(vpo: Vpo, results: Results) -> None:
    known = str(results.add())
    for words in (
        ("show", "99"),
        ("report", "99"),
        ("delete", known, "99", "--yes"),
        ("compare", known, "99"),
    ):
        assert vpo.error_code("results", *words) == "RESULT_NOT_FOUND"
    assert vpo.ok("results", "list", "--json").json["total"] == 1


def test_a_report_is_saved_under_a_name_of_its_own(
    vpo: Vpo, results: Results, tmp_path: Path
) -> None:
    collection = results.collection("Zoë & <b>/../x")
    at = "2026-02-03T04:05:06.789Z"
    result_id = str(results.add(collection_id=collection, at=at, report="<p>é"))
    vpo.ok("results", "report", result_id, "-o", tmp_path)
    saved = tmp_path / "photostats_report_Zoë____b_____x_3_2026-02-03_04-05-06.html"
    assert saved.read_text() == "<p>é"
    again = vpo.run("results", "report", result_id, "-o", tmp_path, "--json")
    assert again.json["code"] == "OUTPUT_EXISTS"
    done = vpo.ok("results", "report", result_id, "-o", tmp_path, "--json", "--force").json
    assert done == {"result_id": 1, "path": str(saved), "size_bytes": 5}
    assert vpo.ok("results", "report", result_id, "-o", "-").stdout == "<p>é"
    named = tmp_path / "my.html"
    vpo.ok("results", "report", result_id, "-o", named)
    assert named.read_text() == "<p>é"


def test_a_long_name_of_a_collection_gives_a_name_that_a_file_can_have(
    vpo: Vpo, results: Results, tmp_path: Path
) -> None:
    collection = results.collection("漢" * 255)
    result_id = results.add(collection_id=collection, report="<p>")
    vpo.ok("results", "report", str(result_id), "-o", tmp_path)
    (saved,) = tmp_path.glob("*.html")
    assert saved.name.endswith(f"_{collection}_2026-01-01_10-00-00.html")


def test_a_result_without_a_report_is_an_error(vpo: Vpo, results: Results) -> None:
    result_id = str(results.add(status="FAILED", error_message="gone"))
    assert vpo.error_code("results", "report", result_id) == "REPORT_MISSING"


def test_delete_shows_first_and_deletes_with_yes(vpo: Vpo, results: Results) -> None:
    first, second = str(results.add()), str(results.add("photo_pairing"))
    with vpo.sql() as catalogue:
        catalogue.execute("UPDATE collections SET file_count = 7")
    shown = vpo.ok("results", "delete", first, first).stdout
    assert shown.startswith("Would delete result 1 (photostats of Safari).\n\nNothing was changed")
    assert vpo.ok("results", "list", "--json").json["total"] == 2
    done = vpo.ok("results", "delete", first, "--yes", "--json").json
    assert (done["dry_run"], done["deleted"]) == (False, 1)
    listed = vpo.ok("results", "list", "--json").json["results"]
    assert [each["id"] for each in listed] == [int(second)]
    with vpo.sql() as catalogue:
        assert catalogue.execute("SELECT file_count FROM collections").fetchone()[0] == 7


def test_stats_count_by_tool_and_status(vpo: Vpo, results: Results) -> None:
    results.add()
    results.add("photo_pairing", collection_id=2, at="2026-03-01T00:00:00.000Z")
    results.add(status="CANCELLED")
    assert vpo.ok("results", "stats", "--json").json == {
        "total_results": 3,
        "completed_count": 2,
        "failed_count": 0,
        "cancelled_count": 1,
        "by_tool": {"photostats": 2, "photo_pairing": 1, "pipeline_validation": 0},
        "last_run": "2026-03-01T00:00:00.000Z",
    }
    assert (
        vpo.ok("results", "stats", "--json", "--collection", "Wedding").json["total_results"] == 1
    )
    assert "Results: 3\n  completed: 2\n" in vpo.ok("results", "stats").stdout


# -- Comparing ---------------------------------------------------------------------


def test_compare_photostats_path_by_path(vpo: Vpo, results: Results) -> None:
    many = [f"m/{number}.cr3" for number in range(1_500)]
    before = {"total_files": 4, "orphaned_images": ["a.cr3", *many], "orphaned_xmp": ["b.xmp"]}
    after = {"total_files": 6, "orphaned_images": [*many[:-1], "c.cr3"], "orphaned_xmp": ["b.xmp"]}
    ids = [str(results.add(found=found, issues_found=3)) for found in (before, after)]
    document = vpo.ok("results", "compare", *ids, "--json").json
    assert document["tool"] == "photostats"
    assert document["figures"]["total_files"] == {"before": 4, "after": 6}
    assert [each["name"] for each in document["better"]] == ["a.cr3", "m/1499.cr3"]
    assert document["worse"] == [
        {
            "name": "c.cr3",
            "before": None,
            "after": "image without a sidecar",
            "missing_before": [],
            "missing_after": [],
        }
    ]
    assert document["unchanged_count"] == 1_500
    text = vpo.ok("results", "compare", *ids).stdout
    assert "Worse: 1\n  c.cr3: no problem -> image without a sidecar\nBetter: 2\n" in text
    assert "total files" in text
    reverse = vpo.ok("results", "compare", *reversed(ids), "--json").json
    assert (reverse["better_count"], reverse["worse_count"]) == (1, 2)


def test_compare_names_in_pairing(vpo: Vpo, results: Results) -> None:
    def names(*paths: str) -> dict[str, object]:
        invalid = [{"path": path, "category": "camera_case", "reason": "r"} for path in paths]
        return {"group_count": 1, "image_count": 1, "invalid_files": invalid}

    ids = [str(results.add("photo_pairing", names(*each))) for each in ("ab", "bc")]
    document = vpo.ok("results", "compare", *ids, "--json").json
    assert [each["name"] for each in document["better"]] == ["a"]
    assert document["worse"][0]["after"] == "invalid name: camera_case"
    assert document["unchanged_count"] == 1


def test_compare_pipeline_validation_by_status_and_by_what_is_missing(
    vpo: Vpo, results: Results
) -> None:
    def images(**statuses: tuple[str, int]) -> dict[str, object]:
        return {
            "total_images": 5,
            "status_counts": {"PARTIAL": len(statuses)},
            "images": [
                {"id": name, "overall_status": status, "missing": ["m"] * missing}
                for name, (status, missing) in statuses.items()
            ],
        }

    warning = "CONSISTENT-WITH-WARNING"
    before = images(A=("PARTIAL", 2), B=("PARTIAL", 1), C=(warning, 0), D=("INCONSISTENT", 3))
    after = images(A=("PARTIAL", 1), B=("INCONSISTENT", 2), C=(warning, 0), E=("PARTIAL", 1))
    ids = [
        str(results.add("pipeline_validation", found, pipeline_id=1)) for found in (before, after)
    ]
    document = vpo.ok("results", "compare", *ids, "--json").json
    assert [each["name"] for each in document["better"]] == ["A", "D"]
    assert [each["name"] for each in document["worse"]] == ["B", "E"]
    assert document["unchanged_count"] == 1
    rows = list(csv.DictReader(vpo.ok("results", "compare", *ids, "--csv").stdout.splitlines()))
    assert rows[0]["change"] == "worse"
    assert rows[0]["missing_after"] == "m | m"


def test_results_that_have_nothing_in_common_are_not_compared(vpo: Vpo, results: Results) -> None:
    first = str(results.add())
    for other in (
        results.add("photo_pairing"),
        results.add(collection_id=2),
        results.add(status="FAILED"),
    ):
        assert vpo.error_code("results", "compare", first, str(other)) == "RESULTS_NOT_COMPARABLE"


def test_names_cannot_act_on_a_terminal(vpo: Vpo, results: Results) -> None:
    collection = results.collection("a\x1b[31mb")
    found = {"orphaned_images": ["x\n\x1b]0;t\x07.cr3"], "file_counts": {".\x1b": 1}}
    ids = [str(results.add(found=each, collection_id=collection)) for each in (found, {})]
    for words in (("list",), ("show", ids[0]), ("compare", *ids), ("delete", ids[0])):
        assert "\x1b" not in vpo.ok("results", *words).stdout

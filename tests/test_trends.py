"""`vpo trends`: the last run of each day, sums, directions."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from photo_results import Results
from support import Vpo
from vpo.photos.trends import direction


@pytest.fixture
def results(vpo: Vpo) -> Results:
    """A catalogue with seven collections and two pipelines."""
    stored = Results(vpo)
    for number in range(1, 8):
        stored.collection(f"C{number}")
    stored.pipeline("Raw")
    stored.pipeline("Web")
    return stored


def orphans(images: int, sidecars: int = 0) -> dict[str, Any]:
    return {
        "total_files": 10,
        "total_size": 1_000,
        "orphaned_images": [f"{number}.cr3" for number in range(images)],
        "orphaned_xmp": [f"{number}.xmp" for number in range(sidecars)],
    }


def example(results: Results) -> None:
    """The runs of section 12 of the specification."""
    for at, images in (
        ("2026-01-01T10:00:00Z", 5),
        ("2026-01-01T18:00:00Z", 3),
        ("2026-01-02T10:00:00Z", 1),
        ("2026-01-03T10:00:00Z", 0),
    ):
        results.add(found=orphans(images), at=at)


# -- Directions --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 1, 0], "improving"),
        ([0, 1, 3], "degrading"),
        ([5, 5, 5], "stable"),
        ([1, 9, 1], "stable"),
        ([1, 2], "insufficient_data"),
        ([], "insufficient_data"),
        ([*range(30)], "degrading"),
        ([0] * 20 + [1] * 20, "degrading"),
    ],
)
def test_a_direction_is_a_fifth_of_the_range(values: list[int], expected: str) -> None:
    assert direction(values, is_higher_better=False) == expected
    opposite = {"improving": "degrading", "degrading": "improving"}
    assert direction(values, is_higher_better=True) == opposite.get(expected, expected)


# -- Photostats --------------------------------------------------------------------


def test_the_last_run_of_each_day_counts(vpo: Vpo, results: Results) -> None:
    example(results)
    results.add(status="FAILED", at="2026-01-03T11:00:00Z")
    document = vpo.ok("trends", "photostats", "--collection", "C1", "--json").json
    assert (document["tool"], document["mode"]) == ("photostats", "per_collection")
    (series,) = document["series"]
    assert (series["collection_id"], series["collection"]) == (1, "C1")
    assert [point["orphaned_images"] for point in series["points"]] == [3, 1, 0]
    assert series["points"][0] == {
        "date": "2026-01-01",
        "result_id": 2,
        "completed_at": "2026-01-01T18:00:00Z",
        "orphaned_images": 3,
        "orphaned_xmp": 0,
        "total_files": 10,
        "total_size": 1_000,
    }
    summary = vpo.ok("trends", "summary", "--json").json
    assert summary == {
        "orphaned_trend": "improving",
        "consistency_trend": "insufficient_data",
        "last_run": {
            "photostats": "2026-01-03T10:00:00Z",
            "photo_pairing": None,
            "pipeline_validation": None,
        },
        "data_points_available": {"photostats": 3, "photo_pairing": 0, "pipeline_validation": 0},
    }


def test_of_two_runs_in_the_same_moment_the_newer_result_counts(vpo: Vpo, results: Results) -> None:
    for images in (1, 2):
        results.add(found=orphans(images))
    document = vpo.ok("trends", "photostats", "--collection", "C1", "--json").json
    assert [each["orphaned_images"] for each in document["series"][0]["points"]] == [2]


def test_days_and_points_are_limited(vpo: Vpo, results: Results) -> None:
    example(results)

    def dates(*words: str) -> list[str]:
        document = vpo.ok("trends", "photostats", "--json", *words).json
        return [point["date"][-2:] for point in document["series"][0]["points"]]

    for words in ((), ("--collection", "C1")):
        assert dates(*words, "--limit", "2") == ["02", "03"]
        assert dates(*words, "--from", "2026-01-02") == ["02", "03"]
        assert dates(*words, "--to", "2026-01-02") == ["01", "02"]
        assert dates(*words, "--to", "2026-01-02", "--limit", "1") == ["02"]


def test_no_or_many_collections_are_summed_up_by_day(vpo: Vpo, results: Results) -> None:
    for collection in range(1, 8):
        results.add(found=orphans(collection, 1), collection_id=collection)
    results.add(found=orphans(2), at="2026-01-02T00:00:00Z")
    document = vpo.ok("trends", "photostats", "--json").json
    assert document["mode"] == "summed"
    assert document["series"] == [
        {
            "collection_id": None,
            "collection": None,
            "pipeline_id": None,
            "pipeline": None,
            "points": [
                {
                    "date": "2026-01-01",
                    "orphaned_images": 28,
                    "orphaned_xmp": 7,
                    "collections_included": 7,
                },
                {
                    "date": "2026-01-02",
                    "orphaned_images": 2,
                    "orphaned_xmp": 0,
                    "collections_included": 1,
                },
            ],
        }
    ]
    six = [word for number in range(1, 7) for word in ("--collection", f"C{number}")]
    points = vpo.ok("trends", "photostats", "--json", *six).json["series"][0]["points"]
    assert points[0]["collections_included"] == 6
    five = vpo.ok("trends", "photostats", "--json", *six[:10]).json
    assert [series["collection"] for series in five["series"]] == ["C1", "C2", "C3", "C4", "C5"]


def test_the_length_of_a_list_that_goes_on_in_the_items_counts(vpo: Vpo, results: Results) -> None:
    results.add(found=orphans(2_500))
    document = vpo.ok("trends", "photostats", "--json").json
    assert document["series"][0]["points"][0]["orphaned_images"] == 2_500


def test_a_collection_without_results_has_an_empty_series(vpo: Vpo, results: Results) -> None:
    example(results)
    words = ("--collection", "C2", "--collection", "C1")
    document = vpo.ok("trends", "photostats", "--json", *words).json
    assert [(each["collection"], len(each["points"])) for each in document["series"]] == [
        ("C2", 0),
        ("C1", 3),
    ]
    assert "No completed results" in vpo.ok("trends", "photostats", *words[:2]).stderr


# -- Photo pairing -------------------------------------------------------------------


def test_cameras_are_counted_per_collection_only(vpo: Vpo, results: Results) -> None:
    usage: dict[str, Any] = {"AB3D": {"image_count": 4, "group_count": 3}, "XYZW": 2}
    found = {"group_count": 5, "image_count": 6, "camera_usage": usage}
    for collection in (1, 2):
        results.add("photo_pairing", found, collection_id=collection)
    document = vpo.ok("trends", "photo-pairing", "--json", "--collection", "C1").json
    point = document["series"][0]["points"][0]
    assert (point["group_count"], point["image_count"]) == (5, 6)
    assert point["cameras"] == {"AB3D": 4, "XYZW": 2}
    summed = vpo.ok("trends", "photo-pairing", "--json").json["series"][0]["points"][0]
    assert summed == {
        "date": "2026-01-01",
        "group_count": 10,
        "image_count": 12,
        "collections_included": 2,
    }


# -- Pipeline validation ----------------------------------------------------------------


def counts(consistent: int, partial: int, inconsistent: int) -> dict[str, int]:
    return {"CONSISTENT": consistent, "PARTIAL": partial, "INCONSISTENT": inconsistent}


def test_percentages_of_the_sum_come_from_the_summed_counts(vpo: Vpo, results: Results) -> None:
    for collection, found in ((1, counts(1, 0, 0)), (2, counts(0, 1, 1))):
        results.add(
            "pipeline_validation",
            {"consistency_counts": found, "by_termination": {"Black Box": found}},
            collection_id=collection,
            pipeline_id=1,
        )
    (series,) = vpo.ok("trends", "pipeline-validation", "--json").json["series"]
    expected = {
        "counts": counts(1, 1, 1),
        "percentages": {"CONSISTENT": 33.3, "PARTIAL": 33.3, "INCONSISTENT": 33.3},
    }
    assert series["points"] == [
        {
            "date": "2026-01-01",
            **expected,
            "by_termination": {"Black Box": expected},
            "collections_included": 2,
        }
    ]


def test_either_key_of_the_counts_is_read_and_every_label(vpo: Vpo, results: Results) -> None:
    found = {"overall_consistency": counts(3, 1, 0), "by_termination": {"a": {}, "b": {}}}
    results.add("pipeline_validation", found, pipeline_id=1)
    words = ("trends", "pipeline-validation", "--json", "--collection", "C1")
    point = vpo.ok(*words).json["series"][0]["points"][0]
    assert point["percentages"]["CONSISTENT"] == 75.0
    assert [*point["by_termination"]] == ["a", "b"]


def test_each_pipeline_of_a_collection_has_its_own_series(vpo: Vpo, results: Results) -> None:
    for pipeline, at in ((1, "2026-01-01T10:00:00Z"), (2, "2026-01-01T11:00:00Z")):
        found = {"consistency_counts": counts(pipeline, 0, 0)}
        results.add("pipeline_validation", found, pipeline_id=pipeline, at=at)
    words = ("trends", "pipeline-validation", "--json", "--collection", "C1")
    series = vpo.ok(*words).json["series"]
    assert [each["pipeline"] for each in series] == ["Raw", "Web"]
    (one,) = vpo.ok(*words, "--pipeline", "Web").json["series"]
    assert one["points"][0]["counts"] == counts(2, 0, 0)
    error = vpo.run(*words, "--pipeline", "Nope")
    assert error.json["code"] == "PIPELINE_NOT_FOUND"


def test_a_larger_share_of_consistent_images_is_an_improvement(vpo: Vpo, results: Results) -> None:
    for day, consistent in enumerate((1, 5, 9), 1):
        found = {"consistency_counts": counts(consistent, 10 - consistent, 0)}
        at = f"2026-01-{day:02}T10:00:00Z"
        results.add("pipeline_validation", found, pipeline_id=1, at=at)
    for words in ((), ("--collection", "C1"), ("--collection", "C1", "--pipeline", "Raw")):
        summary = vpo.ok("trends", "summary", "--json", *words).json
        assert summary["consistency_trend"] == "improving"
    shown = vpo.ok("trends", "summary", "--pipeline", "Web").stdout
    assert "Consistency: not enough data yet\n" in shown


# -- Text and CSV -------------------------------------------------------------------------


def test_text_and_csv_have_a_row_per_day(vpo: Vpo, results: Results) -> None:
    example(results)
    shown = vpo.ok("trends", "photostats", "--collection", "C1").stdout
    assert shown == (
        "C1\n"
        "DATE        ORPHANED IMAGES  ORPHANED XMP  TOTAL FILES  TOTAL SIZE\n"
        "2026-01-01                3             0           10      1000 B\n"
        "2026-01-02                1             0           10      1000 B\n"
        "2026-01-03                0             0           10      1000 B\n"
        "Orphaned images: █▃▁\n"
    )
    rows = list(csv.DictReader(vpo.ok("trends", "photostats", "--csv").stdout.splitlines()))
    assert [row["orphaned_images"] for row in rows] == ["3", "1", "0"]
    for tool in ("photo-pairing", "pipeline-validation"):
        assert vpo.ok("trends", tool).stdout == ""
    shown = vpo.ok("trends", "summary").stdout
    assert shown.startswith("Orphans: improving\nConsistency: not enough data yet\n")


def test_results_that_are_no_json_are_left_out(vpo: Vpo, results: Results) -> None:
    example(results)
    with vpo.sql() as catalogue:
        catalogue.execute("UPDATE analysis_results SET results_json = '{nope}' WHERE id = 3")
        catalogue.execute(
            """UPDATE analysis_results SET results_json = '{"total_files": "many",
            "orphaned_images": 7, "orphaned_xmp": {"a": 1}}' WHERE id = 4"""
        )
    for words in ((), ("--collection", "C1")):
        document = vpo.ok("trends", "photostats", "--json", *words).json
        found = [point["orphaned_images"] for point in document["series"][0]["points"]]
        assert found == [3, 0]

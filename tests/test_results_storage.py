"""Results of analyses in the catalogue: long lists, limits, order, deletion."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from vpo.db import migrations
from vpo.db.photos import results
from vpo.db.photos.results import NewResult, Order, ResultFilter
from vpo.db.precautions import MOST_BYTES_PER_ROW, take_precautions


@pytest.fixture
def catalogue() -> Iterator[sqlite3.Connection]:
    """An empty catalogue in memory, with two collections and a pipeline."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrations.build(connection, migrations.LATEST)
        take_precautions(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        for name in ("Safari", "Wedding"):
            connection.execute(
                "INSERT INTO collections (name, type, location) VALUES (?, 'LOCAL', ?)",
                (name, f"/photos/{name}"),
            )
        connection.execute(
            "INSERT INTO pipelines (name, nodes_json, edges_json) VALUES ('Raw', '[{}]', '[]')"
        )
        yield connection


def new(day: int = 1, **fields: object) -> NewResult:
    """A result of photostats of a day of January 2026."""
    facts: dict[str, object] = {
        "collection_id": 1,
        "tool": "photostats",
        "status": "COMPLETED",
        "started_at": f"2026-01-{day:02}T10:00:00.000Z",
        "completed_at": f"2026-01-{day:02}T10:00:02.000Z",
        "duration_seconds": 2.0,
        **fields,
    }
    return NewResult(**facts)  # type: ignore[arg-type]


def stored(catalogue: sqlite3.Connection, result_id: int) -> dict[str, object]:
    record = results.get(catalogue, result_id)
    assert record is not None
    document: dict[str, object] = json.loads(record.results_json)
    return document


def test_a_long_list_goes_on_in_the_items(catalogue: sqlite3.Connection) -> None:
    paths = [f"a/{number}.cr3" for number in range(2_345)]
    result_id = results.insert(
        catalogue, new(results={"total_files": 9, "orphaned_images": paths, "orphaned_xmp": ["x"]})
    )
    document = stored(catalogue, result_id)
    assert [*document] == ["total_files", "orphaned_images", "orphaned_xmp", "_truncated"]
    assert document["orphaned_images"] == paths[:1000]
    assert document["_truncated"] == {"orphaned_images": 2_345}
    assert [*results.items(catalogue, result_id, "orphaned_images")] == paths
    assert [*results.items(catalogue, result_id, "orphaned_xmp")] == ["x"]
    assert [*results.items(catalogue, result_id, "nothing")] == []


def test_lists_can_be_given_one_element_at_a_time(catalogue: sqlite3.Connection) -> None:
    lists = {"groups": ({"id": str(number)} for number in range(1_001)), "none": iter(())}
    result_id = results.insert(catalogue, new(results={"group_count": 1_001}), lists)
    document = stored(catalogue, result_id)
    assert document["_truncated"] == {"groups": 1_001}
    assert document["none"] == []
    assert [*results.rest_of(catalogue, result_id, "groups")] == [{"id": "1000"}]


def test_a_list_of_just_the_kept_length_is_not_truncated(catalogue: sqlite3.Connection) -> None:
    result_id = results.insert(catalogue, new(results={"paths": ["x"] * results.KEPT}))
    assert "_truncated" not in stored(catalogue, result_id)


def test_an_object_with_many_keys_goes_on_in_the_items(catalogue: sqlite3.Connection) -> None:
    methods = {f"M{number}": {"image_count": number} for number in range(1_500)}
    result_id = results.insert(catalogue, new(results={"method_usage": methods}))
    document = stored(catalogue, result_id)
    assert document["method_usage"] == {key: methods[key] for key in [*methods][:1000]}
    assert document["_truncated"] == {"method_usage": 1_500}
    found = dict(results.items(catalogue, result_id, "method_usage"))
    assert found == methods


def test_long_elements_stay_below_the_limit_of_a_row(catalogue: sqlite3.Connection) -> None:
    long = [{"path": "p" * 4_096, "duplicates": ["d" * 4_096] * 20} for _ in range(900)]
    result_id = results.insert(catalogue, new(results={"images": long, "paths": ["q"] * 900}))
    (size,) = catalogue.execute("SELECT length(results_json) FROM analysis_results").fetchone()
    assert size < MOST_BYTES_PER_ROW / 2
    assert [*results.items(catalogue, result_id, "images")] == long
    truncated = stored(catalogue, result_id)["_truncated"]
    assert truncated == {"images": 900}


@pytest.mark.parametrize(
    "element",
    [
        "x" * (MOST_BYTES_PER_ROW + 1),
        {"path": "a", "files": ["f" * 200] * 100_000},
        {str(number): {str(inner): "v" * 99 for inner in range(999)} for number in range(999)},
        [[["v" * 999] * 20] * 20] * 20,
    ],
    ids=["text", "list", "object", "nested"],
)
def test_an_element_that_no_row_can_hold_is_cut(
    catalogue: sqlite3.Connection, element: object
) -> None:
    result_id = results.insert(catalogue, new(results={"a": ["before", element, "after"]}))
    before, _, after = results.items(catalogue, result_id, "a")
    assert (before, after) == ("before", "after")


def test_the_list_is_filtered_sorted_and_cut(catalogue: sqlite3.Connection) -> None:
    for day, seconds, files, collection in ((1, 3.0, 10, 1), (2, 1.0, None, 2), (3, 2.0, 30, 1)):
        result_id = results.insert(
            catalogue,
            new(day, duration_seconds=seconds, files_scanned=files, collection_id=collection),
        )
        catalogue.execute(
            "UPDATE analysis_results SET created_at = completed_at WHERE id = ?", (result_id,)
        )
    failed = new(4, status="FAILED", error_message="gone", tool="pipeline_validation")
    results.insert(catalogue, failed._replace(pipeline_id=1, pipeline_version=2))

    def ids(wanted: ResultFilter | None = None, **order: object) -> list[int]:
        page = results.list_results(
            catalogue,
            wanted or ResultFilter(),
            Order(**order),  # type: ignore[arg-type]
        )
        return [row.id for row in page.rows]

    assert ids() == [4, 3, 2, 1]
    assert ids(is_reversed=True, limit=2) == [1, 2]
    assert ids(limit=2, offset=1) == [3, 2]
    assert ids(sort="duration_seconds", limit=1, offset=1) == [4]
    assert ids(sort="files_scanned", limit=2) == [3, 1]
    assert ids(ResultFilter(collection_id=2)) == [2]
    assert ids(ResultFilter(tool="pipeline_validation")) == [4]
    assert ids(ResultFilter(status="COMPLETED")) == [3, 2, 1]
    january_2 = ResultFilter(created_from="2026-01-02", created_before="2026-01-03")
    assert ids(january_2) == [2]
    page = results.list_results(catalogue, ResultFilter(collection_id=1), Order(limit=1))
    assert (len(page.rows), page.total) == (1, 3)
    row = page.rows[0]
    assert (row.collection, row.pipeline, row.pipeline_version) == ("Safari", "Raw", 2)
    assert row.has_report is False


def test_a_deleted_pipeline_leaves_its_results(catalogue: sqlite3.Connection) -> None:
    result_id = results.insert(catalogue, new(tool="pipeline_validation", pipeline_id=1))
    catalogue.execute("DELETE FROM pipelines")
    record = results.get(catalogue, result_id)
    assert record is not None
    assert (record.row.pipeline_id, record.row.pipeline) == (None, None)


def test_deleting_takes_the_items_along(catalogue: sqlite3.Connection) -> None:
    result_id = results.insert(catalogue, new(results={"a": ["x"] * 1_001}))
    results.set_report(catalogue, result_id, "<p>")
    assert results.report_of(catalogue, result_id) == "<p>"
    assert results.delete(catalogue, [result_id, 99]) == 1
    assert results.get(catalogue, result_id) is None
    assert catalogue.execute("SELECT count(*) FROM analysis_items").fetchone() == (0,)


def test_statistics_count_by_tool_and_status(catalogue: sqlite3.Connection) -> None:
    results.insert(catalogue, new(1))
    results.insert(catalogue, new(3))
    results.insert(catalogue, new(2, status="CANCELLED", collection_id=2))
    assert results.statistics(catalogue) == [
        ("photostats", "CANCELLED", 1, "2026-01-02T10:00:02.000Z"),
        ("photostats", "COMPLETED", 2, "2026-01-03T10:00:02.000Z"),
    ]
    assert [each.results for each in results.statistics(catalogue, 2)] == [1]

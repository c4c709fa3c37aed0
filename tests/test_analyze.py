"""`vpo analyze`: analyses as jobs, their results, and what an interrupted one leaves."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from support import Tree, Vpo, wait_until


@pytest.fixture
def photos(vpo: Vpo, tree: Tree) -> Vpo:
    """A library with a collection `Trips`."""
    tree.write_all(
        {
            "trips/AB3D0001.cr3": b"12345",
            "trips/AB3D0001.xmp": b"1",
            "trips/AB3D0002.CR3": b"123",
            "trips/notes.txt": b"words",
        }
    )
    vpo.ok("collections", "add", "Trips", tree.path("trips"))
    return vpo


def analyse(vpo: Vpo, *options: str, tool: str = "photostats", status: int = 0) -> Any:
    return vpo.ok("analyze", tool, "Trips", "--json", *options, status=status).json


def collection(vpo: Vpo) -> dict[str, Any]:
    shown: dict[str, Any] = vpo.ok("collections", "show", "Trips", "--json").json
    return shown


def results(vpo: Vpo) -> list[tuple[Any, ...]]:
    with vpo.sql() as connection:
        rows = connection.execute(
            "SELECT tool, status, results_json = '{}', error_message FROM analysis_results"
        )
        return [tuple(row) for row in rows]


def test_an_analysis_records_its_result_the_statistics_and_a_job(photos: Vpo) -> None:
    result = analyse(photos)
    assert (result["tool"], result["status"]) == ("photostats", "COMPLETED")
    assert result["collection"] == "Trips"
    assert (result["files_scanned"], result["issues_found"]) == (3, 1)
    assert result["results"]["orphaned_images"] == ["AB3D0002.CR3"]
    assert result["completed_at"] >= result["started_at"]
    shown = collection(photos)
    assert (shown["storage_used"], shown["file_count"]) == (9, 3)
    assert shown["image_count"] is None
    assert shown["last_stats_update"] == result["completed_at"]
    job = photos.ok("jobs", "show", result["job_id"], "--json").json
    assert (job["type"], job["status"]) == ("analyze", "completed")
    assert job["summary"]["result_id"] == result["id"]


def test_what_changed_since_the_last_scan_is_analysed(photos: Vpo, tree: Tree) -> None:
    assert analyse(photos)["issues_found"] == 1
    tree.write("trips/AB3D0002.xmp", b"1")
    assert analyse(photos, "--no-scan")["issues_found"] == 1
    assert analyse(photos)["issues_found"] == 0


def test_a_collection_that_rests_is_looked_at_when_its_listing_is_old(
    photos: Vpo, tree: Tree
) -> None:
    photos.ok("collections", "update", "Trips", "--state", "ARCHIVED")
    assert analyse(photos)["issues_found"] == 1
    tree.write("trips/AB3D0002.xmp", b"1")
    assert analyse(photos)["issues_found"] == 1
    assert analyse(photos, "--refresh")["issues_found"] == 0
    tree.remove("trips/AB3D0002.xmp")
    assert analyse(photos)["issues_found"] == 0
    with photos.sql() as connection:
        connection.execute("UPDATE collections SET listed_at = '2020-01-01T00:00:00.000Z'")
        connection.commit()
    assert analyse(photos)["issues_found"] == 1
    photos.ok("collections", "update", "Trips", "--cache-ttl", "0")
    tree.write("trips/AB3D0002.xmp", b"1")
    assert analyse(photos)["issues_found"] == 0


def test_issues_are_an_exit_status_on_request(photos: Vpo, tree: Tree) -> None:
    analyse(photos, "--fail-on-issues", status=3)
    tree.write("trips/AB3D0002.xmp", b"1")
    analyse(photos, "--fail-on-issues")


def test_an_analysis_can_be_queued(photos: Vpo) -> None:
    assert analyse(photos, "--enqueue")["status"] == "queued"
    assert results(photos) == []
    photos.ok("jobs", "run")
    assert results(photos) == [("photostats", "COMPLETED", 0, None)]
    assert collection(photos)["file_count"] == 3


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("photostats", "Nope"), "COLLECTION_NOT_FOUND"),
        (("photostats", "Gone"), "COLLECTION_NOT_ACCESSIBLE"),
        (("photostats", "Trips", "--no-scan"), "COLLECTION_NOT_ACCESSIBLE"),
    ],
)
def test_what_cannot_be_analysed_is_refused_and_leaves_nothing(
    photos: Vpo, tree: Tree, words: tuple[str, ...], code: str
) -> None:
    photos.run("collections", "add", "Gone", tree.path("nowhere"))
    assert photos.ok("analyze", *words, "--json", status=2).json["code"] == code
    assert results(photos) == []
    assert photos.jobs() == []


def test_a_queued_analysis_of_a_collection_that_is_gone_fails(photos: Vpo) -> None:
    analyse(photos, "--enqueue")
    photos.ok("collections", "delete", "Trips")
    photos.run("jobs", "run")
    (job,) = photos.ok("jobs", "list", "--json").json
    assert job["status"] == "failed"


def _many(photos: Vpo, tree: Tree) -> None:
    """So many files that an analysis takes a moment."""
    tree.write_many(100, "trips")
    photos.ok("collections", "refresh", "Trips")
    with photos.sql() as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)"
            " INSERT INTO files (directory_id, name, extension, kind, size_bytes, mtime_ns,"
            " scanned_at) SELECT (SELECT max(id) FROM directories), printf('A%07d.cr3', i), 'cr3',"
            " 'image', 1, 1, '2026-01-01T00:00:00Z' FROM n"
        )
        connection.commit()


def test_an_interrupted_analysis_is_recorded_as_cancelled_and_changes_no_statistics(
    photos: Vpo, tree: Tree
) -> None:
    analyse(photos)
    before = collection(photos)
    _many(photos, tree)
    listed = collection(photos)["listed_at"]
    process = photos.start("analyze", "photostats", "Trips", "--no-scan", "--json")

    def is_running() -> bool:
        return any(job["status"] == "running" for job in photos.ok("jobs", "list", "--json").json)

    wait_until(is_running)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert results(photos)[-1] == ("photostats", "CANCELLED", 1, None)
    assert collection(photos) == {**before, "listed_at": listed} | {
        "updated_at": collection(photos)["updated_at"]
    }


def test_a_killed_analysis_leaves_no_result(photos: Vpo, tree: Tree) -> None:
    analyse(photos)
    before = collection(photos)
    _many(photos, tree)
    process = photos.start("analyze", "photostats", "Trips", "--no-scan", "--json")

    def is_running() -> bool:
        return any(job["status"] == "running" for job in photos.ok("jobs", "list", "--json").json)

    wait_until(is_running)
    refused = photos.ok("analyze", "photostats", "Trips", "--no-scan", "--json", status=75).json
    assert refused["code"] == "ANALYSIS_LOCKED"
    in_use = photos.ok("collections", "delete", "Trips", "--force", "--json", status=2).json
    assert in_use["code"] == "COLLECTION_IN_USE"
    process.kill()
    process.communicate()
    assert results(photos) == [("photostats", "COMPLETED", 0, None)]
    assert collection(photos)["storage_used"] == before["storage_used"]
    assert analyse(photos, "--no-scan")["files_scanned"] > 300_000
    assert photos.ok("jobs", "list", "--json", "--status", "failed").json
    photos.check_integrity()


def test_nothing_is_written_into_the_collection(photos: Vpo, tree: Tree) -> None:
    place = os.fsdecode(tree.path("trips"))
    before = (os.stat(place).st_mtime_ns, sorted(os.listdir(place)))
    analyse(photos)
    assert (os.stat(place).st_mtime_ns, sorted(os.listdir(place))) == before


PIPELINE = """
name: Archive
nodes:
  - {id: capture, type: Capture, output: [raw, sidecar]}
  - {id: raw, type: File, extension: .CR3, output: [done]}
  - {id: sidecar, type: File, extension: .XMP, output: [done]}
  - {id: done, type: Termination, termination_type: Archive, output: []}
"""


def test_images_are_grouped_and_compared_with_the_active_pipeline(
    photos: Vpo, tmp_path: Any
) -> None:
    pairing = analyse(photos, tool="photo-pairing")
    assert (pairing["results"]["group_count"], pairing["results"]["image_count"]) == (2, 2)
    assert collection(photos)["image_count"] == 2
    refused = analyse(photos, tool="pipeline-validation", status=2)
    assert refused["code"] == "PIPELINE_NOT_FOUND"
    (tmp_path / "archive.yaml").write_text(PIPELINE)
    photos.ok("pipelines", "import", tmp_path / "archive.yaml")
    photos.ok("pipelines", "activate", "Archive")
    result = analyse(photos, tool="pipeline-validation")
    assert (result["pipeline"], result["pipeline_version"]) == ("Archive", 1)
    counts = result["results"]["consistency_counts"]
    assert counts == {"CONSISTENT": 1, "PARTIAL": 1, "INCONSISTENT": 0}
    assert result["has_report"]
    report = photos.ok("results", "report", str(result["id"]), "-o", tmp_path / "report.html")
    assert report.status == 0
    assert "AB3D0002" in (tmp_path / "report.html").read_text()


def test_the_metadata_of_sidecars_are_read_on_request(photos: Vpo, tree: Tree) -> None:
    tree.write(
        "trips/AB3D0001.xmp",
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        b' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        b' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"/></rdf:RDF></x:xmpmeta>',
    )
    assert "xmp_metadata" not in analyse(photos)["results"]
    found = analyse(photos, "--xmp")["results"]
    assert [each["xmp:Rating"] for each in found["xmp_metadata"]] == ["5"]
    assert (found["xmp_unreadable"], found["unreadable"]) == (0, 0)

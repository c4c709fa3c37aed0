"""The analysis `pipeline_validation`: images of a listing, compared with a pipeline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from photo_naming import Files
from pipelines import L, M, R, T, pipeline
from vpo.base.errors import TerminationNotFoundError
from vpo.photos.model import Findings, PhotoSettings, Statistics
from vpo.photos.pipeline.model import Node, Pipeline
from vpo.photos.pipeline.validation import ChosenPipeline, analyse

SETTINGS = PhotoSettings(photo_extensions=(".dng", ".tiff", ".tif", ".cr3", ".jpg"))


def validate(which: Pipeline, *files: str | bytes, terminations: tuple[str, ...] = ()) -> Findings:
    """What the analysis finds in these files."""
    chosen = ChosenPipeline(which, 7, 3, terminations)
    return analyse(Files(*files), SETTINGS, chosen, lambda *_: None)


def shown(found: Findings) -> dict[str, dict[str, Any]]:
    """The images that are not consistent, by their names."""
    return {image["image"]: image for image in found.results["images"]}


def test_a_whole_run_counts_images_by_status_and_termination() -> None:
    with_jpg = [f"AB3D0003.{extension}" for extension in ("dng", "xmp", "tiff", "jpg")]
    found = validate(
        L,
        *(f"AB3D0001.{extension}" for extension in ("dng", "xmp", "tiff")),
        *(f"AB3D0002.{extension}" for extension in ("dng", "xmp")),
        *with_jpg,
        "AB3D0004.jpg",
    )
    results = found.results
    counts = {"CONSISTENT": 2, "PARTIAL": 1, "INCONSISTENT": 1}
    assert (results["total_images"], results["image_count"], results["group_count"]) == (4, 4, 4)
    assert list(results["status_counts"].values()) == [1, 1, 1, 1]
    assert results["consistency_counts"] == results["overall_consistency"] == counts
    assert results["by_termination"] == {"done": counts}
    assert (found.files_scanned, found.issues_found) == (10, 2)
    assert found.statistics == Statistics(image_group_count=4, image_count=4)
    assert (results["pipeline_name"], results["pipeline_id"]) == ("L", 7)
    assert results["pipeline_version"] == 3
    images = shown(found)
    assert {name: image["overall_status"] for name, image in images.items()} == {
        "AB3D0002": "PARTIAL",
        "AB3D0003": "CONSISTENT-WITH-WARNING",
        "AB3D0004": "INCONSISTENT",
    }
    assert images["AB3D0002"]["missing"] == ["AB3D0002.tiff"]
    assert images["AB3D0002"]["completion"] == 66.7
    assert images["AB3D0003"]["extra"] == ["AB3D0003.jpg"]
    assert images["AB3D0003"]["actual"] == sorted(with_jpg)


def test_an_image_is_one_wherever_its_files_are() -> None:
    found = validate(M, "a/AB3D0001.CR3", "b/AB3D0001.XMP", "c/AB3D0001-DXO.DNG")
    assert found.results["status_counts"]["CONSISTENT"] == 1
    assert list(found.results["images"]) == []


def test_copies_count_once_and_are_listed_as_duplicates() -> None:
    found = validate(R, "a/AB3D0001.CR3", "b/AB3D0001.cr3", "AB3D0002.CR3", "AB3D0002.CR3.xmp")
    assert found.results["duplicate_files"] == 1
    image = shown(found)["AB3D0001"]
    assert image["duplicates"] == ["b/AB3D0001.cr3"]
    assert image["missing"] == ["AB3D0001.XMP"]


def test_missing_files_are_named_with_the_id_of_the_separate_image() -> None:
    found = validate(M, "AB3D0001.CR3", "AB3D0001.XMP", "AB3D0001-DXO.DNG", "AB3D0001-2.CR3")
    image = shown(found)["AB3D0001-2"]
    assert image["missing"] == ["AB3D0001-DXO-2.DNG", "AB3D0001-DXO-2.XMP"]
    assert (image["group_id"], image["image_id"]) == ("AB3D0001", "2")
    assert found.results["group_count"] == 1


def test_sidecars_of_images_without_a_photo_are_unattached() -> None:
    found = validate(R, "AB3D0001.CR3", "AB3D0001.xmp", "AB3D0002.xmp", "AB3D0003.psd", "bad.dng")
    assert found.results["total_images"] == 1
    assert [each["path"] for each in found.results["unattached"]] == [
        "AB3D0002.xmp",
        "AB3D0003.psd",
    ]
    assert found.results["invalid_files_count"] == 1
    assert found.results["invalid_files"][0]["category"] == "too_short"
    assert found.files_scanned == 5


def test_images_that_the_capture_does_not_take_are_inconsistent() -> None:
    capture = Node("c", "capture", {"camera_id_pattern": "AB3.", "counter_pattern": "0..."})
    other = replace(R, nodes=(capture, *R.nodes[1:]))
    files = [
        f"{stem}.{extension}"
        for stem in ("AB3D0001", "AB3D1001", "XY3D0001")
        for extension in ("CR3", "xmp")
    ]
    found = validate(other, *files)
    assert found.results["consistency_counts"] == {
        "CONSISTENT": 1,
        "PARTIAL": 0,
        "INCONSISTENT": 2,
    }
    assert found.results["capture_mismatches"] == 2
    image = shown(found)["XY3D0001"]
    assert (image["reason"], image["missing"], image["completion"]) == ("capture_mismatch", [], 0.0)


def test_a_pattern_may_describe_camera_and_counter_together() -> None:
    capture = Node("c", "capture", {"filename_regex": "([A-Z]{4})([0-9]{4})"})
    found = validate(replace(R, nodes=(capture, *R.nodes[1:])), "AB3D0001.CR3", "DSCA0001.CR3")
    assert found.results["capture_mismatches"] == 1


def test_images_can_be_judged_by_one_termination() -> None:
    files = ("AB3D0001.CR3", "AB3D0001.XMP", "AB3D0001-DXO.DNG")
    assert validate(T, *files).issues_found == 1
    found = validate(T, *files, terminations=("Black Box",))
    assert found.issues_found == 0
    assert list(found.results["by_termination"]) == ["Black Box"]
    with pytest.raises(TerminationNotFoundError):
        validate(T, *files, terminations=("Bin",))


def test_a_truncated_image_names_the_file() -> None:
    loop = pipeline(
        "c: capture -> edit",
        "edit: process Edit -> choice",
        "choice: branching -> tif, edit",
        "tif: file .TIF -> end",
        "end: termination",
    )
    name = f"AB3D0001{'-Edit' * 7}.TIF"
    found = validate(loop, name)
    assert found.results["truncated_images"] == 1
    assert shown(found)["AB3D0001"]["truncated"] == [name]
    assert shown(found)["AB3D0001"]["overall_status"] == "CONSISTENT-WITH-WARNING"


def test_a_collection_without_images_has_no_issues() -> None:
    found = validate(L)
    assert (found.issues_found, found.results["total_images"]) == (0, 0)


def test_directories_that_are_not_utf_8_are_shown() -> None:
    found = validate(L, b"caf\xe9/AB3D0001.dng")
    assert shown(found)["AB3D0001"]["actual"] == ["caf\ufffd/AB3D0001.dng"]

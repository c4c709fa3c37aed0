"""Pairing: groups, separate images, cameras, methods, and photos with invalid names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import photo_naming as model
from photo_naming import Files
from vpo.base.paths import from_json, from_stored, join
from vpo.photos import groups as grouping
from vpo.photos.groups import Kind
from vpo.photos.model import Camera, Findings, PhotoSettings, Statistics
from vpo.photos.pairing import analyse

DEFAULTS = PhotoSettings()


def pair(*paths: str | bytes, settings: PhotoSettings = DEFAULTS) -> Findings:
    """What pairing finds in these files."""
    return analyse(Files(*paths), settings, lambda *_: None)


def images_in(found: Findings) -> dict[str, dict[str, Any]]:
    """The separate images by group and ID, such as `AB3D0001-2`."""
    return {
        "-".join(filter(None, (group["group_id"], image["image_id"]))): image
        for group in found.results["groups"]
        for image in group["images"]
    }


def path_of(document: dict[str, Any]) -> bytes:
    """The path in an element of a list."""
    return from_stored(from_json(document))


def warnings_in(found: Findings) -> dict[str, dict[str, Any]]:
    """The warnings by their codes."""
    return {each["code"]: each for each in found.results["warnings"]}


# -- The worked examples ---------------------------------------------------------


def test_cameras_methods_and_invalid_names_are_counted() -> None:
    found = pair(
        "AB3D0001.dng",
        "AB3D0001.CR3",
        "AB3D0001-HDR.tiff",
        "AB3D0001-2.cr3",
        "AB3D0001-2-HDR.tiff",
        "XYZW0035-BW-HDR.tiff",
        "sub/AB3D0001.dng",
        "IMG_0001.dng",
        settings=PhotoSettings(
            cameras={"AB3D": Camera("Canon EOS R5", "12345")},
            processing_methods={"HDR": "High Dynamic Range"},
        ),
    )
    results = found.results
    assert (results["group_count"], results["image_count"]) == (2, 3)
    assert {name: image["file_count"] for name, image in images_in(found).items()} == {
        "AB3D0001": 4,
        "AB3D0001-2": 2,
        "XYZW0035": 1,
    }
    assert results["camera_usage"] == {
        "AB3D": {
            "name": "Canon EOS R5",
            "serial_number": "12345",
            "image_count": 2,
            "group_count": 1,
        },
        "XYZW": {
            "name": "Unknown Camera XYZW",
            "serial_number": "",
            "image_count": 1,
            "group_count": 1,
        },
    }
    assert results["method_usage"] == {
        "BW": {"description": "Unknown Method BW", "image_count": 1},
        "HDR": {"description": "High Dynamic Range", "image_count": 3},
    }
    assert results["unknown_cameras"] == ["XYZW"]
    assert results["unknown_methods"] == ["BW"]
    assert results["invalid_files_count"] == 1
    (invalid,) = results["invalid_files"]
    assert (invalid["path"], invalid["category"]) == ("IMG_0001.dng", "camera_chars")
    assert "`IMG_`" in invalid["reason"]
    assert results["valid_files_count"] == 7
    assert results["avg_files_per_group"] == 3.5
    assert results["max_files_per_group"] == 6
    assert found.files_scanned == 8
    assert found.issues_found == 1
    assert found.statistics == Statistics(image_group_count=2, image_count=3)


def test_the_first_number_is_the_separate_image_wherever_it_is() -> None:
    found = pair("AB3D0001-2-3-HDR.dng", "AB3D0001-HDR-2.dng", "AB3D0001-02.dng")
    assert (found.results["group_count"], found.results["image_count"]) == (1, 2)
    images = images_in(found)
    assert images.keys() == {"AB3D0001-2", "AB3D0001-02"}
    assert images["AB3D0001-2"]["file_count"] == 2
    assert images["AB3D0001-2"]["methods"] == ["3", "HDR"]
    assert images["AB3D0001-02"]["methods"] == []
    warnings = warnings_in(found)
    assert "`3`" in warnings["numeric_methods"]["message"]
    assert "`AB3D0001`" in warnings["similar_images"]["message"]


def test_a_method_counts_once_for_an_image() -> None:
    found = pair("AB3D0001-HDR.dng", "AB3D0001-HDR.cr3", "AB3D0001-HDR-BW-HDR.tiff")
    assert found.results["image_count"] == 1
    assert images_in(found)["AB3D0001"]["methods"] == ["BW", "HDR"]
    usage = found.results["method_usage"]
    assert {method: each["image_count"] for method, each in usage.items()} == {"BW": 1, "HDR": 1}


def test_each_invalid_name_has_its_category() -> None:
    found = pair(
        "AB3D0001.dng",
        "ab3d0002.dng",
        "AB3D0000.dng",
        "AB3D0003-.dng",
        "AB3D0004-@.dng",
        "ABC0005.dng",
    )
    assert (found.results["group_count"], found.results["image_count"]) == (1, 1)
    assert found.results["invalid_files_count"] == found.issues_found == 5
    assert {each["path"]: each["category"] for each in found.results["invalid_files"]} == {
        "ab3d0002.dng": "camera_case",
        "AB3D0000.dng": "counter_zero",
        "AB3D0003-.dng": "empty_property",
        "AB3D0004-@.dng": "property_chars",
        "ABC0005.dng": "counter_digits",
    }
    assert found.results["invalid_by_category"] == dict.fromkeys(
        ("camera_case", "counter_digits", "counter_zero", "empty_property", "property_chars"), 1
    )


# -- What else holds -------------------------------------------------------------


def test_only_photos_are_paired_and_every_file_is_scanned() -> None:
    found = pair("AB3D0001.DNG", "AB3D0001.jpg", "readme.txt", "bad.jpg", "noextension", "dng")
    assert found.results["valid_files_count"] == 1
    assert found.results["invalid_files_count"] == 0
    assert found.files_scanned == 6


def test_sidecars_are_counted_apart_and_make_no_image() -> None:
    found = pair(
        "AB3D0001.cr3",
        "AB3D0001.xmp",
        "AB3D0001.cr3.XMP",
        "elsewhere/AB3D0001.xmp",
        "AB3D0001-2.xmp",
        "sub/AB3D0002.dng.xmp",
        "IMG_0001.xmp",
    )
    assert (found.results["group_count"], found.results["image_count"]) == (1, 1)
    assert found.results["max_files_per_group"] == 1
    assert found.results["sidecars"] == 3
    assert images_in(found)["AB3D0001"]["sidecars"] == 3
    assert list(found.results["unattached_sidecars"]) == [
        {"path": "AB3D0001-2.xmp"},
        {"path": "sub/AB3D0002.dng.xmp"},
    ]
    assert warnings_in(found)["unattached_sidecars"]["count"] == 2
    assert found.issues_found == 0


def test_an_invalid_name_that_is_not_utf8_is_in_json_as_text_and_as_bytes() -> None:
    found = pair(b"d\xe9/AB3D0001-\xe9t\xe9.dng", b"AB3D0001-\xff.txt", "AB3D0001.dng")
    assert list(found.results["invalid_files"]) == [
        {
            "path": "d�/AB3D0001-�t�.dng",
            "path_b64": "ZOkvQUIzRDAwMDEt6XTpLmRuZw==",
            "category": "property_chars",
            "reason": found.results["invalid_files"][0]["reason"],
        }
    ]
    assert r"`-\xe9t\xe9`" in found.results["invalid_files"][0]["reason"]
    assert found.results["valid_files_count"] == 1


def test_an_empty_collection_has_nothing() -> None:
    found = pair()
    assert found.results["group_count"] == found.results["max_files_per_group"] == 0
    assert found.results["avg_files_per_group"] == 0
    assert found.results["warnings"] == []
    assert found.statistics == Statistics(image_group_count=0, image_count=0)


@pytest.mark.parametrize(("number", "level"), [(10, "low"), (11, "high")])
def test_the_warning_of_more_than_ten_invalid_names_is_high(number: int, level: str) -> None:
    found = pair(*(f"IMG_{each:04}.dng" for each in range(number)))
    warning = warnings_in(found)["invalid_names"]
    assert (warning["count"], warning["level"]) == (number, level)


def test_methods_that_look_alike_are_reported() -> None:
    found = pair("AB3D0001-HDR.dng", "AB3D0002-hdr.dng", "AB3D0003-Focus Stack.dng")
    message = warnings_in(found)["similar_methods"]["message"]
    assert "HDR / hdr" in message
    assert "Focus" not in message


def test_long_lists_of_unknown_methods_are_cut_in_the_warning_alone() -> None:
    found = pair(*(f"AB3D0001-M{each}.dng" for each in range(8)))
    assert len(found.results["unknown_methods"]) == 8
    message = warnings_in(found)["unknown_methods"]["message"]
    assert "`M4` and 3 more" in message
    assert "M5" not in message


def test_images_of_a_group_are_in_the_order_of_their_numbers() -> None:
    found = pair(*(f"AB3D0001{each}.dng" for each in ("-10", "-2", "", "-02", "-0", "-1")))
    (group,) = found.results["groups"]
    assert [image["image_id"] for image in group["images"]] == ["", "0", "1", "02", "2", "10"]


def test_the_page_on_pairing_lists_all_keys_and_warnings() -> None:
    page = (Path(__file__).parent.parent / "docs/photos/pairing.md").read_text()
    found = pair(
        *("AB3D0001-2-3-HDR.dng", "AB3D0001-02-hdr.dng", "AB3D0002.xmp", "IMG_0001.dng"),
    )
    before, warned = page.split("## Warnings")
    _, counted = before.split("## What is counted")
    assert _in_first_column(counted) == found.results.keys()
    assert _in_first_column(warned) == warnings_in(found).keys()


def _in_first_column(text: str) -> set[str]:
    cells = re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", " ".join(cells)))


def test_progress_rises_to_the_end() -> None:
    told: list[tuple[str, float, int]] = []
    files = Files(*(f"d{each % 50}/AB3D{each + 1:04}.dng" for each in range(500)))
    analyse(files, DEFAULTS, lambda *each: told.append(each))
    percentages = [percentage for _, percentage, _ in told]
    assert percentages == sorted(percentages)
    assert told[-1] == ("analyzing", 100.0, 500)
    assert len(told) > 20


# -- Against the model -----------------------------------------------------------

# Few of each, so that files meet in groups and images.
_NAMES = st.builds(
    lambda camera, counter, properties, extension: camera + counter + properties + extension,
    st.sampled_from(["AB3D", "XYZW", "1234", "IMG_", "ab3d"]),
    st.sampled_from(["0001", "0002", "9999", "0000", "001"]),
    st.lists(
        st.sampled_from(["-2", "-02", "-3", "-HDR", "-hdr", "-BW", "- ", "-", "_2", "-é"]),
        max_size=3,
    ).map("".join),
    st.sampled_from([".dng", ".CR3", ".tif", ".xmp", ".XMP", ".dng.xmp", ".psd", ".d-g", "."]),
)
_CHARACTERS = st.characters(codec="utf-8", exclude_characters="/\0")
_PATHS = st.builds(
    lambda directory, name: directory + name,
    st.sampled_from(["", "a/", "a/b/", "c/", "é/"]),
    _NAMES
    | st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12),
).map(str.encode)
_NOT_UTF8 = st.builds(
    lambda path, at, put: path[: 2 + at] + put + path[2 + at :],
    _PATHS,
    st.integers(0, 12),
    st.sampled_from([b"\xff", b"\xc3", b"\xa9"]),
)
_COLLECTIONS = st.lists(_PATHS | _PATHS | _PATHS | _NOT_UTF8, max_size=40)
_SETTINGS = st.sampled_from(
    [
        DEFAULTS,
        PhotoSettings(photo_extensions=(".tif", ".d-g", ".psd"), metadata_extensions=()),
        PhotoSettings(photo_extensions=(), metadata_extensions=(".xmp", ".dng")),
    ]
)


@settings(max_examples=100)
@given(_COLLECTIONS, _SETTINGS)
def test_pairing_agrees_with_the_model(paths: list[bytes], settings: PhotoSettings) -> None:
    files = Files(*paths)
    expected = model.numbers_of(files, settings)
    found = analyse(files, settings, lambda *_: None)
    results = found.results
    assert results["group_count"] == len(results["groups"]) == expected["group_count"]
    assert results["image_count"] == expected["image_count"]
    assert {
        camera: (each["image_count"], each["group_count"])
        for camera, each in results["camera_usage"].items()
    } == expected["cameras"]
    assert {
        method: each["image_count"] for method, each in results["method_usage"].items()
    } == expected["methods"]
    assert results["invalid_files_count"] == len(expected["invalid"])
    assert (
        sorted((path_of(each), each["category"]) for each in results["invalid_files"])
        == expected["invalid"]
    )
    assert results["max_files_per_group"] == expected["most"]
    assert results["valid_files_count"] == expected["photos"]
    assert results["sidecars"] == expected["sidecars"]
    assert sorted(map(path_of, results["unattached_sidecars"])) == expected["unattached"]
    assert sum(each["file_count"] for each in results["groups"]) == expected["photos"]
    assert found.files_scanned == files.files
    json.dumps(results, default=list).encode()


@settings(max_examples=100)
@given(_COLLECTIONS, _SETTINGS)
def test_groups_agree_with_the_model(paths: list[bytes], settings: PhotoSettings) -> None:
    files = Files(*paths)
    expected = model.images_of(files, settings)
    groups = grouping.group(files, settings)
    found: dict[tuple[str, str], dict[str, set[Any]]] = {}
    unattached = set()
    for group in groups.including_unattached():

        def path_in_group(file: grouping.File, group: grouping.Group = group) -> bytes:
            directory = files.directories[group.directories[file.place]]
            return from_stored(join(directory, group.id + file.tail))

        for image in group.form.images:
            kinds: dict[str, set[Any]] = {kind.value: set() for kind in Kind}
            for file in image.files:
                kinds[file.kind.value].add((path_in_group(file), file.methods, file.extension))
            found[group.id, image.id] = kinds
        unattached |= {path_in_group(file) for file in group.form.unattached}
    assert found == {image: kinds for image, kinds in expected.items() if kinds["photo"]}
    assert unattached == {
        path
        for kinds in expected.values()
        if not kinds["photo"]
        for of_kind in kinds.values()
        for path, _, _ in of_kind
    }
    assert [group.id for group in groups] == sorted({group for group, _ in found})


def test_groups_with_the_same_files_share_their_form() -> None:
    files = Files(
        *(
            f"{each % 7}/AB3D{each + 1:04}{tail}"
            for each in range(100)
            for tail in (".CR3", "-HDR.TIF")
        )
    )
    assert len({group.form for group in grouping.group(files, DEFAULTS)}) == 1


def test_a_directory_of_many_files_is_grouped_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [f"AB3D{each:04}{tail}" for each in range(1, 20) for tail in (".cr3", ".tif", ".xmp")]
    whole = pair(*paths).results
    monkeypatch.setattr(grouping, "_BATCH", 7)
    in_batches = pair(*paths).results
    assert json.dumps(in_batches, default=list) == json.dumps(whole, default=list)

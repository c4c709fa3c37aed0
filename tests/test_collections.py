"""`vpo collections`: names for places, and the files there."""

from __future__ import annotations

import base64
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from support import Tree, Vpo

NAMES = ("a/AB3D0001.cr3", "a/AB3D0001.xmp", "b/AB3D0002.dng")


@pytest.fixture
def photos(vpo: Vpo, tree: Tree) -> Vpo:
    """A library with a collection `Trips` in its directory `trips`."""
    tree.write_all({f"trips/{name}": name.encode() for name in NAMES})
    tree.write("films/film.mkv", b"film")
    vpo.ok("collections", "add", "Trips", tree.path("trips"))
    return vpo


def shown(vpo: Vpo, name: str = "Trips") -> dict[str, Any]:
    collection: dict[str, Any] = vpo.ok("collections", "show", name, "--json").json
    return collection


def files(vpo: Vpo, name: str = "Trips") -> list[str]:
    return [each["path"] for each in vpo.ok("collections", "files", name, "--json").json]


# -- What is recorded ----------------------------------------------------------------------------


def test_a_collection_has_the_columns_of_the_seed(photos: Vpo, tree: Tree) -> None:
    row = shown(photos)
    assert row["id"] == 1
    assert row["location"] == os.fsdecode(tree.path("trips"))
    assert (row["name"], row["type"], row["state"]) == ("Trips", "LOCAL", "LIVE")
    assert (row["is_accessible"], row["last_error"], row["cache_ttl"]) == (True, None, None)
    figures = ("storage_used", "file_count", "image_group_count", "image_count")
    assert [row[figure] for figure in figures] == [None] * 4
    assert shown(photos, "1") == row


def test_a_place_that_cannot_be_reached_is_recorded_with_the_reason(
    photos: Vpo, tree: Tree
) -> None:
    outcome = photos.run("collections", "add", "Gone", tree.path("nowhere"), "--json")
    assert outcome.status == 1
    assert outcome.json["is_accessible"] is False
    assert outcome.json["last_error"].endswith("nowhere` does not exist")
    refused = photos.ok("collections", "refresh", "Gone", "--json", status=2).json
    assert refused["code"] == "COLLECTION_NOT_ACCESSIBLE"
    tree.write("nowhere/AB3D0001.dng", b"x")
    assert photos.ok("collections", "test", "Gone", "--json").json["last_error"] is None
    assert shown(photos, "Gone")["is_accessible"] is True


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", "a\x9bb"])
def test_names_that_no_collection_can_have_are_refused(photos: Vpo, tree: Tree, name: str) -> None:
    refused = photos.ok("collections", "add", "--json", name, tree.root, status=2).json
    assert refused["code"] == "COLLECTION_INVALID"


def test_two_collections_cannot_have_one_name(photos: Vpo, tree: Tree) -> None:
    for words in (("add", "Trips", tree.root), ("update", "Films", "--name", "Trips")):
        if words[0] == "update":
            photos.ok("collections", "add", "Films", tree.path("films"))
        refused = photos.ok("collections", *words, "--json", status=2).json
        assert refused["code"] == "COLLECTION_EXISTS"


def test_an_unknown_name_lists_the_names_there_are(photos: Vpo) -> None:
    refused = photos.ok("collections", "show", "Trip", "--json", status=2).json
    assert refused["code"] == "COLLECTION_NOT_FOUND"
    assert "Trips" in refused["hint"]


def test_the_list_is_filtered(photos: Vpo, tree: Tree) -> None:
    photos.run("collections", "add", "100% gone", tree.path("nowhere"), "--state", "archived")

    def names(*options: str) -> list[str]:
        return [each["name"] for each in photos.ok("collections", "list", "--json", *options).json]

    assert names() == ["100% gone", "Trips"]
    assert names("--state", "LIVE") == ["Trips"]
    assert names("--accessible-only") == ["Trips"]
    assert names("--name", "TRIP") == ["Trips"]
    assert names("--name", "%") == ["100% gone"]
    assert names("--name", "_") == []
    assert names("--type", "S3") == []


def test_a_change_of_state_or_place_makes_the_listing_old(photos: Vpo, tree: Tree) -> None:
    for option, value in (("--state", "CLOSED"), ("--location", os.fsdecode(tree.path("films")))):
        photos.ok("collections", "refresh", "Trips")
        before = shown(photos)
        assert before["listed_at"] is not None
        photos.ok("collections", "update", "Trips", "--cache-ttl", "60")
        assert shown(photos)["listed_at"] == before["listed_at"]
        photos.ok("collections", "update", "Trips", option, value)
        assert shown(photos)["listed_at"] is None
        assert shown(photos)["updated_at"] > before["updated_at"]


def test_the_database_refuses_what_the_rules_forbid(photos: Vpo) -> None:
    pipeline = "INSERT INTO pipelines (name, nodes_json, edges_json, is_active, is_valid)"
    result = (
        "INSERT INTO analysis_results (collection_id, tool, pipeline_id, status, started_at,"
        " completed_at, duration_seconds, results_json)"
    )
    with photos.sql() as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"{pipeline} VALUES ('p', '[1]', '[]', 1, 1)")
        (p,) = connection.execute("SELECT id FROM pipelines").fetchone()
        connection.execute(
            "INSERT INTO pipeline_history (pipeline_id, version, nodes_json, edges_json)"
            " VALUES (?, 1, '[1]', '[]')",
            (p,),
        )
        connection.commit()
        for statement in (
            "UPDATE collections SET type = 'S3'",
            "UPDATE collections SET state = 'OPEN'",
            "UPDATE collections SET cache_ttl = 604801",
            "UPDATE collections SET name = ''",
            "UPDATE collections SET storage_used = -1",
            "INSERT INTO collections (name, type, location) VALUES ('r', 'S3', 'bucket')",
            f"INSERT INTO collections (name, type, location) VALUES ('{'n' * 256}', 'LOCAL', 'x')",
            f"{pipeline} VALUES ('q', '[1]', '[]', 1, 1)",
            f"{pipeline} VALUES ('q', '[1]', '[]', 1, 0)",
            f"{pipeline} VALUES ('q', '[]', '[]', 0, 0)",
            f"{pipeline} VALUES ('q', '{{}}', '[]', 0, 0)",
            "UPDATE pipelines SET is_valid = 0",
            "UPDATE pipelines SET version = 0",
            "UPDATE pipeline_history SET version = 2",
            "INSERT INTO pipeline_history (pipeline_id, version, nodes_json, edges_json)"
            f" VALUES ({p}, 1, '[1]', '[]')",
            f"{result} VALUES (1, 'photostats', {p}, 'COMPLETED', 'a', 'b', 1, '{{}}')",
            f"{result} VALUES (1, 'pipeline_validation', NULL, 'FAILED', 'a', 'b', 1, '{{}}')",
            f"{result} VALUES (1, 'other', NULL, 'COMPLETED', 'a', 'b', 1, '{{}}')",
            f"{result} VALUES (1, 'photostats', NULL, 'RUNNING', 'a', 'b', 1, '{{}}')",
            f"{result} VALUES (1, 'photostats', NULL, 'COMPLETED', 'b', 'a', 1, '{{}}')",
            f"{result} VALUES (1, 'photostats', NULL, 'COMPLETED', 'a', 'b', -1, '{{}}')",
            f"{result} VALUES (2, 'photostats', NULL, 'COMPLETED', 'a', 'b', 1, '{{}}')",
            "INSERT INTO configurations (category, key, value_json) VALUES ('other', 'k', '1')",
            "INSERT INTO configurations (category, key, value_json) VALUES ('cameras', '', '1')",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(statement)
            connection.rollback()
        # A result outlives its pipeline, and nothing outlives its collection.
        connection.execute(
            f"{result} VALUES (1, 'pipeline_validation', {p}, 'COMPLETED', 'a', 'b', 1, '{{}}')"
        )
        connection.execute("DELETE FROM pipelines")
        query = "SELECT pipeline_id FROM analysis_results"
        assert [row[0] for row in connection.execute(query)] == [None]
        assert connection.execute("SELECT * FROM pipeline_history").fetchall() == []
        connection.execute("DELETE FROM collections")
        assert connection.execute(query).fetchall() == []


# -- Its files -------------------------------------------------------------------------------------


def test_a_collection_in_no_root_is_scanned_and_becomes_one(photos: Vpo, tree: Tree) -> None:
    assert files(photos) == []
    photos.ok("collections", "refresh", "Trips")
    assert files(photos) == list(NAMES)
    roots = photos.ok("roots", "list", "--json").json
    assert [root["path"] for root in roots] == [os.fsdecode(tree.path("trips"))]


def test_a_collection_in_a_root_stays_a_part_of_it(photos: Vpo, tree: Tree) -> None:
    photos.scan(tree.root)
    fingerprints = "SELECT path, fingerprint FROM directories ORDER BY path"
    with photos.sql() as connection:
        before = connection.execute(fingerprints).fetchall()
    photos.ok("collections", "refresh", "Trips")
    with photos.sql() as connection:
        assert connection.execute(fingerprints).fetchall() == before
    assert len(photos.ok("roots", "list", "--json").json) == 1
    tree.write("trips/b/AB3D0003.dng", b"new")
    photos.ok("collections", "refresh", "Trips")
    assert files(photos) == [*NAMES, "b/AB3D0003.dng"]
    assert photos.scan(tree.root)["added"] == 0


def test_the_rules_of_the_root_stay_those_of_its_scans(photos: Vpo, tree: Tree) -> None:
    tree.write("trips/skip/AB3D0009.dng", b"x")
    photos.scan(tree.root, "--exclude", "trips/skip", "-e", "dng")
    with photos.sql() as connection:
        query = "SELECT path, fingerprint FROM directories ORDER BY path"
        before = connection.execute(query).fetchall()
        photos.ok("collections", "refresh", "Trips")
        assert files(photos) == ["b/AB3D0002.dng"]
        assert len(connection.execute(query).fetchall()) == len(before)


def test_a_collection_may_contain_roots(photos: Vpo, tree: Tree) -> None:
    photos.scan(tree.path("trips"))
    photos.ok("collections", "add", "All", tree.root)
    photos.ok("collections", "refresh", "All")
    assert files(photos, "All") == ["films/film.mkv", *(f"trips/{name}" for name in NAMES)]


def test_files_that_systems_leave_behind_are_not_listed(photos: Vpo) -> None:
    with photos.sql() as connection:
        photos.ok("collections", "refresh", "Trips")
        for number, name in enumerate(("._AB3D0001.cr3", ".DS_Store", "Thumbs.db")):
            connection.execute(
                "INSERT INTO files (directory_id, name, extension, kind, size_bytes, mtime_ns,"
                " scanned_at) SELECT directory_id, ?, 'cr3', 'image', 1, ?, scanned_at"
                " FROM files WHERE name = 'AB3D0001.cr3'",
                (name, number),
            )
        connection.commit()
    assert files(photos) == list(NAMES)


def test_names_that_are_not_utf_8_are_listed_in_byte_order(photos: Vpo, tree: Tree) -> None:
    tree.write(b"trips/a/AB\xff.dng", b"x")
    photos.ok("collections", "refresh", "Trips")
    listed = photos.ok("collections", "files", "Trips", "--json").json
    paths = [base64.b64decode(each.get("path_b64", "")) or each["path"].encode() for each in listed]
    assert paths == sorted([b"a/AB\xff.dng", *map(os.fsencode, NAMES)])


def test_nothing_is_written_into_a_collection(photos: Vpo, tree: Tree) -> None:
    def look() -> list[tuple[str, int]]:
        place = Path(os.fsdecode(tree.path("trips")))
        return sorted((str(path), path.stat().st_mtime_ns) for path in place.rglob("*"))

    before = look()
    photos.ok("collections", "refresh", "Trips")
    photos.ok("collections", "files", "Trips")
    assert look() == before


# -- Its end -----------------------------------------------------------------------------------


def test_a_collection_with_results_is_deleted_only_by_force(photos: Vpo) -> None:
    with photos.sql() as connection:
        connection.execute(
            "INSERT INTO analysis_results (collection_id, tool, status, started_at, completed_at,"
            " duration_seconds, results_json)"
            " VALUES (1, 'photostats', 'COMPLETED', 'a', 'b', 1, '{}')"
        )
        connection.commit()
    refused = photos.ok("collections", "delete", "Trips", "--json", status=2).json
    assert (refused["code"], refused["details"]["results"]) == ("COLLECTION_IN_USE", 1)
    assert photos.ok("collections", "delete", "1", "--force", "--json").json["results_deleted"] == 1
    assert photos.ok("collections", "list", "--json").json == []
    stats = photos.ok("collections", "stats", "--json").json
    assert stats == {"collections": 0, "storage_used": 0, "file_count": 0, "image_count": 0}

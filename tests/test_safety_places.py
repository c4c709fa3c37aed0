"""What a scan could not look at is not gone: places that are unreadable, unmounted or replaced."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from injection import injected, just_before, make_young
from integrity import records
from mounts import UNPRIVILEGED, mounted, mounted_again, unmount
from support import OLD_NS, Tree, Vpo, statuses, wait_while_young
from vpo._engine import Walk


def last_job(vpo: Vpo) -> dict[str, Any]:
    return vpo.jobs()[-1]


def fingerprints(vpo: Vpo) -> dict[str, bytes | None]:
    """The stored fingerprints by the directory's name."""
    with vpo.sql() as connection:
        rows = connection.execute("SELECT path, fingerprint FROM directories").fetchall()
    return {os.path.basename(path): fingerprint for path, fingerprint in rows}


def has_read(vpo: Vpo, name: str, **columns: str) -> None:
    """Sets what reading a file's content leaves in its record."""
    assignments = ", ".join(f"{column} = :{column}" for column in columns)
    with vpo.sql() as connection:
        connection.execute(
            f"UPDATE files SET {assignments} WHERE name = :name", {"name": name, **columns}
        )
        if columns.get("scan_status") == "ok":
            connection.execute(
                "INSERT INTO media (file_id, prober) SELECT id, 'native' FROM files WHERE name = ?",
                (name,),
            )


# -- Unreadable directories ----------------------------------------------------


@pytest.mark.usefixtures("locked")
def test_files_in_an_unreadable_directory_keep_their_status(vpo: Vpo, tree: Tree) -> None:
    for name in ("secret/a.mkv", "secret/deep/b.mkv", "open/c.mkv", "open/d.mkv"):
        tree.write(name)
    vpo.scan(tree.root, **UNPRIVILEGED)
    secret = tree.root / "secret"
    secret.chmod(0)
    tree.remove("secret/a.mkv")
    tree.remove("open/d.mkv")
    issue = {
        "path": str(secret),
        "operation": "open",
        "errno": errno.EACCES,
        "message": os.strerror(errno.EACCES),
    }

    hidden = vpo.scan(tree.root, status=1, **UNPRIVILEGED)
    assert (hidden["removed"], hidden["errors"], hidden["issues"]) == (1, 1, [issue])
    assert statuses(vpo) == {
        "a.mkv": "pending",
        "b.mkv": "pending",
        "c.mkv": "pending",
        "d.mkv": "missing",
    }
    job = last_job(vpo)
    assert job["status"] == "completed"
    assert json.loads(job["errors_json"])["issues"] == [issue]

    secret.chmod(0o755)
    seen = vpo.scan(tree.root, **UNPRIVILEGED)
    assert (seen["removed"], seen["skipped"], seen["errors"]) == (1, 2, 0)
    assert statuses(vpo)["a.mkv"] == "missing"


@pytest.mark.usefixtures("locked")
def test_text_output_warns_of_an_unreadable_directory(vpo: Vpo, tree: Tree) -> None:
    tree.write("secret/a.mkv")
    (tree.root / "secret").chmod(0)
    outcome = vpo.ok("scan", tree.root, status=1, **UNPRIVILEGED)
    assert "Errors: 1\n" in outcome.stdout
    assert f"cannot open `{tree.root}/secret`: Permission denied" in outcome.stderr


@pytest.mark.usefixtures("locked")
def test_files_in_a_directory_that_only_can_be_listed_keep_their_status(
    vpo: Vpo, tree: Tree
) -> None:
    for name in ("listed/a.mkv", "listed/b.mkv", "listed/sub/c.mkv"):
        tree.write(name)
    vpo.scan(tree.root, **UNPRIVILEGED)
    listed = tree.root / "listed"
    listed.chmod(0o444)

    hidden = vpo.scan(tree.root, status=1, **UNPRIVILEGED)
    assert (hidden["removed"], hidden["errors"]) == (0, 3)
    places = {(issue["path"], issue["operation"], issue["errno"]) for issue in hidden["issues"]}
    assert places == {
        (f"{listed}/a.mkv", "stat", errno.EACCES),
        (f"{listed}/b.mkv", "stat", errno.EACCES),
        (f"{listed}/sub", "open", errno.EACCES),
    }
    assert set(statuses(vpo).values()) == {"pending"}
    assert fingerprints(vpo)["listed"] is None

    listed.chmod(0o755)
    seen = vpo.scan(tree.root, **UNPRIVILEGED)
    assert (seen["skipped"], seen["errors"]) == (3, 0)
    assert fingerprints(vpo)["listed"] is not None


@pytest.mark.usefixtures("locked")
def test_an_unreadable_directory_can_be_searched_for_known_ones(vpo: Vpo, tree: Tree) -> None:
    for name in ("hall/here/a.mkv", "hall/gone/b.mkv", "hall/c.mkv"):
        tree.write(name)
    vpo.scan(tree.root, **UNPRIVILEGED)
    shutil.rmtree(tree.root / "hall/gone")
    (tree.root / "hall").chmod(0o311)
    assert vpo.scan(tree.root, status=1, **UNPRIVILEGED)["removed"] == 1
    assert statuses(vpo) == {"a.mkv": "pending", "b.mkv": "missing", "c.mkv": "pending"}


@pytest.mark.usefixtures("locked")
def test_prune_keeps_what_is_in_an_unreadable_directory(vpo: Vpo, tree: Tree) -> None:
    tree.write("secret/a.mkv")
    tree.write("open/b.mkv")
    tree.write("open/c.mkv")
    vpo.scan(tree.root, **UNPRIVILEGED)
    (tree.root / "secret").chmod(0)
    tree.remove("open/b.mkv")
    assert vpo.scan(tree.root, "--prune", status=1, **UNPRIVILEGED)["pruned"] == 1
    assert set(statuses(vpo)) == {"a.mkv", "c.mkv"}


@pytest.mark.parametrize("mode", [0, 0o311])
@pytest.mark.usefixtures("locked")
def test_an_unreadable_root_is_refused_and_its_files_keep_their_status(
    vpo: Vpo, tree: Tree, mode: int
) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root, **UNPRIVILEGED)
    tree.root.chmod(mode)
    refused = vpo.scan(tree.root, status=2, **UNPRIVILEGED)
    assert refused["code"] == "DIRECTORY_UNREADABLE"
    tree.root.chmod(0o755)
    assert statuses(vpo) == {"a.mkv": "pending"}
    assert vpo.scan(tree.root, **UNPRIVILEGED)["skipped"] == 1


@pytest.mark.usefixtures("locked")
def test_the_library_can_be_asked_about_what_cannot_be_read(vpo: Vpo, tree: Tree) -> None:
    tree.write("secret/a.mkv")
    tree.write("b.mkv")
    vpo.scan(tree.root)
    (tree.root / "secret").chmod(0)
    os.chmod(tree.path("b.mkv"), 0)
    listed = vpo.ok("files", "list", "--json", "--under", tree.root / "secret", **UNPRIVILEGED)
    assert [each["path"] for each in listed.json] == [tree.path("secret/a.mkv").decode()]
    for name in ("secret/a.mkv", "b.mkv"):
        shown = vpo.ok("files", "show", "--json", tree.path(name), **UNPRIVILEGED)
        assert shown.json["path"] == tree.path(name).decode()


# -- Roots and file systems that are not there ---------------------------------


def test_a_known_root_that_is_gone_is_offline(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    tree.write("sub/b.mkv")
    vpo.scan(tree.root)
    tree.root.rename(tree.root.with_name("elsewhere"))
    refused = vpo.scan(tree.root, status=2)
    assert (refused["error"], refused["code"]) == (True, "ROOT_OFFLINE")
    assert last_job(vpo)["status"] == "failed"
    assert json.loads(last_job(vpo)["errors_json"])["failure"]["code"] == "ROOT_OFFLINE"
    assert set(statuses(vpo).values()) == {"pending"}
    # A part of it that was never a root of its own is offline, too.
    assert vpo.scan(tree.root / "sub", status=2)["code"] == "ROOT_OFFLINE"

    tree.root.with_name("elsewhere").rename(tree.root)
    assert vpo.scan(tree.root)["skipped"] == 2


def test_a_root_that_became_a_file_is_refused(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    shutil.rmtree(tree.root)
    tree.root.write_bytes(b"")
    vpo.scan(tree.root, status=2)
    assert statuses(vpo) == {"a.mkv": "pending"}


@pytest.mark.parametrize("left", [None, "notes.txt", "sub/"])
def test_an_emptied_root_is_offline_until_that_is_allowed(
    vpo: Vpo, tree: Tree, left: str | None
) -> None:
    tree.write("a.mkv")
    tree.write("sub/b.mkv")
    vpo.scan(tree.root)
    shutil.rmtree(tree.root)
    tree.root.mkdir()
    if left == "sub/":
        # Directories say that it is mounted; two files may be gone.
        (tree.root / "sub").mkdir()
        assert vpo.scan(tree.root)["removed"] == 2
        return
    if left is not None:
        tree.write(left)
    refused = vpo.scan(tree.root, status=2)
    assert refused["code"] == "ROOT_OFFLINE"
    assert last_job(vpo)["status"] == "failed"
    assert set(statuses(vpo).values()) == {"pending"}
    assert vpo.scan(tree.root, "--allow-mass-removal")["removed"] == 2
    assert set(statuses(vpo).values()) == {"missing"}
    # Now that nothing is known there, an empty root is nothing strange.
    assert vpo.scan(tree.root)["removed"] == 0


@pytest.mark.parametrize(
    ("known", "other"),
    [("a.mkv", "b.mkv"), ("sub/a.mkv", "sub/a.mkv"), ("sub/a.mkv", "b.mkv"), ("sub/a.mkv", None)],
)
def test_a_root_on_another_device_is_offline_until_that_is_accepted(
    vpo: Vpo, tree: Tree, known: str, other: str | None
) -> None:
    tree.write(known)
    vpo.scan(tree.root)
    with mounted(tree.root):
        if other is not None:
            tree.write(other)
        refused = vpo.scan(tree.root, status=2)
        assert refused["code"] == "ROOT_OFFLINE"
        assert last_job(vpo)["status"] == "failed"
        assert list(vpo.files()) == [tree.path(known).decode()]
        assert statuses(vpo) == {"a.mkv": "pending"}
        if other is not None:
            vpo.scan(tree.root, "--new-device")
            expected = {os.path.basename(other): "pending"}
            if known != other:
                assert vpo.files("--status", "missing").keys() == {tree.path(known).decode()}
                assert vpo.files("--status", "pending").keys() == {tree.path(other).decode()}
            else:
                assert statuses(vpo) == expected
            assert vpo.scan(tree.root)["skipped"] == 1
    if other is None:
        assert vpo.scan(tree.root)["skipped"] == 1


def test_a_part_of_a_root_on_another_device_is_offline_as_a_root_of_its_own(
    vpo: Vpo, tree: Tree
) -> None:
    tree.write("sub/a.mkv")
    vpo.scan(tree.root)
    with mounted(tree.root / "sub"):
        tree.write("sub/b.mkv")
        assert vpo.scan(tree.root / "sub", status=2)["code"] == "ROOT_OFFLINE"
        assert statuses(vpo) == {"a.mkv": "pending"}


@pytest.mark.parametrize("known", ["disk/a.mkv", "disk/films/a.mkv"])
@pytest.mark.parametrize("how", ["empty", "other", "removed"])
def test_files_of_a_file_system_that_is_not_mounted_keep_their_status(
    vpo: Vpo, tree: Tree, tmp_path: Path, known: str, how: str
) -> None:
    disk = tree.root / "disk"
    tree.write("b.mkv")
    with mounted(tmp_path / "device"):
        with mounted_again(tmp_path / "device", disk):
            tree.write(known)
            assert vpo.scan(tree.root)["added"] == 2
        if how == "other":
            tree.write("disk/c.mkv")
        elif how == "removed":
            disk.rmdir()
        offline = vpo.scan(tree.root, status=1)
        assert (offline["removed"], offline["errors"]) == (0, 1)
        assert offline["issues"][0]["path"] == os.path.dirname(tree.path(known)).decode()
        assert json.loads(last_job(vpo)["errors_json"])["count"] == 1
        assert statuses(vpo)["a.mkv"] == "pending"
        # It is not forgotten by the scan after, and not pruned.
        assert vpo.scan(tree.root, "--prune", status=1)["pruned"] == 0
        assert statuses(vpo)["a.mkv"] == "pending"

        if how != "other":
            with mounted_again(tmp_path / "device", disk):
                back = vpo.scan(tree.root)
                assert (back["skipped"], back["errors"]) == (2, 0)
            if how == "removed":
                disk.rmdir()
        accepted = vpo.scan(tree.root, "--new-device")
        assert (accepted["removed"], accepted["errors"]) == (1, 0)
        assert statuses(vpo)["a.mkv"] == "missing"
        assert vpo.scan(tree.root)["errors"] == 0


def test_one_file_system_leaves_others_out_and_their_files_as_they_are(
    vpo: Vpo, tree: Tree
) -> None:
    tree.write("a.mkv")
    with mounted(tree.root / "disk"):
        tree.write("disk/b.mkv")
        tree.write("disk/sub/c.mkv")
        assert vpo.scan(tree.root, "--one-file-system")["added"] == 1
        assert vpo.scan(tree.root)["added"] == 2
        shutil.rmtree(tree.root / "disk/sub")
        alone = vpo.scan(tree.root, "--one-file-system")
        assert (alone["skipped"], alone["removed"], alone["errors"]) == (1, 0, 0)
        assert set(statuses(vpo).values()) == {"pending"}
        assert vpo.scan(tree.root)["removed"] == 1
        # A root of its own there is scanned.
        assert vpo.scan(tree.root / "disk", "--one-file-system")["skipped"] == 1


def test_a_file_system_that_is_unmounted_while_it_is_known_to_two_roots(
    vpo: Vpo, tree: Tree
) -> None:
    with mounted(tree.root / "disk") as disk:
        tree.write("a.mkv")
        tree.write("disk/b.mkv")
        vpo.scan(disk)
        vpo.scan(tree.root)
        unmount(disk)
        assert vpo.scan(disk, status=2)["code"] == "ROOT_OFFLINE"
        vpo.scan(tree.root, status=1)
        assert set(statuses(vpo).values()) == {"pending"}


# -- Places that never were there ----------------------------------------------


@pytest.mark.parametrize(
    ("name", "code"), [("nowhere", "DIRECTORY_NOT_FOUND"), ("file", "NOT_A_DIRECTORY")]
)
def test_scanning_no_directory_makes_no_library(vpo: Vpo, tree: Tree, name: str, code: str) -> None:
    tree.write("file")
    assert vpo.scan(tree.root / name, status=2)["code"] == code
    assert not vpo.home.exists()


def test_scanning_an_unknown_missing_directory_writes_no_job(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    before = vpo.database.read_bytes()
    assert vpo.scan(tree.root / "nowhere", status=2)["code"] == "DIRECTORY_NOT_FOUND"
    assert len(vpo.jobs()) == 1
    assert vpo.database.read_bytes() == before


def test_a_missing_directory_does_not_keep_others_from_being_scanned(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    result = vpo.ok(
        "scan", "--json", tree.root / "nowhere", tree.root.parent / "x", tree.root, status=2
    ).json
    assert [scan.get("code") for scan in result["scans"]] == [
        "DIRECTORY_NOT_FOUND",
        "DIRECTORY_NOT_FOUND",
        None,
    ]
    assert result["added"] == 1
    assert statuses(vpo) == {"a.mkv": "pending"}


# -- Mass removal ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "gone", "allowed"),
    [
        pytest.param(201, 101, False, id="one more than half"),
        pytest.param(202, 101, True, id="exactly half"),
        pytest.param(101, 100, True, id="exactly 100 files"),
        pytest.param(102, 101, False, id="101 files"),
    ],
)
@pytest.mark.parametrize("whole", [False, True], ids=["files", "directory"])
def test_more_than_half_of_a_root_and_100_files_are_not_taken_for_gone(
    vpo: Vpo, tree: Tree, known: int, gone: int, allowed: bool, whole: bool
) -> None:
    tree.write_many(gone, "goes" if whole else "one")
    tree.write_many(known - gone, "stays")
    if not whole:
        tree.write("one/stays.txt")
    vpo.scan(tree.root)
    shutil.rmtree(tree.root / ("goes" if whole else "one"))
    if not whole:
        tree.write("one/stays.txt")
    if allowed:
        assert vpo.scan(tree.root)["removed"] == gone
        return
    for _ in range(2):
        refused = vpo.scan(tree.root, "--prune", status=2)
        assert (refused["error"], refused["code"]) == (True, "MASS_REMOVAL")
        assert refused["details"]["missing"] == gone
        assert refused["details"]["known"] == known
        job = last_job(vpo)
        assert job["status"] == "failed"
        assert job["id"] == refused["details"]["job_id"]
        assert json.loads(job["errors_json"])["failure"]["code"] == "MASS_REMOVAL"
        files = vpo.files()
        assert len(files) == known
        assert {each["scan_status"] for each in files.values()} == {"pending"}
    accepted = vpo.scan(tree.root, "--allow-mass-removal")
    assert (accepted["removed"], accepted["skipped"]) == (gone, known - gone)
    assert len(vpo.files("--status", "missing")) == gone


def test_a_refused_mass_removal_records_what_was_added_and_changed(vpo: Vpo, tree: Tree) -> None:
    tree.write_many(150)
    tree.write("a.mkv")
    vpo.scan(tree.root)
    shutil.rmtree(tree.root / "many")
    tree.write("a.mkv", b"more content")
    tree.write("b.mkv")
    vpo.scan(tree.root, status=2)
    assert statuses(vpo)["b.mkv"] == "pending"
    assert vpo.files()[tree.path("a.mkv").decode()]["size_bytes"] == len(b"more content")


# -- Files and directories that come back ----------------------------------------


def test_a_file_that_returns_is_what_it_was(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    names = ("ok.mkv", "pending.mkv", "error.mkv", "both.mkv")
    for name in (*names, "stays.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    has_read(vpo, "ok.mkv", scan_status="ok", container_format="matroska", content_hash="12ab")
    has_read(vpo, "error.mkv", scan_status="error", scan_error="truncated")
    has_read(
        vpo, "both.mkv", scan_status="error", scan_error="truncated", container_format="matroska"
    )
    before = records(vpo)
    for name in names:
        os.rename(tree.path(name), tmp_path / name)
    assert vpo.scan(tree.root)["removed"] == 4
    assert {statuses(vpo)[name] for name in names} == {"missing"}
    assert all(each["missing_since"] for each in vpo.files("--status", "missing").values())
    # A second look does not count them again.
    assert vpo.scan(tree.root)["removed"] == 0

    for name in names:
        os.rename(tmp_path / name, tree.path(name))
    result = vpo.scan(tree.root)
    assert (result["skipped"], result["scanned"], result["added"]) == (5, 0, 0)
    assert records(vpo) == before
    assert statuses(vpo)["ok.mkv"] == "ok"


def test_a_copy_of_a_missing_file_is_that_file(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    tree.write("a.mkv")
    tree.write("b.mkv")
    vpo.scan(tree.root)
    has_read(vpo, "a.mkv", scan_status="ok", container_format="matroska")
    os.rename(tree.path("a.mkv"), tmp_path / "a.mkv")
    vpo.scan(tree.root)
    shutil.copy2(tmp_path / "a.mkv", tree.root / "a.mkv")
    result = vpo.scan(tree.root)
    assert (result["skipped"], result["scanned"]) == (2, 0)
    assert statuses(vpo)["a.mkv"] == "ok"


@pytest.mark.parametrize(
    ("content", "mtime_ns"), [(b"longer content", OLD_NS), (b"CONTENT", OLD_NS + 1)]
)
def test_another_file_in_the_place_of_a_missing_one_is_changed(
    vpo: Vpo, tree: Tree, content: bytes, mtime_ns: int
) -> None:
    tree.write("a.mkv")
    tree.write("b.mkv")
    vpo.scan(tree.root)
    has_read(vpo, "a.mkv", scan_status="ok", container_format="matroska", content_hash="12ab")
    tree.remove("a.mkv")
    vpo.scan(tree.root)
    tree.write("a.mkv", content, mtime_ns=mtime_ns)
    result = vpo.scan(tree.root)
    assert (result["skipped"], result["scanned"], result["added"]) == (1, 1, 0)
    found = vpo.files()[tree.path("a.mkv").decode()]
    assert (found["scan_status"], found["content_hash"], found["missing_since"]) == (
        "pending",
        None,
        None,
    )


def test_a_directory_that_returns_is_what_it_was(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    for name in ("film/a.mkv", "film/extras/b.mkv", "c.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    has_read(vpo, "b.mkv", scan_status="ok", container_format="matroska")
    before = records(vpo)
    (tree.root / "film").rename(tmp_path / "away")
    assert vpo.scan(tree.root)["removed"] == 2
    assert vpo.scan(tree.root)["removed"] == 0
    (tmp_path / "away").rename(tree.root / "film")
    back = vpo.scan(tree.root)
    assert (back["skipped"], back["added"], back["scanned"], back["removed"]) == (3, 0, 0, 0)
    assert records(vpo) == before
    assert vpo.scan(tree.root)["skipped"] == 3


# -- Files too young to be believed ------------------------------------------------


def test_a_directory_is_settled_only_once_its_files_are_not_young(vpo: Vpo, tree: Tree) -> None:
    tree.write("old/a.mkv")
    young = tree.write("young/b.mkv")
    # In the last moment, so that it is young however long the command takes to start.
    injected(vpo, just_before(Walk).comes(partial(make_young, young))).scan(tree.root)
    stored = fingerprints(vpo)
    assert (stored["old"] is not None, stored["young"] is not None) == (True, False)
    wait_while_young(young)
    assert vpo.scan(tree.root)["skipped"] == 2
    assert fingerprints(vpo)["young"] is not None


def test_a_file_from_the_near_future_is_taken_for_a_young_one(vpo: Vpo, tree: Tree) -> None:
    hour, year = 3600 * 10**9, 365 * 24 * 3600 * 10**9
    tree.write("hour/a.mkv", mtime_ns=time.time_ns() + hour)
    tree.write("year/b.mkv", mtime_ns=time.time_ns() + year)
    vpo.scan(tree.root)
    stored = fingerprints(vpo)
    # Waiting for next year would mean to compare it with each scan until then.
    assert (stored["hour"] is not None, stored["year"] is not None) == (False, True)

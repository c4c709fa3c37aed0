"""Which file is the one that was moved: by content, among hard links, beside other scans, and where
letter case does not count."""

from __future__ import annotations

import os
import shutil
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from faults import faulty
from filesystems import filesystem
from injection import injected, just_before, kill
from mounts import mounted, unmount
from moved_files import (
    assert_was_not_read,
    history,
    id_of,
    ids,
    ids_by_path,
    long_sound,
    mark,
    record_digests,
    said,
    sound,
)
from support import Tree, Vpo, seeded
from vpo.scanner import missing_files
from vpo.scanner.run import Run


@pytest.fixture
def vpo(vpo: Vpo) -> Vpo:
    """The command as people have it: it reads files."""
    vpo.introspects = True
    return vpo


# -- By content -----------------------------------------------------------------------------------


@pytest.fixture
def other(tmp_path: Path) -> Any:
    """A root on another file system."""
    with mounted(tmp_path / "other") as point:
        (point / "media").mkdir()
        yield Tree(point / "media")


def carry(source: bytes, target: bytes) -> None:
    """Moves a file as `mv` does from one file system to another: copies, and deletes it."""
    shutil.copy2(source, target)
    os.unlink(source)


@pytest.mark.parametrize("first", ["old", "new"])
def test_moved_to_another_file_system(vpo: Vpo, tree: Tree, other: Tree, first: str) -> None:
    before = tree.write("a.wav", sound(1))
    tree.write("b.wav", sound(2))
    other.write("c.wav", sound(3))
    vpo.scan(tree.root)
    vpo.scan(other.root)
    mark(vpo)
    record_digests(vpo, before)
    known = ids(vpo)
    carry(before, other.path("d.wav"))
    order = (tree, other) if first == "old" else (other, tree)
    results = {each.root: vpo.scan(each.root) for each in order}
    assert said(results[other.root]) == {"skipped": 1, "moved": 1}
    assert said(results[tree.root]) == {"skipped": 1, **({"removed": 1} if first == "old" else {})}
    assert ids(vpo) == {"b.wav": known["b.wav"], "c.wav": known["c.wav"], "d.wav": known["a.wav"]}
    assert_was_not_read(vpo, other.path("d.wav"))
    shown = vpo.ok("files", "show", "--json", other.path("d.wav")).json
    assert shown["content_hash"].startswith("blake3:")
    assert shown["jobs"][0]["reason"] == "content"
    text = vpo.ok("files", "show", other.path("d.wav")).stdout
    assert f"moved from {os.fsdecode(before)} (recognized by its content)\n" in text
    for each in order:
        assert set(said(vpo.scan(each.root))) == {"skipped"}
    vpo.check_integrity()


def test_copied_and_deleted_in_one_root(vpo: Vpo, tree: Tree) -> None:
    before = tree.write("a.wav", sound(1))
    tree.write("b.wav", sound(2))
    vpo.scan(tree.root)
    known = ids(vpo)
    carry(before, tree.path("new.wav"))
    result = vpo.scan(tree.root, "--prune")
    assert said(result) == {"skipped": 1, "moved": 1}
    assert ids(vpo) == {"b.wav": known["b.wav"], "new.wav": known["a.wav"]}
    affected = vpo.ok("jobs", "show", "--json", result["job_id"]).json["files_affected"]
    assert affected["counts"] == {
        "added": 0, "changed": 0, "moved": 1, "removed": 0, "returned": 0, "pruned": 0,
    }  # fmt: skip
    assert history(vpo, tree.path("new.wav")) == ["moved", "added"]


def test_a_copy_is_an_addition(vpo: Vpo, tree: Tree, other: Tree) -> None:
    before = tree.write("a.wav", sound(1))
    vpo.scan(tree.root)
    known = ids(vpo)
    shutil.copy2(before, other.path("a2.wav"))
    assert said(vpo.scan(other.root)) == {"added": 1}
    assert said(vpo.scan(tree.root)) == {"skipped": 1}
    assert ids(vpo)["a.wav"] == known["a.wav"]


def test_a_copy_that_was_known_beside_it_is_no_move(vpo: Vpo, tree: Tree, other: Tree) -> None:
    before = tree.write("a.wav", sound(1))
    vpo.scan(tree.root)
    shutil.copy2(before, other.path("a2.wav"))
    vpo.scan(other.root, "--no-introspect")
    os.unlink(before)
    known = ids(vpo)
    assert said(vpo.scan(other.root)) == {"skipped": 1}
    assert ids(vpo)["a2.wav"] == known["a2.wav"]


def test_two_copies_of_one_that_is_gone_are_additions(vpo: Vpo, tree: Tree) -> None:
    before = tree.write("a.wav", sound(1))
    tree.write("b.wav", sound(2))
    vpo.scan(tree.root)
    record_digests(vpo, before)
    shutil.copy2(before, tree.path("c.wav"))
    carry(before, tree.path("d.wav"))
    assert said(vpo.scan(tree.root)) == {"skipped": 1, "added": 2, "removed": 1}


def test_a_copy_of_two_that_are_gone_is_an_addition(vpo: Vpo, tree: Tree) -> None:
    one, two = tree.write("a.wav", sound(1)), tree.write("b.wav", sound(1))
    vpo.scan(tree.root)
    record_digests(vpo, one, two)
    os.unlink(two)
    carry(one, tree.path("c.wav"))
    assert said(vpo.scan(tree.root)) == {"added": 1, "removed": 2}


@pytest.mark.parametrize("how", ["digests", "no digests", "many"])
def test_equal_files_are_told_apart_by_their_places_in_the_tree(
    vpo: Vpo, tree: Tree, how: str
) -> None:
    count = 80 if how == "many" else 3
    names = [f"Album {number}/cover.wav" for number in range(count)]
    before = [tree.write(f"old/music/{name}", sound(1)) for name in names]
    vpo.scan(tree.root)
    known = ids_by_path(vpo, tree)
    if how == "digests":
        record_digests(vpo, *before)
    for name, path in zip(names, before, strict=True):
        os.makedirs(os.path.dirname(tree.path(f"new/{name}")))
        carry(path, tree.path(f"new/{name}"))
    shutil.rmtree(tree.root / "old")
    assert said(vpo.scan(tree.root, "--allow-mass-removal")) == {"moved": count}
    assert ids_by_path(vpo, tree) == {f"new/{name}": known[f"old/music/{name}"] for name in names}
    vpo.check_integrity()


def test_equal_files_of_one_name_are_not_guessed(vpo: Vpo, tree: Tree) -> None:
    before = [tree.write(f"{place}/a.wav", sound(1)) for place in ("one", "two")]
    vpo.scan(tree.root)
    for place, path in zip(("three", "four"), before, strict=True):
        os.makedirs(tree.root / place)
        carry(path, tree.path(f"{place}/a.wav"))
    assert said(vpo.scan(tree.root)) == {"added": 2, "removed": 2}


@pytest.mark.parametrize("is_verified", [True, False])
def test_files_alike_at_both_ends_are_told_apart_by_their_digests(
    vpo: Vpo, tree: Tree, is_verified: bool
) -> None:
    one, two = tree.write("a.wav", long_sound(1)), tree.write("b.wav", long_sound(2))
    vpo.scan(tree.root)
    known = ids(vpo)
    if is_verified:
        record_digests(vpo, one, two)
    carry(one, tree.path("x.wav"))
    carry(two, tree.path("y.wav"))
    result = said(vpo.scan(tree.root))
    if is_verified:
        assert result == {"moved": 2}
        assert ids(vpo) == {"x.wav": known["a.wav"], "y.wav": known["b.wav"]}
    else:
        assert result == {"added": 2, "removed": 2}


def test_empty_files_are_all_alike(vpo: Vpo, tree: Tree) -> None:
    before = tree.write("a.srt", b"")
    vpo.scan(tree.root)
    carry(before, tree.path("b.srt"))
    assert said(vpo.scan(tree.root)) == {"added": 1, "removed": 1}


def test_a_file_on_a_disk_that_is_not_mounted_was_not_moved(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk") as disk:
        away = Tree(disk / "media")
        before = away.write("a.wav", sound(1))
        vpo.scan(away.root)
        known = ids(vpo)
        shutil.copy2(before, tree.path("copy.wav"))
        unmount(disk)
        assert said(vpo.scan(tree.root)) == {"added": 1}
        assert ids(vpo)["a.wav"] == known["a.wav"]
        # An empty directory in its place, or none, says no more.
        os.makedirs(disk / "media")
        shutil.copy2(tree.path("copy.wav"), tree.path("copy2.wav"))
        assert said(vpo.scan(tree.root)) == {"skipped": 1, "added": 1}
        assert ids(vpo)["a.wav"] == known["a.wav"]


def test_a_disk_that_is_mounted_elsewhere_has_moved_with_all_on_it(
    vpo: Vpo, tmp_path: Path
) -> None:
    with filesystem("ext4", tmp_path) as point:
        tree = Tree(point / "media")
        tree.write("a.wav", sound(1))
        tree.write("d/b.wav", sound(2))
        vpo.scan(tree.root)
        known = ids(vpo)
        unmount(point)
        other = tmp_path / "elsewhere"
        other.mkdir()
        assert os.system(f"mount -o loop {tmp_path}/ext4.image {other}") == 0
        try:
            assert said(vpo.scan(other / "media")) == {"moved": 2}
            assert ids(vpo) == known
        finally:
            unmount(other)


# -- Hard links -----------------------------------------------------------------------------------


def test_one_of_two_hard_links_is_renamed(vpo: Vpo, tree: Tree) -> None:
    one = tree.write("a.wav", sound(1))
    os.link(one, tree.path("b.wav"))
    vpo.scan(tree.root)
    known = ids(vpo)
    os.rename(one, tree.path("c.wav"))
    assert said(vpo.scan(tree.root)) == {"skipped": 1, "moved": 1}
    assert ids(vpo) == {"b.wav": known["b.wav"], "c.wav": known["a.wav"]}


def test_both_hard_links_are_renamed(vpo: Vpo, tree: Tree) -> None:
    one = tree.write("a.wav", sound(1))
    os.link(one, tree.path("b.wav"))
    vpo.scan(tree.root)
    os.rename(one, tree.path("c.wav"))
    os.rename(tree.path("b.wav"), tree.path("d.wav"))
    # Either could be either.
    assert said(vpo.scan(tree.root)) == {"added": 2, "removed": 2}


def test_names_tell_the_hard_links_of_a_directory_apart(vpo: Vpo, tree: Tree) -> None:
    one = tree.write("d/a.wav", sound(1))
    os.link(one, tree.path("d/b.wav"))
    vpo.scan(tree.root)
    known = ids(vpo)
    os.rename(tree.path("d"), tree.path("e"))
    assert said(vpo.scan(tree.root)) == {"moved": 2}
    assert ids(vpo) == known


def test_another_name_of_a_file_is_an_addition(vpo: Vpo, tree: Tree) -> None:
    one = tree.write("a.wav", sound(1))
    vpo.scan(tree.root)
    os.link(one, tree.path("b.wav"))
    assert said(vpo.scan(tree.root)) == {"skipped": 1, "added": 1}


def test_a_file_of_very_many_names(vpo: Vpo, tree: Tree) -> None:
    one = tree.write("one/0.wav", sound(1))
    for number in range(1, 3000):
        os.link(one, tree.path(f"one/{number}.wav"))
    vpo.introspects = False
    vpo.scan(tree.root)
    os.makedirs(tree.path("two"))
    for number in range(3000):
        os.link(one, tree.path(f"two/{number}x.wav"))
    began = time.monotonic()
    assert said(vpo.scan(tree.root)) == {"skipped": 3000, "added": 3000}
    # Not each with each: that took minutes.
    assert time.monotonic() - began < 30


# -- Scans that are killed ------------------------------------------------------------------------


def test_a_scan_of_moves_killed_at_any_moment_is_made_good_by_the_next(
    tree: Tree, tmp_path: Path
) -> None:
    vpo = Vpo(tmp_path / "known", introspects=True)
    for number in range(240):
        tree.write(f"{number % 6}/{number:03}.wav", sound(number))
    vpo.scan(tree.root)
    known = ids(vpo)
    before = vpo.home / "before.db"
    shutil.copy(vpo.database, before)
    os.rename(tree.path("0"), tree.path("renamed"))
    for number in range(1, 240, 6):
        os.rename(tree.path(f"1/{number:03}.wav"), tree.path(f"2/{number:03}.wav"))
    for number in range(3, 240, 6):
        carry(tree.path(f"3/{number:03}.wav"), tree.path(f"4/{number:03}.wav"))
    began = time.monotonic()
    assert said(vpo.scan(tree.root)) == {"skipped": 120, "moved": 120}
    took = time.monotonic() - began
    assert ids(vpo) == known
    chance = seeded()
    for attempt in range(12):
        again = Vpo(tmp_path / f"home{attempt}", introspects=True)
        again.home.mkdir()
        shutil.copy(before, again.database)
        for _ in range(1 + attempt % 2):
            scan = again.start("scan", tree.root)
            # Any moment is what the test is about.
            time.sleep(took * chance.uniform(0.3, 1.0))
            scan.kill()
            scan.communicate()
        again.scan(tree.root)
        assert ids(again) == known
        assert again.files().keys() == vpo.files().keys()
        assert said(again.scan(tree.root)) == {"skipped": 240}
        again.check_integrity()
        shutil.rmtree(again.home)


# -- Beside other scans ------------------------------------------------------------


@pytest.mark.parametrize("what", ["inner/film.wav", "inner"])
def test_what_another_scan_has_found_meanwhile_is_not_missing(
    vpo: Vpo, tree: Tree, what: str
) -> None:
    for number in range(4):
        tree.write(f"from/keep/{number}.wav", sound(number))
    tree.write("from/inner/film.wav", sound(5))
    tree.write("from/inner/other.wav", sound(6))
    tree.write("to/there.wav", sound(7))
    source, target = tree.root / "from", tree.root / "to"
    vpo.scan(source)
    vpo.scan(target)
    known = ids(vpo)
    os.rename(source / what, target / os.path.basename(what))
    # Before this one marks what is gone.
    other = partial(vpo.ok, "scan", target)
    beside = injected(vpo, just_before(missing_files.settle).comes(other))
    assert beside.scan(source)["removed"] == 0
    assert vpo.files("--status", "missing") == {}
    assert ids(vpo) == known
    for root in (source, target):
        assert not said(vpo.scan(root, "--prune")).keys() - {"skipped"}
    assert ids(vpo) == known


def test_a_queued_scan_that_is_put_back_finds_what_its_first_attempt_has_added(
    vpo: Vpo, tree: Tree
) -> None:
    before = tree.write("a.wav", sound(1))
    tree.write("keep.wav", sound(2))
    vpo.scan(tree.root)
    known = id_of(vpo, before)
    shutil.copy2(before, tree.path("b.wav"))
    tree.remove("a.wav")
    vpo.ok("scan", "--enqueue", tree.root)
    killed = injected(vpo, just_before(Run._find_moved_by_content).comes(kill))
    killed.ok("jobs", "run", status=-signal.SIGKILL)
    assert id_of(vpo, tree.path("b.wav")) != known
    vpo.ok("jobs", "run")
    assert id_of(vpo, tree.path("b.wav")) == known


# -- What is known of the content ----------------------------------------------------


@pytest.mark.parametrize("keeps_mtime", [True, False])
def test_the_digest_of_a_file_whose_mtime_has_moved_with_it_is_not_that_of_the_new_one(
    vpo: Vpo, tree: Tree, keeps_mtime: bool
) -> None:
    before = tree.write("a.wav", long_sound(1))
    vpo.scan(tree.root)
    known = id_of(vpo, before)
    record_digests(vpo, before)
    after = tree.path("b.wav")
    shutil.copy2(before, after)
    if not keeps_mtime:
        with open(after, "r+b") as file:
            file.write(long_sound(2))
    tree.remove("a.wav")
    assert said(vpo.scan(tree.root)) == {"moved": 1}
    assert id_of(vpo, after) == known
    with vpo.sql() as connection:
        (digest,) = connection.execute("SELECT content_hash FROM files").fetchone()
    assert (digest is not None) is keeps_mtime
    vpo.ok("verify")
    # What was read of the other one may not hold for it.
    vpo.scan(tree.root)
    assert vpo.statuses() == {"b.wav": "ok"}


# -- Where the case of names does not count ------------------------------------------


@pytest.mark.parametrize("introspects", [True, False], ids=["read", "not read"])
@pytest.mark.parametrize("changes", [False, True], ids=["as it was", "with a new file"])
def test_what_is_renamed_in_its_case_only_is_not_there_twice(
    vpo: Vpo, tmp_path: Path, introspects: bool, changes: bool
) -> None:
    vpo.introspects = introspects
    source = Tree(tmp_path / "disk.nocase")
    source.write("season/sub/film.wav", sound(1))
    source.write("season/other.wav", sound(2))
    source.write("top.wav", sound(3))
    with faulty(source.root) as root:
        assert (root / "SEASON/Other.WAV").exists()
        vpo.scan(root)
        os.rename(source.path("season"), source.path("Season"))
        os.rename(source.path("top.wav"), source.path("TOP.wav"))
        if changes:
            source.write("Season/new.wav", sound(4))
        result = vpo.scan(root)
        present = {
            os.path.relpath(path, root)
            for path, file in vpo.files().items()
            if file["scan_status"] != "missing"
        }
        there = {
            os.path.relpath(os.path.join(directory, name), root)
            for directory, _, names in os.walk(root)
            for name in names
        }
        assert present == there
        if introspects:
            assert said(result) == {"moved": 3, "added": 1} if changes else {"moved": 3}
        else:
            assert result["added"] - result["removed"] == int(changes)
        assert not said(vpo.scan(root)).keys() - {"skipped"}

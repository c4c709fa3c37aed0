"""What scans find, and how often they have to look."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mounts import mounted_with
from support import OLD_NS, Tree, Vpo


def test_a_second_scan_skips_what_has_not_changed(vpo: Vpo, tree: Tree) -> None:
    tree.write("Films/A (1999)/A.mkv")
    tree.write("Films/A (1999)/A.srt")
    tree.write("Films/A (1999)/notes.txt")
    first = vpo.scan(tree.root)
    assert (first["added"], first["skipped"]) == (2, 0)
    second = vpo.scan(tree.root)
    assert (second["added"], second["skipped"], second["scanned"]) == (0, 2, 0)


def test_each_change_is_counted_as_what_it_is(vpo: Vpo, tree: Tree) -> None:
    for name in ("same.mkv", "grown.mkv", "touched.mkv", "removed.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    tree.write("grown.mkv", b"more content")
    tree.write("touched.mkv", mtime_ns=OLD_NS + 1)
    tree.write("new.mkv")
    tree.remove("removed.mkv")
    result = vpo.scan(tree.root)
    counts = {name: result[name] for name in ("scanned", "skipped", "added", "removed", "errors")}
    assert counts == {"scanned": 2, "skipped": 1, "added": 1, "removed": 1, "errors": 0}
    assert vpo.statuses()["removed.mkv"] == "missing"


def test_a_file_replaced_by_one_of_the_same_size_and_mtime_is_changed(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv", b"one")
    tree.write("b.mkv", b"two")
    vpo.scan(tree.root)
    os.rename(tree.path("a.mkv"), tree.path("c"))
    os.rename(tree.path("b.mkv"), tree.path("a.mkv"))
    os.rename(tree.path("c"), tree.path("b.mkv"))
    assert vpo.scan(tree.root)["scanned"] == 2


def test_names_of_systems_are_skipped_and_more_can_be_added(vpo: Vpo, tree: Tree) -> None:
    places = ("@eaDir", "@Recycle", "#snapshot", ".zfs/snapshot/day", "files_trashbin", "Season 1")
    for place in places:
        tree.write(f"{place}/a.mkv")
    tree.write("PROXIES/b.mkv")
    tree.write("._c.mkv")
    assert vpo.scan(tree.root, "--hidden", "--dry-run")["added"] == 2
    vpo.scan(tree.root, "--skip-name", "proxies", "--skip-name", "._d*")
    assert {os.path.relpath(path, tree.root) for path in vpo.files()} == {"Season 1/a.mkv"}
    assert vpo.scan(tree.root, "--system-names", "--hidden")["total_discovered"] == 8
    refused = vpo.ok("scan", "--skip-name", "a/b", tree.root, status=2)
    assert "`a/b` is not a name" in refused.stderr


def test_inode_numbers_are_ignored_on_request(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv", mtime_ns=OLD_NS)
    vpo.scan(tree.root)
    other = tree.write("b.tmp", mtime_ns=OLD_NS)
    os.replace(other, tree.path("a.mkv"))
    assert vpo.scan(tree.root, "--ignore-inodes", "--dry-run")["scanned"] == 0
    assert vpo.scan(tree.root, "--dry-run")["scanned"] == 1


HOUR_NS = 3_600_000_000_000


@pytest.mark.parametrize(
    ("shift_ns", "words", "is_same"),
    [
        (2_000_000_000, (), False),
        (-2_000_000_000, ("--modify-window", "2s"), True),
        (2_000_000_001, ("--modify-window", "2s"), False),
        (HOUR_NS, ("--modify-window", "2s"), False),
        (HOUR_NS, ("--hour-shifts",), True),
        (-9 * HOUR_NS, ("--hour-shifts",), True),
        (HOUR_NS + 1_000_000_000, ("--hour-shifts",), False),
        (HOUR_NS - 1_000_000_000, ("--hour-shifts", "--modify-window", "2s"), True),
        (27 * HOUR_NS, ("--hour-shifts",), False),
    ],
)
def test_differences_of_mtimes_that_are_allowed_keep_digests(
    vpo: Vpo, tree: Tree, shift_ns: int, words: tuple[str, ...], is_same: bool
) -> None:
    path = tree.write("a.mkv", mtime_ns=OLD_NS)
    tree.write("b.mkv", b"of another size", mtime_ns=OLD_NS)
    vpo.scan(tree.root)
    vpo.ok("verify")
    digest = vpo.files()[os.fsdecode(path)]["content_hash"]
    for name in ("a.mkv", "b.mkv"):
        os.utime(tree.path(name), ns=(OLD_NS, OLD_NS + shift_ns))
    tree.write("b.mkv", b"changed", mtime_ns=OLD_NS + shift_ns)
    assert vpo.scan(tree.root, *words)["scanned"] == (1 if is_same else 2)
    file = vpo.files()[os.fsdecode(path)]
    assert file["mtime_ns"] == OLD_NS + shift_ns
    assert file["content_hash"] == (digest if is_same else None)
    # The new time is recorded: nothing has to be allowed any more.
    assert vpo.scan(tree.root)["skipped"] == 2


def test_files_keep_their_digests_if_a_mount_gives_them_other_inodes(
    vpo: Vpo, tmp_path: Path
) -> None:
    lower, again = Tree(tmp_path / "lower"), tmp_path / "again"
    for number in range(5):
        lower.write(f"{number % 2}/{number}.mkv", b"%d" % number)
    for name in ("upper", "work", "shown"):
        (tmp_path / name).mkdir()
    shown = tmp_path / "shown"

    def overlay(below: Path) -> tuple[str | Path, ...]:
        layers = f"lowerdir={below},upperdir={tmp_path / 'upper'},workdir={tmp_path / 'work'}"
        return ("-t", "overlay", "-o", layers, "overlay", shown)

    with mounted_with(*overlay(lower.root)):
        vpo.scan(shown)
        vpo.ok("verify")
        before = {path: file["content_hash"] for path, file in vpo.files().items()}
    subprocess.run(["cp", "-a", lower.root, again], check=True)
    with mounted_with(*overlay(again)):
        result = vpo.scan(shown)
        assert (result["scanned"], result["skipped"]) == (0, 5)
        assert "other inode numbers" in result["warnings"][0]
        after = {path: file["content_hash"] for path, file in vpo.files().items()}
        assert after == before
        assert vpo.scan(shown)["warnings"] == []
        # One file that takes the place of another is still noticed.
        there = shown / "0" / "0.mkv"
        other = Tree(shown).write("0/0.tmp", b"?", mtime_ns=there.stat().st_mtime_ns)
        os.replace(other, there)
        assert vpo.scan(shown)["scanned"] == 1

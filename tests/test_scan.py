"""What scans find, and how often they have to look."""

from __future__ import annotations

import os

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

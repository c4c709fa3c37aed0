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

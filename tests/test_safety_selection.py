"""What rules leave out and what links lead to is not gone; dry runs, and roots in roots."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from mounts import mounted
from support import Tree, Vpo, statuses
from vpo._engine import Rules, Walk

# -- Rules leave out, they do not remove -------------------------------------------

EVERYTHING = ("--hidden", "-e", "mkv,mp3,jpg,txt")


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param((), id="no rules"),
        pytest.param(("--kind", "audio"), id="kind"),
        pytest.param(("-e", "jpg"), id="extension"),
        pytest.param((*EVERYTHING, "--exclude", "*.mkv"), id="exclude files"),
        pytest.param((*EVERYTHING, "--exclude", "sub/"), id="exclude a directory"),
        pytest.param((*EVERYTHING, "--exclude", "sub/deep/a.mkv"), id="exclude one file"),
        pytest.param((*EVERYTHING, "--no-hidden"), id="hidden"),
    ],
)
def test_what_rules_leave_out_is_not_missing(vpo: Vpo, tree: Tree, rules: tuple[str, ...]) -> None:
    names = (
        "a.mkv",
        "b.mp3",
        "c.jpg",
        "d.txt",
        ".e.mkv",
        ".f/g.mkv",
        "sub/deep/a.mkv",
        "sub/deep/h.mp3",
    )
    for name in names:
        tree.write(name)
    assert vpo.scan(tree.root, *EVERYTHING)["added"] == len(names)
    narrow = vpo.scan(tree.root, *rules)
    assert (narrow["removed"], narrow["added"], narrow["errors"]) == (0, 0, 0)
    assert {each["scan_status"] for each in vpo.files().values()} == {"pending"}
    assert vpo.scan(tree.root, *EVERYTHING)["skipped"] == len(names)


def test_a_removal_is_noticed_by_the_scan_whose_rules_look_there(vpo: Vpo, tree: Tree) -> None:
    for name in ("a.mkv", "sub/b.mkv", "sub/c.mp3", ".d.mkv"):
        tree.write(name)
    vpo.scan(tree.root, "--hidden")
    shutil.rmtree(tree.root / "sub")
    tree.remove(".d.mkv")
    assert vpo.scan(tree.root, "--exclude", "/sub")["removed"] == 0
    assert vpo.scan(tree.root, "--hidden", "--exclude", "/sub")["removed"] == 1
    assert vpo.scan(tree.root)["removed"] == 2


# -- Links ---------------------------------------------------------------------------


def test_what_links_led_to_is_kept_by_a_scan_that_does_not_follow_them(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    outside = Tree(tmp_path / "outside")
    outside.write("film.mkv")
    outside.write("season/one.mkv")
    outside.write("season/extras/two.mkv")
    tree.write("real.mkv")
    os.symlink(outside.root / "film.mkv", tree.path("link.mkv"))
    os.symlink(outside.root / "season", tree.path("season"))
    assert vpo.scan(tree.root)["added"] == 1
    assert vpo.scan(tree.root, "--follow-symlinks")["added"] == 3
    names = {"real.mkv", "link.mkv", "one.mkv", "two.mkv"}
    assert set(statuses(vpo)) == names

    plain = vpo.scan(tree.root)
    assert (plain["removed"], plain["skipped"], plain["errors"]) == (0, 1, 0)
    os.unlink(tree.path("season"))
    os.unlink(tree.path("link.mkv"))
    assert vpo.scan(tree.root)["removed"] == 0
    assert set(statuses(vpo).values()) == {"pending"}
    assert vpo.scan(tree.root, "--follow-symlinks")["removed"] == 3
    assert statuses(vpo) == {
        "real.mkv": "pending",
        "link.mkv": "missing",
        "one.mkv": "missing",
        "two.mkv": "missing",
    }


def test_a_directory_replaced_by_a_link_is_gone_unless_links_are_followed(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write("a.mkv")
    tree.write("season/one.mkv")
    tree.write("season/extras/two.mkv")
    vpo.scan(tree.root)
    (tree.root / "season").rename(tmp_path / "moved")
    os.symlink(tmp_path / "moved", tree.path("season"))
    followed = vpo.scan(tree.root, "--follow-symlinks")
    assert (followed["removed"], followed["added"], followed["skipped"]) == (0, 0, 3)
    assert vpo.scan(tree.root)["removed"] == 0

    os.unlink(tree.path("season"))
    (tmp_path / "moved").rename(tree.root / "season")
    assert vpo.scan(tree.root)["skipped"] == 3
    (tree.root / "season").rename(tmp_path / "moved")
    os.symlink(tmp_path / "moved", tree.path("season"))
    assert vpo.scan(tree.root)["removed"] == 2
    assert statuses(vpo) == {"a.mkv": "pending", "one.mkv": "missing", "two.mkv": "missing"}


def test_a_directory_moved_to_another_device_and_linked_is_gone_and_the_root_is_not(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write("a.mkv")
    tree.write("season/one.mkv")
    vpo.scan(tree.root)
    with mounted(tmp_path / "disk") as disk:
        shutil.move(tree.root / "season", disk / "season")
        os.symlink(disk / "season", tree.path("season"))
        moved = vpo.scan(tree.root)
        assert (moved["removed"], moved["skipped"], moved["errors"]) == (1, 1, 0)
        assert vpo.scan(tree.root)["skipped"] == 1
        assert vpo.scan(tree.root, "--follow-symlinks")["skipped"] == 2


def test_what_links_led_to_is_kept_while_its_file_system_is_not_mounted(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write("a.mkv")
    with mounted(tmp_path / "disk") as disk:
        Tree(disk).write("season/extras/one.mkv")
        os.symlink(disk / "season", tree.path("season"))
        assert vpo.scan(tree.root, "--follow-symlinks")["added"] == 2
    offline = vpo.scan(tree.root, "--follow-symlinks", status=1)
    assert (offline["removed"], offline["errors"]) == (0, 1)
    assert vpo.scan(tree.root)["removed"] == 0
    assert set(statuses(vpo).values()) == {"pending"}


def test_a_file_behind_a_link_is_kept_while_its_file_system_is_not_mounted(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write("a.mkv")
    with mounted(tmp_path / "disk") as disk:
        Tree(disk).write("one.mkv")
        os.symlink(disk / "one.mkv", tree.path("one.mkv"))
        assert vpo.scan(tree.root, "--follow-symlinks")["added"] == 2
    offline = vpo.scan(tree.root, "--follow-symlinks", "--prune", status=1)
    assert (offline["removed"], offline["errors"], offline["pruned"]) == (0, 1, 0)
    os.unlink(tree.path("one.mkv"))
    assert vpo.scan(tree.root, "--follow-symlinks", "--prune")["pruned"] == 1
    assert set(statuses(vpo)) == {"a.mkv"}


def test_a_file_replaced_by_a_link_is_gone_unless_links_are_followed(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write("a.mkv")
    tree.write("b.mkv")
    vpo.scan(tree.root)
    os.rename(tree.path("a.mkv"), tmp_path / "a.mkv")
    os.symlink(tmp_path / "a.mkv", tree.path("a.mkv"))
    assert vpo.scan(tree.root)["removed"] == 1
    assert vpo.scan(tree.root, "--follow-symlinks")["removed"] == 0
    assert statuses(vpo) == {"a.mkv": "pending", "b.mkv": "pending"}


def test_loops_of_links_end(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    outside = Tree(tmp_path / "outside")
    outside.write("b.mkv")
    os.symlink(tree.root, outside.path("back"))
    tree.write("sub/a.mkv")
    os.symlink("..", tree.path("sub/up"))
    os.symlink(".", tree.path("here"))
    os.symlink("self", tree.path("self"))
    os.symlink("self.mkv", tree.path("self.mkv"))
    os.symlink("pong.mkv", tree.path("ping.mkv"))
    os.symlink("ping.mkv", tree.path("pong.mkv"))
    os.symlink(outside.root, tree.path("outside"))
    first = vpo.scan(tree.root, "--follow-symlinks")
    assert (first["added"], first["errors"]) == (2, 0)
    assert vpo.files().keys() == {
        tree.path("sub/a.mkv").decode(),
        tree.path("outside/b.mkv").decode(),
    }
    assert vpo.scan(tree.root, "--follow-symlinks")["skipped"] == 2


# -- What is not a file ------------------------------------------------------------


def test_fifos_sockets_and_devices_are_never_opened(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    os.mkfifo(tree.path("fifo.mkv"))
    os.symlink("fifo.mkv", tree.path("link.mkv"))
    os.symlink("/dev/zero", tree.path("zero.mkv"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(tree.path("socket.mkv"))
        for rules in ((), ("--follow-symlinks",), ("--full", "--follow-symlinks")):
            assert vpo.scan(tree.root, *rules)["total_discovered"] == 1
    assert vpo.scan(tree.root / "fifo.mkv", status=2)["code"] == "NOT_A_DIRECTORY"


def test_a_file_replaced_by_a_fifo_or_a_directory_is_missing(vpo: Vpo, tree: Tree) -> None:
    for name in ("a.mkv", "b.mkv", "c.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    tree.remove("a.mkv")
    os.mkfifo(tree.path("a.mkv"))
    tree.remove("b.mkv")
    tree.write("b.mkv/d.mkv")
    result = vpo.scan(tree.root)
    assert (result["removed"], result["added"], result["skipped"]) == (2, 1, 1)
    assert vpo.files("--status", "missing").keys() == {
        tree.path("a.mkv").decode(),
        tree.path("b.mkv").decode(),
    }


# -- Prune and dry run ---------------------------------------------------------------


def test_prune_deletes_records_of_missing_files_and_keeps_jobs(vpo: Vpo, tree: Tree) -> None:
    for name in ("film/a.mkv", "film/b.mkv", "c.mkv", "d.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        connection.execute(
            "INSERT INTO tracks (file_id, track_index, track_type) SELECT id, 0, 'video' FROM files"
        )
        connection.execute("UPDATE jobs SET file_id = (SELECT id FROM files WHERE name = 'a.mkv')")
    tree.remove("d.mkv")
    assert vpo.scan(tree.root)["removed"] == 1
    shutil.rmtree(tree.root / "film")
    result = vpo.scan(tree.root, "--prune")
    assert (result["removed"], result["pruned"]) == (2, 3)
    assert set(statuses(vpo)) == {"c.mkv"}
    with vpo.sql() as connection:
        assert connection.execute("SELECT count(*) FROM tracks").fetchone()[0] == 1
        assert connection.execute("SELECT path FROM directories").fetchall()[0][0] == str(tree.root)
    assert [job["file_id"] for job in vpo.jobs()] == [None] * 3
    vpo.check_integrity()
    # What is pruned is new when it comes back.
    tree.write("film/a.mkv")
    assert vpo.scan(tree.root)["added"] == 1


def test_prune_leaves_missing_files_of_other_roots_alone(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    other = Tree(tmp_path / "library2")
    for each in (tree, other):
        each.write("a.mkv")
        each.write("b.mkv")
        vpo.scan(each.root)
        each.remove("a.mkv")
    vpo.scan(other.root)
    assert vpo.scan(tree.root, "--prune")["pruned"] == 1
    assert vpo.files("--status", "missing").keys() == {other.path("a.mkv").decode()}


def snapshot(directory: Path) -> dict[str, tuple[int, bytes]]:
    """Names, mtimes and contents of the files in a directory."""
    return {
        path.name: (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(directory.iterdir())
    }


def test_a_dry_run_says_what_a_scan_would_do_and_writes_nothing(vpo: Vpo, tree: Tree) -> None:
    for name in ("same/a.mkv", "b.mkv", "c.mkv", "gone/d.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    tree.write("b.mkv", b"more content")
    tree.remove("c.mkv")
    shutil.rmtree(tree.root / "gone")
    tree.write("new/e.mkv")
    before = snapshot(vpo.home)
    counts = ("total_discovered", "scanned", "skipped", "added", "removed", "errors", "pruned")
    for options in (("--prune",), ("--full",), ("--prune", "-v"), ()):
        tried = vpo.scan(tree.root, "--dry-run", *options)
        assert (tried["dry_run"], tried["job_id"]) == (True, None)
        assert snapshot(vpo.home) == before
    real = vpo.scan(tree.root)
    assert {name: tried[name] for name in counts} == {name: real[name] for name in counts}


def test_a_dry_run_makes_no_library_and_no_home(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    assert vpo.scan(tree.root, "--dry-run")["added"] == 1
    assert not vpo.home.exists()
    assert vpo.ok("files", "list", "--json", status=2).json["code"] == "LIBRARY_NOT_FOUND"


def test_a_dry_run_is_refused_as_the_scan_would_be(vpo: Vpo, tree: Tree) -> None:
    tree.write_many(150)
    tree.write("a.mkv")
    vpo.scan(tree.root)
    shutil.rmtree(tree.root / "many")
    before = snapshot(vpo.home)
    assert vpo.scan(tree.root, "--dry-run", status=2)["code"] == "MASS_REMOVAL"
    shutil.rmtree(tree.root)
    assert vpo.scan(tree.root, "--dry-run", status=2)["code"] == "ROOT_OFFLINE"
    assert snapshot(vpo.home) == before


# -- Roots in roots, names of one file -------------------------------------------------


def test_a_root_in_a_root_shares_its_files(vpo: Vpo, tree: Tree) -> None:
    for name in ("a.mkv", "sub/b.mkv", "sub/deep/c.mkv", "subway/d.mkv"):
        tree.write(name)
    sub = tree.root / "sub"
    assert vpo.scan(tree.root)["added"] == 4
    inner = vpo.scan(sub)
    assert (inner["skipped"], inner["added"], inner["removed"]) == (2, 0, 0)
    assert vpo.scan(tree.root)["skipped"] == 4
    tree.remove("sub/deep/c.mkv")
    assert vpo.scan(sub)["removed"] == 1
    outer = vpo.scan(tree.root)
    assert (outer["skipped"], outer["removed"]) == (3, 0)
    with vpo.sql() as connection:
        assert connection.execute("SELECT count(*) FROM files").fetchone()[0] == 4
        assert connection.execute("SELECT count(*) FROM roots").fetchone()[0] == 2


@pytest.mark.parametrize(
    ("names", "rules"),
    [
        (("", "sub"), ()),
        (("sub", ""), ()),
        (("", ""), ()),
        (("sub/..", "link"), ()),
        (("", "sub"), ("--follow-symlinks",)),
        (("", "sub"), ("--one-file-system",)),
    ],
)
def test_places_given_twice_in_one_command_count_once(
    vpo: Vpo, tree: Tree, names: tuple[str, str], rules: tuple[str, ...]
) -> None:
    tree.write("a.mkv")
    tree.write("sub/b.mkv")
    if "link" in names:
        os.symlink(tree.root, tree.root.parent / "link")
    roots = [
        tree.root.parent / "link" if name == "link" else os.path.join(tree.root, name)
        for name in names
    ]
    result = vpo.ok("scan", "--json", *rules, *roots).json
    assert (result["total_discovered"], result["added"]) == (2, 2)
    assert len(vpo.files()) == 2


def test_a_place_that_the_outer_root_leaves_out_is_scanned_by_its_own_name(
    vpo: Vpo, tree: Tree
) -> None:
    tree.write("a.mkv")
    tree.write(".sub/b.mkv")
    result = vpo.ok("scan", "--json", tree.root, tree.root / ".sub").json
    assert (len(result["scans"]), result["added"]) == (2, 2)


def test_hard_links_are_files_of_their_own(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    os.makedirs(tree.root / "sub")
    os.link(tree.path("a.mkv"), tree.path("sub/b.mkv"))
    assert vpo.scan(tree.root)["added"] == 2
    inodes = {
        vpo.ok("files", "show", "--json", tree.path(name)).json["inode"]
        for name in ("a.mkv", "sub/b.mkv")
    }
    assert inodes == {os.stat(tree.path("a.mkv")).st_ino}
    tree.remove("a.mkv")
    assert vpo.scan(tree.root)["removed"] == 1
    assert statuses(vpo) == {"a.mkv": "missing", "b.mkv": "pending"}


def test_a_root_that_is_gone_when_the_walk_begins_is_said_to_be(tree: Tree) -> None:
    root = os.fsencode(tree.root)
    os.rmdir(root)
    with pytest.raises(FileNotFoundError, match="No such file or directory") as raised:
        Walk(root, Rules(root), [])
    assert raised.value.strerror == "No such file or directory"

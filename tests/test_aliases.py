"""Files that are seen through two paths: never waste, and never removed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from faults import faulty
from injection import Returning, injected, instead
from mounts import mounted_again, mounted_with, unmount
from support import OLD_NS, Tree, Vpo, contents, seeded
from vpo.duplicates import aliases

CONTENT = b"film" * 1000

KINDS = ("mergerfs", "bindfs", "overlay", "bind")

# Cached for longer than any test takes: what the kernel remembers must not count.
_CACHED = {
    "mergerfs": "cache.attr=600,cache.entry=600",
    "bindfs": "attr_timeout=600,entry_timeout=600",
}


@contextmanager
def seen_again(kind: str, source: Path, point: Path) -> Iterator[None]:
    """Shows `source` at `point` as well, through a file system of this kind."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    point.mkdir(parents=True, exist_ok=True)
    if kind == "bind":
        with mounted_again(source, point):
            yield
    elif kind == "overlay":
        beside = source.parent / f".{point.name}.overlay"
        for name in ("upper", "work"):
            (beside / name).mkdir(parents=True, exist_ok=True)
        options = f"lowerdir={source},upperdir={beside}/upper,workdir={beside}/work"
        with mounted_with("-t", "overlay", "-o", options, "overlay", point):
            yield
    else:
        program = shutil.which(kind)
        if program is None:
            pytest.skip(f"{kind} is not installed")
        done = subprocess.run(
            [program, "-o", _CACHED[kind], source, point], capture_output=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"{kind} cannot be mounted: {done.stderr.decode()}")
        try:
            yield
        finally:
            unmount(point)


@pytest.fixture
def vpo(tmp_path: Path) -> Vpo:
    """The command, with a trash of its own."""
    return Vpo(tmp_path / "home", {"XDG_DATA_HOME": str(tmp_path / "data")})


def trash(vpo: Vpo, *args: str | Path) -> Any:
    """Moves duplicates to the trash, and returns what the JSON says."""
    return vpo.ok("duplicates", "--action", "trash", "--yes", "--json", *args).json


def wasted(vpo: Vpo) -> Any:
    """How much space duplicates waste, in bytes."""
    return vpo.ok("duplicates", "--json").json["totals"]["wasted_bytes"]


def outside_the_trash(place: Path) -> dict[str, bytes]:
    """The files below a place that are in no trash, and their content."""
    return {
        path: content
        for path, content in contents(place).items()
        if content is not None and "/.Trash" not in path
    }


@pytest.mark.parametrize("kind", KINDS)
def test_one_file_with_two_paths_is_no_waste_and_is_left_alone(
    vpo: Vpo, tree: Tree, kind: str
) -> None:
    tree.write("disk/film.mkv", CONTENT)
    tree.write("disk/other.mkv", b"other")
    before = outside_the_trash(tree.root / "disk")
    with seen_again(kind, tree.root / "disk", tree.root / "pool"):
        vpo.scan(tree.root)
        assert len(vpo.files()) == 4
        found = vpo.ok("duplicates", "--json").json
        assert (found["groups"], found["totals"]["wasted_bytes"]) == ([], 0)
        for kept in ("disk", "pool"):
            assert trash(vpo, "--keep", tree.root / kept)["action"]["files_done"] == 0
    assert outside_the_trash(tree.root / "disk") == before


@pytest.mark.parametrize("kept", ["disk", "pool"])
@pytest.mark.parametrize("kind", KINDS)
def test_where_the_paths_are_taken_for_two_files_the_one_that_was_moved_comes_back(
    vpo: Vpo, tree: Tree, kind: str, kept: str
) -> None:
    tree.write("disk/film.mkv", CONTENT)
    before = outside_the_trash(tree.root / "disk")
    with seen_again(kind, tree.root / "disk", tree.root / "pool"):
        vpo.scan(tree.root)
        done = injected(vpo, instead(aliases.relation, Returning("distinct"))).run(
            "duplicates", "--action", "trash", "--yes", "--json", "--keep", tree.root / kept
        )
        if kind == "bind":
            # Its inode says that it is one file.
            assert done.json["groups"] == []
        elif kind == "overlay":
            # To remove the path in the overlay leaves the file below; the other way round, the
            # overlay loses it.
            assert done.status in (0, 1)
        else:
            assert (done.status, done.json["action"]["files_done"]) == (1, 0)
        assert (tree.root / "pool" / "film.mkv").exists() or kind == "overlay"
    assert outside_the_trash(tree.root / "disk") == before


@pytest.mark.parametrize("kind", ["mergerfs", "bindfs", "overlay"])
def test_two_files_that_are_seen_through_one_path_each_are_two(
    vpo: Vpo, tree: Tree, tmp_path: Path, kind: str
) -> None:
    disk = Tree(tmp_path / "disk")
    disk.write("a/film.mkv", CONTENT, mtime_ns=OLD_NS)
    disk.write("b/film.mkv", CONTENT, mtime_ns=OLD_NS)
    with seen_again(kind, disk.root, tree.root):
        vpo.scan(tree.root)
        assert wasted(vpo) == len(CONTENT)
        done = trash(vpo)
        assert done["action"]["files_done"] == 1
        vpo.ok("undo", done["job_id"])
        assert wasted(vpo) == len(CONTENT)


@pytest.mark.parametrize("kind", ["mergerfs", "bindfs"])
def test_the_trash_gives_back_files_that_got_another_inode_by_a_new_mount(
    vpo: Vpo, tree: Tree, tmp_path: Path, kind: str
) -> None:
    disk = Tree(tmp_path / "disk")
    for name in "ab":
        disk.write(f"{name}/film.mkv", CONTENT, mtime_ns=OLD_NS)
    before = outside_the_trash(disk.root)
    with seen_again(kind, disk.root, tree.root):
        vpo.scan(tree.root)
        job = trash(vpo)["job_id"]
    assert outside_the_trash(disk.root) != before
    # As after a mount: other inodes, with everything else the same.
    (where,) = disk.root.glob(".Trash-*/files")
    (name,) = os.listdir(where)
    shutil.copy2(where / name, where / "copy")
    (where / "copy").replace(where / name)
    with seen_again(kind, disk.root, tree.root):
        vpo.ok("undo", job)
    assert outside_the_trash(disk.root) == before


def test_the_trash_does_not_give_back_other_content_with_the_same_size_and_mtime(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write("a/film.mkv", CONTENT, mtime_ns=OLD_NS)
    tree.write("b/film.mkv", CONTENT, mtime_ns=OLD_NS)
    vpo.scan(tree.root)
    job = trash(vpo)["job_id"]
    (in_trash,) = (tmp_path / "data/Trash/files").iterdir()
    other = in_trash.with_name("other")
    other.write_bytes(CONTENT[::-1])
    os.utime(other, ns=(OLD_NS, OLD_NS))
    other.replace(in_trash)
    failed = vpo.ok("undo", job, "--json", status=1).json
    assert [each["code"] for each in failed["errors"]] == ["UNDO_CHANGED"]
    assert in_trash.read_bytes() == CONTENT[::-1]


def test_two_spellings_of_a_name_are_one_file_where_case_does_not_count(
    vpo: Vpo, tmp_path: Path
) -> None:
    disk = Tree(tmp_path / "disk.nocase")
    disk.write("films/film.mkv", CONTENT)
    with faulty(disk.root) as shown:
        vpo.scan(shown / "films")
        vpo.scan(shown / "FILMS")
        assert len(vpo.files()) == 1
        # An earlier vpo took the second spelling for another root.
        with vpo.sql() as connection:
            connection.execute(
                "INSERT INTO roots (path, added_at) SELECT ?, added_at FROM roots",
                (str(shown / "FILMS"),),
            )
        vpo.scan(shown / "FILMS")
        assert len(vpo.files()) == 2
        found = vpo.ok("duplicates", "--json").json
        assert (found["groups"], found["totals"]["wasted_bytes"]) == ([], 0)
        assert trash(vpo)["action"]["files_done"] == 0
    assert Path(os.fsdecode(disk.path("films/film.mkv"))).read_bytes() == CONTENT


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_seen_through_what_no_content_is_lost(vpo: Vpo, tree: Tree, kind: str) -> None:
    chance = seeded()
    for number in range(4):
        library = Vpo(vpo.home / str(number), vpo.environment)
        root = tree.root / str(number)
        disk, pool = Tree(root / "disk"), root / "pool"
        wanted = [bytes([65 + each]) * chance.choice((10, 5000)) for each in range(3)]
        for each in range(6):
            place = chance.choice(("a", "b/c", "."))
            # Copies have the mtime of the original, as `cp -p` leaves them, or one of their own.
            at = OLD_NS + chance.choice((0, 0, 1, 10**9, 10**11))
            disk.write(f"{place}/{each}.mkv", chance.choice(wanted), mtime_ns=at)
        known = set(outside_the_trash(disk.root).values())
        with seen_again(kind, disk.root, pool):
            library.scan(root)
            prefer = chance.choice(("oldest", "newest", "shortest"))
            library.run("duplicates", "--action", "trash", "--yes", "--prefer", prefer)
            for shown in (disk.root, pool):
                assert set(outside_the_trash(shown).values()) == known

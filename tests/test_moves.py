"""Files and directories that are renamed or moved keep their records, and are not read again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from moved_files import assert_was_not_read, history, id_of, ids, mark, record_digests, said, sound
from support import Tree, Vpo
from vpo._engine import birth_time


@pytest.fixture
def vpo(vpo: Vpo) -> Vpo:
    """The command as people have it: it reads files."""
    vpo.introspects = True
    return vpo


# -- One file ------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["b.wav", "other/a.wav", "new/deep/b.wav", "a.WAV", "ä b.wav"])
def test_a_file_that_is_renamed_keeps_its_record(vpo: Vpo, tree: Tree, target: str) -> None:
    before = tree.write("a.wav", sound(1))
    tree.write("other/c.wav", sound(2))
    vpo.scan(tree.root)
    mark(vpo)
    record_digests(vpo, before)
    known = id_of(vpo, before)
    now = tree.path(target)
    os.makedirs(os.path.dirname(now), exist_ok=True)
    os.rename(before, now)
    assert said(vpo.scan(tree.root)) == {"skipped": 1, "moved": 1}
    assert id_of(vpo, now) == known
    assert id_of(vpo, before) is None
    assert_was_not_read(vpo, now)
    shown = vpo.ok("files", "show", "--json", now).json
    assert shown["content_hash"].startswith("blake3:")
    assert history(vpo, now) == ["moved", "added"]
    assert said(vpo.scan(tree.root)) == {"skipped": 2}
    vpo.check_integrity()


def test_a_file_that_cannot_be_read_any_more_is_moved_all_the_same(vpo: Vpo, tree: Tree) -> None:
    before = tree.write("a.wav", sound(1))
    vpo.scan(tree.root)
    # Of the same size and mtime, and nothing that can be told of it.
    mtime_ns = os.stat(before).st_mtime_ns
    with open(before, "r+b") as file:
        file.write(bytes(44))
    os.utime(before, ns=(mtime_ns, mtime_ns))
    os.rename(before, tree.path("b.wav"))
    assert said(vpo.scan(tree.root)) == {"moved": 1}
    assert vpo.statuses() == {"b.wav": "ok"}


def test_a_file_younger_than_the_record_of_its_inode_is_another(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("a.mkv")
    vpo.introspects = False
    vpo.scan(tree.root)
    if birth_time(path, follow=False) is None:
        pytest.skip("the file system does not tell when a file was made")
    with vpo.sql() as connection:
        connection.execute("UPDATE files SET scanned_at = '2020-10-01T00:00:00Z'")
    os.rename(path, tree.path("b.mkv"))
    assert said(vpo.scan(tree.root)) == {"added": 1, "removed": 1}


def test_a_directory_made_anew_with_the_inodes_of_one_that_was_deleted_is_another(
    vpo: Vpo, tree: Tree
) -> None:
    path = tree.write("old/a.mkv")
    vpo.introspects = False
    vpo.scan(tree.root)
    if birth_time(path, follow=False) is None:
        pytest.skip("the file system does not tell when a file was made")
    with vpo.sql() as connection:
        connection.execute("UPDATE files SET scanned_at = '2020-10-01T00:00:00Z'")
    os.rename(tree.path("old"), tree.path("new"))
    assert said(vpo.scan(tree.root)) == {"added": 1, "removed": 1}


def test_a_file_made_while_a_scan_ran_is_the_one_that_the_scan_recorded(
    vpo: Vpo, tree: Tree
) -> None:
    path = tree.write("a.mkv")
    vpo.introspects = False
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        # So long ago did the scan begin.
        connection.execute("UPDATE files SET scanned_at = '2020-10-01T00:00:00Z'")
        connection.execute("UPDATE jobs SET started_at = '2020-10-01T00:00:00.5Z'")
    os.rename(path, tree.path("b.mkv"))
    assert said(vpo.scan(tree.root)) == {"moved": 1}


def test_a_file_moved_out_of_a_directory_that_is_gone(vpo: Vpo, tree: Tree) -> None:
    before = tree.write("d/a.wav", sound(1))
    tree.write("d/b.wav", sound(2))
    vpo.scan(tree.root)
    known = id_of(vpo, before)
    os.rename(before, tree.path("a.wav"))
    shutil.rmtree(tree.path("d"))
    assert said(vpo.scan(tree.root)) == {"moved": 1, "removed": 1}
    assert id_of(vpo, tree.path("a.wav")) == known


def test_a_file_that_became_another_kind_is_read_again(vpo: Vpo, tree: Tree) -> None:
    before = tree.write("a.txt", sound(1))
    vpo.scan(tree.root, "--extensions", "txt,wav")
    known = id_of(vpo, before)
    assert vpo.files()[os.fsdecode(before)]["kind"] == "other"
    os.rename(before, tree.path("a.wav"))
    assert said(vpo.scan(tree.root, "--extensions", "txt,wav")) == {"moved": 1}
    (file,) = vpo.files().values()
    assert (file["kind"], file["extension"], file["container_format"]) == ("audio", "wav", "wav")
    assert id_of(vpo, tree.path("a.wav")) == known


def test_a_file_that_was_young_is_read_again_where_it_is_now(vpo: Vpo, tree: Tree) -> None:
    before = tree.write("a.wav", sound(1), mtime_ns=None)
    vpo.scan(tree.root)
    mark(vpo)
    known = id_of(vpo, before)
    os.rename(before, tree.path("b.wav"))
    assert said(vpo.scan(tree.root)) == {"moved": 1}
    (file,) = vpo.files().values()
    assert file["duration_seconds"] == 0.05
    assert id_of(vpo, tree.path("b.wav")) == known


def test_a_file_changed_as_it_was_moved_is_another(vpo: Vpo, tree: Tree) -> None:
    before = tree.write("a.wav", sound(1))
    vpo.scan(tree.root)
    os.rename(before, tree.path("b.wav"))
    tree.write("b.wav", sound(2) + b"more")
    assert said(vpo.scan(tree.root)) == {"added": 1, "removed": 1}


def test_a_path_that_is_taken_keeps_its_record(vpo: Vpo, tree: Tree) -> None:
    # The record goes with the path where there still is a file: nothing is guessed.
    before = tree.write("a.wav", sound(1))
    vpo.scan(tree.root)
    known = id_of(vpo, before)
    os.rename(before, tree.path("b.wav"))
    tree.write("a.wav", sound(2) + b"new")
    assert said(vpo.scan(tree.root)) == {"scanned": 1, "added": 1}
    assert id_of(vpo, before) == known


@pytest.mark.parametrize("follow", [[], ["--follow-symlinks"]], ids=["plain", "follow"])
def test_a_link_left_at_the_old_path(vpo: Vpo, tree: Tree, follow: list[str]) -> None:
    before = tree.write("a.wav", sound(1))
    vpo.scan(tree.root, *follow)
    known = id_of(vpo, before)
    os.rename(before, tree.path("b.wav"))
    os.symlink("b.wav", before)
    if follow:
        # There still is a file at its path, and it keeps the record.
        assert said(vpo.scan(tree.root, *follow)) == {"scanned": 1, "added": 1}
        assert id_of(vpo, before) == known
    else:
        assert said(vpo.scan(tree.root)) == {"moved": 1}
        assert id_of(vpo, tree.path("b.wav")) == known


def test_a_link_that_is_renamed_is_moved(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    target = Tree(tmp_path / "elsewhere").write("x.wav", sound(1))
    os.symlink(target, tree.path("a.wav"))
    vpo.scan(tree.root, "--follow-symlinks")
    known = id_of(vpo, tree.path("a.wav"))
    os.rename(tree.path("a.wav"), tree.path("b.wav"))
    assert said(vpo.scan(tree.root, "--follow-symlinks")) == {"moved": 1}
    assert id_of(vpo, tree.path("b.wav")) == known


def test_names_that_change_places_are_changed_files(vpo: Vpo, tree: Tree) -> None:
    one, other = tree.write("a.wav", sound(1)), tree.write("b.wav", sound(2))
    vpo.scan(tree.root)
    known = ids(vpo)
    os.rename(one, tree.path("x"))
    os.rename(other, one)
    os.rename(tree.path("x"), other)
    assert said(vpo.scan(tree.root)) == {"scanned": 2}
    assert ids(vpo) == known


def test_a_chain_of_renames_moves_the_records_of_free_paths(vpo: Vpo, tree: Tree) -> None:
    one, two = tree.write("a.wav", sound(1)), tree.write("b.wav", sound(2))
    vpo.scan(tree.root)
    known = ids(vpo)
    os.rename(two, tree.path("c.wav"))
    os.rename(one, two)
    # b.wav is there, if another: what is c.wav now cannot have its record.
    assert said(vpo.scan(tree.root)) == {"scanned": 1, "added": 1, "removed": 1}
    assert ids(vpo)["b.wav"] == known["b.wav"]
    # One by one, with scans between them, all go with their files.
    known = ids(vpo)
    for before, now in (("c.wav", "d.wav"), ("b.wav", "c.wav")):
        os.rename(tree.path(before), tree.path(now))
        assert said(vpo.scan(tree.root)) == {"skipped": 1, "moved": 1}
    assert ids(vpo) == {"d.wav": known["c.wav"], "c.wav": known["b.wav"]}


def test_names_that_are_not_utf_8(vpo: Vpo, tree: Tree) -> None:
    before = tree.write(b"\xff.wav", sound(1))
    also = tree.write(b"d\xe9/b.wav", sound(2))
    vpo.scan(tree.root)
    known = id_of(vpo, before), id_of(vpo, also)
    now, also_now = tree.path(b"\xfe\nx.wav"), tree.path(b"e\xe8/b.wav")
    os.rename(before, now)
    os.rename(tree.path(b"d\xe9"), tree.path(b"e\xe8"))
    assert said(vpo.scan(tree.root)) == {"moved": 2}
    assert (id_of(vpo, now), id_of(vpo, also_now)) == known
    (job, _) = vpo.ok("files", "show", "--json", now).json["jobs"]
    assert job["path_before"].endswith("/\N{REPLACEMENT CHARACTER}.wav")
    assert job["path_before_b64"]
    listed = vpo.ok("jobs", "show", "--json", job["id"]).json["files_affected"]["moved"]
    assert {"path", "path_b64", "path_before", "path_before_b64"} == set(listed[0])


# -- Directories ---------------------------------------------------------------------------------


def test_a_directory_that_is_renamed_keeps_all_records(vpo: Vpo, tree: Tree) -> None:
    for number, name in enumerate(("d/a.wav", "d/b.wav", "d/e/c.wav", "d/e/f/d.wav")):
        tree.write(name, sound(number))
    tree.write("x.wav", sound(9))
    vpo.scan(tree.root)
    mark(vpo)
    known = ids(vpo)
    os.makedirs(tree.path("into"))
    os.rename(tree.path("d"), tree.path("into/new"))
    assert said(vpo.scan(tree.root)) == {"skipped": 1, "moved": 4}
    assert ids(vpo) == known
    assert_was_not_read(vpo, tree.path("into/new/a.wav"), tree.path("into/new/e/f/d.wav"))
    assert history(vpo, tree.path("into/new/e/c.wav")) == ["moved", "added"]
    assert said(vpo.scan(tree.root)) == {"skipped": 5}
    os.rename(tree.path("into/new"), tree.path("d"))
    assert said(vpo.scan(tree.root)) == {"skipped": 1, "moved": 4}
    assert ids(vpo) == known
    with vpo.sql() as connection:
        assert connection.execute("SELECT count(*) FROM files").fetchone()[0] == 5


def test_a_directory_that_is_renamed_while_something_in_it_changes(vpo: Vpo, tree: Tree) -> None:
    for number in range(6):
        tree.write(f"d/{number}.wav", sound(number))
    vpo.scan(tree.root)
    mark(vpo)
    known = ids(vpo)
    os.rename(tree.path("d"), tree.path("new"))
    tree.write("new/0.wav", sound(0) + b"changed")
    tree.remove("new/1.wav")
    tree.write("new/9.wav", sound(9) + b"added")
    assert said(vpo.scan(tree.root)) == {"added": 2, "moved": 4, "removed": 2}
    now = ids(vpo)
    assert {name: now[name] for name in ("2.wav", "3.wav", "4.wav", "5.wav")} == {
        name: known[name] for name in ("2.wav", "3.wav", "4.wav", "5.wav")
    }
    assert_was_not_read(vpo, tree.path("new/2.wav"), tree.path("new/5.wav"))


def test_a_directory_from_which_another_scan_took_a_record(vpo: Vpo, tree: Tree) -> None:
    # What is known of d as a whole is of when a.wav was there.
    for number, name in enumerate(("one/d/a.wav", "one/d/b.wav", "two/x.wav")):
        tree.write(name, sound(number))
    vpo.scan(tree.root / "one")
    vpo.scan(tree.root / "two")
    known = ids(vpo)
    os.rename(tree.path("one/d/a.wav"), tree.path("two/a.wav"))
    assert said(vpo.scan(tree.root / "two")) == {"skipped": 1, "moved": 1}
    os.rename(tree.path("two/a.wav"), tree.path("one/d/a.wav"))
    assert said(vpo.scan(tree.root / "one")) == {"skipped": 1, "moved": 1}
    assert ids(vpo) == known
    assert id_of(vpo, tree.path("one/d/a.wav")) == known["a.wav"]
    assert said(vpo.scan(tree.root / "two")) == {"skipped": 1}


def test_directories_that_change_places_are_compared_file_by_file(vpo: Vpo, tree: Tree) -> None:
    tree.write("d/a.wav", sound(1))
    tree.write("e/b.wav", sound(2))
    vpo.scan(tree.root)
    known = ids(vpo)
    os.rename(tree.path("d"), tree.path("x"))
    os.rename(tree.path("e"), tree.path("d"))
    os.rename(tree.path("x"), tree.path("e"))
    assert said(vpo.scan(tree.root)) == {"moved": 2}
    assert ids(vpo) == known


def test_a_mass_reorganisation_is_no_mass_removal(vpo: Vpo, tree: Tree) -> None:
    for number in range(500):
        tree.write(f"{number % 7}/{number:03}.mkv", b"%03d" % number)
    vpo.introspects = False
    vpo.scan(tree.root)
    known = ids(vpo)
    for number in range(450):
        now = tree.path(f"by/{number // 50}/{number:03}.mkv")
        os.makedirs(os.path.dirname(now), exist_ok=True)
        os.rename(tree.path(f"{number % 7}/{number:03}.mkv"), now)
    assert said(vpo.scan(tree.root)) == {"skipped": 50, "moved": 450}
    assert ids(vpo) == known


# -- Several roots, and several scans -------------------------------------------------------------


@pytest.mark.parametrize("first", ["one", "two"])
@pytest.mark.parametrize("what", ["d", "d/a.wav"])
def test_moved_from_one_root_to_another(vpo: Vpo, tree: Tree, what: str, first: str) -> None:
    before = tree.write("one/d/a.wav", sound(1))
    tree.write("one/b.wav", sound(2))
    tree.write("two/c.wav", sound(3))
    vpo.scan(tree.root / "one")
    vpo.scan(tree.root / "two")
    mark(vpo)
    known = ids(vpo)
    now = tree.path("two/a.wav") if what == "d/a.wav" else tree.path("two/d/a.wav")
    os.rename(tree.path(f"one/{what}"), tree.path(f"two/{os.path.basename(what)}"))
    results = {
        root: vpo.scan(tree.root / root) for root in sorted(("one", "two"), key=first.__ne__)
    }
    assert said(results["two"]) == {"skipped": 1, "moved": 1}
    # Where the old place is scanned first, it is gone there; else nothing is known to be.
    gone = {"removed": 1} if first == "one" else {}
    assert said(results["one"]) == {"skipped": 1, **gone}
    assert ids(vpo) == known
    assert_was_not_read(vpo, now)
    told = ["moved", "removed", "added"] if first == "one" else ["moved", "added"]
    assert history(vpo, now) == told
    vpo.ok("files", "show", before, status=2)


@pytest.mark.parametrize("status", ["ok", "error", "pending"])
def test_gone_in_one_scan_and_found_in_the_next(
    vpo: Vpo, tree: Tree, tmp_path: Path, status: str
) -> None:
    tree.write("b.wav", sound(2))
    before = tree.write("a.wav", sound(1) if status == "ok" else sound(1)[:20])
    options = ["--no-introspect"] if status == "pending" else []
    vpo.scan(tree.root, *options, status=int(status == "error"))
    known = ids(vpo)
    os.rename(before, tmp_path / "aside")
    assert vpo.scan(tree.root, "--no-introspect")["removed"] == 1
    os.makedirs(tree.path("new"))
    os.rename(tmp_path / "aside", tree.path("new/c.wav"))
    result = vpo.scan(tree.root, "--no-introspect")
    assert said(result) == {"skipped": 1, "moved": 1}
    assert ids(vpo) == {"b.wav": known["b.wav"], "c.wav": known["a.wav"]}
    assert vpo.statuses()["c.wav"] == status


def test_files_that_were_not_read_are_read_where_they_are_now(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.wav", sound(1))
    tree.write("d/b.wav", sound(2))
    vpo.scan(tree.root, "--no-introspect")
    os.rename(tree.path("a.wav"), tree.path("c.wav"))
    os.rename(tree.path("d"), tree.path("e"))
    assert said(vpo.scan(tree.root)) == {"moved": 2}
    assert vpo.statuses() == {"b.wav": "ok", "c.wav": "ok"}


def test_a_file_that_could_not_be_read_is_tried_again_if_asked(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.wav", sound(1)[:20])
    tree.write("d/b.wav", sound(1)[:20])
    vpo.scan(tree.root, status=1)
    os.rename(tree.path("a.wav"), tree.path("c.wav"))
    os.rename(tree.path("d"), tree.path("e"))
    assert said(vpo.scan(tree.root)) == {"moved": 2}
    assert vpo.statuses() == {"b.wav": "error", "c.wav": "error"}
    os.rename(tree.path("c.wav"), tree.path("d.wav"))
    os.rename(tree.path("e"), tree.path("f"))
    assert said(vpo.scan(tree.root, "--retry-errors", status=1)) == {"errors": 2}


def test_a_full_scan_reads_what_was_moved(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.wav", sound(1))
    tree.write("d/b.wav", sound(2))
    vpo.scan(tree.root)
    mark(vpo)
    known = ids(vpo)
    os.rename(tree.path("a.wav"), tree.path("c.wav"))
    os.rename(tree.path("d"), tree.path("e"))
    assert said(vpo.scan(tree.root, "--full")) == {"moved": 2}
    assert ids(vpo) == {"c.wav": known["a.wav"], "b.wav": known["b.wav"]}
    assert {each["duration_seconds"] for each in vpo.files().values()} == {0.05}


# -- What is said ---------------------------------------------------------------------------------


def test_moves_are_told(vpo: Vpo, tree: Tree) -> None:
    before, now = tree.write("a.wav", sound(1)), tree.path("b.wav")
    vpo.scan(tree.root)
    os.rename(before, now)
    old, new = os.fsdecode(before), os.fsdecode(now)
    planned = vpo.ok("scan", "--dry-run", "-v", tree.root).stdout
    text = vpo.ok("scan", "-v", tree.root).stdout
    for said_of_it in (planned, text):
        assert f"  > {old} -> {new}\n" in said_of_it
        assert "  Moved (renamed): 1\n" in said_of_it
    job = vpo.jobs()[-1]["id"]
    assert f"  moved (1):\n    {old} -> {new}\n" in vpo.ok("jobs", "show", job).stdout
    assert vpo.ok("jobs", "show", "--json", job).json["files_affected"]["moved"] == [
        {"path": new, "path_before": old}
    ]
    assert f": moved from {old}\n" in vpo.ok("files", "show", now).stdout
    # Either path tells all of it.
    for path in (before, now):
        listed = vpo.ok("jobs", "list", "--json", "--file", path).json
        assert [each["change"] for each in listed] == ["moved", "added"]
        assert [each["path_before"] for each in listed] == [old, None]
        assert f"moved from {old}\n" in vpo.ok("jobs", "list", "--file", path).stdout


def test_the_old_path_of_a_file_that_was_pruned_tells_what_it_was(vpo: Vpo, tree: Tree) -> None:
    before, now = tree.write("a.wav", sound(1)), tree.path("b.wav")
    tree.write("c.wav", sound(3))
    vpo.scan(tree.root)
    os.rename(before, now)
    vpo.scan(tree.root)
    os.unlink(now)
    assert said(vpo.scan(tree.root, "--prune")) == {"skipped": 1, "removed": 1, "pruned": 1}
    for path in (before, now):
        listed = vpo.ok("jobs", "list", "--json", "--file", path).json
        assert [each["change"] for each in listed] == ["pruned", "removed", "moved"]


def test_a_dry_run_moves_nothing(vpo: Vpo, tree: Tree) -> None:
    before = tree.write("a.wav", sound(1))
    tree.write("d/b.wav", sound(2))
    vpo.scan(tree.root)
    known = vpo.files()
    os.rename(before, tree.path("c.wav"))
    os.rename(tree.path("d"), tree.path("e"))
    assert said(vpo.scan(tree.root, "--dry-run")) == {"moved": 2}
    assert vpo.files() == known


@pytest.mark.parametrize("left", [[], ["z/left.mkv"]])
def test_a_dry_run_says_of_files_moved_one_by_one_what_a_scan_does(
    vpo: Vpo, tree: Tree, left: list[str]
) -> None:
    vpo.introspects = False
    for name in ["z/0.mkv", "z/1.mkv", *left]:
        tree.write(name)
    vpo.scan(tree.root)
    os.mkdir(tree.path("a"))
    os.rename(tree.path("z/0.mkv"), tree.path("a/0.mkv"))
    os.rename(tree.path("z/1.mkv"), tree.path("1.mkv"))
    if not left:
        os.rmdir(tree.path("z"))
    dry = vpo.scan(tree.root, "--dry-run")
    assert (
        said(dry) == said(vpo.scan(tree.root)) == {"moved": 2, **({"skipped": 1} if left else {})}
    )


def test_moved_files_are_listed_as_changed_since(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.wav", sound(1))
    tree.write("d/b.wav", sound(2))
    tree.write("x.wav", sound(3))
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        connection.execute("UPDATE files SET scanned_at = '2020-12-01T00:00:00Z'")
    os.rename(tree.path("a.wav"), tree.path("c.wav"))
    os.rename(tree.path("d"), tree.path("e"))
    vpo.scan(tree.root)
    listed = vpo.files("--changed-since", "1d")
    assert sorted(map(os.path.basename, listed)) == ["b.wav", "c.wav"]

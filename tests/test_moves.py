"""Files and directories that are renamed or moved keep their records, and are not read again."""

from __future__ import annotations

import contextlib
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
from integrity import digest, edit
from media import wav
from mounts import mounted, unmount
from support import Tree, Vpo, seeded
from vpo._engine import birth_time
from vpo.scanner import missing_files
from vpo.scanner.run import Run

COUNTS = ("scanned", "skipped", "added", "moved", "removed", "errors", "pruned")


@pytest.fixture
def vpo(vpo: Vpo) -> Vpo:
    """The command as people have it: it reads files."""
    vpo.introspects = True
    return vpo


def sound(number: int) -> bytes:
    """A WAV file; each number is another content of the same length."""
    return wav(number.to_bytes(2, "little") * 400)


def long_sound(middle: int) -> bytes:
    """A WAV file of which only the middle differs, which no quick identity sees."""
    content = bytearray(bytes(300_000))
    content[: len(sound(1))] = sound(1)
    content[150_000:150_002] = middle.to_bytes(2, "little")
    return bytes(content)


def said(result: dict[str, Any]) -> dict[str, int]:
    """The counts of a scan that are not 0."""
    return {name: result[name] for name in COUNTS if result[name]}


def ids(vpo: Vpo) -> dict[str, int]:
    """Names of files (not paths) that are there, and the ids of their records."""
    with vpo.sql() as connection:
        return dict(
            connection.execute(
                "SELECT filename, id FROM library_files WHERE scan_status <> 'missing'"
            ).fetchall()
        )


def ids_by_path(vpo: Vpo, tree: Tree) -> dict[str, int]:
    """The paths, relative to the tree, of files that are there, and the ids of their records."""
    with vpo.sql() as connection:
        rows = connection.execute(
            "SELECT path, id FROM library_files WHERE scan_status <> 'missing'"
        ).fetchall()
    return {os.path.relpath(path, tree.root): file_id for path, file_id in rows}


def id_of(vpo: Vpo, path: bytes | Path) -> int | None:
    """The id of the record at a path."""
    stored: str | bytes = os.fsencode(path)
    with contextlib.suppress(UnicodeDecodeError):
        stored = os.fsencode(path).decode()
    with vpo.sql() as connection:
        row = connection.execute(
            "SELECT id FROM library_files WHERE path = ? AND scan_status <> 'missing'", (stored,)
        ).fetchone()
    return row[0] if row else None


def mark(vpo: Vpo) -> None:
    """Records of each file what it is not, so that it shows whether it is read again."""
    with vpo.sql() as connection:
        connection.execute("UPDATE media SET duration_seconds = 1000 + file_id")


def assert_was_not_read(vpo: Vpo, *paths: bytes | Path) -> None:
    """What `mark` recorded of the files is still there, and their tracks are."""
    for path in paths:
        with vpo.sql() as connection:
            file_id = id_of(vpo, path)
            facts = connection.execute(
                "SELECT m.duration_seconds, f.scan_status,"
                " (SELECT count(*) FROM tracks t WHERE t.file_id = f.id)"
                " FROM files f JOIN media m ON m.file_id = f.id WHERE f.id = ?",
                (file_id,),
            ).fetchone()
        assert tuple(facts) == (1000 + (file_id or 0), "ok", 1), path


def record_digests(vpo: Vpo, *paths: bytes | Path) -> None:
    """Records the digests of files as they are, as a verification does."""
    for path in paths:
        query = "UPDATE files SET content_hash = ?, verified_at = scanned_at WHERE id = ?"
        edit(vpo, query, digest(os.fsencode(path)), id_of(vpo, path))


def history(vpo: Vpo, path: bytes | Path) -> list[str]:
    """What `files show` says that jobs did to a file, newest first."""
    listed = vpo.ok("files", "show", "--json", path).json["jobs"]
    return [job["change"] for job in listed]


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

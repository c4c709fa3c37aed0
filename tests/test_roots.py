"""`vpo roots`: roots are listed, forgotten, moved and merged, and no file is touched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from faults import faulty
from mounts import mounted, mounted_again
from support import Tree, Vpo, contents


@pytest.fixture
def films(tmp_path: Path) -> Tree:
    """A root with four files in two directories."""
    root = tmp_path / "films"
    root.mkdir()
    tree = Tree(root)
    tree.write_all(
        {
            f"{title}/{title}.{ext}": f"{title}.{ext}".encode() * 99
            for title in ("Arrival", "Moon")
            for ext in ("mkv", "srt")
        }
    )
    return tree


def digests(vpo: Vpo) -> dict[str, str | None]:
    """The recorded digest of each file, by path."""
    return {path: each["content_hash"] for path, each in vpo.files().items()}


def ids_of(vpo: Vpo) -> dict[str, int]:
    """The id of each record, by path."""
    with vpo.sql() as connection:
        return dict(map(tuple, connection.execute("SELECT path, id FROM library_files")))


def roots_of(vpo: Vpo) -> list[str]:
    """The paths of the roots."""
    return [root["path"] for root in vpo.ok("roots", "list", "--json").json]


def moved(found: dict[str, Any], old: Path, new: Path) -> dict[str, Any]:
    """The same by the paths that files below `old` have below `new`."""
    return {path.replace(f"{old}/", f"{new}/"): value for path, value in found.items()}


# -- list --------------------------------------------------------------------------------


def test_the_list_says_what_is_known_of_each_root(vpo: Vpo, films: Tree) -> None:
    vpo.scan(films.root)
    vpo.scan(films.root / "Moon")
    films.remove("Arrival/Arrival.srt")
    vpo.scan(films.root)
    outer, inner = vpo.ok("roots", "list", "--json").json
    assert outer["path"] == str(films.root)
    assert outer["state"] == "ok"
    assert outer["files"] == {"pending": 3, "ok": 0, "error": 0, "missing": 1}
    assert outer["within"] is None
    assert outer["filesystem_identity"].startswith(f"{outer['filesystem']}:")
    assert outer["last_scan_at"] > outer["added_at"]
    assert inner["within"] == str(films.root)
    text = vpo.ok("roots", "list").stdout
    assert "FILE SYSTEM" in text
    assert outer["filesystem_identity"] in vpo.ok("-v", "roots", "list").stdout


def test_a_root_that_is_gone_is_offline_and_the_hint_names_the_commands(
    vpo: Vpo, films: Tree
) -> None:
    vpo.scan(films.root)
    shutil.rmtree(films.root)
    (root,) = vpo.ok("roots", "list", "--json").json
    assert root["state"] == "offline"
    for output in (vpo.ok("roots", "list").stderr, vpo.ok("status").stdout):
        assert "vpo roots move" in output
        assert "vpo roots remove" in output
    assert "vpo roots remove" in vpo.ok("verify", status=2).stderr


# -- remove ------------------------------------------------------------------------------


def test_without_yes_nothing_is_forgotten(vpo: Vpo, films: Tree) -> None:
    vpo.scan(films.root)
    vpo.ok("verify")
    before = vpo.files()
    planned = vpo.ok("roots", "remove", "--json", films.root).json
    assert planned["dry_run"] is True
    assert (planned["files"], planned["digests"], planned["directories"]) == (4, 4, 2)
    assert planned["bytes"] == sum(each["size_bytes"] for each in before.values())
    assert "Nothing was changed" in vpo.ok("roots", "remove", films.root).stdout
    assert vpo.files() == before
    assert roots_of(vpo) == [str(films.root)]


def test_a_root_is_forgotten_with_all_below_it_and_files_stay(
    vpo: Vpo, films: Tree, tree: Tree
) -> None:
    tree.write("other.mkv")
    vpo.scan(tree.root)
    vpo.scan(films.root)
    vpo.ok("verify")
    films.write("Moon/Moon.mkv", b"longer than before")
    vpo.scan(films.root)
    there = contents(films.root)
    assert vpo.ok("roots", "remove", "--yes", "--json", films.root).json["files"] == 4
    assert contents(films.root) == there
    assert roots_of(vpo) == [str(tree.root)]
    assert list(vpo.files()) == [str(tree.root / "other.mkv")]
    vpo.check_integrity()
    with vpo.sql() as connection:
        assert connection.execute("SELECT count(*) FROM file_changes").fetchone()[0] == 0
    # What comes later starts anew.
    assert vpo.scan(films.root)["added"] == 4
    assert set(digests(vpo).values()) == {None, digests(vpo)[str(tree.root / "other.mkv")]}


def test_a_forgotten_root_does_not_keep_status_and_verify_red(
    vpo: Vpo, films: Tree, tree: Tree
) -> None:
    tree.write("other.mkv")
    vpo.scan(tree.root)
    vpo.scan(films.root)
    shutil.rmtree(films.root)
    vpo.scan(films.root, status=2)
    vpo.ok("verify", status=1)
    assert vpo.ok("status", "--json").json["needs_attention"] is True
    vpo.ok("roots", "remove", "--yes", films.root)
    vpo.ok("verify")
    status = vpo.ok("status", "--json").json
    assert status["needs_attention"] is False
    assert status["failures"] == []


def test_records_that_belong_to_another_root_stay(vpo: Vpo, films: Tree) -> None:
    inner = films.root / "Moon"
    vpo.scan(films.root)
    vpo.scan(inner)
    result = vpo.ok("roots", "remove", "--yes", "--json", inner).json
    assert result["files"] == 0
    assert "They stay" in result["warnings"][0]
    assert len(vpo.files()) == 4
    vpo.scan(inner)
    result = vpo.ok("roots", "remove", "--yes", "--json", films.root).json
    assert result["files"] == 2
    assert roots_of(vpo) == [str(inner)]
    assert {os.path.dirname(path) for path in vpo.files()} == {str(inner)}


def test_roots_that_are_forgotten_together_leave_nothing(vpo: Vpo, films: Tree) -> None:
    inner = films.root / "Moon"
    vpo.scan(films.root)
    vpo.scan(inner)
    vpo.ok("roots", "remove", "--yes", inner, films.root)
    assert vpo.files() == {}
    assert roots_of(vpo) == []


def test_a_directory_that_is_no_root_is_refused(vpo: Vpo, films: Tree) -> None:
    vpo.scan(films.root)
    assert vpo.error_code("roots", "remove", "--yes", films.root / "Moon") == "ROOT_NOT_FOUND"
    refused = vpo.ok("roots", "remove", films.root.parent / "nothing", status=2)
    assert str(films.root) in refused.stderr
    assert len(vpo.files()) == 4


def test_a_root_is_not_forgotten_while_a_job_works_on_it(vpo: Vpo, films: Tree) -> None:
    vpo.scan(films.root)
    with vpo.sql() as connection:
        # As long as this process lives.
        connection.execute(
            "INSERT INTO jobs (id, job_type, file_path, status, policy_json, created_at,"
            " started_at, worker_pid, worker_identity) SELECT 'running', job_type, file_path,"
            " 'running', policy_json, created_at, started_at, ?, NULL FROM jobs",
            (os.getpid(),),
        )
        from vpo.base import times

        connection.execute(
            "UPDATE jobs SET worker_heartbeat = ? WHERE id = 'running'",
            (times.to_text(times.now()),),
        )
    for option in ("--dry-run", "--yes"):
        assert vpo.error_code("roots", "remove", option, films.root, status=75) == "JOB_LOCKED"
    assert len(vpo.files()) == 4


def test_jobs_that_wait_in_the_queue_for_a_forgotten_root_are_cancelled(
    vpo: Vpo, films: Tree
) -> None:
    vpo.scan(films.root)
    vpo.ok("scan", "--enqueue", films.root)
    assert vpo.ok("roots", "remove", "--yes", "--json", films.root).json["cancelled_jobs"] == 1
    assert [job["status"] for job in vpo.jobs()].count("queued") == 0


def test_names_that_are_not_utf8_are_forgotten_too(vpo: Vpo, tmp_path: Path) -> None:
    root = os.path.join(os.fsencode(tmp_path), b"\xff")
    tree = Tree(Path(os.fsdecode(root)))
    tree.write(b"\xfe/\xfd.mkv")
    tree.write("plain.mkv")
    vpo.scan(root)
    assert vpo.ok("roots", "remove", "--yes", "--json", root).json["files"] == 2
    assert vpo.files() == {}
    with vpo.sql() as connection:
        assert connection.execute("SELECT count(*) FROM directories").fetchone()[0] == 0


# -- move --------------------------------------------------------------------------------


def test_a_root_that_was_renamed_keeps_records_digests_and_history(
    vpo: Vpo, films: Tree, tmp_path: Path
) -> None:
    vpo.scan(films.root)
    vpo.ok("verify")
    ids, before = ids_of(vpo), digests(vpo)
    new = tmp_path / "disk" / "films"
    new.parent.mkdir()
    films.root.rename(new)
    result = vpo.ok("roots", "move", "--yes", "--json", films.root, new).json
    assert (result["files"], result["checked_same"], result["checked_content"]) == (4, 4, 4)
    assert roots_of(vpo) == [str(new)]
    assert digests(vpo) == moved(before, films.root, new)
    assert ids_of(vpo) == moved(ids, films.root, new)
    scan = vpo.scan(new)
    assert (scan["skipped"], scan["total_discovered"]) == (4, 4)
    assert digests(vpo) == moved(before, films.root, new)
    file = new / "Moon" / "Moon.mkv"
    history = vpo.ok("jobs", "list", "--json", "--file", file).json
    assert [each["change"] for each in history][:2] == [None, "moved"] or [
        each["change"] for each in history if each["change"]
    ] == ["moved", "added"]
    vpo.ok("verify")
    assert vpo.ok("status", "--json").json["needs_attention"] is False


def test_a_root_that_was_copied_and_deleted_keeps_its_digests(
    vpo: Vpo, films: Tree, tmp_path: Path
) -> None:
    vpo.scan(films.root)
    vpo.ok("verify")
    before, new = digests(vpo), tmp_path / "new"
    shutil.copytree(films.root, new)
    shutil.rmtree(films.root)
    vpo.ok("roots", "move", "--yes", films.root, new)
    assert vpo.scan(new)["skipped"] == 4
    assert digests(vpo) == moved(before, films.root, new)
    # Another file with the same size and time still shows by its inode.
    path = new / "Moon" / "Moon.mkv"
    status = path.stat()
    other = Tree(new).write("x", path.read_bytes(), mtime_ns=status.st_mtime_ns)
    os.replace(other, path)
    assert vpo.scan(new)["scanned"] == 1


def test_a_root_on_another_file_system_is_accepted_there(
    vpo: Vpo, films: Tree, tmp_path: Path
) -> None:
    vpo.scan(films.root)
    vpo.ok("verify")
    before = digests(vpo)
    with mounted(tmp_path / "disk") as disk:
        shutil.copytree(films.root, disk / "films")
        shutil.rmtree(films.root)
        vpo.ok("roots", "move", "--yes", films.root, disk / "films")
        assert vpo.scan(disk / "films")["skipped"] == 4
        assert digests(vpo) == moved(before, films.root, disk / "films")
        vpo.ok("verify")


def test_records_of_a_place_that_was_scanned_already_are_joined(
    vpo: Vpo, films: Tree, tmp_path: Path
) -> None:
    vpo.scan(films.root)
    vpo.ok("verify")
    films.remove("Arrival/Arrival.srt")
    vpo.scan(films.root)
    ids, before = ids_of(vpo), digests(vpo)
    new = tmp_path / "new"
    shutil.copytree(films.root, new)
    Tree(new).write("Moon/Moon.srt", b"changed on the way")
    Tree(new).write("Added/Added.mkv")
    vpo.scan(new)
    shutil.rmtree(films.root)
    result = vpo.ok("roots", "move", "--yes", "--json", films.root, new).json
    assert (result["joined"], result["changed"], result["conflicts"]) == (3, 1, 0)
    vpo.check_integrity()
    assert roots_of(vpo) == [str(new)]
    found, expected = vpo.files(), moved(before, films.root, new)
    assert found.keys() == {*expected, str(new / "Added" / "Added.mkv")}
    # What has changed has no digest any more.
    expected[str(new / "Moon" / "Moon.srt")] = None
    assert digests(vpo) == {**expected, str(new / "Added" / "Added.mkv"): None}
    kept = moved(ids, films.root, new)
    unchanged = new / "Moon" / "Moon.mkv"
    assert ids_of(vpo)[str(unchanged)] == kept[str(unchanged)]
    assert found[str(new / "Arrival" / "Arrival.srt")]["scan_status"] == "missing"
    scan = vpo.scan(new)
    assert (scan["skipped"], scan["added"], scan["scanned"], scan["removed"]) == (4, 0, 0, 0)
    changes = [
        each["change"]
        for each in vpo.ok("jobs", "list", "--json", "--file", new / "Moon" / "Moon.srt").json
        if each["change"]
    ]
    assert changes[-1] == "added"
    assert "moved" in changes
    vpo.ok("verify")


def test_a_copy_with_another_digest_does_not_replace_the_digest_of_the_original(
    vpo: Vpo, films: Tree, tmp_path: Path
) -> None:
    films.write_all({f"many/{number}.mkv": b"%d" % number for number in range(60)})
    vpo.scan(films.root)
    vpo.ok("verify")
    # Every fourth file of a sample of this size is read.
    path = Path(list(ids_of(vpo))[1]).relative_to(films.root)
    good, new = digests(vpo)[str(films.root / path)], tmp_path / "new"
    shutil.copytree(films.root, new)
    status, content = (new / path).stat(), (new / path).read_bytes()
    Tree(new).write(str(path), content[:-1] + b"?", mtime_ns=status.st_mtime_ns)
    vpo.scan(new)
    vpo.ok("verify", new)
    result = vpo.ok("roots", "move", "--yes", "--json", films.root, new).json
    assert result["conflicts"] == 1
    assert "another digest" in result["warnings"][-1]
    assert digests(vpo)[str(new / path)] == good
    assert vpo.ok("verify", "--json", new, status=1).json["damaged"] == 1


def test_damage_of_a_root_moves_with_it(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    path = films.path("Moon/Moon.mkv")
    vpo.scan(films.root)
    vpo.ok("verify")
    status = os.stat(path)
    with open(path, "r+b") as file:
        file.write(b"?")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert vpo.ok("verify", "--json", status=1).json["damaged"] == 1
    new = tmp_path / "new"
    films.root.rename(new)
    assert vpo.ok("roots", "move", "--yes", "--json", films.root, new).json["damaged"] == 1
    (damaged,) = vpo.ok("verify", "status", "--json", status=1).json["damage"]
    assert damaged["path"] == str(new / "Moon" / "Moon.mkv")
    # A good copy is not damaged, and its digest proves that.
    good = tmp_path / "good"
    shutil.copytree(new, good)
    Tree(good).write("Moon/Moon.mkv", b"Moon.mkv" * 99, mtime_ns=status.st_mtime_ns)
    vpo.scan(good)
    vpo.ok("verify", good)
    shutil.rmtree(new)
    vpo.ok("roots", "move", "--yes", new, good)
    assert vpo.ok("verify", "status", "--json").json["damage"] == []


def test_a_place_that_does_not_hold_the_files_is_refused(
    vpo: Vpo, films: Tree, tmp_path: Path
) -> None:
    vpo.scan(films.root)
    before = vpo.files()
    new = tmp_path / "new"
    new.mkdir()
    for words in ([], ["--yes"]):
        assert vpo.error_code("roots", "move", *words, films.root, new) == "ROOT_MISMATCH"
    shutil.copytree(films.root, new, dirs_exist_ok=True)
    for path in new.rglob("*.*"):
        path.write_bytes(b"something else")
    assert vpo.error_code("roots", "move", "--yes", films.root, new) == "ROOT_MISMATCH"
    assert vpo.files() == before
    gone = tmp_path / "gone"
    assert vpo.error_code("roots", "move", "--yes", films.root, gone) == "DIRECTORY_NOT_FOUND"


def test_other_content_with_the_same_size_and_time_is_refused(
    vpo: Vpo, films: Tree, tmp_path: Path
) -> None:
    vpo.scan(films.root)
    vpo.ok("verify")
    new = tmp_path / "new"
    shutil.copytree(films.root, new)
    path = new / "Moon" / "Moon.mkv"
    status, content = path.stat(), path.read_bytes()
    path.write_bytes(content[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    refused = vpo.ok("roots", "move", "--yes", films.root, new, status=2)
    assert f"`{path}` has other content" in refused.stderr
    assert roots_of(vpo) == [str(films.root)]


def test_places_that_lie_in_each_other_are_refused(vpo: Vpo, films: Tree) -> None:
    vpo.scan(films.root)
    for new in (films.root, films.root / "Moon", films.root.parent):
        code = vpo.error_code("roots", "move", "--yes", films.root, new)
        assert code == "ROOT_OVERLAP"
    assert roots_of(vpo) == [str(films.root)]


def test_roots_below_a_moved_root_move_with_it(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    vpo.scan(films.root)
    vpo.scan(films.root / "Moon")
    new = tmp_path / "new"
    films.root.rename(new)
    vpo.ok("roots", "move", "--yes", films.root, new)
    assert roots_of(vpo) == [str(new), str(new / "Moon")]
    assert vpo.scan(new / "Moon")["skipped"] == 2


def test_a_move_without_yes_compares_and_changes_nothing(
    vpo: Vpo, films: Tree, tmp_path: Path
) -> None:
    vpo.scan(films.root)
    before, new = vpo.files(), tmp_path / "new"
    shutil.copytree(films.root, new)
    shown = vpo.ok("roots", "move", films.root, new)
    assert "4 of 4 files compared are the same" in shown.stdout
    assert "still exists" in shown.stderr
    assert vpo.files() == before


# -- merge -------------------------------------------------------------------------------


def test_a_root_in_another_one_is_merged_into_it(vpo: Vpo, films: Tree) -> None:
    inner = films.root / "Moon"
    vpo.scan(films.root)
    vpo.scan(inner)
    vpo.ok("verify")
    before = vpo.files()
    assert "Nothing was changed" in vpo.ok("roots", "merge", inner, films.root).stdout
    assert vpo.error_code("roots", "merge", "--yes", films.root, inner) == "ROOT_OVERLAP"
    vpo.ok("roots", "merge", "--yes", inner, films.root)
    assert roots_of(vpo) == [str(films.root)]
    assert vpo.files() == before


def test_a_tree_under_two_mounts_becomes_one_root(vpo: Vpo, films: Tree, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk") as disk:
        shutil.copytree(films.root, disk / "films")
        vpo.scan(disk / "films")
        vpo.ok("verify", disk)
        before = digests(vpo)
        # A catalogue from before vpo refused that.
        with mounted_again(disk, tmp_path / "again") as _:
            again = tmp_path / "again" / "films"
            assert vpo.error_code("scan", again) == "ROOT_ALIAS"
            with vpo.sql() as connection:
                connection.execute(
                    "INSERT INTO roots (path, filesystem_id, added_at)"
                    " SELECT ?, filesystem_id, added_at FROM roots",
                    (str(again),),
                )
            vpo.scan(again)
            assert len(vpo.files()) == 8
            vpo.ok("roots", "merge", "--yes", again, disk / "films")
            assert roots_of(vpo) == [str(disk / "films")]
            assert digests(vpo) == before
            assert vpo.scan(disk / "films")["skipped"] == 4
            vpo.check_integrity()


def test_two_spellings_of_a_root_become_one_where_case_does_not_count(
    vpo: Vpo, tmp_path: Path
) -> None:
    disk = Tree(tmp_path / "disk.nocase")
    disk.write_all({f"films/{number}.mkv": b"%d" % number for number in range(3)})
    with faulty(disk.root) as shown:
        # The disk lists it like this, whatever people type.
        assert vpo.scan(shown / "FILMS")["directory"] == str(shown / "films")
        assert vpo.scan(shown / "Films")["skipped"] == 3
        assert roots_of(vpo) == [str(shown / "films")]
        with vpo.sql() as connection:
            connection.execute("UPDATE roots SET path = ?", (str(shown / "FILMS"),))
            connection.execute("UPDATE directories SET path = ?", (str(shown / "FILMS"),))
        assert vpo.error_code("scan", shown / "films") == "ROOT_ALIAS"
        vpo.ok("roots", "move", "--yes", shown / "FILMS", shown / "films")
        assert vpo.scan(shown / "films")["skipped"] == 3


def test_a_directory_of_a_root_that_is_mounted_elsewhere_is_refused(
    vpo: Vpo, tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk") as disk:
        Tree(disk).write_all({"films/a.mkv": b"a", "music/b.mp3": b"b"})
        vpo.scan(disk / "films")
        with mounted_again(disk, tmp_path / "again"):
            again = tmp_path / "again"
            refused = vpo.ok("scan", again, status=2)
            assert f"holds the root `{disk / 'films'}`" in refused.stderr
            assert vpo.scan(again / "music")["added"] == 1
            vpo.ok("roots", "remove", "--yes", disk / "films", again / "music")
        vpo.scan(disk)
        with mounted_again(disk / "films", tmp_path / "films"):
            refused = vpo.ok("scan", tmp_path / "films", status=2)
            assert f"Scan `{disk / 'films'}`" in refused.stderr
        assert vpo.jobs()[-1]["file_path"] == str(disk)

"""`vpo duplicates`: what is found, what is read for it, and what is left out."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filesystems import REFLINKING, filesystem, reflink
from injection import injected, just_before
from mounts import UNPRIVILEGED, mounted, need_permissions
from support import OLD_NS, Tree, Vpo, wait_until
from vpo.duplicates.hashing import DigestReader

KIB = 1024
MINUTE_NS = 60 * 10**9


def found(vpo: Vpo, *args: str | bytes | Path, status: int = 0) -> Any:
    return vpo.ok("duplicates", "--json", *args, status=status).json


def groups(document: Any) -> list[list[str]]:
    """The names (not paths) of the files of each group, sorted."""
    return sorted(
        sorted(os.path.basename(file["path"]) for file in group["files"])
        for group in document["groups"]
    )


def jobs_of_type(vpo: Vpo, job_type: str) -> list[dict[str, Any]]:
    return [job for job in vpo.jobs() if job["job_type"] == job_type]


# -- What is found ---------------------------------------------------------------


def test_files_of_the_same_content_are_a_group(vpo: Vpo, tree: Tree) -> None:
    tree.write("a/one.mkv", b"film" * 100)
    tree.write("b/two.mkv", b"film" * 100, mtime_ns=OLD_NS + MINUTE_NS)
    tree.write("b/same size.mkv", b"mlif" * 100)
    tree.write("b/other.mkv", b"another")
    vpo.scan(tree.root)
    document = found(vpo)
    assert groups(document) == [["one.mkv", "two.mkv"]]
    (group,) = document["groups"]
    assert group["size_bytes"] == group["wasted_bytes"] == 400
    assert group["content_hash"].startswith("blake3:")
    assert [file["kept"] for file in group["files"]] == [True, False]
    assert document["totals"] == {"groups": 1, "files": 2, "wasted_bytes": 400}


@pytest.mark.parametrize("size", [64 * KIB, 128 * KIB, 128 * KIB + 1, 200 * KIB, 1024 * KIB])
def test_one_byte_that_differs_is_enough_wherever_it_is(vpo: Vpo, tree: Tree, size: int) -> None:
    content = os.urandom(size)
    tree.write("whole.mkv", content)
    tree.write("equal.mkv", content)
    for number, place in enumerate({0, size // 2, size - 1, min(size, 65 * KIB) - 1}):
        other = bytearray(content)
        other[place] ^= 1
        tree.write(f"other {number}.mkv", bytes(other))
    vpo.scan(tree.root)
    assert groups(found(vpo)) == [["equal.mkv", "whole.mkv"]]


def test_files_of_equal_ends_and_other_sizes_are_told_apart(vpo: Vpo, tree: Tree) -> None:
    for size in (200 * KIB, 300 * KIB, 400 * KIB):
        tree.write(f"{size}.mkv", bytes(size))
    tree.write("again.mkv", bytes(300 * KIB))
    vpo.scan(tree.root)
    assert groups(found(vpo)) == [[f"{300 * KIB}.mkv", "again.mkv"]]


def test_empty_files_are_no_duplicates(vpo: Vpo, tree: Tree) -> None:
    for name in ("one.mkv", "two.mkv"):
        tree.write(name, b"")
    vpo.scan(tree.root)
    assert found(vpo)["groups"] == []


def test_hard_links_are_one_file_with_other_names(vpo: Vpo, tree: Tree) -> None:
    first = tree.write("a.mkv", b"content")
    os.link(first, tree.path("b.mkv"))
    tree.write("alone.mkv", b"content!")
    vpo.scan(tree.root)
    assert found(vpo)["groups"] == []
    tree.write("c.mkv", b"content", mtime_ns=OLD_NS + MINUTE_NS)
    vpo.scan(tree.root)
    ((kept, copy),) = (group["files"] for group in found(vpo)["groups"])
    assert [os.path.basename(link["path"]) for link in kept["hard_links"]] == ["b.mkv"]
    assert os.path.basename(copy["path"]) == "c.mkv"
    assert "        = " + str(tree.root / "b.mkv") in vpo.ok("duplicates").stdout


def test_of_hard_links_alone_no_more_is_read_than_their_heads(vpo: Vpo, tree: Tree) -> None:
    os.link(tree.write("a.mkv", b"content" * 10_000), tree.path("b.mkv"))
    vpo.scan(tree.root)
    assert found(vpo)["bytes_read"] == 2 * 4 * KIB
    assert found(vpo)["files_read"] == 0


def test_a_link_to_a_file_is_no_duplicate_of_it(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv", b"content")
    os.symlink("a.mkv", tree.path("b.mkv"))
    vpo.scan(tree.root, "--follow-symlinks")
    assert found(vpo)["groups"] == []


def test_a_file_that_is_reached_by_two_paths_is_one(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    elsewhere = Tree(tmp_path / "elsewhere")
    elsewhere.write("a.mkv", b"content")
    tree.write("own.mkv", b"something else")
    os.symlink(elsewhere.root, tree.path("linked"))
    vpo.scan(tree.root, "--follow-symlinks")
    vpo.scan(elsewhere.root)
    assert len(vpo.files()) == 3
    assert found(vpo)["groups"] == []


@pytest.mark.parametrize("kind", REFLINKING)
def test_reflinks_are_shown_apart_as_they_take_no_room(vpo: Vpo, tmp_path: Path, kind: str) -> None:
    with filesystem(kind, tmp_path) as point:
        tree = Tree(point)
        content = os.urandom(300 * KIB)
        tree.write("a.mkv", content)
        os.sync()
        reflink(point / "a.mkv", point / "b.mkv")
        os.utime(point / "b.mkv", ns=(OLD_NS, OLD_NS))
        vpo.scan(point)
        document = found(vpo)
        assert document["groups"] == []
        assert groups({"groups": document["sharing_storage"]}) == [["a.mkv", "b.mkv"]]
        assert (
            "1 more group: the files already share storage (reflinks)"
            in vpo.ok("duplicates").stdout
        )
        # With one that does take room, they are a group that wastes that.
        tree.write("c.mkv", content, mtime_ns=OLD_NS + MINUTE_NS)
        os.sync()
        vpo.scan(point)
        (group,) = found(vpo)["groups"]
        assert group["wasted_bytes"] == 300 * KIB
        assert sum(file["shares_storage"] for file in group["files"]) == 1


# -- Which files -----------------------------------------------------------------


def test_filters_say_which_files_are_compared(vpo: Vpo, tree: Tree) -> None:
    for directory in ("a", "b", "c"):
        tree.write(f"{directory}/large.mkv", b"large" * 1000)
        tree.write(f"{directory}/small.jpg", b"small")
    vpo.scan(tree.root)

    def names(*args: str | bytes) -> list[list[str]]:
        return [
            sorted(os.path.relpath(file["path"], tree.root) for file in group["files"])
            for group in found(vpo, *args)["groups"]
        ]

    large = ["a/large.mkv", "b/large.mkv", "c/large.mkv"]
    assert names("--min-size", "1K") == [large]
    assert names("--kind", "video") == [large]
    assert names("--under", tree.path("a"), "--under", tree.path("c"), "--kind", "video") == [
        ["a/large.mkv", "c/large.mkv"]
    ]
    assert names("--under", tree.path("b")) == []


def test_missing_files_are_not_compared(vpo: Vpo, tree: Tree) -> None:
    for name in ("a.mkv", "b.mkv", "c.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    tree.remove("c.mkv")
    vpo.scan(tree.root)
    assert groups(found(vpo)) == [["a.mkv", "b.mkv"]]


def test_a_damaged_file_is_nobodys_duplicate(vpo: Vpo, tree: Tree) -> None:
    for name in ("a.mkv", "b.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    assert len(found(vpo)["groups"]) == 1
    with vpo.sql() as connection:
        connection.execute(
            "INSERT INTO damage (file_id, damage, found_at, job, size_bytes, mtime_ns)"
            " SELECT id, 'rotted', '2026-01-01T00:00:00Z', 1, size_bytes, mtime_ns FROM files"
            " WHERE name = 'b.mkv'"
        )
    document = found(vpo)
    assert document["groups"] == []
    assert document["left_out"]["damaged"] == 1
    assert "known to be damaged" in vpo.ok("duplicates").stdout


@pytest.mark.parametrize("is_known", [False, True], ids=["not read yet", "read before"])
@pytest.mark.parametrize("change", ["written", "replaced", "removed", "fifo", "link"])
def test_a_file_that_changed_since_the_scan_is_left_out(
    vpo: Vpo, tree: Tree, change: str, is_known: bool
) -> None:
    for name in ("a.mkv", "b.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    if is_known:
        assert len(found(vpo)["groups"]) == 1
    path = tree.path("b.mkv")
    if change == "written":
        tree.write("b.mkv", b"CONTENT", mtime_ns=OLD_NS + 1)
    elif change == "replaced":
        # With the same size and times.
        tree.write("new", b"CONTENT")
        os.rename(tree.path("new"), path)
    else:
        os.unlink(path)
        if change == "fifo":
            os.mkfifo(path)
        elif change == "link":
            os.symlink("a.mkv", path)
    document = found(vpo)
    assert document["groups"] == []
    if change != "replaced" or is_known:
        assert document["left_out"]["changed_since_scan"] == 1
        assert "1 file that has changed or disappeared" in vpo.ok("duplicates").stdout


# -- What is read ----------------------------------------------------------------


def test_a_second_run_reads_nothing_and_is_no_job(vpo: Vpo, tree: Tree) -> None:
    for number in range(20):
        tree.write(f"{number}.mkv", bytes([number % 5]) * 300 * KIB)
    vpo.scan(tree.root)
    first = found(vpo)
    assert first["files_read"] > 0
    assert first["job_id"] is not None
    second = found(vpo)
    assert second["groups"] == first["groups"]
    assert (second["files_read"], second["bytes_read"], second["job_id"]) == (0, 0, None)
    (job,) = jobs_of_type(vpo, "duplicates")
    assert job["status"] == "completed"
    assert json.loads(job["summary_json"])["groups"] == 5


def test_who_may_only_read_the_library_gets_what_is_in_it(vpo: Vpo, tree: Tree) -> None:
    need_permissions(tree.root)
    tree.write("a.mkv")
    tree.write("b.mkv")
    vpo.scan(tree.root)

    def ask(*args: str, status: int) -> Any:
        for path, mode in ((vpo.database, 0o444), (vpo.home, 0o555)):
            path.chmod(mode)
        try:
            return vpo.ok("duplicates", "--json", *args, status=status, **UNPRIVILEGED).json
        finally:
            for path, mode in ((vpo.home, 0o755), (vpo.database, 0o644)):
                path.chmod(mode)

    assert ask(status=2)["code"] == "LIBRARY_UNWRITABLE"
    assert len(found(vpo)["groups"]) == 1
    assert len(ask(status=0)["groups"]) == 1
    assert ask("--action", "trash", "--yes", status=2)["code"] == "LIBRARY_UNWRITABLE"


@pytest.mark.parametrize("size", [1024 * KIB, 1025 * KIB])
def test_as_little_is_read_as_can_be(vpo: Vpo, tree: Tree, size: int) -> None:
    is_small = size <= 1024 * KIB
    tree.write("size of its own.mkv", b"x" * (size + 1))
    ends = os.urandom(size)
    tree.write("a.mkv", ends)
    tree.write("other end.mkv", ends[:-1] + bytes([ends[-1] ^ 1]))
    tree.write("b.mkv", os.urandom(size))
    vpo.scan(tree.root)
    document = found(vpo)
    assert document["groups"] == []
    # The first 4 KiB of those of one size, both ends of those alike in that (all of small ones),
    # and no more.
    assert document["bytes_read"] == 3 * 4 * KIB + 2 * (size if is_small else 128 * KIB)
    tree.write("c.mkv", ends)
    vpo.scan(tree.root)
    document = found(vpo)
    assert groups(document) == [["a.mkv", "c.mkv"]]
    assert document["bytes_read"] == 4 * KIB + (size if is_small else 128 * KIB + 2 * size)


def test_what_fits_its_quick_hash_is_read_in_full_only_if_it_may_be_a_duplicate(
    vpo: Vpo, tree: Tree
) -> None:
    for number in range(10):
        tree.write(f"{number}.mkv", bytes([number % 9]) * KIB)
    vpo.scan(tree.root)
    assert found(vpo)["bytes_read"] == 12 * KIB


def test_what_was_read_is_recorded_as_a_check_would(vpo: Vpo, tree: Tree) -> None:
    for name in ("a.mkv", "b.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    (group,) = found(vpo)["groups"]
    with vpo.sql() as connection:
        rows = connection.execute("SELECT * FROM files ORDER BY name").fetchall()
    for row in rows:
        assert row["content_hash"] == group["content_hash"]
        assert len(row["quick_hash"]) == 16
        assert row["verified_at"].endswith("Z")
        assert row["ctime_ns"] == os.stat(tree.path(row["name"])).st_ctime_ns


@pytest.mark.parametrize("is_right", [True, False])
def test_a_digest_of_version_6_is_checked_before_it_is_replaced(
    vpo: Vpo, tree: Tree, is_right: bool
) -> None:
    from vpo._engine import Digester

    for name in ("a.mkv", "b.mkv"):
        tree.write(name, b"content" * 100)
    vpo.scan(tree.root)
    digester = Digester()
    digester.submit([(0, tree.path("a.mkv"), None, None, False)], ["xxh64"])
    (answer,) = digester.take(10)
    assert answer.digests is not None
    old = "xxh64:" + (answer.digests["xxh64"] if is_right else "0" * 16 + ":" + "0" * 16 + ":700")
    with vpo.sql() as connection:
        connection.execute("UPDATE files SET content_hash = ? WHERE name = 'a.mkv'", (old,))
    document = found(vpo, status=0 if is_right else 1)
    assert len(document["groups"]) == is_right
    assert [issue["reason"] for issue in document["issues"]] == ([] if is_right else ["differs"])
    with vpo.sql() as connection:
        now = connection.execute("SELECT content_hash FROM files WHERE name = 'a.mkv'").fetchone()
    assert now[0].startswith("blake3:") if is_right else now[0] == old


def test_a_file_that_cannot_be_read_is_one_clear_line(vpo: Vpo, tree: Tree) -> None:
    need_permissions(tree.root)
    for name in ("a.mkv", "b.mkv", "c.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    os.chmod(tree.path("b.mkv"), 0)
    outcome = vpo.ok("duplicates", status=1, **UNPRIVILEGED)
    warnings = outcome.stderr.strip().splitlines()
    assert len(warnings) == 1, warnings
    assert "b.mkv" in warnings[0]
    assert "Permission denied" in warnings[0]
    assert "a.mkv" in outcome.stdout


def test_a_scan_may_delete_records_of_files_that_are_being_read(vpo: Vpo, tree: Tree) -> None:
    for number in range(20):
        tree.write(f"{number % 5}/{number}.mkv", b"same content")
    vpo.scan(tree.root)
    meanwhile = just_before(DigestReader._report).comes(
        partial(os.unlink, tree.path("0/0.mkv")),
        partial(vpo.ok, "scan", "--quiet", "--prune", tree.root),
    )
    injected(vpo, meanwhile).ok("duplicates", "--json")
    assert len(groups(found(vpo))[0]) == 19
    vpo.check_integrity()


def test_stopped_it_keeps_what_it_read(vpo: Vpo, tree: Tree) -> None:
    # Sparse, so that they take time to digest and no room.
    for number in range(40):
        path = tree.write(f"{number:02}.mkv", b"")
        os.truncate(path, 512 * 1024 * KIB)
        os.utime(path, ns=(OLD_NS, OLD_NS))
    vpo.scan(tree.root)
    process = vpo.start("duplicates")

    def read() -> int:
        """How many files have a digest."""
        with vpo.sql() as connection:
            query = "SELECT count(*) FROM files WHERE content_hash IS NOT NULL"
            return int(connection.execute(query).fetchone()[0])

    wait_until(lambda: read() or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("it was too quick to be stopped")
    assert process.returncode == 130
    assert b"kept" in stderr
    (job,) = jobs_of_type(vpo, "duplicates")
    assert job["status"] == "cancelled"
    assert read()
    vpo.check_integrity()


def test_a_disk_that_is_not_there_is_none_without_duplicates(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk") as point:
        disk = Tree(point)
        for name in ("a.mkv", "b.mkv"):
            disk.write(name, b"content" * 1000)
        vpo.scan(point)
        assert len(found(vpo)["groups"]) == 1
    offline = vpo.ok("duplicates", "--fail", "--json", status=2)
    assert offline.json["code"] == "ROOT_OFFLINE"
    # The others are compared all the same.
    for name in ("c.mkv", "d.mkv"):
        tree.write(name, b"content" * 1000)
    vpo.scan(tree.root)
    document = found(vpo, status=1)
    assert groups(document) == [["c.mkv", "d.mkv"]]
    assert [issue["reason"] for issue in document["issues"]] == ["offline"]
    assert f"Warning: `{point}` is" in vpo.ok("duplicates", status=1).stderr


# -- Output ----------------------------------------------------------------------


def test_text_names_the_groups_that_waste_most_first(vpo: Vpo, tree: Tree) -> None:
    for number in range(3):
        tree.write(f"small {number}.mkv", b"s" * 1000, mtime_ns=OLD_NS + number)
    for number in range(2):
        tree.write(f"large {number}.mkv", b"l" * 5000, mtime_ns=OLD_NS - number)
    vpo.scan(tree.root)
    assert vpo.ok("duplicates").stdout.splitlines() == [
        "4.9 KiB wasted: 2 files of 4.9 KiB",
        f"   keep {tree.root}/large 1.mkv",
        f"        {tree.root}/large 0.mkv",
        "",
        "2.0 KiB wasted: 3 files of 1000 B",
        f"   keep {tree.root}/small 0.mkv",
        f"        {tree.root}/small 1.mkv",
        f"        {tree.root}/small 2.mkv",
        "",
        "5 files in 2 groups: 6.8 KiB wasted",
    ]
    os.mkdir(tree.path("none"))
    assert vpo.ok("duplicates", "--under", tree.path("none")).stdout == "There are no duplicates\n"


@pytest.mark.parametrize("is_there", [False, True], ids=["mistyped", "never scanned"])
def test_a_directory_that_is_not_known_is_no_directory_without_duplicates(
    vpo: Vpo, tree: Tree, tmp_path: Path, is_there: bool
) -> None:
    tree.write("films/a.mkv")
    vpo.scan(tree.root)
    place = tmp_path / "elsewhere" if is_there else tree.root / "flims"
    if is_there:
        place.mkdir()
    outcome = vpo.ok("duplicates", "--under", place, status=2)
    assert f"The catalogue has no files in `{place}`" in outcome.stderr


def test_jsonl_and_csv_have_the_same_files(vpo: Vpo, tree: Tree) -> None:
    first = tree.write(b'quote " and \xff.mkv', b"content")
    tree.write("b.mkv", b"content", mtime_ns=OLD_NS + MINUTE_NS)
    os.link(first, tree.path("c.mkv"))
    vpo.scan(tree.root)
    (group,) = found(vpo)["groups"]
    assert [json.loads(line) for line in vpo.ok("duplicates", "--jsonl").stdout.splitlines()] == [
        group
    ]
    printed = subprocess.run(
        vpo.command("duplicates", "--csv"), env=vpo.env(), capture_output=True, check=True
    ).stdout
    rows = list(csv.DictReader(io.StringIO(printed.decode(errors="surrogateescape"))))
    assert [(row["role"], os.fsencode(row["path"])) for row in rows] == [
        ("kept", tree.path("c.mkv")),
        ("link", first),
        ("duplicate", tree.path("b.mkv")),
    ]


def test_fail_is_for_cron(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    vpo.ok("duplicates", "--fail")
    tree.write("b.mkv")
    vpo.scan(tree.root)
    vpo.ok("duplicates")
    vpo.ok("duplicates", "--fail", status=1)


@pytest.mark.parametrize(
    "args",
    [
        ["--yes"],
        ["--action", "trash", "--yes", "--fail"],
        ["--action", "delete"],
        ["--min-size", "large"],
        ["--under", ""],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_refused(vpo: Vpo, tree: Tree, args: list[str]) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    vpo.ok("duplicates", *args, status=2)


def test_which_is_kept_can_be_said(vpo: Vpo, tree: Tree) -> None:
    tree.write("long name/b.mkv", mtime_ns=OLD_NS + 1)
    tree.write("incoming/a.mkv", mtime_ns=OLD_NS)
    tree.write("c.mkv", mtime_ns=OLD_NS + 2)
    vpo.scan(tree.root)

    def kept(*args: str | bytes) -> list[str]:
        (group,) = found(vpo, *args)["groups"]
        return [os.path.relpath(file["path"], tree.root) for file in group["files"] if file["kept"]]

    assert kept() == ["incoming/a.mkv"]
    assert kept("--prefer", "newest") == ["c.mkv"]
    assert kept("--prefer", "shortest") == ["c.mkv"]
    assert kept("--keep", tree.path("long name")) == ["long name/b.mkv"]
    assert kept("--keep", tree.path("long name"), "--keep", tree.path("incoming")) == [
        "long name/b.mkv",
        "incoming/a.mkv",
    ]


# -- Against a search by brute force ---------------------------------------------


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_it_finds_what_comparing_all_contents_finds(data: st.DataObject, tmp_path: Path) -> None:
    directory = tmp_path / "example"
    shutil.rmtree(directory, ignore_errors=True)
    tree, vpo = Tree(directory / "tree"), Vpo(directory / "home")
    # Few sizes, around those where the steps meet, and contents that differ in one place.
    sizes = st.sampled_from([0, 1, 5, 64 * KIB, 128 * KIB, 128 * KIB + 1, 200 * KIB])
    contents = st.tuples(sizes, st.integers(0, 2), st.sampled_from([0.0, 0.5, 1.0]))
    files = data.draw(st.lists(contents, min_size=1, max_size=14))
    paths: list[bytes] = []
    for number, (size, byte, place) in enumerate(files):
        content = bytearray(size)
        if size:
            content[int((size - 1) * place)] = byte
        paths.append(tree.write(f"{number % 3}/{number}.mkv", bytes(content)))
    for number in range(data.draw(st.integers(0, 4))):
        os.link(data.draw(st.sampled_from(paths)), tree.path(f"0/link {number}.mkv"))
    vpo.scan(tree.root)

    by_content: dict[bytes, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for root, _, names in os.walk(tree.root):
        for name in names:
            path = Path(root, name)
            by_content[path.read_bytes()][path.stat().st_ino].add(str(path))
    expected = {
        frozenset(frozenset(names) for names in inodes.values())
        for content, inodes in by_content.items()
        if content and len(inodes) > 1
    }
    for _ in range(2):
        document = found(vpo)
        assert {
            frozenset(
                frozenset({file["path"], *(link["path"] for link in file["hard_links"])})
                for file in group["files"]
            )
            for group in document["groups"]
        } == expected
        assert document["left_out"]["changed_since_scan"] == 0


def test_what_was_left_out_of_one_run_is_found_by_the_next(vpo: Vpo, tree: Tree) -> None:
    for name in ("films/a.mkv", "music/b.mkv"):
        tree.write(name, b"content" * 1000)
    vpo.scan(tree.root)
    assert found(vpo, "--under", tree.path("films"))["groups"] == []
    assert found(vpo, "--under", tree.path("music"))["groups"] == []
    assert groups(found(vpo)) == [["a.mkv", "b.mkv"]]


def test_what_a_scan_adds_is_compared_with_what_was_told_apart_before(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv", b"a" * 10_000)
    tree.write("b.mkv", b"b" * 10_000)
    vpo.scan(tree.root)
    assert found(vpo)["groups"] == found(vpo)["groups"] == []
    for number, content in enumerate((b"a", b"b", b"c")):
        tree.write(f"new{number}.mkv", content * 10_000)
        vpo.scan(tree.root)
        assert len(found(vpo)["groups"]) == min(number + 1, 2)


def test_what_a_scan_adds_is_found_whose_job_is_purged_by_now(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv", b"a" * 10_000)
    tree.write("b.mkv", b"b" * 10_000)
    vpo.scan(tree.root)
    assert found(vpo)["groups"] == []
    tree.write("new.mkv", b"a" * 10_000)
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        # As `vpo jobs purge` does when the last of them is old enough.
        connection.execute(
            "DELETE FROM jobs WHERE number > (SELECT number FROM jobs"
            " WHERE job_type = 'duplicates')"
        )
    assert groups(found(vpo)) == [["a.mkv", "new.mkv"]]


def test_what_a_scan_adds_is_found_whose_job_was_queued_before(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv", b"a" * 10_000)
    tree.write("b.mkv", b"b" * 10_000)
    vpo.scan(tree.root)
    vpo.ok("scan", "--enqueue", tree.root)
    assert found(vpo)["groups"] == []
    tree.write("new.mkv", b"a" * 10_000)
    vpo.ok("jobs", "run")
    assert groups(found(vpo)) == [["a.mkv", "new.mkv"]]

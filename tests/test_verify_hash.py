"""`vpo scan --verify-hash`: what has changed is told by content."""

from __future__ import annotations

import os
import sqlite3

import pytest

from integrity import cancel_while_reading, counts, damage, digest, edit, records, rewrite, verify
from support import OLD_NS, Tree, Vpo

CONTENT = b"what was filmed" * 1000
LATER_NS = OLD_NS + 10**12


@pytest.fixture
def known(vpo: Vpo, tree: Tree) -> Vpo:
    """A library of three files whose content is known."""
    for name in ("films/a.mkv", "films/b.mkv", "c.jpg"):
        tree.write(name, CONTENT + name.encode())
    first = vpo.scan(tree.root, "--verify-hash")
    assert (first["added"], first["verification"]["new"]) == (3, 3)
    return vpo


def test_content_is_read_and_recorded(known: Vpo, tree: Tree) -> None:
    assert records(known)["c.jpg"]["content_hash"] == digest(tree.path("c.jpg"))
    again = known.scan(tree.root, "--verify-hash")
    assert (again["skipped"], again["verification"]["verified"]) == (3, 3)
    assert again["verification"]["findings"] == []


def test_a_new_mtime_alone_is_no_change(known: Vpo, tree: Tree) -> None:
    before = records(known)["a.mkv"]
    os.utime(tree.path("films/a.mkv"), ns=(LATER_NS, LATER_NS))
    result = known.scan(tree.root, "--verify-hash")
    assert (result["scanned"], result["skipped"]) == (0, 3)
    after = records(known)["a.mkv"]
    assert (after["id"], after["mtime_ns"]) == (before["id"], LATER_NS)
    assert (after["content_hash"], after["scan_status"]) == (
        before["content_hash"],
        before["scan_status"],
    )
    # The next scan has nothing left to find.
    assert known.scan(tree.root)["skipped"] == 3


def test_a_copy_with_another_inode_is_no_change(known: Vpo, tree: Tree) -> None:
    path = tree.path("films/a.mkv")
    os.rename(path, path + b".old")
    tree.write("films/a.mkv", CONTENT + b"films/a.mkv")
    os.unlink(path + b".old")
    result = known.scan(tree.root, "--verify-hash")
    assert (result["scanned"], result["skipped"]) == (0, 3)
    assert records(known)["a.mkv"]["inode"] == os.stat(path).st_ino


def test_new_content_with_a_new_mtime_is_a_change_because_of_its_content(
    known: Vpo, tree: Tree
) -> None:
    path = tree.write("films/a.mkv", CONTENT + b"films/A.mkv", mtime_ns=LATER_NS)
    result = known.scan(tree.root, "--verify-hash")
    assert (result["scanned"], result["skipped"]) == (1, 2)
    assert records(known)["a.mkv"]["content_hash"] == digest(path)
    changes = known.ok("files", "show", path.decode(), "--json").json["jobs"]
    assert (changes[0]["change"], changes[0]["reason"]) == ("changed", "content")
    assert damage(known) == {}


def test_another_size_is_a_change_without_any_reading(known: Vpo, tree: Tree) -> None:
    path = tree.write("films/a.mkv", b"short", mtime_ns=LATER_NS)
    result = known.scan(tree.root, "--verify-hash")
    assert (result["scanned"], result["verification"]["new"]) == (1, 1)
    assert records(known)["a.mkv"]["content_hash"] == digest(path)


def test_other_content_behind_the_same_size_and_mtime_is_damage(known: Vpo, tree: Tree) -> None:
    right = records(known)["a.mkv"]["content_hash"]
    rewrite(tree.path("films/a.mkv"), b"WHAT")
    outcome = known.ok("scan", "--verify-hash", tree.root, status=1)
    assert "Damaged: 1" in outcome.stdout
    assert outcome.stderr.startswith(f"Error: `{tree.root}/films/a.mkv` is damaged: ")
    for scan in ((), ("--full",), ("--verify-hash",)):
        known.ok("scan", *scan, tree.root, status=1 if scan == ("--verify-hash",) else 0)
        assert damage(known)["a.mkv"]["digest_recorded"] == right
    assert "films/a.mkv" in known.jobs()[1]["errors_json"]
    rewrite(tree.path("films/a.mkv"), b"what")
    assert known.scan(tree.root, "--verify-hash")["verification"]["restored"] == 1
    assert damage(known) == {}


def test_what_an_earlier_program_recorded_of_the_ends_does_not_say_that_nothing_changed(
    known: Vpo, tree: Tree
) -> None:
    path = tree.write("films/a.mkv", bytes(300_000))
    known.scan(tree.root)
    edit(known, "UPDATE files SET content_hash = ? WHERE name = 'a.mkv'", digest(path, "xxh64"))
    ends = digest(path, "xxh64")
    tree.write("films/a.mkv", bytes(150_000) + b"!" + bytes(149_999), mtime_ns=LATER_NS)
    assert digest(path, "xxh64") == ends
    result = known.scan(tree.root, "--verify-hash")
    assert (result["scanned"], result["skipped"]) == (1, 2)
    assert records(known)["a.mkv"]["content_hash"] == digest(path)
    changes = known.ok("files", "show", path.decode(), "--json").json["jobs"]
    assert (changes[0]["change"], changes[0]["reason"]) == ("changed", "mtime")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "sha1", "md5"])
def test_any_digest_of_all_content_decides(known: Vpo, tree: Tree, algorithm: str) -> None:
    path = tree.path("films/a.mkv")
    edit(known, "UPDATE files SET content_hash = ? WHERE name = 'a.mkv'", digest(path, algorithm))
    os.utime(path, ns=(LATER_NS, LATER_NS))
    assert known.scan(tree.root, "--verify-hash")["skipped"] == 3
    assert records(known)["a.mkv"]["content_hash"] == digest(path)


def test_a_file_without_a_digest_has_changed_if_its_mtime_has(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("a.mkv")
    vpo.scan(tree.root)
    os.utime(path, ns=(LATER_NS, LATER_NS))
    result = vpo.scan(tree.root, "--verify-hash")
    assert (result["scanned"], result["verification"]["new"]) == (1, 1)


def test_it_can_be_cancelled_while_a_file_is_read(known: Vpo, tree: Tree) -> None:
    path = tree.write("films/a.mkv", bytes(20_000_000))
    known.scan(tree.root, "--verify-hash")
    os.utime(path, ns=(LATER_NS, LATER_NS))
    said = cancel_while_reading(known, path, "scan", "scan", "--verify-hash", tree.root)
    assert said.startswith("Cancelled.")


def test_a_dry_run_is_refused(known: Vpo, tree: Tree) -> None:
    outcome = known.ok("scan", "--verify-hash", "--dry-run", tree.root, status=2)
    assert "--dry-run" in outcome.stderr


def test_the_queue_does_it_too(known: Vpo, tree: Tree) -> None:
    rewrite(tree.path("films/a.mkv"), b"WHAT")
    known.ok("scan", "--verify-hash", "--enqueue", tree.root)
    known.ok("jobs", "run", status=1)
    assert set(damage(known)) == {"a.mkv"}


def test_what_a_scan_verified_is_not_stale_to_a_check(known: Vpo, tree: Tree) -> None:
    assert counts(verify(known, tree.root, "--older-than", "1h")) == {}
    assert counts(verify(known, tree.root, "--only-new")) == {}


def test_the_library_is_whole_after_it(known: Vpo) -> None:
    known.check_integrity()
    with known.sql() as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            "INSERT INTO damage (file_id, damage, found_at, job, size_bytes, mtime_ns)"
            " VALUES (1, 'odd', '', 1, 0, 0)"
        )

"""`vpo verify`: content is held against what was recorded, and what differs is named."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from faults import faulty
from integrity import cancel_while_reading, counts, damage, digest, edit, records, rewrite, verify
from media import film
from mounts import UNPRIVILEGED, mounted, need_permissions, unmount
from support import OLD_NS, Outcome, Tree, Vpo

CONTENT = b"what was filmed" * 1000


@pytest.fixture
def known(vpo: Vpo, tree: Tree) -> Vpo:
    """A library of three files that were verified once."""
    for name in ("films/a.mkv", "films/b.mkv", "c.jpg"):
        tree.write(name, CONTENT + name.encode())
    vpo.scan(tree.root)
    assert counts(verify(vpo)) == {"new": 3}
    return vpo


def test_the_first_check_takes_digests_and_the_next_compares_them(vpo: Vpo, tree: Tree) -> None:
    paths = [tree.write(f"{number}.mkv", os.urandom(200_000)) for number in range(5)]
    tree.write("empty.mkv", b"")
    vpo.scan(tree.root)
    first = verify(vpo, tree.root)
    assert counts(first) == {"new": 6}
    assert (first["selected"], first["bytes"], first["complete"]) == (6, 1_000_000, True)
    files = records(vpo)
    for path in paths:
        assert files[os.path.basename(path).decode()]["content_hash"] == digest(path)
    assert files["0.mkv"]["ctime_ns"] == os.stat(paths[0]).st_ctime_ns

    again = verify(vpo)
    assert counts(again) == {"verified": 6}
    assert records(vpo)["0.mkv"]["verified_at"] > files["0.mkv"]["verified_at"]
    job = vpo.jobs()[-1]
    assert (job["job_type"], job["status"], job["file_path"]) == (
        "verify",
        "completed",
        str(tree.root),
    )


@pytest.mark.skipif(not shutil.which("b3sum"), reason="b3sum is not installed")
def test_the_digest_is_that_of_b3sum(known: Vpo, tree: Tree) -> None:
    said = subprocess.run(["b3sum", tree.path("c.jpg")], capture_output=True, check=True).stdout
    assert records(known)["c.jpg"]["content_hash"] == f"blake3:{said.split()[0].decode()}"


def test_text_has_the_counts_and_one_line_for_each_finding(known: Vpo, tree: Tree) -> None:
    path = tree.path("films/a.mkv")
    rewrite(path, b"!")
    tree.remove("c.jpg")
    outcome = known.ok("verify", tree.root, status=1)
    lines = outcome.stdout.splitlines()
    assert lines[:-1] == [
        f"Verifying {tree.root}...",
        "  Verified: 1",
        "  New (first digest): 0",
        "  Modified (not checked, scan again): 0",
        "  Damaged: 1",
        "  Unreadable: 0",
        "  Missing: 1",
        "",
    ]
    assert lines[-1].startswith("Read ")
    errors = sorted(outcome.stderr.splitlines())
    assert [line.partition(":")[0] for line in errors] == ["Error", "Warning"]
    assert f"`{path.decode()}` is damaged: its content is not what it was on " in errors[0]
    assert errors[1] == f"Warning: `{tree.root}/c.jpg` is missing"


def test_what_was_written_with_the_time_put_back_is_damage(known: Vpo, tree: Tree) -> None:
    path = tree.path("films/a.mkv")
    before = records(known)["a.mkv"]
    rewrite(path, b"!")
    result = verify(known, status=1)
    assert counts(result) == {"damaged": 1, "verified": 2}
    (finding,) = result["findings"]
    assert (finding["path"], finding["finding"], finding["damage"]) == (
        path.decode(),
        "damaged",
        "rewritten",
    )
    assert finding["digest_recorded"] == before["content_hash"]
    assert finding["digest_found"] == digest(path)
    row = damage(known)["a.mkv"]
    assert (row["damage"], row["digest_recorded"], row["recorded_at"], row["digest_found"]) == (
        "rewritten",
        before["content_hash"],
        before["verified_at"],
        digest(path),
    )
    assert (row["ctime_ns_recorded"], row["ctime_ns_found"]) == (
        before["ctime_ns"],
        os.stat(path).st_ctime_ns,
    )
    assert records(known)["a.mkv"] == before
    job = known.jobs()[-1]
    assert (job["status"], job["error_message"]) == ("failed", "1 file is damaged")
    assert row["job"] == job["number"]
    shown = known.ok("jobs", "show", job["id"]).stdout
    assert "a.mkv" in shown
    assert "damaged (1):" in shown
    known.check_integrity()


def test_what_nothing_has_written_has_rotted(known: Vpo, tree: Tree) -> None:
    path = tree.path("films/a.mkv")
    rewrite(path, b"!")
    edit(known, "UPDATE files SET ctime_ns = ? WHERE name = 'a.mkv'", os.stat(path).st_ctime_ns)
    (finding,) = verify(known, status=1)["findings"]
    assert finding["damage"] == "rotted"
    assert "no program wrote to the file" in finding["message"]


def test_rot_is_not_claimed_where_the_file_system_has_no_ctime(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("film.mkv", CONTENT)
    with faulty(tree.root) as shown:
        vpo.scan(shown)
        assert counts(verify(vpo)) == {"new": 1}
        rewrite(path, b"!")
        edit(vpo, "UPDATE files SET ctime_ns = ?", os.stat(path).st_ctime_ns)
        (finding,) = verify(vpo, status=1)["findings"]
    assert finding["damage"] == "rewritten"
    assert "cannot tell whether a program wrote it: its file system has no" in finding["message"]


@pytest.mark.skipif(not shutil.which("mkfs.ext4"), reason="mkfs.ext4 is not installed")
def test_a_medium_that_forgets_is_told_by_a_ctime_that_stands_still(
    vpo: Vpo, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a disk image")
    image, point = tmp_path / "disk.img", tmp_path / "disk"
    point.mkdir()
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, capture_output=True)
    mount: list[str | Path] = ["mount", "-o", "loop", image, point]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs permission to mount a disk image")
    try:
        tree = Tree(point)
        tree.write("good.mkv", os.urandom(100_000))
        rare = os.urandom(50_000)
        tree.write("film.mkv", os.urandom(50_000) + rare)
        vpo.scan(point)
        assert counts(verify(vpo)) == {"new": 2}
        subprocess.run(["umount", point], check=True)
        raw = bytearray(image.read_bytes())
        place = raw.index(rare[:64]) + 32
        raw[place] ^= 1
        image.write_bytes(raw)
        subprocess.run(mount, check=True)
        result = verify(vpo, status=1)
        assert counts(result) == {"verified": 1, "damaged": 1}
        (finding,) = result["findings"]
        assert (finding["path"], finding["damage"]) == (f"{point}/film.mkv", "rotted")
    finally:
        subprocess.run(["umount", point], check=False, capture_output=True)


def test_what_has_another_mtime_or_size_is_modified_and_left_to_a_scan(
    known: Vpo, tree: Tree
) -> None:
    before = records(known)
    tree.write("films/a.mkv", b"another film")
    os.utime(tree.path("c.jpg"), ns=(OLD_NS, OLD_NS + 1))
    result = verify(known)
    assert counts(result) == {"modified": 2, "verified": 1}
    assert result["findings"] == []
    after = records(known)
    assert [after[name] for name in ("a.mkv", "c.jpg")] == [
        before[name] for name in ("a.mkv", "c.jpg")
    ]
    known.scan(tree.root)
    assert counts(verify(known)) == {"new": 2, "verified": 1}


def test_what_is_gone_or_no_file_any_more_is_missing(known: Vpo, tree: Tree) -> None:
    for name in ("films/a.mkv", "films/b.mkv", "c.jpg"):
        tree.remove(name)
    os.mkfifo(tree.path("films/b.mkv"))
    os.symlink("/dev/zero", tree.path("c.jpg"))
    result = verify(known, status=1)
    assert counts(result) == {"missing": 3}
    said = {os.path.basename(each["path"]): each["message"] for each in result["findings"]}
    assert said == {
        "a.mkv": "it is not there",
        "b.mkv": "something else is in its place",
        "c.jpg": "something else is in its place",
    }
    assert known.jobs()[-1]["status"] == "completed"
    assert known.statuses()["a.mkv"] == "pending"


def test_a_file_that_is_written_while_it_is_read_is_not_recorded(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("growing.mkv", bytes(3_000_000))
    vpo.scan(tree.root)
    checking = vpo.start("verify", "--json", "--max-rate", "1M")
    for _ in range(100):
        with open(path, "ab") as file:
            file.write(b"more")
        try:
            checking.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    out, _ = checking.communicate(timeout=30)
    result = Outcome(checking.returncode, out.decode(), "").json
    assert result["verified"] + result["new"] == 0
    assert records(vpo)["growing.mkv"]["content_hash"] is None


# -- Damage stays until it is right or accepted -------------------------------------


def test_a_scan_does_not_make_damage_right(known: Vpo, tree: Tree) -> None:
    recorded = records(known)["a.mkv"]["content_hash"]
    path = tree.path("films/a.mkv")
    rewrite(path, b"!")
    verify(known, status=1)
    first = damage(known)["a.mkv"]
    os.utime(path)
    known.scan(tree.root)
    known.scan(tree.root, "--full")
    (finding,) = verify(known, status=1)["findings"]
    assert (finding["damage"], finding["digest_recorded"]) == ("rewritten", recorded)
    assert damage(known)["a.mkv"] == first


@pytest.mark.parametrize("is_scanned", [True, False])
@pytest.mark.parametrize("found", ["rotted", "rewritten"])
def test_damage_that_was_edited_since_is_said_to_be(
    known: Vpo, tree: Tree, found: str, is_scanned: bool
) -> None:
    path = tree.path("films/a.mkv")
    rewrite(path, b"!")
    if found == "rotted":
        edit(known, "UPDATE files SET ctime_ns = ? WHERE name = 'a.mkv'", os.stat(path).st_ctime_ns)
    verify(known, status=1)
    tree.write("films/a.mkv", b"edited by hand", mtime_ns=OLD_NS + 10**9)
    if is_scanned:
        known.scan(tree.root)
    (finding,) = verify(known, status=1)["findings"]
    assert finding["damage"] == found
    assert f"; it was found {found} on " in finding["message"]
    assert finding["message"].endswith("and was modified later")


def test_the_first_finding_stays(known: Vpo, tree: Tree) -> None:
    path = tree.path("films/a.mkv")
    rewrite(path, b"!")
    verify(known, status=1)
    first = damage(known)["a.mkv"]
    rewrite(path, b"?")
    (finding,) = verify(known, status=1)["findings"]
    assert finding["digest_found"] == digest(path) != first["digest_found"]
    assert damage(known)["a.mkv"] == first


@pytest.mark.parametrize("mtime_ns", [OLD_NS, OLD_NS + 5 * 10**9], ids=["same", "later"])
def test_what_is_right_again_is_restored(known: Vpo, tree: Tree, mtime_ns: int) -> None:
    path = tree.path("films/a.mkv")
    with open(path, "rb") as file:
        right = file.read()
    rewrite(path, b"!")
    verify(known, status=1)
    tree.write("films/a.mkv", right, mtime_ns=mtime_ns)
    assert counts(verify(known)) == {"restored": 1, "verified": 2}
    assert damage(known) == {}
    known.scan(tree.root)
    verify(known)
    assert records(known)["a.mkv"]["content_hash"] == digest(path)
    history = known.ok("files", "show", path).stdout
    assert ": restored" in history
    assert ": damaged (rewritten)" in history


def test_what_is_in_a_file_is_read_again_when_it_is_restored(vpo: Vpo, tree: Tree) -> None:
    vpo.introspects = True
    right = film(8192, seconds=60, title="right").ljust(8192, b"\0")
    path = tree.write("a.mkv", right)
    vpo.scan(tree.root)
    verify(vpo)
    before = records(vpo)["a.mkv"]
    rewrite(path, right.replace(b"right", b"wrong"))
    verify(vpo, status=1)
    vpo.scan(tree.root, "--full")
    rewrite(path, right)
    assert counts(verify(vpo)) == {"restored": 1}
    vpo.scan(tree.root)
    after = records(vpo)["a.mkv"]
    for name in ("scan_status", "quick_hash", "content_hash"):
        assert after[name] == before[name], name
    assert vpo.ok("files", "show", "--json", path).json["tags"]["title"] == "right"


def test_accepting_makes_what_is_there_right(known: Vpo, tree: Tree) -> None:
    path = tree.path("films/a.mkv")
    rewrite(path, b"!")
    verify(known, status=1)
    outcome = known.ok("verify", "accept", path)
    assert outcome.stdout.startswith(f"Accepted {path.decode()} ({digest(path)[:23]}")
    assert damage(known) == {}
    assert records(known)["a.mkv"]["content_hash"] == digest(path)
    assert counts(verify(known)) == {"verified": 3}
    assert ": accepted (rewritten)" in known.ok("files", "show", path).stdout


def test_what_is_in_an_accepted_file_is_read_by_the_next_scan(vpo: Vpo, tree: Tree) -> None:
    def titled(title: str) -> bytes:
        return film(300_000, seconds=60, title=title).ljust(300_000, b"\0")

    path = tree.write("a.mkv", titled("before"))
    tree.write("b.mkv", titled("other"))
    vpo.scan(tree.root)
    # Of files of one size that were not read, heads are recorded.
    vpo.ok("duplicates")
    vpo.introspects = True
    vpo.scan(tree.root)
    verify(vpo)
    rewrite(path, titled("after"))
    verify(vpo, status=1)
    vpo.ok("verify", "accept", path)
    accepted = records(vpo)["a.mkv"]
    assert (accepted["scan_status"], accepted["quick_hash"]) == ("pending", None)
    with vpo.sql() as connection:
        heads = "SELECT name FROM heads JOIN files f ON f.id = file_id"
        assert [row["name"] for row in connection.execute(heads)] == ["b.mkv"]

    assert vpo.scan(tree.root)["skipped"] == 2
    read = records(vpo)["a.mkv"]
    assert (read["scan_status"], read["content_hash"]) == ("ok", accepted["content_hash"])
    assert read["quick_hash"].hex() == digest(path, "quick").partition(":")[2]
    assert vpo.ok("files", "show", "--json", path).json["tags"]["title"] == "after"
    assert counts(verify(vpo)) == {"verified": 2}


def test_all_that_is_damaged_in_a_directory_can_be_accepted(known: Vpo, tree: Tree) -> None:
    for name in ("films/a.mkv", "films/b.mkv", "c.jpg"):
        rewrite(tree.path(name), b"!")
    verify(known, status=1)
    accepted = known.ok("verify", "accept", "--json", "--under", tree.path("films")).json
    assert [os.path.basename(each["path"]) for each in accepted["accepted"]] == ["a.mkv", "b.mkv"]
    assert accepted["errors"] == []
    assert list(damage(known)) == ["c.jpg"]


def test_accepting_can_be_cancelled_while_a_file_is_read(known: Vpo, tree: Tree) -> None:
    path = tree.write("films/a.mkv", bytes(20_000_000))
    known.scan(tree.root)
    verify(known)
    rewrite(path, b"!")
    verify(known, status=1)
    said = cancel_while_reading(known, path, "accept", "verify", "accept", path)
    assert said.startswith("Cancelled.")
    assert list(damage(known)) == ["a.mkv"]


def test_what_is_not_damaged_cannot_be_accepted(known: Vpo, tree: Tree) -> None:
    for path, code in (("c.jpg", "NOT_DAMAGED"), ("nothing.mkv", "FILE_NOT_FOUND")):
        outcome = known.ok("verify", "accept", "--json", tree.path(path), status=2)
        assert outcome.json["code"] == code
    known.ok("verify", "accept", "--under", tree.root, status=2)
    known.ok("verify", "accept", status=2)


def test_what_is_gone_cannot_be_accepted_and_the_rest_is(known: Vpo, tree: Tree) -> None:
    for name in ("films/a.mkv", "films/b.mkv"):
        rewrite(tree.path(name), b"!")
    verify(known, status=1)
    tree.remove("films/a.mkv")
    paths = tree.path("films/a.mkv"), tree.path("films/b.mkv")
    outcome = known.ok("verify", "accept", *paths, status=1)
    assert "a.mkv` cannot be accepted: it is gone" in outcome.stderr
    assert list(damage(known)) == ["a.mkv"]


def test_damage_of_a_missing_file_is_told_when_it_is_back(known: Vpo, tree: Tree) -> None:
    path = tree.path("films/a.mkv")
    rewrite(path, b"!")
    verify(known, status=1)
    os.rename(path, path + b".away")
    known.scan(tree.root)
    assert "No damage is known." in known.ok("verify", "status").stdout
    assert known.ok("status", "--json").json["damage"]["rewritten"] == 0
    for words in (("--under", tree.root), (path,)):
        said = known.ok("verify", "accept", "--json", *words, status=2).json
        assert said["code"] == "NOT_DAMAGED"
    assert "is missing" in said["message"]
    os.rename(path + b".away", path)
    known.scan(tree.root)
    assert known.ok("verify", "status", "--json", status=1).json["damaged"]["rewritten"] == 1
    known.ok("verify", "accept", path)


# -- Digests of an earlier program ---------------------------------------------------


@pytest.mark.parametrize("size", [0, 1000, 65536, 300_000])
def test_a_digest_of_version_6_is_checked_and_becomes_a_full_one(
    vpo: Vpo, tree: Tree, size: int
) -> None:
    path = tree.write("old.mkv", os.urandom(size))
    vpo.scan(tree.root)
    edit(vpo, "UPDATE files SET content_hash = ?", digest(path, "xxh64"))
    assert counts(verify(vpo)) == {"verified": 1}
    assert records(vpo)["old.mkv"]["content_hash"] == digest(path)


def test_damage_is_found_by_a_digest_of_version_6(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("old.mkv", os.urandom(300_000))
    vpo.scan(tree.root)
    recorded = digest(path, "xxh64")
    edit(vpo, "UPDATE files SET content_hash = ?", recorded)
    rewrite(path, b"!!!!")
    (finding,) = verify(vpo, status=1)["findings"]
    assert (finding["digest_recorded"], finding["digest_found"]) == (
        recorded,
        digest(path, "xxh64"),
    )
    assert finding["damage"] == "rewritten"
    assert "earlier ctime unknown" in finding["message"]


def test_a_ctime_before_the_digest_of_version_6_says_that_nothing_wrote(
    vpo: Vpo, tree: Tree
) -> None:
    path = tree.write("old.mkv", os.urandom(1000))
    vpo.scan(tree.root)
    edit(
        vpo,
        "UPDATE files SET content_hash = ?, scanned_at = '2099-01-01T00:00:00Z'",
        digest(path, "xxh64"),
    )
    rewrite(path, b"!!!!")
    (finding,) = verify(vpo, status=1)["findings"]
    assert finding["damage"] == "rotted"


# -- What cannot be read --------------------------------------------------------------


def test_a_file_that_fails_in_the_middle_is_unreadable_there(vpo: Vpo, tree: Tree) -> None:
    tree.write("bad.eio-at-8192.mkv", CONTENT)
    tree.write("good.mkv", CONTENT)
    with faulty(tree.root) as point:
        vpo.scan(point)
        outcome = vpo.ok("verify", status=1)
        assert f"`{point}/bad.eio-at-8192.mkv` cannot be read at byte 8,192: " in outcome.stderr
        assert outcome.stderr.startswith("Error: ")
        (finding,) = verify(vpo, status=1)["findings"]
        assert (finding["damage"], finding["errno"]) == ("unreadable", errno.EIO)
        row = damage(vpo)["bad.eio-at-8192.mkv"]
        assert (row["damage"], row["byte_offset"], row["message"], row["digest_found"]) == (
            "unreadable",
            8192,
            os.strerror(errno.EIO),
            None,
        )
        job = vpo.jobs()[-1]
        assert (job["status"], job["error_message"]) == ("failed", "1 file is unreadable")
        # It is tried again, after all others.
        lines = vpo.ok("verify", "-v", status=1).stdout.splitlines()
        assert [line.split()[0] for line in lines[1:3]] == ["verified", "unreadable"]
        refused = vpo.ok("verify", "accept", point / row["name"], status=2)
        assert "at byte 8,192" in refused.stderr
        assert vpo.ok("verify", "status", status=1).stdout.endswith(": Input/output error\n")
        # Of a disk that reads well again.
        os.truncate(tree.path("bad.eio-at-8192.mkv"), 8192)
        assert counts(verify(vpo)) == {"restored": 1, "verified": 1}
        assert damage(vpo) == {}


@pytest.mark.parametrize("where", ["at the file", "at the directory", "in the middle"])
def test_what_may_not_be_read_is_reported_and_is_no_damage(
    vpo: Vpo, tree: Tree, tmp_path: Path, where: str
) -> None:
    if where == "in the middle":
        tree.write("film.eacces-at-8192.mkv", CONTENT)
        with faulty(tree.root) as point:
            vpo.scan(point)
            result = verify(vpo, status=1)
            said = vpo.ok("verify", status=1).stderr
    else:
        need_permissions(tmp_path)
        path = tree.write("films/film.mkv", CONTENT)
        vpo.scan(tree.root)
        os.chmod(path if where == "at the file" else os.path.dirname(path), 0)
        result = verify(vpo, status=1, **UNPRIVILEGED)
        said = vpo.ok("verify", status=1, **UNPRIVILEGED).stderr
        os.chmod(os.path.dirname(path), 0o755)
    assert counts(result) == {"unreadable": 1}
    (finding,) = result["findings"]
    assert (finding["errno"], finding["message"]) == (errno.EACCES, os.strerror(errno.EACCES))
    assert (finding["finding"], finding["damage"]) == ("unreadable", None)
    assert said.startswith("Warning: ")
    assert damage(vpo) == {}
    assert vpo.jobs()[-1]["status"] == "failed"


def test_what_is_on_a_disk_that_is_not_there_is_not_missing(known: Vpo, tree: Tree) -> None:
    tree.root.rename(tree.root.with_name("elsewhere"))
    outcome = known.ok("verify", "--json", status=2)
    assert outcome.json["code"] == "ROOT_OFFLINE"
    assert known.jobs()[-1]["status"] == "failed"


def test_the_hint_about_a_disk_that_is_not_there_is_one_for_a_check(
    vpo: Vpo, tmp_path: Path
) -> None:
    with mounted(tmp_path / "usb") as point:
        Tree(point).write("d.mkv")
        vpo.scan(point)
        unmount(point)
    hint = vpo.ok("verify", "--json", point, status=2).json["hint"]
    assert "mounted" in hint
    assert "`vpo scan --new-device DIR`" in hint
    assert "missing" not in hint
    point.rmdir()
    hint = vpo.ok("verify", "--json", point, status=2).json["hint"]
    assert hint.startswith("Check that the disk or share is mounted.")
    assert "`vpo roots remove DIRECTORY`" in hint


def test_files_of_another_root_are_checked_all_the_same(known: Vpo, tmp_path: Path) -> None:
    with mounted(tmp_path / "usb") as point:
        Tree(point).write("d.mkv")
        known.scan(point)
        assert counts(verify(known)) == {"new": 1, "verified": 3}
        unmount(point)
        result = verify(known, status=1)
    assert counts(result) == {"verified": 3}
    (offline,) = result["offline"]
    assert offline["path"] == str(point)
    assert known.jobs()[-1]["status"] == "completed"
    assert f"Warning: `{point}` is on another file system" in known.ok("verify", status=1).stderr


def test_a_directory_on_a_disk_that_is_not_mounted_is_one_line(vpo: Vpo, tree: Tree) -> None:
    tree.write("here.mkv")
    with mounted(tree.root / "usb") as point:
        for number in range(3):
            Tree(point).write(f"{number}/d.mkv")
        vpo.scan(tree.root)
        assert counts(verify(vpo)) == {"new": 4}
        unmount(point)
        result = verify(vpo, status=1)
    assert counts(result) == {"verified": 1}
    assert [each["path"] for each in result["offline"]] == [str(point)]


def test_names_that_are_not_utf_8_are_checked(vpo: Vpo, tree: Tree) -> None:
    path = tree.write(b"d\xff/\xfe.mkv")
    vpo.scan(tree.root)
    assert counts(verify(vpo)) == {"new": 1}
    rewrite(path, b"!")
    (finding,) = verify(vpo, tree.path(b"d\xff"), status=1)["findings"]
    assert "path_b64" in finding
    assert "\\xff/\\xfe.mkv" in vpo.ok("verify", status=1).stderr
    assert vpo.ok("verify", "accept", path).status == 0


def test_only_the_first_findings_are_printed(vpo: Vpo, tree: Tree) -> None:
    tree.write_many(30)
    vpo.scan(tree.root)
    verify(vpo)
    for number in range(30):
        rewrite(tree.path(f"many/{number:05}.mkv"), b"!")
    lines = vpo.ok("verify", status=1).stderr.splitlines()
    assert len(lines) == 11
    assert lines[-1].startswith("Warning: and 20 more; `vpo jobs show -v ")
    assert vpo.jobs()[-1]["error_message"] == "30 files are damaged"


@pytest.mark.parametrize("moved", ["file", "directory"])
def test_who_wrote_a_file_before_it_was_moved_is_not_taken_for_nobody(
    known: Vpo, tree: Tree, moved: str
) -> None:
    rewrite(tree.path("films/a.mkv"), b"WHAT")
    if moved == "file":
        os.rename(tree.path("films/a.mkv"), tree.path("a.mkv"))
    else:
        # With another file in it, it is not moved as a whole.
        tree.write("films/new.mkv")
        os.rename(tree.path("films"), tree.path("moved"))
    assert known.scan(tree.root)["moved"] in (1, 2)
    verify(known, status=1)
    assert damage(known)["a.mkv"]["damage"] == "rewritten"


# -- Files that links lead to ----------------------------------------------------------------------


@pytest.fixture
def linked(vpo: Vpo, tree: Tree, tmp_path: Path) -> Tree:
    """A scanned tree with a link to a file and one to a directory; the tree that they lead to.

    That one also has secrets of the same sizes and mtimes.
    """
    far = Tree(tmp_path / "far")
    for name in ("film", "directory/b.mkv"):
        far.write(f"mine/{name}", b"mine", mtime_ns=OLD_NS)
        far.write(f"secret/{name}", b"root", mtime_ns=OLD_NS)
    tree.write("plain.mkv", b"mine", mtime_ns=OLD_NS)
    lead(tree, far.path("mine"))
    vpo.scan(tree.root, "--follow-symlinks")
    assert len(vpo.files()) == 3
    return far


def lead(tree: Tree, target: bytes) -> None:
    """Has both links lead into a directory."""
    for name, inner in (("a.mkv", b"film"), ("d", b"directory")):
        with suppress(FileNotFoundError):
            os.unlink(tree.path(name))
        os.symlink(os.path.join(target, inner), tree.path(name))


def test_a_link_that_leads_to_another_file_of_the_same_size_and_mtime_is_not_verified(
    vpo: Vpo, tree: Tree, linked: Tree
) -> None:
    lead(tree, linked.path("secret"))
    assert counts(verify(vpo)) == {"modified": 2, "new": 1}
    assert [records(vpo)[name]["content_hash"] for name in ("a.mkv", "b.mkv")] == [None, None]
    lead(tree, linked.path("mine"))
    assert counts(verify(vpo)) == {"new": 2, "verified": 1}
    # Whoever means it scans it.
    lead(tree, linked.path("secret"))
    assert vpo.scan(tree.root, "--follow-symlinks")["scanned"] == 2
    assert counts(verify(vpo)) == {"new": 2, "verified": 1}


def test_without_a_recorded_inode_size_and_mtime_decide(vpo: Vpo, tree: Tree, linked: Tree) -> None:
    edit(vpo, "UPDATE files SET inode = NULL")
    lead(tree, linked.path("secret"))
    assert counts(verify(vpo)) == {"new": 3}


def test_where_a_file_system_does_not_keep_inodes_they_do_not_count(
    vpo: Vpo, tree: Tree, linked: Tree, tmp_path: Path
) -> None:
    with faulty(linked.root / "mine", tmp_path / "share") as point:
        lead(tree, os.fsencode(point))
        vpo.scan(tree.root, "--follow-symlinks")
        edit(vpo, "UPDATE files SET inode = inode + 1 WHERE is_symlink")
        assert counts(verify(vpo)) == {"new": 3}

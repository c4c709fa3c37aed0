"""`vpo duplicates --action` and `vpo undo`: what is done to files, and how it is taken back."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from filesystems import REFLINKING, filesystem
from injection import (
    Injection,
    Point,
    Replacement,
    Returning,
    injected,
    instead,
    interrupt,
    just_after,
    just_before,
    kill,
    put_in_place,
    system_error,
    write_over,
)
from mounts import UNPRIVILEGED, mounted, need_permissions
from support import OLD_NS, Outcome, Tree, Vpo
from vpo.duplicates import hardlink, trash
from vpo.duplicates.actions import Actor
from vpo.duplicates.safe_open import _rename, compare, exchange, move_to_free_place
from vpo.places.sync import sync_directories

KIB = 1024
MINUTE_NS = 60 * 10**9
CONTENT = b"film" * 1000


@pytest.fixture
def vpo(tmp_path: Path) -> Vpo:
    """The command, with a trash of its own."""
    return Vpo(tmp_path / "home", {"XDG_DATA_HOME": str(tmp_path / "data")})


@pytest.fixture
def twins(vpo: Vpo, tree: Tree) -> Tree:
    """A scanned tree of two equal files, the older of which is `kept.mkv`, and another."""
    tree.write("a/kept.mkv", CONTENT)
    tree.write("b/twin.mkv", CONTENT, mtime_ns=OLD_NS + MINUTE_NS)
    tree.write("b/other.mkv", b"other")
    vpo.scan(tree.root)
    return tree


def act(vpo: Vpo, action: str, *args: str | bytes | Path, status: int = 0) -> Any:
    """Does it, and returns what the JSON says of the action, and the job's id."""
    document = vpo.ok(
        "duplicates", "--action", action, "--yes", "--json", *args, status=status
    ).json
    return {**document["action"], "job_id": document["job_id"]}


def operations(vpo: Vpo) -> list[dict[str, Any]]:
    with vpo.sql() as connection:
        rows = connection.execute("SELECT * FROM operations ORDER BY rowid")
        return [dict(row) for row in rows]


def unchanged(vpo: Vpo, tree: Tree) -> None:
    """A scan must see nothing new."""
    counts = vpo.scan(tree.root)
    assert (counts["scanned"], counts["added"], counts["removed"]) == (0, 0, 0), counts
    vpo.check_integrity()


def state(path: bytes) -> tuple[object, ...]:
    status = os.stat(path)
    with open(path, "rb") as file:
        content = file.read()
    return content, status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns


def same_file(one: bytes, other: bytes) -> bool:
    return os.path.samestat(os.lstat(one), os.lstat(other))


def leftovers(tree: Tree) -> list[str]:
    return [
        name for _, _, names in os.walk(tree.root) for name in names if name.startswith(".vpo-")
    ]


# -- Plans -----------------------------------------------------------------------


@pytest.mark.parametrize("action", ["hardlink", "reflink", "trash"])
def test_without_yes_it_is_only_said(vpo: Vpo, twins: Tree, action: str) -> None:
    outcome = vpo.ok("duplicates", "--action", action)
    assert "Nothing was changed. Add `--yes`" in outcome.stdout.splitlines()[-1]
    assert {"hardlink": "link", "reflink": "share", "trash": "trash"}[action] in outcome.stdout
    assert not same_file(twins.path("a/kept.mkv"), twins.path("b/twin.mkv"))
    assert os.path.exists(twins.path("b/twin.mkv"))
    assert operations(vpo) == []
    document = vpo.ok("duplicates", "--action", action, "--json").json
    assert document["action"]["is_done"] is False
    assert [file["action"] for file in document["groups"][0]["files"]] == [None, action]


def test_what_is_in_a_directory_that_is_kept_is_left_alone(vpo: Vpo, twins: Tree) -> None:
    twins.write("a/second.mkv", CONTENT)
    vpo.scan(twins.root)
    assert act(vpo, "trash", "--keep", twins.path("a"))["files_done"] == 1
    assert sorted(os.listdir(twins.path("a"))) == [b"kept.mkv", b"second.mkv"]
    assert act(vpo, "trash", "--keep", twins.path("a"))["files_done"] == 0


def test_a_directory_to_be_kept_that_is_not_known_is_refused(vpo: Vpo, twins: Tree) -> None:
    words = ["duplicates", "--action", "trash", "--yes", "--keep"]
    outcome = vpo.ok(*words, twins.path("A"), status=2)
    assert f"no files in `{twins.root}/A`" in outcome.stderr
    assert os.path.exists(twins.path("b/twin.mkv"))
    assert operations(vpo) == []


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_an_action_that_is_stopped_says_what_was_done_and_how_to_undo_it(
    vpo: Vpo, tree: Tree, form: list[str]
) -> None:
    for number in range(9):
        tree.write(f"{number}.mkv", CONTENT, mtime_ns=OLD_NS + number)
    vpo.scan(tree.root)
    words = ["duplicates", "--action", "hardlink", "--yes", *form]
    done = injected(vpo, just_after(Actor._perform_one).comes(interrupt, turn=3)).ok(
        *words, status=130
    )
    (job,) = (job["id"] for job in vpo.jobs() if job["job_type"] == "duplicates")
    if form:
        details = done.json["details"]
        assert (details["job_id"], details["files_done"]) == (job, 3)
    else:
        assert "Stopped. Hard-linked 3 files" in done.stderr
        assert f"`vpo undo {job[:8]}`" in done.stderr
    assert same_file(tree.path("0.mkv"), tree.path("3.mkv"))
    vpo.ok("undo", job)
    assert not same_file(tree.path("0.mkv"), tree.path("3.mkv"))


# -- Hard links ------------------------------------------------------------------


def test_a_hard_link_and_its_undo(vpo: Vpo, twins: Tree) -> None:
    kept, twin = twins.path("a/kept.mkv"), twins.path("b/twin.mkv")
    before = state(twin)
    outcome = vpo.ok("duplicates", "--action", "hardlink", "--yes")
    assert "Hard-linked 1 file:" in outcome.stdout
    assert same_file(kept, twin)
    assert leftovers(twins) == []
    (operation,) = operations(vpo)
    assert (operation["status"], operation["operation"]) == ("COMPLETED", "hardlink")
    unchanged(vpo, twins)
    assert vpo.ok("duplicates", "--json").json["groups"] == []

    undone = vpo.ok("undo", operation["id"][:8])
    assert "is a separate file again" in undone.stdout
    assert not same_file(kept, twin)
    assert state(twin) == before
    assert operations(vpo)[0]["status"] == "ROLLED_BACK"
    unchanged(vpo, twins)
    assert len(vpo.ok("duplicates", "--json").json["groups"]) == 1


def test_the_times_that_a_check_compares_are_those_of_the_link(vpo: Vpo, twins: Tree) -> None:
    """Else a check would take a new name for a sign that a file was rewritten."""
    for number in range(3):
        twins.write(f"c/{number}.mkv", CONTENT, mtime_ns=OLD_NS + 2 * MINUTE_NS)
    vpo.scan(twins.root)

    def check() -> None:
        with vpo.sql() as connection:
            rows = connection.execute(
                "SELECT v.path, f.ctime_ns, f.mtime_ns, f.inode FROM library_files v"
                " JOIN files f ON f.id = v.id WHERE f.ctime_ns IS NOT NULL"
            ).fetchall()
        assert len(rows) == 5
        for row in rows:
            status = os.stat(row["path"])
            assert (row["ctime_ns"], row["mtime_ns"], row["inode"]) == (
                status.st_ctime_ns,
                status.st_mtime_ns,
                status.st_ino,
            ), row["path"]

    job = act(vpo, "hardlink")["job_id"]
    check()
    vpo.ok("undo", job)
    check()


def test_extended_attributes_come_back(vpo: Vpo, twins: Tree) -> None:
    twin = twins.path("b/twin.mkv")
    try:
        os.setxattr(twin, "user.tag", b"\0seen\xff")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    job = act(vpo, "hardlink")["job_id"]
    assert os.listxattr(twin) == []
    vpo.ok("undo", job)
    assert os.getxattr(twin, "user.tag") == b"\0seen\xff"


def test_a_file_with_another_mode_is_left_alone(vpo: Vpo, twins: Tree) -> None:
    twin = twins.path("b/twin.mkv")
    os.chmod(twin, 0o600)
    os.chmod(twins.path("a/kept.mkv"), 0o644)
    done = act(vpo, "hardlink", status=1)
    assert done["files_done"] == 0
    assert [issue["reason"] for issue in done["issues"]] == ["access"]
    assert not same_file(twins.path("a/kept.mkv"), twin)


def test_a_file_on_another_file_system_is_left_alone(vpo: Vpo, twins: Tree, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk") as point:
        Tree(point).write("far.mkv", CONTENT, mtime_ns=OLD_NS + MINUTE_NS)
        vpo.scan(point)
        for action in ("hardlink", "reflink"):
            done = act(vpo, action, "--under", point, "--under", twins.path("a"), status=1)
            assert [issue["reason"] for issue in done["issues"]] == ["other_filesystem"]
        assert (point / "far.mkv").read_bytes() == CONTENT


def test_all_names_of_a_duplicate_are_linked(vpo: Vpo, twins: Tree) -> None:
    os.link(twins.path("b/twin.mkv"), twins.path("b/name.mkv"))
    vpo.scan(twins.root)
    done = act(vpo, "hardlink")
    assert (done["files_done"], done["bytes_done"]) == (2, len(CONTENT))
    assert os.stat(twins.path("a/kept.mkv")).st_nlink == 3
    unchanged(vpo, twins)


@pytest.mark.parametrize("action", ["hardlink", "trash"])
def test_a_file_with_names_elsewhere_is_left_alone(
    vpo: Vpo, twins: Tree, tmp_path: Path, action: str
) -> None:
    os.link(twins.path("b/twin.mkv"), tmp_path / "outside.mkv")
    done = act(vpo, action, status=1)
    assert [issue["reason"] for issue in done["issues"]] == ["other_names"]
    assert os.stat(tmp_path / "outside.mkv").st_nlink == 2


# -- Trash -----------------------------------------------------------------------


def test_the_trash_and_back(vpo: Vpo, twins: Tree, tmp_path: Path) -> None:
    twin = twins.path("b/twin.mkv")
    before = state(twin)
    outcome = vpo.ok("duplicates", "--action", "trash", "--yes")
    assert "Moved 1 file to the trash" in outcome.stdout
    trash = tmp_path / "data" / "Trash"
    assert (trash / "files" / "twin.mkv").read_bytes() == CONTENT
    note = (trash / "info" / "twin.mkv.trashinfo").read_text().splitlines()
    assert note[:2] == ["[Trash Info]", f"Path={twins.root}/b/twin.mkv"]
    assert note[2].startswith("DeletionDate=20")
    assert vpo.statuses()["twin.mkv"] == "missing"
    unchanged(vpo, twins)

    job = [job for job in vpo.jobs() if job["job_type"] == "duplicates"][-1]["id"]
    assert f"trash completed: {twins.root}/b/twin.mkv" in vpo.ok("jobs", "show", job).stdout
    assert "twin.mkv is back" in vpo.ok("undo", job).stdout
    assert state(twin) == before
    assert os.listdir(trash / "files") == os.listdir(trash / "info") == []
    assert vpo.statuses()["twin.mkv"] != "missing"
    unchanged(vpo, twins)


def test_names_that_are_taken_in_the_trash_are_not_overwritten(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    for number in range(3):
        tree.write(f"{number}/film.mkv", CONTENT, mtime_ns=OLD_NS + number)
    tree.write(f"long/{'x' * 250}.mkv", CONTENT, mtime_ns=OLD_NS + 9)
    tree.write(b"odd/%41 \xff\n.mkv", CONTENT, mtime_ns=OLD_NS + 10)
    vpo.scan(tree.root)
    job = act(vpo, "trash")
    assert job["files_done"] == 4
    trash = tmp_path / "data" / "Trash"
    assert len(os.listdir(trash / "files")) == len(os.listdir(trash / "info")) == 4
    notes = b"".join(path.read_bytes() for path in (trash / "info").iterdir())
    assert b"odd/%2541%20%FF%0A.mkv\n" in notes
    vpo.ok("undo", job["job_id"])
    assert sorted(os.listdir(tree.path("odd"))) == [b"%41 \xff\n.mkv"]
    assert os.listdir(trash / "files") == []
    unchanged(vpo, tree)


@pytest.mark.parametrize("shared", ["none", "sticky", "not sticky", "link"])
def test_on_another_disk_it_is_that_disks_trash(vpo: Vpo, tmp_path: Path, shared: str) -> None:
    with mounted(tmp_path / "disk") as point:
        tree = Tree(point / "media")
        tree.write("a.mkv", CONTENT)
        tree.write("b.mkv", CONTENT, mtime_ns=OLD_NS + MINUTE_NS)
        vpo.scan(tree.root)
        if shared == "link":
            (point / "elsewhere").mkdir(mode=0o1777)
            (point / ".Trash").symlink_to("elsewhere")
        elif shared != "none":
            (point / ".Trash").mkdir()
            (point / ".Trash").chmod(0o1777 if shared == "sticky" else 0o777)
        job = act(vpo, "trash")["job_id"]
        uid = str(os.getuid())
        trash = point / ".Trash" / uid if shared == "sticky" else point / f".Trash-{uid}"
        assert os.listdir(trash / "files") == ["b.mkv"]
        assert "Path=media/b.mkv\n" in (trash / "info" / "b.mkv.trashinfo").read_text()
        assert trash.stat().st_mode & 0o777 == 0o700
        vpo.ok("undo", job)
        assert (tree.root / "b.mkv").read_bytes() == CONTENT


def test_one_file_that_cannot_be_moved_does_not_stop_the_others(vpo: Vpo, tree: Tree) -> None:
    need_permissions(tree.root)
    for number in range(3):
        tree.write(f"{number}/film.mkv", CONTENT, mtime_ns=OLD_NS + number)
    vpo.scan(tree.root)
    os.chmod(tree.path("1"), 0o555)
    try:
        outcome = vpo.ok("duplicates", "--action", "trash", "--yes", status=1, **UNPRIVILEGED)
    finally:
        os.chmod(tree.path("1"), 0o755)
    assert "1/film.mkv` cannot be moved to the trash: Permission denied" in outcome.stderr
    assert "Moved 1 file to the trash" in outcome.stdout
    assert os.path.exists(tree.path("1/film.mkv"))
    assert [each["status"] for each in operations(vpo)] == ["FAILED", "COMPLETED"]


# -- Reflinks --------------------------------------------------------------------


@pytest.mark.parametrize("kind", REFLINKING)
def test_a_reflink_shares_storage_and_keeps_everything_else(
    vpo: Vpo, tmp_path: Path, kind: str
) -> None:
    from vpo._engine import storage_of

    with filesystem(kind, tmp_path) as point:
        tree = Tree(point / "media")
        # Longer than the kernel shares at once, and no multiple of a block.
        content = os.urandom(KIB) * 17_000 + b"end"
        kept = tree.write("a.mkv", content)
        twin = tree.write("b.mkv", content, mtime_ns=OLD_NS + MINUTE_NS)
        os.chmod(twin, 0o600)
        os.sync()
        vpo.scan(tree.root)
        before = state(twin), os.stat(twin).st_ino
        outcome = vpo.ok("duplicates", "--action", "reflink", "--yes")
        assert "Reflinked 1 file:" in outcome.stdout
        assert storage_of(kept) == storage_of(twin) is not None
        assert (state(twin), os.stat(twin).st_ino) == before
        unchanged(vpo, tree)
        document = vpo.ok("duplicates", "--json").json
        assert (len(document["groups"]), len(document["sharing_storage"])) == (0, 1)
        refused = vpo.ok("undo", operations(vpo)[0]["id"], "--json", status=2).json
        assert refused["code"] == "UNDO_IMPOSSIBLE"


def test_where_files_cannot_share_that_is_said(vpo: Vpo, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk") as point:
        tree = Tree(point)
        tree.write("a.mkv", CONTENT)
        tree.write("b.mkv", CONTENT)
        vpo.scan(point)
        outcome = vpo.ok("duplicates", "--action", "reflink", "--yes", status=1)
        assert "a file system whose files cannot share storage" in outcome.stderr


@pytest.mark.parametrize("action", ["hardlink", "trash"])
@pytest.mark.parametrize("which", ["twin", "both"])
def test_files_from_far_in_the_future_are_like_all_others(
    vpo: Vpo, twins: Tree, action: str, which: str
) -> None:
    """Their mtimes are beyond what the library can hold."""
    far_ns = 10_413_792_000_123_456_789
    names = ["b/twin.mkv"] if which == "twin" else ["a/kept.mkv", "b/twin.mkv"]
    for number, name in enumerate(names):
        times = (far_ns + 5, far_ns + number)
        os.utime(twins.path(name), ns=times)
        if os.stat(twins.path(name)).st_mtime_ns != times[1]:
            pytest.skip("the file system has no such times")
    vpo.scan(twins.root)
    twin = twins.path("b/twin.mkv")
    before = state(twin)
    for _ in range(2):
        done = act(vpo, action)
        assert done["files_done"] == 1
        unchanged(vpo, twins)
        vpo.ok("undo", done["job_id"])
        assert state(twin) == before
        unchanged(vpo, twins)
    # And settled, where it was cut off.
    where = {"hardlink": just_after(exchange), "trash": just_after(move_to_free_place)}
    race(vpo, action, where[action].comes(kill))
    vpo.ok("undo", operations(vpo)[-1]["id"])
    assert state(twin) == before
    assert leftovers(twins) == []
    unchanged(vpo, twins)


# -- What changes in between -----------------------------------------------------


def in_between(vpo: Vpo, action: str, change: Callable[[], None]) -> Any:
    """Does the action after a `change` that the library knows nothing of; what became of it."""
    vpo.ok("duplicates")
    change()
    return act(vpo, action, status=1)


@pytest.mark.parametrize("name", ["a/kept.mkv", "b/twin.mkv"])
@pytest.mark.parametrize("action", ["hardlink", "reflink", "trash"])
def test_files_are_compared_byte_by_byte_just_before(
    vpo: Vpo, twins: Tree, action: str, name: str
) -> None:
    path = twins.path(name)
    mtime_ns = os.stat(path).st_mtime_ns

    def rewrite_unseen() -> None:
        with open(path, "r+b") as file:
            file.seek(1500)
            file.write(b"X")
        os.utime(path, ns=(mtime_ns, mtime_ns))

    contents = {each: state(twins.path(each))[0] for each in ("a/kept.mkv", "b/twin.mkv")}
    done = in_between(vpo, action, rewrite_unseen)
    assert done["files_done"] == 0
    if action != "reflink":
        assert [issue["reason"] for issue in done["issues"]] == ["differs"]
    for each, content in contents.items():
        assert (state(twins.path(each))[0] == content) is (each != name)
    assert not same_file(twins.path("a/kept.mkv"), twins.path("b/twin.mkv"))
    assert leftovers(twins) == []


def race(vpo: Vpo, action: str, *injections: Injection | Replacement) -> Outcome:
    """Does the action with something happening in the middle of it."""
    words = ["duplicates", "--action", action, "--yes", "--json"]
    return injected(vpo, *injections).run(*words)


@pytest.mark.parametrize("happens", [write_over, put_in_place])
@pytest.mark.parametrize(
    ("action", "where"),
    [
        ("hardlink", just_after(compare)),
        ("hardlink", just_before(exchange)),
        ("trash", just_after(compare)),
        ("trash", just_before(move_to_free_place)),
    ],
    ids=str,
)
def test_what_is_written_in_the_last_moment_is_not_lost(
    vpo: Vpo, twins: Tree, action: str, where: Point, happens: Callable[[bytes, bytes], None]
) -> None:
    twin = twins.path("b/twin.mkv")
    vpo.ok("duplicates")
    outcome = race(vpo, action, where.comes(partial(happens, twin, b"WRITTEN")))
    assert (outcome.status, outcome.json["action"]["files_done"]) == (1, 0)
    content = state(twin)[0]
    assert isinstance(content, bytes)
    assert content.startswith(b"WRITTEN")
    assert state(twins.path("a/kept.mkv"))[0] == CONTENT
    assert leftovers(twins) == []
    assert [each["status"] for each in operations(vpo)] == ["FAILED"]


def test_what_takes_the_name_of_what_goes_to_the_trash_is_not_lost_on_any_file_system(
    vpo: Vpo, twins: Tree, tmp_path: Path
) -> None:
    vpo.ok("duplicates")
    twin = twins.path("b/twin.mkv")
    # As on NFS: the file system cannot rename without replacing.
    outcome = race(
        vpo,
        "trash",
        instead(_rename, Returning(False)),
        just_before(os.rename).comes(partial(put_in_place, twin, b"REPLACED")),
    )
    assert (outcome.status, outcome.json["action"]["files_done"]) == (1, 0)
    assert state(twin)[0] == b"REPLACED"
    assert [each["status"] for each in operations(vpo)] == ["FAILED"]
    trash = tmp_path / "data" / "Trash"
    assert os.listdir(trash / "files") == os.listdir(trash / "info") == []


@pytest.mark.parametrize(
    ("action", "where", "is_done"),
    [
        ("hardlink", just_before(compare), False),
        ("hardlink", just_before(exchange), False),
        ("hardlink", just_after(exchange), True),
        ("hardlink", just_before(sync_directories), True),
        ("trash", just_before(compare), False),
        ("trash", just_before(trash._info), False),
        ("trash", just_before(move_to_free_place), False),
        ("trash", just_after(move_to_free_place), True),
        ("trash", just_before(sync_directories), True),
    ],
    ids=str,
)
def test_killed_between_two_steps_it_is_settled_by_what_is_on_the_disk(
    vpo: Vpo, twins: Tree, tmp_path: Path, action: str, where: Point, is_done: bool
) -> None:
    kept, twin = twins.path("a/kept.mkv"), twins.path("b/twin.mkv")
    vpo.ok("duplicates")
    before = state(twin)
    assert race(vpo, action, where.comes(kill)).status == -signal.SIGKILL
    (operation,) = operations(vpo)
    assert operation["status"] == "IN_PROGRESS"
    # Whoever comes next settles it: here, who undoes it.
    outcome = vpo.run("undo", operation["id"], "--json")
    assert leftovers(twins) == []
    assert state(twin) == before
    assert not same_file(kept, twin)
    (settled,) = operations(vpo)
    if is_done:
        assert outcome.status == 0, outcome
        assert settled["status"] == "ROLLED_BACK"
    else:
        assert outcome.json["code"] == "UNDO_IMPOSSIBLE"
        assert settled["status"] == "FAILED"
    trash = tmp_path / "data" / "Trash"
    if trash.exists():
        assert os.listdir(trash / "files") == os.listdir(trash / "info") == []
    unchanged(vpo, twins)
    # And it can be done anew.
    assert act(vpo, action)["files_done"] == 1
    unchanged(vpo, twins)


@pytest.fixture
def five(vpo: Vpo, tree: Tree) -> Tree:
    """A scanned tree of five equal files, `0.mkv` being the oldest."""
    for number in range(5):
        tree.write(f"{number}.mkv", CONTENT, mtime_ns=OLD_NS + number)
    vpo.scan(tree.root)
    return tree


@pytest.mark.parametrize(
    ("action", "where", "is_done"),
    [
        ("hardlink", just_before(compare), False),
        ("hardlink", just_before(exchange), False),
        ("hardlink", just_after(exchange), True),
        ("hardlink", just_before(hardlink._is_changed), True),
        ("hardlink", just_after(hardlink.link), True),
        ("trash", just_before(compare), False),
        ("trash", just_before(trash._write_note), False),
        ("trash", just_after(trash.move), True),
    ],
    ids=str,
)
def test_an_error_of_the_system_at_one_file_leaves_the_others_their_turn(
    vpo: Vpo, five: Tree, action: str, where: Point, is_done: bool
) -> None:
    vpo.ok("duplicates")
    outcome = race(vpo, action, where.comes(system_error(errno.ESTALE), turn=2))
    assert (outcome.status, outcome.json["action"]["files_done"]) == (1, 3)
    # What became of the one is told by the disk.
    statuses = [each["status"] for each in operations(vpo)]
    assert statuses == ["COMPLETED", "COMPLETED" if is_done else "FAILED", *["COMPLETED"] * 2]
    assert leftovers(five) == []
    left = [
        number
        for number in range(5)
        if os.path.exists(five.path(f"{number}.mkv"))
        and not (number > 0 and same_file(five.path("0.mkv"), five.path(f"{number}.mkv")))
    ]
    assert left == ([0] if is_done else [0, 2])
    unchanged(vpo, five)


@pytest.mark.parametrize("action", ["hardlink", "trash"])
def test_what_was_done_is_recorded_whatever_ends_the_job(vpo: Vpo, five: Tree, action: str) -> None:
    vpo.ok("duplicates")
    race(vpo, action, just_before(compare).comes(ValueError(), turn=3))
    statuses = [each["status"] for each in operations(vpo)]
    assert statuses == ["COMPLETED", "COMPLETED", "IN_PROGRESS", "IN_PROGRESS"]
    unchanged(vpo, five)
    assert act(vpo, action)["files_done"] == 2
    statuses = [each["status"] for each in operations(vpo)]
    assert statuses == ["COMPLETED", "COMPLETED", "FAILED", "FAILED", "COMPLETED", "COMPLETED"]


@pytest.mark.parametrize("is_killed", [False, True])
def test_no_name_is_left_where_inodes_follow_the_path(
    vpo: Vpo, twins: Tree, is_killed: bool
) -> None:
    vpo.ok("duplicates")
    if is_killed:
        race(vpo, "hardlink", just_before(exchange).comes(kill))
        assert len(leftovers(twins)) == 1
    there = vpo.by("inodes_by_path.py")
    outcome = there.ok("duplicates", "--action", "hardlink", "--yes", status=1)
    assert "changed in the meantime" in outcome.stderr
    assert leftovers(twins) == []
    assert {each["status"] for each in operations(vpo)} == {"FAILED"}
    unchanged(vpo, twins)


@pytest.mark.parametrize(
    ("action", "where"),
    [("hardlink", just_after(exchange)), ("trash", just_after(move_to_free_place))],
    ids=str,
)
def test_what_a_scan_has_seen_before_it_is_settled_is_recorded_once(
    vpo: Vpo, twins: Tree, action: str, where: Point
) -> None:
    def changes() -> list[tuple[object, ...]]:
        with vpo.sql() as connection:
            rows = connection.execute("SELECT file_id, change FROM file_changes ORDER BY id")
            return [tuple(row) for row in rows]

    vpo.ok("duplicates")
    race(vpo, action, where.comes(kill))
    vpo.scan(twins.root)
    seen = changes()
    assert act(vpo, action)["files_done"] == 0
    assert operations(vpo)[0]["status"] == "COMPLETED"
    assert changes() == seen
    unchanged(vpo, twins)


# -- Undo ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "where", "is_undone"),
    [
        ("hardlink", just_after(hardlink._copy), False),
        ("hardlink", just_after(exchange), True),
        ("hardlink", just_after(hardlink.replace), True),
        ("trash", just_before(trash.find), False),
        ("trash", just_after(trash.put_back), True),
    ],
    ids=str,
)
def test_an_error_of_the_system_in_the_undo_of_one_leaves_the_others_their_turn(
    vpo: Vpo, five: Tree, action: str, where: Point, is_undone: bool
) -> None:
    job = act(vpo, action)["job_id"]
    failing = injected(vpo, where.comes(system_error(errno.ESTALE), turn=2))
    document = failing.ok("undo", job, "--json", status=1).json
    assert (len(document["undone"]), len(document["errors"])) == (3, 1)
    statuses = sorted(each["status"] for each in operations(vpo))
    assert statuses == ["ROLLED_BACK" if is_undone else "COMPLETED", *["ROLLED_BACK"] * 3]
    assert leftovers(five) == []
    unchanged(vpo, five)
    if not is_undone:
        vpo.ok("undo", job)
    for number in range(1, 5):
        assert state(five.path(f"{number}.mkv"))[0] == CONTENT
        assert not same_file(five.path("0.mkv"), five.path(f"{number}.mkv"))
    unchanged(vpo, five)


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_an_undo_that_is_stopped_shows_what_was_undone_and_can_go_on(
    vpo: Vpo, five: Tree, form: list[str]
) -> None:
    job = act(vpo, "hardlink")["job_id"]
    stopped = injected(vpo, just_after(hardlink.separate).comes(interrupt, turn=2))
    outcome = stopped.ok("undo", job, *form, status=130)
    if form:
        assert outcome.json["code"] == "STOPPED"
        assert outcome.json["details"]["operations_undone"] == 2
    else:
        assert "Stopped. Undid 2 of 4 operations (job: " in outcome.stderr
    statuses = sorted(each["status"] for each in operations(vpo))
    assert statuses == ["COMPLETED"] * 2 + ["ROLLED_BACK"] * 2
    assert "Undid 2 of 2 operations" in vpo.ok("undo", job).stdout
    assert len({os.stat(five.path(f"{number}.mkv")).st_ino for number in range(5)}) == 5


def refused(vpo: Vpo, given: str) -> str:
    outcome = vpo.ok("undo", given, "--json", status=2)
    code: str = outcome.json["code"]
    assert vpo.ok("undo", given, status=2).stderr.startswith("Error: ")
    return code


def test_undo_says_what_is_in_its_way(vpo: Vpo, twins: Tree, tmp_path: Path) -> None:
    act(vpo, "trash")
    (operation,) = operations(vpo)
    twin = twins.path("b/twin.mkv")
    trashed = tmp_path / "data" / "Trash" / "files" / "twin.mkv"
    twins.write("b/twin.mkv", b"in its place")
    assert refused(vpo, operation["id"]) == "UNDO_OCCUPIED"
    assert state(twin)[0] == b"in its place"
    os.unlink(twin)
    os.utime(trashed, ns=(1, 1))
    assert refused(vpo, operation["id"]) == "UNDO_CHANGED"
    os.utime(trashed, ns=(OLD_NS + MINUTE_NS, OLD_NS + MINUTE_NS))
    os.rename(twins.path("b"), twins.path("away"))
    assert refused(vpo, operation["id"]) == "UNDO_GONE"
    os.rename(twins.path("away"), twins.path("b"))
    vpo.ok("undo", operation["id"])
    assert refused(vpo, operation["id"]) == "UNDO_DONE"
    act(vpo, "trash")
    trashed.unlink()
    assert refused(vpo, operations(vpo)[-1]["id"]) == "UNDO_GONE"


def test_a_link_that_was_written_to_stays(vpo: Vpo, twins: Tree) -> None:
    act(vpo, "hardlink")
    (operation,) = operations(vpo)
    twins.write("a/kept.mkv", b"new content")
    assert refused(vpo, operation["id"]) == "UNDO_CHANGED"
    assert state(twins.path("b/twin.mkv"))[0] == b"new content"


@pytest.mark.usefixtures("twins")
def test_an_unknown_id_is_refused(vpo: Vpo) -> None:
    assert refused(vpo, "ffffffff") == "OPERATION_NOT_FOUND"
    assert refused(vpo, "ff") == "OPERATION_NOT_FOUND"
    assert refused(vpo, "%") == "OPERATION_NOT_FOUND"
    scan = vpo.jobs()[0]["id"]
    assert refused(vpo, scan) == "UNDO_IMPOSSIBLE"


def test_all_of_a_job_is_undone_as_far_as_can_be(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    for number in range(250):
        content = f"{number % 50}".encode() * 100
        tree.write(f"{number % 7}/{number}.mkv", content, mtime_ns=OLD_NS + number)
    vpo.scan(tree.root)
    done = act(vpo, "trash")
    assert done["files_done"] == 200
    (tmp_path / "data" / "Trash" / "files" / "249.mkv").unlink()
    undone = vpo.ok("undo", done["job_id"], "--json", status=1).json
    assert len(undone["undone"]) == 199
    assert [error["code"] for error in undone["errors"]] == ["UNDO_GONE"]
    assert sorted(vpo.statuses().values()).count("missing") == 1
    unchanged(vpo, tree)
    (job,) = (job for job in vpo.jobs() if job["job_type"] == "undo")
    assert json.loads(job["summary_json"]) == {"operations_undone": 199, "errors": 1}


def test_a_file_without_a_record_is_brought_back_too(vpo: Vpo, twins: Tree) -> None:
    job = act(vpo, "trash")["job_id"]
    vpo.scan(twins.root, "--prune")
    assert "twin.mkv" not in vpo.statuses()
    vpo.ok("undo", job)
    assert state(twins.path("b/twin.mkv"))[0] == CONTENT
    assert vpo.scan(twins.root)["added"] == 1


def test_a_record_that_is_of_a_file_elsewhere_by_now_stays_what_it_is(
    vpo: Vpo, twins: Tree, tmp_path: Path
) -> None:
    job = act(vpo, "trash")["job_id"]
    os.mkdir(twins.path("c"))
    os.link(tmp_path / "data" / "Trash" / "files" / "twin.mkv", twins.path("c/moved.mkv"))
    assert vpo.scan(twins.root)["moved"] == 1
    twins.remove("c/moved.mkv")
    vpo.scan(twins.root)
    vpo.ok("undo", job)
    assert state(twins.path("b/twin.mkv"))[0] == CONTENT
    assert vpo.statuses()["moved.mkv"] == "missing"
    vpo.scan(twins.root)
    assert vpo.statuses()["twin.mkv"] != "missing"
    unchanged(vpo, twins)


# -- Jobs ------------------------------------------------------------------------


def running_job(vpo: Vpo, job_type: str, path: bytes | str, configuration: str = "{}") -> None:
    """Records a job of that type as one that this process is running."""
    with vpo.sql() as connection:
        stat = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        identity = f"{boot}/{os.readlink('/proc/self/ns/pid')}/{stat[19].decode()}"
        connection.execute(
            "INSERT INTO jobs (id, job_type, file_path, status, policy_json, created_at,"
            " started_at, worker_pid, worker_identity, worker_heartbeat)"
            " VALUES ('x', ?, ?, 'running', ?, '2026-01-01', '2026-01-01', ?, ?, '2026-01-01')",
            (job_type, os.fsdecode(path), configuration, os.getpid(), identity),
        )


def test_other_work_is_waited_for(vpo: Vpo, twins: Tree) -> None:
    running_job(vpo, "scan", "/")
    outcome = vpo.ok("duplicates", "--action", "trash", "--yes", "--json", status=75)
    assert outcome.json["code"] == "DUPLICATES_LOCKED"
    assert os.path.exists(twins.path("b/twin.mkv"))
    # To look for them nobody has to wait for a scan.
    assert len(vpo.ok("duplicates", "--json").json["groups"]) == 1


@pytest.mark.parametrize(
    ("job_type", "configuration"), [("undo", "{}"), ("duplicates", '{"action":"hardlink"}')]
)
def test_no_scan_begins_in_a_place_where_files_are_changed(
    vpo: Vpo, twins: Tree, job_type: str, configuration: str
) -> None:
    # What is at work is the undo of one file, or an action in a directory.
    place = "b/twin.mkv" if job_type == "undo" else "b"
    running_job(vpo, job_type, twins.path(place), configuration)
    for root in (twins.root, twins.path("b")):
        refused = vpo.scan(root, "--wait", "0", status=75)
        assert refused["code"] == "SCAN_LOCKED"
        assert f"job of type `{job_type}` that changes files" in refused["message"]
        assert refused["details"] == {"job_id": "x", "pid": os.getpid()}
    vpo.ok("scan", "--enqueue", twins.root)
    assert vpo.ok("jobs", "run", "--json", status=75).json["held_up"] == 1
    # Elsewhere one may, and nobody has to wait to look.
    assert vpo.scan(twins.path("a"))["skipped"] == 1
    assert vpo.scan(twins.root, "--dry-run")["skipped"] == 3
    with vpo.sql() as connection:
        connection.execute("UPDATE jobs SET status = 'completed' WHERE id = 'x'")
    assert vpo.ok("jobs", "run", "--json").json["completed"] == 1


def test_who_only_looks_for_duplicates_is_in_the_way_of_no_scan(vpo: Vpo, twins: Tree) -> None:
    running_job(vpo, "duplicates", twins.path("b"), '{"action":null}')
    assert vpo.scan(twins.root)["skipped"] == 3


@pytest.mark.parametrize("words", [("duplicates", "--action", "trash", "--yes"), ("undo",)])
def test_a_scan_is_refused_while_an_action_is_at_work(
    vpo: Vpo, twins: Tree, words: tuple[str, ...]
) -> None:
    given = list(words)
    if words == ("undo",):
        given.append(act(vpo, "trash")["job_id"])
    # Before what was done is recorded.
    meanwhile = partial(vpo.ok, "scan", "--json", twins.root, status=75)
    outcome = injected(vpo, just_after(sync_directories).comes(meanwhile)).ok(*given)
    assert outcome.stderr == ""
    unchanged(vpo, twins)


@pytest.mark.usefixtures("twins")
def test_what_changed_files_is_not_repeated_by_the_queue(vpo: Vpo) -> None:
    """`--yes` was said once, of what was found then."""
    job = act(vpo, "trash")["job_id"]
    with vpo.sql() as connection:
        connection.execute("DROP TRIGGER jobs_status")
        connection.execute("UPDATE jobs SET status = 'failed' WHERE id = ?", (job,))
    outcome = vpo.ok("jobs", "retry", job, status=2)
    assert "Run the job's original command again" in outcome.stderr

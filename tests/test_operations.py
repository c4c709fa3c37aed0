"""Operations: interrupted ones are settled, others are left alone, and jobs wait for each other."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support import OLD_NS, Tree, Vpo

CONTENT = b"film" * 1000
ACTION = ("duplicates", "--action", "trash", "--yes")


@pytest.fixture
def vpo(tmp_path: Path) -> Vpo:
    """The command, with a trash of its own."""
    return Vpo(tmp_path / "home", {"XDG_DATA_HOME": str(tmp_path / "data")})


@pytest.fixture
def twins(vpo: Vpo, tree: Tree) -> Tree:
    """A scanned tree of two equal files. `kept.mkv` is the older one."""
    tree.write("a/kept.mkv", CONTENT)
    tree.write("b/twin.mkv", CONTENT, mtime_ns=OLD_NS + 10**9)
    vpo.scan(tree.root)
    return tree


def add_job(vpo: Vpo, job_type: str, path: bytes, *, is_running: bool) -> int:
    """Records a job that this process runs, or one that failed. Returns its number."""
    stat = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    identity = f"{boot}/{os.readlink('/proc/self/ns/pid')}/{stat[19].decode()}"
    with vpo.sql() as connection:
        cursor = connection.execute(
            "INSERT INTO jobs (id, job_type, file_path, status, policy_json, created_at,"
            " started_at, worker_pid, worker_identity, worker_heartbeat)"
            " VALUES ('x', ?, ?, ?, '{}', '2026-01-01', '2026-01-01', ?, ?, '2026-01-01')",
            (
                job_type,
                os.fsdecode(path),
                "running" if is_running else "failed",
                os.getpid(),
                identity,
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid


def add_operation(vpo: Vpo, kind: str, job: int, path: bytes, undo: object) -> None:
    """Records an operation that has begun and has not ended."""
    with vpo.sql() as connection:
        connection.execute(
            "INSERT INTO operations (id, job, operation, file_path, actions_json, undo_json,"
            " status, started_at) VALUES ('op', ?, ?, ?, '{}', ?, 'IN_PROGRESS', '2026-01-01')",
            (job, kind, os.fsdecode(path), json.dumps(undo)),
        )


def operation(vpo: Vpo) -> dict[str, Any]:
    """The operation that `add_operation` recorded."""
    with vpo.sql() as connection:
        return dict(connection.execute("SELECT * FROM operations WHERE id = 'op'").fetchone())


def words(vpo: Vpo, command: str) -> tuple[str, ...]:
    """The words of a command that changes files. There is something to undo for `undo`."""
    if command == "undo":
        return "undo", vpo.ok(*ACTION, "--json").json["job_id"]
    return ACTION


@pytest.mark.parametrize("command", ["duplicates", "undo"])
@pytest.mark.parametrize(
    ("kind", "job_type", "is_running", "status"),
    [
        ("move", "move", True, 75),
        ("move", "move", False, 0),
        ("policy", "apply", False, 0),
        ("shred", "archive", False, 0),
        ("trash", "archive", True, 0),
    ],
    ids=[
        "of a running job that is in the way",
        "of an ended job",
        "of an earlier program",
        "of an unknown kind",
        "of a running job of an unknown kind",
    ],
)
def test_an_operation_is_left_alone(
    vpo: Vpo,
    twins: Tree,
    command: str,
    kind: str,
    job_type: str,
    is_running: bool,
    status: int,
) -> None:
    given = words(vpo, command)
    job = add_job(vpo, job_type, twins.path("a"), is_running=is_running)
    add_operation(vpo, kind, job, twins.path("a/kept.mkv"), {"target": "/elsewhere"})
    before = operation(vpo)
    vpo.ok(*given, status=status)
    assert operation(vpo) == before


@pytest.mark.parametrize("is_undo", [False, True], ids=["action", "undo"])
@pytest.mark.parametrize("is_done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("command", ["duplicates", "undo"])
def test_an_operation_of_an_ended_job_is_settled_by_the_next_job_that_changes_files(
    vpo: Vpo, twins: Tree, command: str, is_done: bool, is_undo: bool
) -> None:
    given = words(vpo, command)
    kept, link = twins.path("a/kept.mkv"), twins.path("c/link.mkv")
    os.mkdir(twins.path("c"))
    if is_done is is_undo:
        twins.write("c/link.mkv", b"another file")
    else:
        os.link(kept, link)
    status = os.stat(kept)
    after = {"inode": status.st_ino, "size_bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
    undo: dict[str, object] = {"before": {**after, "inode": 1}, "after": after}
    job = add_job(vpo, "duplicates", twins.root.as_posix().encode(), is_running=False)
    if is_undo:
        undo["undoing"] = job
    add_operation(vpo, "hardlink", job, link, undo)
    vpo.ok(*given, "--json")
    ending = operation(vpo)["status"]
    if is_undo:
        assert ending == ("ROLLED_BACK" if is_done else "COMPLETED")
        assert is_done or "undoing" not in json.loads(operation(vpo)["undo_json"])
    else:
        assert ending == ("COMPLETED" if is_done else "FAILED")


def test_an_operation_that_a_running_job_undoes_is_left_alone(vpo: Vpo, twins: Tree) -> None:
    undone_by = add_job(vpo, "archive", twins.path("a"), is_running=True)
    # The job that did it was purged.
    add_operation(vpo, "trash", 10_000, twins.path("a/x.mkv"), {"undoing": undone_by})
    before = operation(vpo)
    vpo.ok(*ACTION)
    assert operation(vpo) == before


@pytest.mark.parametrize("undo", ["not an object", {}, {"undoing": 0}], ids=str)
def test_an_operation_with_a_strange_record_does_not_keep_others_from_being_settled(
    vpo: Vpo, twins: Tree, undo: object
) -> None:
    job = add_job(vpo, "duplicates", twins.path("a"), is_running=False)
    add_operation(vpo, "hardlink", job, twins.path("a/x.mkv"), undo)
    vpo.ok(*ACTION)
    assert operation(vpo)["status"] == "FAILED"
    assert "cannot read its record" in operation(vpo)["error_message"]


# -- Jobs that change files ------------------------------------------------------


@pytest.mark.parametrize("command", ["duplicates", "undo"])
@pytest.mark.parametrize("place", ["a", "b", "."])
def test_no_files_are_changed_while_another_job_changes_files(
    vpo: Vpo, twins: Tree, command: str, place: str
) -> None:
    given = words(vpo, command)
    before = vpo.statuses()
    add_job(vpo, "move", os.path.abspath(twins.path(place)), is_running=True)
    refused = vpo.ok(*given, "--json", status=75).json
    assert refused["code"] == "DUPLICATES_LOCKED"
    assert "job of type `move` that changes files is running" in refused["message"]
    assert vpo.statuses() == before


def test_an_undo_waits_for_another_job_if_asked(vpo: Vpo, twins: Tree) -> None:
    given = words(vpo, "undo")
    job = add_job(vpo, "move", twins.path("a"), is_running=True)
    assert "`--wait`" in vpo.ok(*given, "--json", status=75).json["hint"]
    assert vpo.ok(*given, "--json", "--wait", "0.5", status=75).json["code"] == "DUPLICATES_LOCKED"
    waiting = vpo.start("undo", "--json", "--wait", *given[1:])
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1)
    with vpo.sql() as connection:
        connection.execute("UPDATE jobs SET status = 'completed' WHERE rowid = ?", (job,))
    stdout, _ = waiting.communicate(timeout=10)
    assert (waiting.returncode, len(json.loads(stdout)["undone"])) == (0, 1)


def test_a_scan_waits_for_a_job_that_changes_files_in_the_same_place(vpo: Vpo, twins: Tree) -> None:
    add_job(vpo, "move", twins.path("b"), is_running=True)
    for root in (twins.root, twins.path("b")):
        refused = vpo.scan(root, status=75)
        assert refused["code"] == "SCAN_LOCKED"
        assert "job of type `move` that changes files" in refused["message"]
    vpo.ok("scan", "--enqueue", twins.root)
    assert vpo.ok("jobs", "run", "--json", status=75).json["held_up"] == 1
    # A scan of another place, a dry run and a search need not wait.
    assert vpo.scan(twins.path("a"))["skipped"] == 1
    assert vpo.scan(twins.root, "--dry-run")["skipped"] == 2
    assert len(vpo.ok("duplicates", "--json").json["groups"]) == 1

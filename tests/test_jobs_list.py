"""`vpo jobs list` and `vpo jobs show`: what ran, and what it did to a file."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from support import TIMEOUT_SECONDS, Tree, Vpo
from terminals import on_terminal, plain
from vpo.cli.output.table import cells, table
from vpo.db.job_history import changes_of_file

HEADS = ["ID", "TYPE", "STATUS", "STARTED", "DURATION", "PATH"]

# Times of the library, by age in hours.
HOURS = (1, 3, 26, 50, 24 * 8)
TYPES = ("scan", "apply", "transcode", "move", "scan")
STATUSES = ("running", "failed", "completed", "cancelled", "completed")

NAME = "Ein sehr langer Name für einen Film, 映画の題名 (2019)/" * 3 + "end.mkv"
NOT_UTF8 = b"/media/f\xff\n\x1b[31m.mkv"


def moment(hours: float) -> str:
    """The time of so many hours ago, as the library has it."""
    ago = datetime.now(timezone.utc) - timedelta(hours=hours)
    return ago.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def add_job(vpo: Vpo, **columns: object) -> None:
    """Writes a job into the library."""
    job = {
        "job_type": "scan",
        "status": "completed",
        "file_path": "/media",
        "policy_json": "{}",
        "created_at": moment(1),
        **columns,
    }
    with vpo.sql() as connection:
        connection.execute(
            f"INSERT INTO jobs ({', '.join(job)}) VALUES ({', '.join('?' * len(job))})",
            tuple(job.values()),
        )


def uuid(number: int, prefix: str = "") -> str:
    """An ID that begins so."""
    start = f"{prefix}{number:x}".ljust(8, "0")
    return f"{start}-0000-4000-8000-{number:012x}"


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Vpo:
    """A library with a job of each status, and one in the queue; no test changes it."""
    vpo = Vpo(tmp_path_factory.mktemp("history"))
    root = tmp_path_factory.mktemp("empty")
    vpo.scan(root)
    with vpo.sql() as connection:
        connection.execute("DELETE FROM jobs")
    for number, (hours, job_type, status) in enumerate(zip(HOURS, TYPES, STATUSES, strict=True)):
        add_job(
            vpo,
            id=uuid(number, "abc1"),
            job_type=job_type,
            status=status,
            file_path=(f"/media/{NAME}", NOT_UTF8)[number % 2],
            created_at=moment(hours),
            started_at=moment(hours),
            completed_at=None if status == "running" else moment(hours - 0.5),
            worker_pid=os.getpid(),
        )
    # Queued longest ago, and in the middle of the list for when it was put back there.
    add_job(vpo, id=uuid(9, "def2"), status="queued", created_at=moment(999), queued_at=moment(27))
    return vpo


def listed(vpo: Vpo, *args: str | Path) -> list[dict[str, Any]]:
    """The jobs of a list."""
    jobs = vpo.ok("jobs", "list", "--json", *args).json
    assert isinstance(jobs, list)
    return jobs


def numbers(vpo: Vpo, *args: str) -> list[int]:
    """The jobs of a list by the numbers they were made with."""
    return [int(job["id"].rpartition("-")[2], 16) for job in listed(vpo, *args)]


# -- The list ------------------------------------------------------------------------


def test_jobs_are_listed_newest_first_and_a_queued_one_by_when_it_was_queued(history: Vpo) -> None:
    assert numbers(history) == [0, 1, 2, 9, 3, 4]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("--status", "completed"), [2, 4]),
        (("--status", "queued"), [9]),
        (("--type", "scan"), [0, 9, 4]),
        (("--type", "scan", "--status", "completed"), [4]),
        (("--type", "ACCEPT"), []),
        (("--since", "2h"), [0]),
        (("--since", "1d"), [0, 1]),
        (("--since", "1w"), [0, 1, 2, 9, 3]),
        (("--since", "100m", "--status", "failed"), []),
        (("--limit", "2"), [0, 1]),
        (("--limit", "1", "--status", "completed"), [2]),
        (("--limit", "0"), []),
    ],
)
def test_filters_combine(history: Vpo, args: tuple[str, ...], expected: list[int]) -> None:
    assert numbers(history, *args) == expected


def test_twenty_jobs_are_listed_unless_a_limit_says_otherwise(vpo: Vpo, tree: Tree) -> None:
    vpo.scan(tree.root)
    for number in range(30):
        add_job(vpo, id=uuid(number), started_at=moment(100 + number))
    assert len(listed(vpo)) == 20
    assert len(listed(vpo, "--limit", "1000")) == 31


@pytest.mark.parametrize(
    "args",
    [
        ("--status", "done"),
        ("--type", "scn"),
        ("--since", "yesterday"),
        ("--limit", "-1"),
        ("--limit", "many"),
    ],
)
def test_a_filter_that_cannot_be_is_wrong_usage(history: Vpo, args: tuple[str, ...]) -> None:
    outcome = history.ok("jobs", "list", *args, status=2)
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("Error: ")


def test_json_has_the_keys_and_types_of_the_contract(history: Vpo) -> None:
    jobs = listed(history)
    contract = {
        *("id", "type", "status", "started_at", "completed_at"),
        *("duration_seconds", "file_path"),
    }
    time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
    for job in jobs:
        assert contract <= set(job)
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", job["id"])
        for key in ("started_at", "completed_at"):
            assert job[key] is None or time.fullmatch(job[key])
        assert isinstance(job["file_path"], str)
    assert [type(job["duration_seconds"]) for job in jobs] == [float] * 3 + [
        type(None),
        float,
        float,
    ]
    assert jobs[2]["duration_seconds"] == pytest.approx(1800, abs=1)
    assert (jobs[3]["started_at"], jobs[3]["completed_at"]) == (None, None)


def test_a_path_that_is_not_utf8_is_whole_in_json_and_harmless_in_text(history: Vpo) -> None:
    _, job, *_ = listed(history)
    assert job["file_path"] == NOT_UTF8.decode(errors="replace")
    assert base64.b64decode(job["file_path_b64"]) == NOT_UTF8
    assert "file_path_b64" not in listed(history)[0]
    for args in (("list",), ("show", uuid(1, "abc1"))):
        text = history.ok("jobs", *args).stdout
        assert r"/media/f\xff\n\x1b[31m.mkv" in text
        assert "\x1b" not in text


def test_the_table_has_the_columns_of_the_contract_and_whole_paths_in_a_pipe(
    history: Vpo,
) -> None:
    head, *lines = history.ok("jobs", "list").stdout.splitlines()
    assert head.split() == HEADS
    assert [line.split()[0] for line in lines] == [job["id"][:8] for job in listed(history)]
    assert lines[0].endswith(f"/media/{NAME}")
    assert lines[3].split()[1:5] == ["scan", "queued", "-", "-"]
    for name in ("ID", "TYPE", "STATUS", "STARTED", "PATH"):
        assert all(line[head.index(name) - 1] == " " for line in lines if head.index(name))


@pytest.mark.parametrize("columns", [30, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(history: Vpo, columns: int) -> None:
    status, lines = on_terminal(history, columns, "jobs", "list")
    assert (status, len(lines)) == (0, 7)
    for line in lines:
        assert cells(plain(line)) <= columns
    if columns >= 80:
        # The end of a path tells more than its beginning.
        assert plain(lines[1]).endswith("end.mkv")
        assert plain(lines[1]).split()[2] == "running"


@pytest.mark.parametrize("columns", [25, 40, 60])
def test_ids_are_whole_on_the_narrowest_terminal(history: Vpo, columns: int) -> None:
    _, lines = on_terminal(history, columns, "jobs", "list")
    shown = [plain(line).split()[0] for line in lines[1:]]
    assert shown == [job["id"][:8] for job in listed(history)]


@pytest.mark.parametrize("room", range(20, 90, 7))
def test_a_table_keeps_to_the_room_there_is(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpo.cli.output.table.terminal_width", lambda: room)
    rows = [("12345678", "transcode", "completed", "2026-01-31 12:00", "12.3s", f"/a/{NAME}")]
    lines = list(table(HEADS, rows, right=("DURATION",), keep_tail=True))
    assert max(map(cells, lines)) <= room
    assert all(lines)


def test_colours_are_for_terminals_and_for_those_who_ask(history: Vpo) -> None:
    assert "\x1b[" in "".join(on_terminal(history, 100, "jobs", "list")[1])
    assert "\x1b" not in "".join(on_terminal(history, 100, "jobs", "list", NO_COLOR="1")[1])
    never = on_terminal(history, 100, "jobs", "list", "--color", "never")[1]
    assert "\x1b" not in "".join(never)
    assert "\x1b" not in history.ok("jobs", "list").stdout
    coloured = history.ok("jobs", "list", "--color", "always").stdout
    assert "\x1b[31mfailed" in coloured
    assert plain(coloured) == history.ok("jobs", "list").stdout


def test_a_reader_that_has_seen_enough_is_no_error(vpo: Vpo, tree: Tree) -> None:
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        connection.executemany(
            "INSERT INTO jobs (id, job_type, status, file_path, policy_json, created_at)"
            " VALUES (?, 'scan', 'completed', '/media', '{}', '2020-01-01T00:00:00Z')",
            [(uuid(number),) for number in range(5000)],
        )
    run = vpo.start("jobs", "list", "--limit", "9999")
    assert run.stdout is not None
    assert run.stderr is not None
    with run.stdout:
        assert run.stdout.readline().split() == [head.encode() for head in HEADS]
    with run.stderr:
        assert run.stderr.read() == b""
    assert run.wait(TIMEOUT_SECONDS) == 0


def test_no_jobs_are_an_empty_list_and_nothing_on_stdout(history: Vpo) -> None:
    assert listed(history, "--type", "undo") == []
    outcome = history.ok("jobs", "list", "--type", "undo")
    assert outcome.stdout == ""
    assert outcome.stderr == "No jobs were found.\n"


# -- One job -------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["def2", "DEF2", "def29", uuid(9, "def2"), uuid(9, "DEF2")])
def test_a_job_is_found_by_the_beginning_of_its_id(history: Vpo, given: str) -> None:
    assert history.ok("jobs", "show", "--json", given).json["id"] == uuid(9, "def2")


@pytest.mark.parametrize("given", ["xyz", "", "%", "%%%%", "____", "def", "def2%", "d*f2", "ffff"])
def test_what_is_no_beginning_of_an_id_finds_nothing(history: Vpo, given: str) -> None:
    outcome = history.ok("jobs", "show", given, status=2)
    assert outcome.stdout == ""
    assert outcome.stderr.startswith(f"Error: No job found with ID '{given}'.\n")


def test_a_beginning_that_several_ids_have_is_refused_with_their_names(history: Vpo) -> None:
    outcome = history.ok("jobs", "show", "abc1", status=2)
    assert outcome.stderr.startswith("Error: Multiple jobs match 'abc1'. Use more characters.\n")
    assert uuid(3, "abc1") in outcome.stderr
    error = history.ok("jobs", "show", "abc1", "--json", status=2).json
    assert (error["error"], error["code"]) == (True, "JOB_AMBIGUOUS")
    assert error["details"]["matches"] == [uuid(number, "abc1") for number in range(5)]


def test_show_tells_all_that_a_scan_recorded(vpo: Vpo, tree: Tree) -> None:
    tree.write(b"a\xff.mkv")
    tree.write("b.mkv")
    job_id = vpo.scan(tree.root)["job_id"]
    job = vpo.ok("jobs", "show", "--json", job_id).json
    assert (job["type"], job["status"], job["attempts"]) == ("scan", "completed", 1)
    assert job["summary"]["added"] == 2
    assert job["files_affected"]["counts"]["added"] == 2
    assert job["configuration"]
    text = vpo.ok("jobs", "show", job_id[:4]).stdout
    for words in (f"Job: {job_id}", "Type: scan", "Status: completed", f"Path: {tree.root}"):
        assert f"{words}\n" in text
    for title in ("Timing:", "Configuration:", "Summary:", "Files affected:"):
        assert f"\n\n{title}\n" in text
    assert "  added: 2\n" in text


def test_the_stack_of_a_crash_is_kept_and_harmless(vpo: Vpo, tree: Tree) -> None:
    vpo.scan(tree.root)
    stack = 'Stack:\n  File "x.py", line 1\nValueError: \x1b[2J'
    failure = {"code": "INTERNAL", "traceback": stack}
    add_job(
        vpo,
        id=uuid(1, "dead"),
        status="failed",
        error_message="ValueError: \x1b[2J",
        errors_json=json.dumps({"failure": failure, "issues": [], "count": 0}),
    )
    assert vpo.ok("jobs", "show", "dead1", "--json").json["errors"]["failure"] == failure
    text = vpo.ok("jobs", "show", "dead1").stdout
    assert "\x1b" not in text
    assert '  |   File "x.py", line 1\n' in text
    assert "Code: INTERNAL" in text


# -- What happened to a file ------------------------------------------------------------


def changes(vpo: Vpo, path: bytes) -> list[tuple[str, str | None]]:
    """What jobs did to a file and why, newest first."""
    found = [(job["change"], job["reason"]) for job in listed(vpo, "--file", os.fsdecode(path))]
    if os.path.exists(path):
        shown = vpo.ok("files", "show", "--json", path).json
        assert [(job["change"], job["reason"]) for job in shown["jobs"]] == found
    return found


def test_each_change_of_a_file_is_recorded_with_its_reason(vpo: Vpo, tree: Tree) -> None:
    path = tree.write("a.mkv")
    tree.write("other.mkv")
    vpo.scan(tree.root)
    tree.write("a.mkv", b"more content")
    vpo.scan(tree.root)
    os.utime(path, ns=(10**18, 10**18))
    vpo.scan(tree.root)
    os.rename(tree.write("new", b"MORE CONTENT", mtime_ns=10**18), path)
    vpo.scan(tree.root)
    os.rename(path, tree.root.parent / "away")
    vpo.scan(tree.root)
    os.rename(tree.root.parent / "away", path)
    vpo.scan(tree.root)
    expected = [
        ("returned", None),
        ("removed", None),
        ("changed", "inode"),
        ("changed", "mtime"),
        ("changed", "size"),
        ("added", None),
    ]
    assert changes(vpo, path) == expected
    assert changes(vpo, tree.path("other.mkv")) == [("added", None)]
    size = listed(vpo, "--file", os.fsdecode(path))[4]
    assert (size["size_bytes_before"], size["size_bytes_after"]) == (7, 12)
    head, *lines = vpo.ok("jobs", "list", "--file", os.fsdecode(path)).stdout.splitlines()
    assert head.split() == [*HEADS[:-1], "CHANGE"]
    assert lines[4].endswith("changed, size 7 B → 12 B")
    assert lines[3].endswith("changed, modified 2020-09-13 12:26:40 → 2001-09-09 01:46:40 (UTC)")


def test_the_history_of_a_pruned_file_is_found_by_its_path_and_is_not_its_successors(
    vpo: Vpo, tree: Tree
) -> None:
    tree.write("stays.mkv")
    vpo.scan(tree.root)
    old = tree.write(b"old\xff.mkv")
    vpo.scan(tree.root)
    tree.write(b"old\xff.mkv", b"more content")
    vpo.scan(tree.root)
    tree.remove(b"old\xff.mkv")
    vpo.scan(tree.root, "--prune", "--allow-mass-removal")
    assert changes(vpo, old)[:3] == [("pruned", None), ("removed", None), ("changed", "size")]
    new = tree.write("new.mkv")
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        reused = "SELECT 1 FROM file_changes c JOIN files f ON f.id = c.file_id"
        assert connection.execute(reused).fetchone(), "the number was not given again"
    assert changes(vpo, new) == [("added", None)]
    assert changes(vpo, old)[:3] == [("pruned", None), ("removed", None), ("changed", "size")]
    # A file of the same name is a new one.
    tree.write(b"old\xff.mkv")
    vpo.scan(tree.root)
    assert changes(vpo, old) == [("added", None)]


def test_purging_some_jobs_does_not_give_a_file_the_changes_of_its_predecessor(
    vpo: Vpo, tree: Tree
) -> None:
    tree.write_many(150)
    vpo.scan(tree.root)
    tree.write("old.mkv")
    vpo.scan(tree.root)
    # A job that fails keeps what it recorded before that.
    tree.write("old.mkv", b"more content")
    shutil.rmtree(tree.root / "many")
    vpo.scan(tree.root, status=2)
    assert changes(vpo, tree.path("old.mkv")) == [("changed", "size"), ("added", None)]
    tree.remove("old.mkv")
    tree.write("other.mkv")
    vpo.scan(tree.root, "--allow-mass-removal")
    tree.remove("other.mkv")
    vpo.scan(tree.root, "--allow-mass-removal", "--prune")
    vpo.ok("jobs", "purge", "--older-than", "0s", "--status", "completed")
    new = [tree.write(f"new{number}.mkv") for number in range(200)]
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        histories = [
            [row.change for row in changes_of_file(connection, file_id)]
            for (file_id,) in connection.execute("SELECT id FROM files ORDER BY id")
        ]
    assert histories == [["added"]] * len(new)


def test_changes_are_in_order_of_when_jobs_ran_not_of_when_they_were_queued(
    vpo: Vpo, tree: Tree
) -> None:
    vpo.ok("scan", "--enqueue", tree.root)
    path = tree.write("a.mkv")
    vpo.scan(tree.root)
    tree.write("a.mkv", b"more content")
    vpo.ok("jobs", "run")
    assert changes(vpo, path) == [("changed", "size"), ("added", None)]


def test_a_file_that_the_library_does_not_know_has_no_history(history: Vpo, tree: Tree) -> None:
    error = history.ok("jobs", "list", "--json", "--file", tree.root / "x.mkv", status=2).json
    assert error["code"] == "FILE_NOT_FOUND"


# -- The newest job ------------------------------------------------------------------------


def test_the_newest_job_is_shown_without_its_id(vpo: Vpo, tree: Tree) -> None:
    assert vpo.error_code("jobs", "show", "--last") == "LIBRARY_NOT_FOUND"
    tree.write("a.mkv")
    scan = vpo.scan(tree.root)["job_id"]
    check = vpo.ok("verify", "--json").json["job_id"]
    assert vpo.ok("jobs", "show", "--last", "--json").json["id"] == check
    assert vpo.ok("jobs", "show", "--last", "--type", "scan", "--json").json["id"] == scan
    assert vpo.error_code("jobs", "show", "--last", "--type", "undo") == "JOB_NOT_FOUND"
    for words in ([], [scan, "--last"], [scan, "--type", "scan"]):
        assert vpo.error_code("jobs", "show", *words) == "USAGE"

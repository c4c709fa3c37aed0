"""The queue: order, workers that race, are stopped or die, cancelling, retrying, purging."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import TIMEOUT_SECONDS, Tree, Vpo, wait_until
from vpo.base.paths import StoredPath
from vpo.db.library import open_library
from vpo.jobs import job as job_module
from vpo.jobs import worker
from vpo.jobs.job import Job
from vpo.jobs.kinds import JobKind
from vpo.jobs.progress import ReadProgress
from vpo.jobs.states import TRANSITIONS
from vpo.scanner import run as scanner_run

RACING_WORKERS = 4

# More than a scan records in one go.
DIRECTORIES = 4000


def enqueue(vpo: Vpo, root: Path | bytes, *args: str) -> str:
    """Queues a scan and returns the job's ID."""
    queued = vpo.ok("scan", "--enqueue", "--json", *args, root).json
    assert queued["status"] == "queued"
    return str(queued["job_id"])


def directories(tree: Tree, count: int) -> list[Path]:
    """Directories with a file each."""
    for number in range(count):
        tree.write(f"{number:02}/file.mkv")
    return [tree.root / f"{number:02}" for number in range(count)]


def job_of(vpo: Vpo, job_id: str) -> dict[str, Any]:
    """A job as the library has it."""
    return next(job for job in vpo.jobs() if job["id"] == job_id)


@contextmanager
def held_up(vpo: Vpo, job_id: str) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], None]]]:
    """A worker that has taken the job and stands still: nobody reads what it says of it.

    Yields the process, and what lets it go on.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b" " * 4096)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b" ")
    os.set_blocking(writing, True)
    process = vpo.start("jobs", "run", stdout=writing)
    os.close(writing)

    def go_on() -> None:
        with open(reading, "rb", closefd=False) as output:
            output.read()

    def has_taken_it() -> bool:
        job = job_of(vpo, job_id)
        return (job["status"], job["worker_pid"]) == ("running", process.pid)

    try:
        wait_until(has_taken_it, process=process)
        yield process, go_on
    finally:
        process.kill()
        process.communicate()
        os.close(reading)


# -- Into the queue, and out of it -----------------------------------------------------


def test_the_same_scan_is_queued_once_and_another_one_beside_it(vpo: Vpo, tree: Tree) -> None:
    first = vpo.ok("scan", "--enqueue", "--json", tree.root).json
    again = vpo.ok("scan", "--enqueue", "--json", "--priority", "5", tree.root).json
    assert (first["is_new"], again["is_new"]) == (True, False)
    assert first["job_id"] == again["job_id"]
    assert enqueue(vpo, tree.root, "--full") != first["job_id"]
    assert [job["status"] for job in vpo.jobs()] == ["queued", "queued"]
    assert not vpo.files()


def test_jobs_are_done_by_priority_and_then_by_age(vpo: Vpo, tree: Tree) -> None:
    places = directories(tree, 5)
    priorities: tuple[list[str], ...] = (
        ["--priority", "200"],
        [],
        ["--priority", "3"],
        [],
        ["--priority", "3"],
    )
    ids = [
        enqueue(vpo, place, *priority) for place, priority in zip(places, priorities, strict=True)
    ]
    result = vpo.ok("jobs", "run", "--json").json
    assert [job["id"] for job in result["jobs"]] == [ids[n] for n in (2, 4, 1, 3, 0)]
    assert {job["status"] for job in result["jobs"]} == {"completed"}
    assert (result["completed"], result["failed"]) == (5, 0)
    assert len(vpo.files()) == 5


def test_a_worker_takes_no_more_jobs_than_its_limits_allow(vpo: Vpo, tree: Tree) -> None:
    for place in directories(tree, 3):
        enqueue(vpo, place)
    assert vpo.ok("jobs", "run", "--max-jobs", "2", "--json").json["completed"] == 2
    assert vpo.ok("jobs", "run", "--max-duration", "0s", "--json").json["jobs"] == []
    assert [job["status"] for job in vpo.jobs()] == ["completed", "completed", "queued"]
    assert vpo.ok("jobs", "run").stdout.endswith("Jobs done: 1 completed.\n")
    assert vpo.ok("jobs", "run").stdout == "No jobs were run.\n"


@pytest.mark.parametrize(
    "args",
    [
        ("--end-by", "25:99"),
        ("--end-by", "soon"),
        ("--max-jobs", "0"),
        ("--max-duration", "long"),
        ("--hard-stop",),
    ],
)
def test_limits_that_cannot_be_are_wrong_usage(vpo: Vpo, tree: Tree, args: tuple[str, ...]) -> None:
    job_id = enqueue(vpo, tree.root)
    assert vpo.ok("jobs", "run", *args, status=2).stderr.startswith("Error: ")
    assert job_of(vpo, job_id)["status"] == "queued"


def test_a_job_that_fails_does_not_keep_the_next_from_being_done(vpo: Vpo, tree: Tree) -> None:
    gone, there = directories(tree, 2)
    bad, good = enqueue(vpo, gone), enqueue(vpo, there)
    shutil.rmtree(gone)
    result = vpo.ok("jobs", "run", "--json", status=1).json
    assert [(job["id"], job["status"]) for job in result["jobs"]] == [
        (bad, "failed"),
        (good, "completed"),
    ]
    assert job_of(vpo, bad)["error_message"]
    assert len(vpo.files()) == 1
    tree.write("00/file.mkv")
    vpo.ok("jobs", "retry", "--all-failed")
    vpo.ok("jobs", "run")
    job = job_of(vpo, bad)
    assert (job["status"], job["attempts"], job["error_message"]) == ("completed", 2, None)
    assert len(vpo.files()) == 2


def test_a_job_of_a_type_that_is_not_known_waits_and_holds_up_no_other(
    vpo: Vpo, tree: Tree
) -> None:
    enqueue(vpo, tree.root)
    other = enqueue(vpo, tree.root, "--full")
    with vpo.sql() as connection:
        connection.execute("UPDATE jobs SET job_type = 'transcode' WHERE id = ?", (other,))
    result = vpo.ok("jobs", "run", "--json").json
    assert (result["completed"], result["held_up"]) == (1, 1)
    assert vpo.ok("jobs", "run", "--json", status=75).json["held_up"] == 1
    assert job_of(vpo, other)["status"] == "queued"


# -- Several workers -----------------------------------------------------------------


def test_workers_that_race_do_each_job_exactly_once(vpo: Vpo, tree: Tree) -> None:
    places = directories(tree, 20)
    vpo.ok("scan", "--enqueue", *places)
    assert len(vpo.jobs()) == 20
    workers = [vpo.start("jobs", "run", "--json") for _ in range(RACING_WORKERS)]
    done = []
    for process in workers:
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
        assert (process.returncode, stderr) == (0, b"")
        done += [job["id"] for job in json.loads(stdout)["jobs"]]
    assert sorted(done) == sorted(job["id"] for job in vpo.jobs())
    assert {(job["status"], job["attempts"]) for job in vpo.jobs()} == {("completed", 1)}
    assert len(vpo.files()) == 20
    vpo.check_integrity()


def test_a_scan_in_the_place_of_one_that_runs_is_left_for_later(vpo: Vpo, tree: Tree) -> None:
    first, *_ = directories(tree, 2)
    running = enqueue(vpo, tree.root)
    with held_up(vpo, running) as (process, go_on):
        inner = enqueue(vpo, first)
        assert vpo.ok("jobs", "run", "--json", status=75).json["held_up"] == 1
        assert job_of(vpo, inner)["status"] == "queued"
        go_on()
        assert process.wait(TIMEOUT_SECONDS) == 0
    # The worker went on with what had waited for it.
    assert [job["status"] for job in vpo.jobs()] == ["completed", "completed"]


def test_the_job_of_a_worker_that_was_killed_is_done_by_the_next(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    job_id = enqueue(vpo, tree.root)
    with held_up(vpo, job_id) as (process, _):
        process.kill()
        process.wait(TIMEOUT_SECONDS)
        assert vpo.ok("jobs", "show", job_id, "--json").json["worker"]["is_gone"] is True
        result = vpo.ok("jobs", "run", "--json").json
    assert [(job["id"], job["status"]) for job in result["jobs"]] == [(job_id, "completed")]
    assert job_of(vpo, job_id)["attempts"] == 2
    assert len(vpo.files()) == 1


def test_a_job_that_has_been_the_end_of_three_workers_is_given_to_no_other(
    vpo: Vpo, tree: Tree
) -> None:
    job_id = enqueue(vpo, tree.root)
    for _ in range(3):
        with held_up(vpo, job_id) as (process, _):
            pid = process.pid
    assert vpo.ok("jobs", "run", "--json").json["jobs"] == []
    job = job_of(vpo, job_id)
    assert (job["status"], job["attempts"]) == ("failed", 3)
    assert str(pid) in job["error_message"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_worker_that_is_stopped_puts_its_job_back(
    vpo: Vpo, tree: Tree, number: signal.Signals, status: int
) -> None:
    tree.write("a.mkv")
    job_id = enqueue(vpo, tree.root)
    next_id = enqueue(vpo, tree.root, "--full")
    with held_up(vpo, job_id) as (process, go_on):
        process.send_signal(number)
        go_on()
        _, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
        assert (process.returncode, stderr) == (status, b"")
    job = job_of(vpo, job_id)
    # Being stopped is not its fault: it is no attempt.
    assert (job["status"], job["attempts"], job["worker_pid"]) == ("queued", 0, None)
    assert job_of(vpo, next_id)["status"] == "queued"
    assert vpo.ok("jobs", "run", "--json").json["completed"] == 2


# -- Cancelling, trying again ----------------------------------------------------------


def test_a_queued_job_is_cancelled_and_can_be_queued_again(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    job_id = enqueue(vpo, tree.root)
    assert vpo.ok("jobs", "cancel", job_id[:8]).stdout == f"Cancelled job {job_id[:8]}.\n"
    assert vpo.ok("jobs", "run", "--json").json["jobs"] == []
    job = job_of(vpo, job_id)
    assert (job["status"], job["completed_at"] is not None) == ("cancelled", True)
    assert vpo.error_code("jobs", "cancel", job_id) == "JOB_STATE"
    assert vpo.ok("jobs", "retry", job_id).stdout == f"Queued job {job_id[:8]} again.\n"
    assert vpo.error_code("jobs", "retry", job_id) == "JOB_STATE"
    assert vpo.ok("jobs", "run", "--json").json["completed"] == 1
    for command in ("cancel", "retry"):
        assert vpo.error_code("jobs", command, job_id) == "JOB_STATE"
        assert vpo.error_code("jobs", command, "ffffffff") == "JOB_NOT_FOUND"
    assert (job_of(vpo, job_id)["status"], len(vpo.files())) == ("completed", 1)


def test_a_job_that_cannot_be_cancelled_does_not_keep_others_from_it(vpo: Vpo, tree: Tree) -> None:
    done = vpo.scan(tree.root)["job_id"]
    queued = enqueue(vpo, tree.root)
    result = vpo.ok("jobs", "cancel", "--json", done, queued, status=2).json
    assert [each["id"] for each in result] == [done, queued]
    assert (result[0]["code"], result[1]["status"]) == ("JOB_STATE", "cancelled")


def test_cancelling_the_job_of_a_dead_worker_ends_it_at_once(vpo: Vpo, tree: Tree) -> None:
    job_id = enqueue(vpo, tree.root)
    with held_up(vpo, job_id):
        pass
    assert vpo.ok("jobs", "cancel", "--json", job_id).json == [
        {"id": job_id, "status": "cancelled"}
    ]


@dataclass
class CancelWhileRunning:
    """Is told what a worker does, and has another process cancel the job in the middle of it."""

    vpo: Vpo
    wants_files: bool = False
    has_asked: bool = False
    ended_as: str | None = None
    job_id: str = ""

    def started(self, job: Job, kind: JobKind) -> AbstractContextManager[Any]:
        """A job begins."""
        assert kind.name == "scan"
        self.job_id = job.id
        return nullcontext(self)

    def ended(self, job: Job, status: str, outcome: str) -> None:
        """A job ended."""
        assert (job.id, bool(outcome)) == (self.job_id, True)
        self.ended_as = status

    def progress(self, read: ReadProgress) -> None:
        """Called between batches."""
        assert read().files >= 0
        assert read().files_expected is None
        if not self.has_asked and self.vpo.files():
            self.has_asked = True
            asked = self.vpo.ok("jobs", "cancel", "--wait", "0", "--json", self.job_id).json
            assert asked == [{"id": self.job_id, "status": "stopping"}]

    def file(self, change: str, path: StoredPath, before: StoredPath | None = None) -> None:
        """Called for each file."""


def test_a_running_job_is_cancelled_from_another_process_and_its_work_kept(
    vpo: Vpo, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the job took long: it writes, and looks whether it is to stop, all the time.
    monkeypatch.setattr(scanner_run, "FILES_PER_COMMIT", 1)
    monkeypatch.setattr(job_module, "LOOK_SECONDS", 0.0)
    directories(tree, DIRECTORIES)
    # The engine hands over a thousand directories of a thread at a time.
    job_id = enqueue(vpo, tree.root, "--threads", "1")
    reporter = CancelWhileRunning(vpo)
    with open_library(str(vpo.database), "write") as library:
        tally = worker.run(library, worker.Limits(), reporter, lambda: None)
    assert (reporter.ended_as, tally.counts["cancelled"], tally.stopped) == ("cancelled", 1, None)
    job = job_of(vpo, job_id)
    kept = len(vpo.files())
    assert (job["status"], json.loads(job["summary_json"])["added"]) == ("cancelled", kept)
    assert 0 < kept < DIRECTORIES
    vpo.ok("jobs", "retry", job_id)
    vpo.ok("jobs", "run")
    assert (job_of(vpo, job_id)["status"], len(vpo.files())) == ("completed", DIRECTORIES)


# -- States ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def library_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library as the command makes it."""
    vpo = Vpo(tmp_path_factory.mktemp("home"))
    vpo.scan(tmp_path_factory.mktemp("empty"))
    return vpo.database


@pytest.mark.parametrize("after", TRANSITIONS)
@pytest.mark.parametrize("before", TRANSITIONS)
def test_the_library_itself_refuses_what_cannot_follow(
    library_file: Path, before: str, after: str
) -> None:
    with closing(sqlite3.connect(library_file)) as connection:
        # Nothing is committed.
        connection.execute(
            "INSERT INTO jobs (id, job_type, status, file_path, policy_json, created_at)"
            " VALUES ('x', 'scan', ?, '/media', '{}', '2020-01-01T00:00:00Z')",
            (before,),
        )
        if after == before or after in TRANSITIONS[before]:
            connection.execute("UPDATE jobs SET status = ? WHERE id = 'x'", (after,))
        else:
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute("UPDATE jobs SET status = ? WHERE id = 'x'", (after,))


# -- Purging -----------------------------------------------------------------------------


def aged(vpo: Vpo, tree: Tree) -> dict[str, str]:
    """A library with a job of each status and 40 days of age; their IDs by status."""
    tree.write("a.mkv")
    vpo.scan(tree.root)
    tree.write("a.mkv", b"more content")
    vpo.scan(tree.root)
    old = "strftime('%Y-%m-%dT%H:%M:%S.000Z', 'now', '-40 days')"
    ids: dict[str, str] = {}
    with vpo.sql() as connection:
        connection.execute(
            f"UPDATE jobs SET created_at = {old}, started_at = {old}, completed_at = {old}"
        )
        for status in TRANSITIONS:
            ids[status] = f"{len(ids):08}-0000-4000-8000-000000000000"
            # Even with a time at which it ended: jobs that go on are never old.
            connection.execute(
                "INSERT INTO jobs (id, job_type, status, file_path, policy_json, created_at,"
                f" completed_at, worker_pid) VALUES (?, 'scan', ?, '/x', '{{}}', {old}, {old}, ?)",
                (ids[status], status, os.getpid()),
            )
        connection.execute(
            "UPDATE jobs SET worker_heartbeat = strftime('%Y-%m-%dT%H:%M:%S.000Z', 'now')"
        )
    return ids


def left(vpo: Vpo) -> list[str]:
    """The statuses of the jobs that are left."""
    return sorted(job["status"] for job in vpo.jobs())


def test_purging_deletes_jobs_that_ended_long_ago_with_their_changes(vpo: Vpo, tree: Tree) -> None:
    aged(vpo, tree)
    all_jobs = left(vpo)
    assert vpo.ok("jobs", "purge", "--older-than", "50d", "--json").json["purged"] == 0
    dry = vpo.ok("jobs", "purge", "--dry-run", "--json").json
    assert (dry["purged"], dry["dry_run"]) == (5, True)
    assert vpo.ok("jobs", "purge", "--dry-run").stdout == "Would delete 5 jobs.\n"
    assert left(vpo) == all_jobs
    assert vpo.ok("jobs", "purge", "--status", "failed", "--json").json["purged"] == 1
    assert left(vpo) == ["cancelled", "completed", "completed", "completed", "queued", "running"]
    with vpo.sql() as connection:
        assert connection.execute("SELECT count(*) FROM file_changes").fetchone()[0] == 1
    assert vpo.ok("jobs", "purge", "--older-than", "0s").stdout == "Deleted 4 jobs.\n"
    assert left(vpo) == ["queued", "running"]
    with vpo.sql() as connection:
        assert connection.execute("SELECT count(*) FROM file_changes").fetchone()[0] == 0
    # The files themselves are untouched.
    assert len(vpo.files()) == 1
    shown = vpo.ok("files", "show", "--json", tree.path("a.mkv")).json
    assert shown["jobs"] == []
    vpo.check_integrity()


@pytest.mark.parametrize("args", [("--status", "running"), ("--older-than", "old")])
def test_jobs_that_go_on_cannot_be_asked_to_be_purged(
    vpo: Vpo, tree: Tree, args: tuple[str, ...]
) -> None:
    job_id = enqueue(vpo, tree.root)
    assert vpo.ok("jobs", "purge", *args, status=2).stderr.startswith("Error: ")
    assert job_of(vpo, job_id)["status"] == "queued"


@pytest.mark.parametrize(
    ("settings", "purges"),
    [
        ({}, True),
        ({"VPO_JOBS__RETENTION_DAYS": "39"}, True),
        ({"VPO_JOBS__RETENTION_DAYS": "41"}, False),
        ({"VPO_JOBS__AUTO_PURGE": "false"}, False),
    ],
)
def test_a_scan_purges_what_is_older_than_the_settings_keep(
    vpo: Vpo, tree: Tree, settings: dict[str, str], purges: bool
) -> None:
    ids = aged(vpo, tree)
    with_settings = Vpo(vpo.home, settings)
    with_settings.scan(tree.root, "--dry-run")
    assert len(vpo.jobs()) == 7
    with_settings.scan(tree.root)
    kept = {job["id"] for job in vpo.jobs()} & set(ids.values())
    expected = ("queued", "running") if purges else TRANSITIONS
    assert kept == {ids[status] for status in expected}

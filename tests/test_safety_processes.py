"""Scans that meet, are stopped, or die: locks, signals and what is left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from injection import injected, just_before
from mounts import remove_deep
from support import TIMEOUT_SECONDS, Tree, Vpo, seeded, wait_until
from vpo.scanner.recorder import Recorder

pytestmark = pytest.mark.skipif(not hasattr(os, "waitid"), reason="needs waitid(2)")

# Enough that a scan can be caught in the middle of it.
DIRECTORIES = 500
FILES = 50

KILLS = 26


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tree of 25 000 files that no test changes."""
    place = tmp_path_factory.mktemp("big")
    tree = Tree(place / "library")
    tree.write_names((f"{number % 20:02}/{number:04}" for number in range(DIRECTORIES)), FILES)
    yield tree.root
    remove_deep(tree.root)


@pytest.fixture(scope="module")
def scanned(big: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that knows the big tree; to be copied."""
    vpo = Vpo(tmp_path_factory.mktemp("scanned"))
    vpo.scan(big)
    return vpo.database


@pytest.fixture
def knowing(vpo: Vpo, scanned: Path) -> Vpo:
    """The command with a library that knows the big tree."""
    vpo.home.mkdir()
    shutil.copy(scanned, vpo.database)
    return vpo


def running_job(vpo: Vpo, pid: int) -> dict[str, Any] | None:
    """The running job of a process, if it has one."""
    return next(
        (job for job in vpo.jobs() if (job["status"], job["worker_pid"]) == ("running", pid)), None
    )


def await_job(vpo: Vpo, scan: subprocess.Popen[bytes]) -> bool:
    """Waits until the process has a running job; whether it was seen."""
    query = "SELECT 1 FROM jobs WHERE status = 'running' AND worker_pid = ?"
    with closing(sqlite3.connect(vpo.database)) as connection:

        def has_job() -> bool:
            return connection.execute(query, (scan.pid,)).fetchone() is not None

        wait_until(lambda: has_job() or scan.poll() is not None, interval=0.0005)
        return scan.poll() is None


def stop(scan: subprocess.Popen[bytes]) -> bool:
    """Stops a process as ^Z does; whether it was not at its end before."""
    scan.send_signal(signal.SIGSTOP)
    what = os.waitid(os.P_PID, scan.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    return what is not None and what.si_code == os.CLD_STOPPED


def is_writable(vpo: Vpo) -> bool:
    """Whether nobody is in the middle of writing the library."""
    with closing(sqlite3.connect(vpo.database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
    return True


@contextmanager
def halfway(vpo: Vpo, *args: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A scan that stands still: its job is running, and it is not writing just then."""
    for _ in range(50):
        scan = vpo.start("scan", "--json", *args)
        try:
            while await_job(vpo, scan) and stop(scan):
                if is_writable(vpo) and running_job(vpo, scan.pid):
                    yield scan
                    return
                scan.send_signal(signal.SIGCONT)
        finally:
            scan.kill()
            scan.communicate()
    raise AssertionError("no scan could be caught")


def proceed(scan: subprocess.Popen[bytes]) -> tuple[int, Any]:
    """Lets a stopped scan go on to its end: exit status and JSON."""
    scan.send_signal(signal.SIGCONT)
    stdout, stderr = scan.communicate(timeout=TIMEOUT_SECONDS)
    assert stderr == b""
    return scan.returncode, json.loads(stdout)


def catalogue(vpo: Vpo) -> list[tuple[Any, ...]]:
    """What a library says of all files, and whether their directories are there."""
    with vpo.sql() as connection:
        rows = connection.execute(
            "SELECT v.path, v.size_bytes, v.mtime_ns, v.scan_status, d.is_present"
            " FROM library_files v JOIN directories d ON d.id = v.directory_id ORDER BY v.path"
        )
        return [tuple(row) for row in rows]


# -- One scan at a time of any place ---------------------------------------------


def test_scans_of_overlapping_places_are_refused_and_others_are_not(
    knowing: Vpo, big: Path, tree: Tree
) -> None:
    vpo = knowing
    tree.write("a.mkv")
    with halfway(vpo, big) as first:
        job = running_job(vpo, first.pid)
        assert job is not None
        for root in (big, big.parent, big / "00"):
            refused = vpo.scan(root, status=75)
            assert (refused["error"], refused["code"]) == (True, "SCAN_LOCKED")
            assert refused["details"] == {"job_id": job["id"], "pid": first.pid}
        text = vpo.ok("scan", big, status=75)
        assert f"(job {job['id'][:8]}, pid {first.pid})" in text.stderr
        # Another tree, and one whose name only begins the same, are free.
        assert vpo.scan(tree.root)["added"] == 1
        beside = big.with_name("library2")
        beside.mkdir()
        assert vpo.scan(beside)["errors"] == 0
        # A dry run is a reader.
        assert vpo.scan(big, "--dry-run")["skipped"] == DIRECTORIES * FILES
        status, result = proceed(first)
        assert (status, result["skipped"]) == (0, DIRECTORIES * FILES)
    assert {job["status"] for job in vpo.jobs()} == {"completed"}
    assert vpo.scan(big)["skipped"] == DIRECTORIES * FILES


def test_readers_work_while_a_scan_runs(knowing: Vpo, big: Path) -> None:
    with halfway(knowing, big):
        listed = knowing.ok("files", "list", "--json", "--limit", "3").json
        assert len(listed) == 3
        shown = knowing.ok("files", "show", "--json", listed[0]["path"]).json
        assert shown["path"] == listed[0]["path"]


def test_readers_work_while_a_scan_writes(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    with closing(sqlite3.connect(vpo.database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM files")
        assert vpo.statuses() == {"a.mkv": "pending"}
        assert vpo.scan(tree.root, "--dry-run")["skipped"] == 1
        writer.execute("ROLLBACK")


def test_wait_waits_for_the_other_scan(knowing: Vpo, big: Path) -> None:
    with halfway(knowing, big) as first:
        second = knowing.start("scan", "--json", "--wait", big)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(1)
        assert proceed(first)[0] == 0
        stdout, _ = second.communicate(timeout=TIMEOUT_SECONDS)
    assert (second.returncode, json.loads(stdout)["skipped"]) == (0, DIRECTORIES * FILES)


def test_wait_gives_up_after_so_many_seconds(knowing: Vpo, big: Path) -> None:
    with halfway(knowing, big):
        began = time.monotonic()
        assert knowing.scan(big, "--wait", "1", status=75)["code"] == "SCAN_LOCKED"
        assert 1 <= time.monotonic() - began < 10


def catches(process: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal."""
    (caught,) = re.findall(
        r"(?m)^SigCgt:\s*(\w+)$", Path(f"/proc/{process.pid}/status").read_text()
    )
    return bool(int(caught, 16) >> (number - 1) & 1)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_waiting_can_be_stopped(
    knowing: Vpo, big: Path, number: signal.Signals, status: int
) -> None:
    with halfway(knowing, big):
        second = knowing.start("scan", "--json", "--wait", big)
        # Python itself catches the other one from the start.
        wait_until(lambda: catches(second, signal.SIGTERM), process=second)
        second.send_signal(number)
        stdout, stderr = second.communicate(timeout=TIMEOUT_SECONDS)
        assert (second.returncode, stderr) == (status, b"")
        assert json.loads(stdout)["code"] == "STOPPED"
    assert len(knowing.jobs()) == 2


def test_a_scan_that_stands_still_keeps_its_lock(knowing: Vpo, big: Path) -> None:
    with halfway(knowing, big) as first:
        with knowing.sql() as connection:
            connection.execute("UPDATE jobs SET worker_heartbeat = '2020-01-01T00:00:00.000Z'")
        assert knowing.scan(big, status=75)["details"]["pid"] == first.pid
        assert proceed(first)[0] == 0


# -- Jobs whose process died -------------------------------------------------------


def test_the_job_of_a_killed_scan_is_marked_failed_by_the_next_run(
    knowing: Vpo, big: Path, tree: Tree
) -> None:
    with halfway(knowing, big) as first:
        pass
    job = next(job for job in knowing.jobs() if job["worker_pid"] == first.pid)
    assert job["status"] == "running"
    # The next run may be of another place.
    knowing.scan(tree.root)
    job = next(each for each in knowing.jobs() if each["id"] == job["id"])
    assert job["status"] == "failed"
    assert str(first.pid) in job["error_message"]
    assert job["completed_at"] is not None
    assert knowing.scan(big)["skipped"] == DIRECTORIES * FILES


def test_a_killed_scan_that_nobody_waited_for_holds_no_lock(knowing: Vpo, big: Path) -> None:
    # Its process table entry stays until the parent asks, in containers often for ever.
    with halfway(knowing, big) as first:
        first.kill()
        os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)
        assert knowing.scan(big)["skipped"] == DIRECTORIES * FILES


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        pytest.param({"worker_pid": os.getpid()}, False, id="a process with its pid"),
        pytest.param({"worker_pid": None}, False, id="no pid"),
        pytest.param({"worker_identity": "other-boot/pid:[1]/1"}, False, id="another boot"),
        pytest.param({"worker_identity": "not an identity"}, True, id="an unknown identity"),
        pytest.param({"namespace": "pid:[1]"}, True, id="another container"),
        pytest.param(
            {"namespace": "pid:[1]", "worker_heartbeat": "2020-01-01T00:00:00.000Z"},
            False,
            id="another container, silent for long",
        ),
        pytest.param({"worker_identity": "", "worker_pid": os.getpid()}, True, id="only a pid"),
        pytest.param({"job_type": "verify"}, False, id="a job that only reads"),
        pytest.param({"job_type": "transcode"}, True, id="a job that changes files"),
    ],
)
def test_a_running_job_blocks_only_if_its_process_is_there(
    knowing: Vpo, big: Path, change: dict[str, Any], holds: bool
) -> None:
    with halfway(knowing, big) as first:
        job = running_job(knowing, first.pid)
        assert job is not None
        if "namespace" in change:
            boot, _, start = job["worker_identity"].split("/")
            change = {**change, "worker_identity": f"{boot}/{change['namespace']}/{start}"}
        assignments = ", ".join(f"{name} = :{name}" for name in change if name != "namespace")
        with knowing.sql() as connection:
            connection.execute(
                f"UPDATE jobs SET {assignments} WHERE id = :id", {**change, "id": job["id"]}
            )
        knowing.scan(big, status=75 if holds else 0)


# -- Signals -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_a_signal_cancels_the_job(
    knowing: Vpo, big: Path, number: signal.Signals, status: int
) -> None:
    with halfway(knowing, big) as scan:
        scan.send_signal(number)
        ended, shown = proceed(scan)
    assert (ended, shown["code"], shown["directory"]) == (status, "STOPPED", str(big))
    job = knowing.jobs()[-1]
    assert (job["status"], job["completed_at"] is not None) == ("cancelled", True)
    knowing.check_integrity()
    assert knowing.scan(big)["skipped"] == DIRECTORIES * FILES


def test_a_signal_ends_a_scan_of_several_directories(knowing: Vpo, big: Path, tree: Tree) -> None:
    tree.write("a.mkv")
    with halfway(knowing, big, tree.root) as scan:
        scan.send_signal(signal.SIGINT)
        ended, shown = proceed(scan)
    assert ended == 130
    assert [each["code"] for each in shown["scans"]] == ["STOPPED"]
    assert not [path for path in knowing.files() if path.startswith(f"{tree.root}/")]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_what_a_stopped_scan_recorded_is_kept_and_completed(
    vpo: Vpo, big: Path, number: signal.Signals, status: int
) -> None:
    stopped = just_before(Recorder.record).comes(partial(signal.raise_signal, number), turn=2)
    shown = injected(vpo, stopped).scan(big, "--threads", "1", status=status)
    kept = len(catalogue(vpo))
    assert 0 < kept < DIRECTORIES * FILES
    assert shown["code"] == "STOPPED"
    job = vpo.jobs()[-1]
    assert job["status"] == "cancelled"
    assert json.loads(job["summary_json"])["added"] == kept
    rest = vpo.scan(big)
    assert (rest["skipped"], rest["added"]) == (kept, DIRECTORIES * FILES - kept)
    vpo.check_integrity()


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="needs /proc")
def test_a_signal_at_any_moment_gives_its_exit_status_and_no_traceback(
    knowing: Vpo, big: Path
) -> None:
    handled = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}
    for number, status in handled.items():
        for delay in (0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07):
            scan = knowing.start("scan", "--json", big)
            wait_until(partial(has_begun, scan), interval=0.0005)
            # Any moment is what the test is about.
            time.sleep(delay)
            scan.send_signal(number)
            _, stderr = scan.communicate(timeout=TIMEOUT_SECONDS)
            # Before it is handled, and when Python ends, the signal itself ends the process:
            # for a shell that is the same status.
            assert scan.returncode in (0, status, -number), (delay, stderr)
            assert not stderr.strip(), (delay, number, stderr)
    assert knowing.scan(big)["skipped"] == DIRECTORIES * FILES


def has_begun(scan: subprocess.Popen[bytes]) -> bool:
    """Whether the process is past the start of Python, which is not ours, or at its end.

    The command has begun when it has loaded the engine.
    """
    if scan.poll() is not None:
        return True
    with open(f"/proc/{scan.pid}/maps", "rb") as maps:
        return b"/_engine." in maps.read()


# -- Killed at any moment --------------------------------------------------------------


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, Vpo, Vpo]]:
    """A tree that changed; the library from before that, and two from after it.

    One of those saw only the tree as it is, the other what it was, too.
    """
    tree = Tree(tmp_path_factory.mktemp("changing") / "library")
    for directory in range(60):
        tree.write_many(100, f"{directory:02}")
    known = Vpo(tmp_path_factory.mktemp("known"))
    known.scan(tree.root)
    before = known.home / "before.db"
    shutil.copy(known.database, before)
    for directory in range(0, 60, 2):
        for name in range(0, 100, 3):
            tree.remove(f"{directory:02}/{name:05}.mkv")
            tree.write(f"{directory:02}/{name + 1:05}.mkv", b"more content")
            tree.write(f"{directory:02}/new-{name:05}.mkv")
    shutil.rmtree(tree.root / "01")
    os.rename(tree.root / "03", tree.root / "new")
    known.scan(tree.root)
    fresh = Vpo(tmp_path_factory.mktemp("fresh"))
    fresh.scan(tree.root)
    yield tree.root, before, known, fresh
    shutil.rmtree(tree.root)


@pytest.mark.parametrize("first", [True, False], ids=["first-scan", "later-scan"])
def test_a_scan_killed_at_any_moment_is_made_good_by_the_next(
    changing: tuple[Path, Path, Vpo, Vpo], tmp_path: Path, first: bool
) -> None:
    root, before, known, fresh = changing
    expected = catalogue(fresh if first else known)
    began = time.monotonic()
    Vpo(tmp_path / "timed").scan(root)
    duration = time.monotonic() - began
    caught = 0
    chance = seeded()
    for attempt in range(KILLS // 2):
        vpo = Vpo(tmp_path / f"home{attempt}")
        if not first:
            vpo.home.mkdir()
            shutil.copy(before, vpo.database)
        # Some libraries are killed at more than once.
        for _ in range(1 + attempt % 3 // 2):
            scan = vpo.start("scan", root)
            # Any moment is what the test is about.
            time.sleep(duration * chance.uniform(0.2, 1.1))
            scan.kill()
            scan.communicate()
        if vpo.database.exists() and vpo.database.stat().st_size and attempt % 2:
            # Each other time the command itself is the first to open it again.
            vpo.check_integrity()
        caught += vpo.scan(root)["skipped"] < len(expected)
        assert catalogue(vpo) == expected
        vpo.check_integrity()
        *killed, last = vpo.jobs()[0 if first else 1 :]
        assert last["status"] == "completed"
        assert {job["status"] for job in killed} <= {"failed", "completed"}
        shutil.rmtree(vpo.home)
    assert caught


# -- Output that nobody takes -----------------------------------------------------------


def test_a_scan_whose_reader_goes_away_is_not_called_done_unless_it_is(
    vpo: Vpo, tree: Tree
) -> None:
    tree.write_many(3000)
    scan = vpo.start("scan", "-v", tree.root)
    assert scan.stdout is not None
    scan.stdout.close()
    assert scan.stderr is not None
    with scan.stderr:
        stderr = scan.stderr.read()
    status = scan.wait(TIMEOUT_SECONDS)
    assert b"Traceback" not in stderr
    jobs = vpo.jobs() if vpo.database.exists() else []
    if status == 0:
        assert [job["status"] for job in jobs] == ["completed"]
        assert len(catalogue(vpo)) == 3000
    else:
        assert [job["status"] for job in jobs] in ([], ["failed"], ["cancelled"])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("args", [("scan",), ("scan", "--json"), ("scan", "-v")], ids=" ".join)
def test_output_that_cannot_be_written_is_an_error_without_a_traceback(
    vpo: Vpo, tree: Tree, args: tuple[str, ...]
) -> None:
    tree.write_many(500)
    with open("/dev/full", "wb") as full:
        scan = vpo.start(*args, tree.root, stdout=full)
        _, stderr = scan.communicate(timeout=TIMEOUT_SECONDS)
    assert b"Traceback" not in stderr
    assert scan.returncode == 2

"""`vpo status` and `vpo doctor`: what they say of a library, and of what is wrong with it."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from faults import faulty
from integrity import rewrite
from mounts import UNPRIVILEGED, need_permissions
from support import Tree, Vpo
from terminals import on_terminal, plain


@pytest.fixture
def scanned(vpo: Vpo, tree: Tree) -> Vpo:
    """A library with one file."""
    tree.write("a.mkv")
    vpo.scan(tree.root)
    return vpo


def state_of(vpo: Vpo) -> Any:
    return vpo.ok("status", "--json").json


def heads(vpo: Vpo) -> list[str]:
    """The heads of the table of roots."""
    (line,) = (line for line in vpo.ok("status").stdout.splitlines() if line.startswith("STATE "))
    return line.replace("LAST SUCCESS", "LAST_SUCCESS").split()


def first_column(vpo: Vpo) -> str:
    """What the table says of the only root."""
    lines = vpo.ok("status").stdout.splitlines()
    (row,) = (number for number, line in enumerate(lines) if line.startswith("STATE "))
    return lines[row + 1].split()[0]


def metrics(text: str) -> dict[tuple[str, str], float]:
    """Values by name and by the status that they are of, if any."""
    return {
        (sample.name, sample.labels.get("status", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


# -- Roots -----------------------------------------------------------------------


def test_a_root_is_well_failed_or_offline(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    state = state_of(vpo)
    (root,) = state["roots"]
    assert (first_column(vpo), root["is_there"], state["needs_attention"]) == ("ok", True, False)
    tree.remove("a.mkv")
    vpo.scan(tree.root, status=2)
    state = state_of(vpo)
    (root,) = state["roots"]
    assert (first_column(vpo), root["is_there"], state["needs_attention"]) == ("failed", True, True)
    assert "contains no media files now" in root["failure"]
    assert root["failed_job_id"] == state["failures"][0]["id"]
    assert root["files"]["missing"] == 0
    tree.root.rmdir()
    assert (first_column(vpo), state_of(vpo)["roots"][0]["is_there"]) == ("offline", False)
    tree.write("a.mkv")
    vpo.scan(tree.root)
    state = state_of(vpo)
    assert (first_column(vpo), state["failures"]) == ("ok", [])


def test_errors_and_missing_files_are_shown_where_there_are_some(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    tree.write("b.mkv")
    vpo.scan(tree.root)
    plain_heads = ["STATE", "LAST_SUCCESS", "FILES", "SIZE", "FREE", "ROOT"]
    assert heads(vpo) == plain_heads
    tree.remove("a.mkv")
    vpo.scan(tree.root)
    assert heads(vpo) == [*plain_heads[:4], "MISSING", *plain_heads[4:]]
    assert state_of(vpo)["roots"][0]["files"] == {"pending": 1, "ok": 0, "error": 0, "missing": 1}
    vpo.introspects = True
    # It is no film.
    vpo.scan(tree.root, status=1)
    assert heads(vpo) == [*plain_heads[:4], "ERRORS", "MISSING", *plain_heads[4:]]
    assert state_of(vpo)["needs_attention"] is True


def test_on_a_narrow_terminal_the_end_of_a_root_is_shown(vpo: Vpo, tmp_path: Path) -> None:
    tree = Tree(tmp_path / ("long " * 20) / "archive of films and series")
    tree.write("a.mkv")
    vpo.scan(tree.root)
    status, lines = on_terminal(vpo, 80, "status")
    assert status == 0
    (row,) = (plain(line) for line in lines if plain(line).startswith("ok"))
    assert row.endswith("archive of films and series")
    assert max(len(plain(line)) for line in lines[1:]) <= 80


# -- Jobs ------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["duplicates"], ["verify"]], ids=["duplicates", "verify"])
def test_a_failure_is_told_until_the_same_work_succeeds(
    vpo: Vpo, tree: Tree, words: list[str]
) -> None:
    for name in ("a.mkv", "b.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    vpo.ok(*words)
    with vpo.sql() as connection:
        (path,) = connection.execute(
            "SELECT file_path FROM jobs WHERE job_type = ?", words
        ).fetchone()
        connection.execute(
            "INSERT INTO jobs (id, file_path, job_type, status, created_at, started_at,"
            " completed_at, error_message, policy_json) VALUES ('bad', ?, ?, 'failed',"
            " '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z',"
            " 'torn', '{}')",
            (path, *words),
        )
        connection.execute("UPDATE jobs SET started_at = '2019-01-01T00:00:00Z' WHERE id <> 'bad'")
    assert [failure["id"] for failure in state_of(vpo)["failures"]] == ["bad"]
    assert "torn" in vpo.ok("status").stdout
    tree.write("c.mkv")
    vpo.scan(tree.root)
    vpo.ok(*words)
    assert state_of(vpo)["failures"] == []


def add_jobs(vpo: Vpo, *jobs: tuple[str, str, str | bytes, float]) -> None:
    """Writes jobs into the library: type, status, path, and so many days ago."""
    with vpo.sql() as connection:
        for job_type, status, path, days in jobs:
            at = (datetime.now(timezone.utc) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
            connection.execute(
                "INSERT INTO jobs (id, file_path, job_type, status, created_at, started_at,"
                " completed_at, error_message, policy_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{}')",
                (str(uuid.uuid4()), path, job_type, status, at, at, at, "torn"),
            )


def failures(vpo: Vpo) -> list[tuple[str, str]]:
    """Type and path of what is said to have failed."""
    return [(each["type"], each["file_path"]) for each in state_of(vpo)["failures"]]


@pytest.mark.parametrize(
    ("followed_by", "is_told"),
    [
        (("completed", "/media/films/old", 1), False),
        (("completed", "/media", 1), False),
        (("completed", "/", 1), False),
        (("completed", "/media/films", 3), True),
        (("completed", "/media/film", 1), True),
        (("completed", "/media/films/old/a", 1), True),
        (("cancelled", "/media", 1), True),
    ],
    ids=str,
)
def test_a_failure_ends_with_a_later_success_of_its_kind_there_or_above(
    scanned: Vpo, followed_by: tuple[str, str, float], is_told: bool
) -> None:
    kinds = ("scan", "verify", "import", "accept", "duplicates", "undo")
    for kind in kinds:
        add_jobs(scanned, (kind, "failed", "/media/films/old", 2), (kind, *followed_by))
    add_jobs(scanned, ("move", "failed", "/media/films/old", 2))
    told = {*kinds, "move"} if is_told else {"move"}
    assert set(failures(scanned)) == {(kind, "/media/films/old") for kind in told}


def test_paths_that_are_not_utf8_are_below_others(scanned: Vpo) -> None:
    add_jobs(scanned, ("scan", "failed", b"/media/\xff/a", 2), ("scan", "failed", b"/x/\xfe", 2))
    add_jobs(scanned, ("scan", "completed", b"/media/\xff", 1), ("scan", "completed", "/x", 1))
    assert failures(scanned) == []


def test_failures_of_what_may_never_be_done_again_are_told_for_a_week(scanned: Vpo) -> None:
    once, again = ("import", "accept", "undo", "transcode"), ("scan", "verify", "duplicates")
    add_jobs(scanned, *((kind, "failed", "/media", 6.9) for kind in (*once, *again)))
    assert {kind for kind, _ in failures(scanned)} == {*once, *again}
    with scanned.sql() as connection:
        connection.execute("DELETE FROM jobs WHERE status = 'failed'")
    add_jobs(scanned, *((kind, "failed", "/media", 7.1) for kind in (*once, *again)))
    assert {kind for kind, _ in failures(scanned)} == set(again)


def test_all_failures_are_counted(scanned: Vpo) -> None:
    add_jobs(scanned, *(("scan", "failed", f"/media/{number}", 1) for number in range(1200)))
    found = metrics(scanned.ok("status", "--format", "prometheus").stdout)
    assert found["vpo_failures", ""] == 1200


def test_a_failed_scan_ends_with_one_of_the_directory_above(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    tree.write("sub/b.mkv")
    vpo.scan(tree.root / "sub")
    tree.remove("sub/b.mkv")
    vpo.scan(tree.root / "sub", status=2)
    assert failures(vpo) == [("scan", f"{tree.root}/sub")]
    vpo.scan(tree.root)
    assert failures(vpo) == []
    assert {root["failure"] for root in state_of(vpo)["roots"]} == {None}


def test_a_check_that_found_damage_is_told_as_damage_until_that_is_gone(
    vpo: Vpo, tree: Tree
) -> None:
    path = tree.write("films/a.mkv", b"one")
    vpo.scan(tree.root)
    vpo.ok("verify", tree.root)
    rewrite(path, b"two")
    vpo.ok("verify", tree.root / "films", status=1)
    state = state_of(vpo)
    assert state["jobs"]["failed"] == 1
    assert (state["damage"]["rewritten"], state["failures"]) == (1, [])
    assert state["needs_attention"] is True
    vpo.ok("verify", "accept", path)
    assert state_of(vpo)["needs_attention"] is False


def test_a_check_that_a_disk_failed_is_told_as_damage(vpo: Vpo, tree: Tree) -> None:
    tree.write("bad.eio-at-8192.mkv", bytes(20_000))
    tree.write("good.mkv")
    with faulty(tree.root) as point:
        vpo.scan(point)
        vpo.ok("verify", status=1)
        state = state_of(vpo)
        assert (state["damage"]["unreadable"], state["failures"]) == (1, [])
        tree.remove("bad.eio-at-8192.mkv")
        vpo.scan(point, "--prune")
        assert state_of(vpo)["needs_attention"] is False


def test_a_check_that_could_not_read_a_file_has_failed(vpo: Vpo, tree: Tree) -> None:
    need_permissions(tree.root)
    path = tree.write("a.mkv")
    vpo.scan(tree.root)
    os.chmod(path, 0)
    vpo.ok("verify", tree.root, status=1, **UNPRIVILEGED)
    assert failures(vpo) == [("verify", str(tree.root))]
    os.chmod(path, 0o644)
    vpo.ok("verify", tree.root, **UNPRIVILEGED)
    assert failures(vpo) == []


def test_a_job_whose_process_is_gone_is_told(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    process = subprocess.Popen(["true"])
    process.wait()
    with vpo.sql() as connection:
        connection.execute(
            "INSERT INTO jobs (id, file_path, job_type, status, created_at, started_at,"
            " worker_pid, policy_json) VALUES ('dead', '/films', 'scan', 'running',"
            " '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', ?, '{}')",
            (process.pid,),
        )
    assert state_of(vpo)["jobs"]["dead"] == 1
    assert "1 of them has no process any more" in vpo.ok("status").stdout
    findings = vpo.run("doctor", "--json").json["findings"]
    (dead,) = (each for each in findings if each["code"] == "DEAD_JOBS")
    assert dead["level"] == "warning"


# -- Forms -----------------------------------------------------------------------


def test_metrics_have_the_numbers_of_the_json(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv", b"1234")
    tree.write("b.mkv", b"12")
    vpo.scan(tree.root)
    tree.remove("b.mkv")
    vpo.scan(tree.root)
    found = metrics(vpo.ok("status", "--format", "prometheus").stdout)
    state = state_of(vpo)
    assert found["vpo_files", "missing"] == state["roots"][0]["files"]["missing"] == 1
    assert found["vpo_files_bytes", "pending"] == state["roots"][0]["bytes"]["pending"] == 4
    assert found["vpo_jobs", "completed"] == state["jobs"]["completed"] == 2
    assert found["vpo_root_up", ""] == 1
    assert found["vpo_failures", ""] == 0


def test_a_file_of_metrics_is_replaced_as_a_whole(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    target = tmp_path / "vpo.prom"
    target.write_text("old")
    before = target.stat().st_ino
    done = vpo.ok("status", "--format", "prometheus", "--output", target)
    assert done.stdout == ""
    assert metrics(target.read_text())["vpo_jobs", "completed"] == 1
    assert target.stat().st_ino != before
    assert set(os.listdir(tmp_path)) == {"home", "library", "vpo.prom"}
    nowhere = vpo.ok("status", "--json", "--output", tmp_path / "none/x.json", status=2)
    assert "cannot be written" in nowhere.stderr + nowhere.stdout


def test_metrics_are_for_all_to_read_whatever_the_umask(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    target = tmp_path / "vpo.prom"
    vpo.ok("status", "--format", "prometheus", "--output", target, umask=0o077)
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


@pytest.mark.parametrize("kind", ["device", "fifo", "link", "directory"])
def test_only_a_regular_file_is_replaced(vpo: Vpo, tree: Tree, tmp_path: Path, kind: str) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    place = tmp_path / "outputs"
    place.mkdir()
    target = place / "target"
    (place / "kept").write_text("keep")
    if kind == "device":
        try:
            os.mknod(target, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("needs permission to make a device")
    elif kind == "fifo":
        os.mkfifo(target)
    elif kind == "link":
        target.symlink_to("kept")
    else:
        target.mkdir()
    before = target.lstat()
    outcome = vpo.ok("status", "--output", target, status=2)
    assert "is not a regular file" in outcome.stderr
    assert (target.lstat().st_mode, target.lstat().st_ino) == (before.st_mode, before.st_ino)
    assert (place / "kept").read_text() == "keep"
    assert set(os.listdir(place)) == {"kept", "target"}


def test_a_dash_is_standard_output(vpo: Vpo, tree: Tree, tmp_path: Path) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    for form in ("text", "json", "prometheus"):
        shown = vpo.ok("status", "--format", form, "--output", "-", cwd=tmp_path).stdout
        assert "vpo_library_size_bytes" in shown or str(tree.root) in shown
    assert not (tmp_path / "-").exists()


def test_forms_that_contradict_each_other_are_refused(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    assert vpo.ok("status", "--json", "--format", "json").json["roots"]
    refused = vpo.ok("status", "--json", "--format", "prometheus", status=2)
    assert refused.json["code"] == "USAGE"


# -- The doctor ------------------------------------------------------------------


def levels(vpo: Vpo, *args: str, status: int, **options: Any) -> dict[str, str]:
    """What the doctor found, by code."""
    findings = vpo.ok("doctor", "--json", *args, status=status, **options).json["findings"]
    return {each["code"]: each["level"] for each in findings}


@pytest.fixture
def well(vpo: Vpo, tree: Tree, tmp_path: Path) -> Vpo:
    """A library with one file, and all tools of the right age."""
    tree.write("a.mkv")
    vpo.scan(tree.root)
    tools = tmp_path / "tools"
    tools.mkdir()
    said = {
        "ffmpeg": "ffmpeg version 7.1",
        "ffprobe": "ffprobe version 7.1",
        "mkvmerge": "mkvmerge v90.0",
        "mkvpropedit": "mkvpropedit v90.0",
        "exiftool": "13.0",
    }
    for name, version in said.items():
        (tools / name).write_text(f"#!/bin/sh\necho '{version}'\n")
        (tools / name).chmod(0o755)
    vpo.environment["PATH"] = f"{tools}:/usr/bin:/bin"
    return vpo


@pytest.mark.parametrize("check", [[], ["--full"]])
def test_the_doctor_finds_nothing_where_all_is_well(well: Vpo, check: list[str]) -> None:
    assert set(levels(well, *check, status=0).values()) == {"ok"}
    assert "is sound" in well.ok("doctor").stdout
    assert well.ok("doctor", "-q").stdout == ""


def test_the_doctor_warns_of_tools_that_are_not_there(well: Vpo, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "tools")
    well.environment["PATH"] = os.fspath(tmp_path)
    found = levels(well, status=1)
    assert found["TOOL_FFPROBE"] == "warning"
    assert found["LIBRARY"] == "ok"


def test_the_doctor_names_mistakes_in_the_settings(well: Vpo) -> None:
    (well.home / "config.yaml").write_text("scan: {thread: 4}\n")
    assert levels(well, status=2)["CONFIG"] == "error"
    assert "`threads`" in well.ok("doctor", status=2).stdout


@pytest.mark.parametrize("check", [[], ["--full"]])
def test_the_doctor_finds_a_damaged_library(well: Vpo, check: list[str]) -> None:
    with open(well.database, "r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 40_000)
    assert levels(well, *check, status=2)["LIBRARY"] == "error"


def test_the_doctor_makes_no_library(vpo: Vpo) -> None:
    assert vpo.run("doctor", "--json").json["findings"]
    assert not vpo.database.exists()


def test_the_doctor_says_that_a_library_cannot_be_written(well: Vpo) -> None:
    need_permissions(well.home)
    os.chmod(well.database, 0o444)
    assert levels(well, status=2, **UNPRIVILEGED)["LIBRARY_UNWRITABLE"] == "error"


# -- Completion ------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_the_command(vpo: Vpo, shell: str) -> None:
    assert f"_VPO_COMPLETE={shell}_complete" in vpo.ok("completion", shell).stdout


def test_commands_and_their_options_are_completed(vpo: Vpo) -> None:
    def completed(words: str, number: int) -> set[str]:
        vpo.environment = {
            "_VPO_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(number),
        }
        return {line.partition(",")[2] for line in vpo.ok().stdout.splitlines()}

    assert completed("vpo ver", 1) == {"verify"}
    assert "status" in completed("vpo verify st", 2)
    assert "--enqueue" in completed("vpo scan --en", 2)
    assert completed("vpo jobs list --type a", 4) == {"accept", "analyze", "apply"}


# -- Scans that could not look at everything -----------------------------------------------


@pytest.mark.usefixtures("locked")
def test_a_scan_that_could_look_at_nothing_is_not_the_last_success(vpo: Vpo, tree: Tree) -> None:
    tree.write("films/a.mkv")
    vpo.scan(tree.root)
    (before,) = vpo.ok("status", "--json").json["roots"]
    assert (before["last_scan_errors"], before["last_success_at"] is None) == (0, False)
    films = tree.root / "films"
    films.chmod(0)
    try:
        vpo.scan(tree.root, status=1, **UNPRIVILEGED)
    finally:
        films.chmod(0o755)
    status = vpo.ok("status", "--json").json
    (after,) = status["roots"]
    assert after["last_success_at"] == before["last_success_at"]
    assert after["last_scan_errors"] == 1
    assert status["needs_attention"]
    assert re.search(r"^partial ", vpo.ok("status").stdout, re.MULTILINE)
    assert "(1 error)" in vpo.ok("jobs", "list").stdout
    metrics = vpo.ok("status", "--format", "prometheus").stdout
    assert re.search(r"^vpo_root_last_scan_errors\{[^}]*\} 1.0$", metrics, re.MULTILINE)
    vpo.scan(tree.root)
    (again,) = vpo.ok("status", "--json").json["roots"]
    assert again["last_scan_errors"] == 0
    assert again["last_success_at"] > before["last_success_at"]

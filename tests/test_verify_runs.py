"""`vpo verify` as a run: what it takes first, where it stops, how it goes on, who is told."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from integrity import counts, digest, edit, records, rewrite, verify
from support import Tree, Vpo, wait_until

MIB = 1 << 20


@pytest.fixture
def many(vpo: Vpo, tree: Tree) -> Vpo:
    """A library of 40 files of 256 KiB that were never verified."""
    for number in range(40):
        tree.write(f"{number:02}.mkv", bytes([number]) * (MIB // 4))
    vpo.scan(tree.root)
    return vpo


def verified(vpo: Vpo) -> dict[str, str]:
    """When files were verified, of those that were."""
    return {name: file["verified_at"] for name, file in records(vpo).items() if file["verified_at"]}


def stale(vpo: Vpo, days: dict[str, int]) -> None:
    """Has files been verified so many days ago."""
    for name, ago in days.items():
        edit(
            vpo,
            "UPDATE files SET verified_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', ?)"
            " WHERE name = ?",
            f"-{ago} days",
            name,
        )


def wait_until_some_are_verified(vpo: Vpo) -> None:
    wait_until(lambda: verified(vpo))


# -- Which, and in what order ------------------------------------------------------------


@pytest.mark.parametrize("by", ["verify", "scan", "export", "import", "duplicates", "small"])
def test_whoever_verifies_files_records_when_to_the_millisecond(
    vpo: Vpo, tree: Tree, tmp_path: Path, by: str
) -> None:
    # Moments are compared as text: a check just after an export is of its files, too.
    size = 1000 if by == "small" else 200_000
    for name in "ab":
        tree.write(f"{name}.mkv", bytes(size))
    vpo.scan(tree.root)
    manifest = tmp_path / "manifest"
    if by == "import":
        lines = (f"{digest(tree.path(f'{name}.mkv'))[7:]}  {name}.mkv\n" for name in "ab")
        manifest.write_text("".join(lines))
    words: dict[str, list[str | Path]] = {
        "verify": ["verify"],
        "scan": ["scan", "--verify-hash", tree.root],
        "export": ["verify", "export", "-o", manifest, tree.root],
        "import": ["verify", "import", "--root", tree.root, manifest],
    }
    vpo.ok(*words.get(by, ["duplicates"]))
    found = verified(vpo)
    assert sorted(found) == ["a.mkv", "b.mkv"]
    for moment in found.values():
        assert re.fullmatch(r"[-\d]{10}T[:\d]{8}\.\d{3}Z", moment)


def test_files_never_verified_come_first_and_then_the_stalest(vpo: Vpo, tree: Tree) -> None:
    for name in "abcde":
        tree.write(f"{name}.mkv", bytes(MIB))
    vpo.scan(tree.root)
    verify(vpo)
    stale(vpo, {"a.mkv": 10, "b.mkv": 30, "d.mkv": 20})
    tree.write("new.mkv", bytes(MIB))
    vpo.scan(tree.root)
    lines = vpo.ok("verify", "-v", "--threads", "1").stdout.splitlines()
    names = [os.path.basename(line.split()[1]) for line in lines[1:7]]
    assert names == ["new.mkv", "b.mkv", "d.mkv", "a.mkv", *sorted(names[4:])]


def test_what_a_clock_that_went_wrong_has_verified_in_the_future_is_checked(
    many: Vpo,
) -> None:
    verify(many)
    stale(many, {"03.mkv": -40, "05.mkv": -4000, "07.mkv": 0})
    result = verify(many, "--older-than", "1h")
    assert (result["selected"], counts(result)) == (2, {"verified": 2})
    assert counts(verify(many, "--older-than", "1h")) == {}


def test_a_budget_of_bytes_is_not_exceeded_by_more_than_a_file(many: Vpo) -> None:
    first = verify(many, "--budget", "1M")
    assert (counts(first), first["complete"]) == ({"new": 4}, False)
    assert counts(verify(many, "--budget", "1.1M")) == {"new": 5}
    assert counts(verify(many, "--budget", "20%")) == {"new": 8}
    last = verify(many, "--only-new", "--budget", "100%")
    assert (counts(last), last["complete"]) == ({"new": 23}, True)
    assert counts(verify(many, "--only-new")) == {}


def test_a_share_of_empty_files_is_all_of_them(vpo: Vpo, tree: Tree) -> None:
    for name in "ab":
        tree.write(f"{name}.mkv", b"")
    vpo.scan(tree.root)
    assert counts(verify(vpo, "--budget", "10%")) == {"new": 2}


def test_what_is_not_read_does_not_count_as_bytes(many: Vpo, tree: Tree) -> None:
    for number in range(20):
        tree.write(f"{number:02}.mkv", b"modified")
    assert counts(verify(many, "--budget", "1M"))["new"] == 4


def test_a_budget_of_time_ends_the_run_and_the_next_goes_on(many: Vpo) -> None:
    begin = time.monotonic()
    first = verify(many, "--budget", "1s", "--max-rate", "2M", "--threads", "1")
    assert 0 < first["new"] < 40
    assert not first["complete"]
    assert time.monotonic() - begin < 30
    assert counts(verify(many, "--only-new")) == {"new": 40 - first["new"]}


def test_only_what_was_not_verified_for_long_is_checked(many: Vpo) -> None:
    verify(many)
    stale(many, {"00.mkv": 100, "01.mkv": 89, "02.mkv": 91})
    assert counts(verify(many, "--older-than", "90d")) == {"verified": 2}


def test_kinds_and_directories_select(vpo: Vpo, tree: Tree) -> None:
    for name in ("a/film.mkv", "a/photo.jpg", "ab/film.mkv", "b/photo.jpg"):
        tree.write(name)
    vpo.scan(tree.root)
    assert counts(verify(vpo, tree.path("a"), "--kind", "image")) == {"new": 1}
    assert counts(verify(vpo, tree.path("a"), tree.path("b"))) == {"new": 2, "verified": 1}
    assert vpo.jobs()[-1]["file_path"] == str(tree.root)
    link = tree.root.with_name("link")
    link.symlink_to(tree.root)
    assert counts(verify(vpo, link / "ab")) == {"new": 1}
    assert vpo.ok("verify", "--json", "/usr", status=2).json["code"] == "FILE_NOT_FOUND"


def test_missing_files_are_left_out(many: Vpo, tree: Tree) -> None:
    tree.remove("07.mkv")
    many.scan(tree.root)
    assert counts(verify(many)) == {"new": 39}


@pytest.mark.parametrize(
    "budget", ["", "0", "0G", "0s", "30", "x", "0%", "101%", "5x", "-1s", "1.5h"]
)
def test_a_budget_that_is_none_is_refused(many: Vpo, budget: str) -> None:
    if budget == "30":
        # Bytes.
        assert counts(verify(many, f"--budget={budget}")) == {"new": 1}
        return
    assert "budget" in many.ok("verify", f"--budget={budget}", status=2).stderr


# -- Stopped, killed, held up ---------------------------------------------------------------


def test_a_killed_check_goes_on_where_it_was(many: Vpo) -> None:
    checking = many.start("verify", "--max-rate", "2M", "--threads", "1")
    wait_until_some_are_verified(many)
    checking.kill()
    checking.communicate()
    before = verified(many)
    assert 0 < len(before) < 40
    many.check_integrity()
    assert counts(verify(many, "--budget", f"{(40 - len(before)) * 256}K")) == {
        "new": 40 - len(before)
    }
    after = verified(many)
    assert {name: after[name] for name in before} == before
    assert [job["status"] for job in many.jobs()[1:]] == ["failed", "completed"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_check_keeps_what_it_has_done(many: Vpo, number: int) -> None:
    checking = many.start("verify", "--json", "--max-rate", "2M", "--threads", "1")
    wait_until_some_are_verified(many)
    checking.send_signal(number)
    out, _ = checking.communicate(timeout=10)
    assert checking.returncode == 128 + number
    assert json.loads(out)["code"] == "STOPPED"
    job = many.jobs()[-1]
    assert job["status"] == "cancelled"
    assert json.loads(job["summary_json"])["new"] == len(verified(many)) > 0


def test_a_check_can_be_cancelled_and_none_runs_beside_it(many: Vpo, tree: Tree) -> None:
    checking = many.start("verify", "--max-rate", "100K", "--threads", "1")
    wait_until(lambda: len(many.jobs()) == 2, process=checking)
    held_up = many.ok("verify", "--json", tree.root, status=75)
    assert held_up.json["code"] == "VERIFY_LOCKED"
    many.ok("verify", "--enqueue", "-q")
    assert many.ok("jobs", "run", "--json", status=75).json["held_up"] == 1
    # A scan is not.
    many.scan(tree.root)
    job = next(job["id"] for job in many.jobs() if job["status"] == "running")
    many.ok("jobs", "cancel", job)
    _, stderr = checking.communicate(timeout=10)
    assert checking.returncode == 2
    assert stderr.startswith(b"Cancelled.")
    assert many.ok("jobs", "run").stdout.splitlines()[1].startswith("  completed after ")
    assert len(verified(many)) == 40


def test_a_check_waits_for_another_one_if_asked(many: Vpo, tree: Tree) -> None:
    checking = many.start("verify", "--max-rate", "100K", "--threads", "1")
    wait_until(lambda: len(many.jobs()) == 2, process=checking)
    assert "`--wait`" in many.ok("verify", "--json", status=75).json["hint"]
    began = time.monotonic()
    assert many.ok("verify", "--json", "--wait", "1", status=75).json["code"] == "VERIFY_LOCKED"
    assert 1 <= time.monotonic() - began < 10
    # The word behind a bare option is a directory.
    waiting = many.start("verify", "--json", "--wait", tree.root)
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1)
    checking.send_signal(signal.SIGINT)
    checking.communicate(timeout=10)
    at = time.time()
    out, _ = waiting.communicate(timeout=10)
    assert waiting.returncode == 0
    assert json.loads(out)["duration_seconds"] < time.time() - at + 1
    assert len(verified(many)) == 40


def test_a_check_that_waits_can_be_stopped(many: Vpo) -> None:
    checking = many.start("verify", "--max-rate", "100K", "--threads", "1")
    wait_until(lambda: len(many.jobs()) == 2, process=checking)
    waiting = many.start("verify", "--json", "--wait")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1)
    waiting.send_signal(signal.SIGTERM)
    out, _ = waiting.communicate(timeout=10)
    assert (waiting.returncode, json.loads(out)["code"]) == (143, "STOPPED")
    checking.kill()
    checking.communicate()
    assert len(many.jobs()) == 2


def test_a_check_in_the_queue_waits_anyway(many: Vpo) -> None:
    refused = many.ok("verify", "--enqueue", "--wait", "5", status=2)
    assert "--enqueue cannot be combined with --wait" in refused.stderr


def test_a_rate_is_kept(many: Vpo) -> None:
    begin = time.monotonic()
    verify(many, "--max-rate", "4M", "--nice")
    assert time.monotonic() - begin > 2


def test_a_queued_check_has_the_options_it_was_queued_with(many: Vpo, tree: Tree) -> None:
    many.ok("verify", "--enqueue", "--nice", status=2)
    queued = many.ok("verify", "--enqueue", "--json", "--budget", "1M", tree.root).json
    assert queued["status"] == "queued"
    again = many.ok("verify", "--enqueue", "--json", "--budget", "1M", tree.root).json
    assert (again["job_id"], again["is_new"]) == (queued["job_id"], False)
    many.ok("jobs", "run")
    assert len(verified(many)) == 4
    rewrite(tree.path("00.mkv"), b"!")
    many.ok("verify", "--enqueue")
    outcome = many.ok("jobs", "run", status=1)
    assert "completed with errors" in outcome.stdout
    assert many.jobs()[-1]["error_message"] == "1 file is damaged"


# -- What is said ---------------------------------------------------------------------------


def test_status_says_how_long_ago_files_were_verified(many: Vpo, tree: Tree) -> None:
    for number in range(30):
        rewrite(tree.path(f"{number:02}.mkv"), b"?")
    verify(many, "--budget", "75%")
    stale(many, {"00.mkv": 3, "01.mkv": 20, "02.mkv": 80, "03.mkv": 300, "04.mkv": 3000})
    status = many.ok("verify", "status", "--json").json
    assert {name: amount["files"] for name, amount in status["verified"].items()} == {
        "day": 25,
        "week": 1,
        "month": 1,
        "quarter": 1,
        "year": 1,
        "older": 1,
        "never": 10,
        "damaged": 0,
    }
    assert (status["files"], status["bytes"]) == (40, 10 * MIB)
    assert status["roots"][0]["path"] == str(tree.root)
    assert status["roots"][0]["verified"] == status["verified"]
    lines = many.ok("verify", "status", tree.root).stdout.splitlines()
    assert lines[1].split() == ["within", "a", "day", "25", "6.2", "MiB", "62", "%"]
    assert lines[-1] == "No damage is known."


def test_damage_is_in_the_states_of_library_and_file(many: Vpo, tree: Tree) -> None:
    verify(many)
    path = tree.path("00.mkv")
    rewrite(path, b"!")
    verify(many, status=1)
    assert "\nDamaged files: 1 rewritten (see `vpo verify status`)\n" in many.ok("status").stdout
    state = many.ok("status", "--json").json
    assert state["damage"] == {"rotted": 0, "rewritten": 1, "unreadable": 0}
    assert state["needs_attention"]
    metrics = many.ok("status", "--format", "prometheus").stdout
    assert 'vpo_damaged_files{damage="rewritten"} 1.0' in metrics
    status = many.ok("verify", "status", "--json", status=1).json
    assert [(each["path"], each["damage"]) for each in status["damage"]] == [
        (path.decode(), "rewritten")
    ]
    # It is not among those that are right since today.
    for place in (status, status["roots"][0]):
        spans = place["verified"]
        assert [spans[name]["files"] for name in ("day", "never", "damaged")] == [39, 0, 1]
        assert (spans["damaged"]["bytes"], place["files"]) == (MIB // 4, 40)
    text = many.ok("verify", "status", status=1).stdout
    lines = [line.split() for line in text.splitlines()]
    assert ["within", "a", "day", "39", "9.8", "MiB", "98", "%"] in lines
    assert ["damaged", "1", "256.0", "KiB", "2", "%"] in lines
    assert "  NEVER  DAMAGED  ROOT\n" in text
    assert f"Damaged: 1 rewritten\n  {path.decode()}: rewritten (found " in text
    shown = many.ok("files", "show", "--json", path).json
    assert shown["damage"]["digest_recorded"] == shown["content_hash"]
    assert "Damage:        rewritten (found " in many.ok("files", "show", path).stdout
    many.ok("verify", "accept", path)
    verify(many)
    state = many.ok("status", "--json").json
    assert (state["failures"], state["needs_attention"]) == ([], False)


def test_each_finding_is_logged(many: Vpo, tree: Tree, tmp_path: Path) -> None:
    verify(many)
    rewrite(tree.path("00.mkv"), b"!")
    tree.remove("01.mkv")
    log = tmp_path / "log"
    many.ok("verify", "--log-file", str(log), "--log-json", "-q", status=1)
    logged = [json.loads(line) for line in log.read_text().splitlines()]
    levels = {
        os.path.basename(each["context"]["path"]): each["level"].lower()
        for each in logged
        if "path" in each.get("context", {})
    }
    assert levels == {"00.mkv": "error", "01.mkv": "warning"}


def test_json_has_all_keys_whatever_was_found(many: Vpo) -> None:
    result = verify(many)
    assert list(result) == [
        "job_id",
        "directories",
        "started_at",
        "completed_at",
        "duration_seconds",
        "complete",
        "selected",
        "selected_bytes",
        "verified",
        "new",
        "modified",
        "damaged",
        "unreadable",
        "missing",
        "restored",
        "changing",
        "bytes",
        "findings",
        "offline",
    ]
    summary = json.loads(many.jobs()[-1]["summary_json"])
    assert summary == {name: result[name] for name in summary}


# -- The group ------------------------------------------------------------------------------


def test_a_directory_with_the_name_of_a_command_is_named_with_a_slash(vpo: Vpo, tree: Tree) -> None:
    tree.write("status/a.mkv")
    vpo.scan(tree.root)
    assert vpo.ok("verify", "status", cwd=tree.root).stdout.startswith("VERIFIED")
    assert counts(vpo.ok("verify", "--json", "./status", cwd=tree.root).json) == {"new": 1}
    refused = vpo.ok("verify", "--only-new", "status", cwd=tree.root, status=2)
    assert "`status` is a command" in refused.stderr
    assert "./status" in refused.stderr
    assert vpo.ok("verify", "-q", "--db", vpo.database, "status").stdout.startswith("VERIFIED")


def test_help_has_the_options_of_the_check_and_the_commands(vpo: Vpo) -> None:
    text = vpo.ok("verify", "--help").stdout
    assert text.startswith("Usage: vpo verify [OPTIONS] [DIR]...\n       vpo verify accept|")
    for word in ("--budget", "Commands:", "  status "):
        assert word in text
    assert vpo.ok("verify", "status", "-h").stdout.startswith("Usage: vpo verify status ")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("vpo verify st", {"plain,status"}),
        ("vpo verify -q acc", {"plain,accept"}),
        ("vpo verify /media st", set()),
        ("vpo verify --bud", {"plain,--budget"}),
        ("vpo verify status --js", {"plain,--json"}),
    ],
)
def test_commands_and_options_are_completed(vpo: Vpo, words: str, offered: set[str]) -> None:
    vpo.environment = {
        "_VPO_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    said = {line for line in vpo.ok().stdout.split() if not line.startswith("dir,")}
    assert said == offered


def test_there_must_be_a_library(vpo: Vpo) -> None:
    for words in (["verify"], ["verify", "status"], ["verify", "accept", "x"]):
        assert vpo.ok(*words, "--json", status=2).json["code"] == "LIBRARY_NOT_FOUND"


def test_a_single_file_can_be_checked(many: Vpo, tree: Tree) -> None:
    assert counts(verify(many, tree.path("03.mkv"))) == {"new": 1}
    assert list(verified(many)) == ["03.mkv"]
    assert many.jobs()[-1]["file_path"] == f"{tree.root}/03.mkv"
    link = tree.root.with_name("link")
    link.symlink_to(tree.root)
    assert counts(verify(many, link / "03.mkv", link / "04.mkv")) == {"new": 1, "verified": 1}
    outcome = many.ok("verify", "--json", tree.path("nothing.mkv"), status=2)
    assert outcome.json["code"] == "FILE_NOT_FOUND"

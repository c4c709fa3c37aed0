"""A clock that is wrong for a while hides no failure, deletes no history, and is reported."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from support import VPO, Tree, Vpo

FAKETIME = shutil.which("faketime")

pytestmark = pytest.mark.skipif(FAKETIME is None, reason="needs faketime")


def at(vpo: Vpo, shift: str) -> Vpo:
    """The same home, with a clock that differs by `shift`, such as `+5y`."""
    return replace(vpo, program=(str(FAKETIME), "-f", shift, VPO))


@pytest.fixture
def scanned(vpo: Vpo, tree: Tree) -> Vpo:
    """A root that was scanned twice, with an hour in between."""
    tree.write("a.mkv")
    at(vpo, "-2h").ok("scan", tree.root)
    at(vpo, "-1h").ok("scan", tree.root)
    return vpo


def clock_of(vpo: Vpo) -> list[dict[str, object]]:
    """What the doctor says of the clock."""
    found = vpo.run("doctor", "--json").json["findings"]
    return [each for each in found if each["code"] == "CLOCK"]


def test_a_failure_after_a_run_with_the_clock_ahead_is_shown(scanned: Vpo, tree: Tree) -> None:
    at(scanned, "+5y").ok("scan", tree.root)
    tree.root.rename(f"{tree.root}-away")
    scanned.ok("scan", tree.root, status=2)
    state = scanned.ok("status", "--json").json
    assert [failure["type"] for failure in state["failures"]] == ["scan"]
    assert state["roots"][0]["failure"]
    newest = scanned.ok("jobs", "show", "--last", "--json").json
    assert newest["status"] == "failed"
    listed = scanned.ok("jobs", "list", "--json").json
    assert [job["status"] for job in listed] == ["failed", *["completed"] * 3]
    Path(f"{tree.root}-away").rename(tree.root)
    scanned.ok("scan", tree.root)
    assert scanned.ok("status", "--json").json["failures"] == []


def test_a_run_with_the_clock_ahead_purges_nothing_and_is_reported(
    scanned: Vpo, tree: Tree
) -> None:
    assert [each["level"] for each in clock_of(scanned)] == ["ok"]
    before = {job["id"] for job in scanned.jobs()}
    for _ in range(3):
        at(scanned, "+5y").ok("scan", tree.root)
    assert before <= {job["id"] for job in scanned.jobs()}
    (jump,) = clock_of(at(scanned, "+5y"))
    assert (jump["level"], "The time went from" in str(jump["message"])) == ("warning", True)
    state = at(scanned, "+5y").ok("status", "--json").json["clock"]
    assert state["jump"]["after"] > state["jump"]["before"]
    # The clock is right again.
    (ahead,) = clock_of(scanned)
    assert (ahead["level"], "in the future" in str(ahead["message"])) == ("warning", True)
    state = scanned.ok("status", "--json").json["clock"]
    assert (state["jobs_in_future"], state["jump"]) == (3, None)
    assert "3 jobs have a time in the future" in scanned.ok("status").stdout


def test_a_clock_that_stays_where_it_was_set_is_trusted_after_ten_jobs(
    scanned: Vpo, tree: Tree
) -> None:
    before = {job["id"] for job in scanned.jobs()}
    later = at(scanned, "+100d")
    for _ in range(11):
        later.ok("scan", tree.root)
    assert not before & {job["id"] for job in later.jobs()}
    assert [each["level"] for each in clock_of(later)] == ["ok"]


def test_a_job_from_the_future_is_purged_with_those_that_ran_after_it(
    scanned: Vpo, tree: Tree
) -> None:
    at(scanned, "+5y").ok("scan", tree.root)
    scanned.ok("scan", tree.root)
    ahead = scanned.ok("jobs", "list", "--json").json[1]["id"]
    later = at(scanned, "+20d")
    later.ok("scan", tree.root)
    at(scanned, "+40d").ok("scan", tree.root)
    kept = [job["id"] for job in scanned.jobs()]
    assert len(kept) == 2
    assert ahead not in kept


def test_jobs_of_the_queue_start_in_the_order_in_which_they_were_queued(
    vpo: Vpo, tree: Tree
) -> None:
    tree.write("one/a.mkv")
    tree.write("two/a.mkv")
    at(vpo, "+5y").ok("scan", "--enqueue", tree.path("one"))
    vpo.ok("scan", "--enqueue", tree.path("two"))
    vpo.ok("jobs", "run")
    newest, oldest = vpo.ok("jobs", "list", "--json").json
    assert [each["file_path"][-3:] for each in (newest, oldest)] == ["two", "one"]

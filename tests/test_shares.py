"""Shares that are slow or hang: they hold up nothing but themselves, and progress is shown."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from faults import faulty, slow
from injection import LAUNCHER_FAILED, injected, just_before, kill
from media import wav
from support import Tree, Vpo
from terminals import run_on_terminal
from vpo.places import patience


@contextmanager
def stopped_server(point: Path) -> Iterator[None]:
    """The file system at `point` does not answer while this lasts."""
    found = subprocess.run(
        ["pgrep", "-f", "--", f" {point} -f"], capture_output=True, text=True, check=False
    )
    (server,) = map(int, found.stdout.split())
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server, signal.SIGCONT)


def threads(process: subprocess.Popen[bytes]) -> set[str]:
    """The names of the threads of a process."""
    names = set()
    for name in Path(f"/proc/{process.pid}/task").glob("*/comm"):
        # A thread may end at any time.
        with suppress(OSError):
            names.add(name.read_text().strip())
    return names


@pytest.fixture
def nas(vpo: Vpo, tree: Tree, tmp_path: Path) -> Iterator[Path]:
    """A share that was scanned once, as was `tree`."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "b.mkv").write_bytes(b"b")
    tree.write("a.mkv")
    with faulty(source, tmp_path / "share") as point:
        vpo.ok("scan", tree.root, point)
        yield point


def test_a_share_that_hangs_holds_up_neither_status_nor_scans_of_other_roots(
    vpo: Vpo, tree: Tree, nas: Path
) -> None:
    tree.write("new.mkv")
    with stopped_server(nas):
        state = vpo.ok("status", "--json").json
        assert {root["path"]: root["hangs"] for root in state["roots"]} == {
            os.fsdecode(tree.root): False,
            str(nas): True,
        }
        assert state["needs_attention"]
        assert "hangs" in vpo.ok("status").stdout
        metrics = vpo.ok("status", "--format", "prometheus").stdout
        assert f'vpo_root_up{{root="{nas}"}} 0.0' in metrics
        assert vpo.run("doctor").status in (0, 1)
        scans = vpo.ok("scan", "--json", nas, tree.root, status=2).json["scans"]
        assert [scan.get("code") for scan in scans] == ["ROOT_OFFLINE", None]
        assert "does not answer" in scans[0]["message"]
        assert scans[1]["added"] == 1
    assert vpo.scan(nas)["skipped"] == 1


def test_a_scan_asks_once_whether_its_root_answers(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    asking_twice = injected(vpo, just_before(patience.spaces).comes(kill, turn=2))
    outcome = asking_twice.run("scan", tree.root)
    assert outcome.status == LAUNCHER_FAILED
    assert "never came to: before spaces (turn 2)" in outcome.stderr
    injected(vpo, just_before(patience.spaces).comes(partial(os.stat, "/"))).ok("scan", tree.root)


def test_a_scan_fails_whose_share_hangs_on_the_way_and_keeps_what_it_has_recorded(
    vpo: Vpo, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    for number in range(200):
        (source / f"{number}").mkdir(parents=True)
        (source / f"{number}" / "film.mkv").write_bytes(b"x" * number)
    with slow(source, tmp_path / "share", delay_us=60_000) as point:
        impatient = vpo.by("hangs_soon.py")
        scan = impatient.start("scan", "--json", "--threads", "2", point)
        # Its walk has begun.
        while "vpo-walk" not in threads(scan):
            assert scan.poll() is None
        assert scan.stdout is not None
        with stopped_server(point):
            printed = scan.stdout.readline()
        # The kernel lets the process end when the file system has answered.
        rest, _ = scan.communicate(timeout=60)
        assert (scan.returncode, rest) == (2, b"")
        assert json.loads(printed)["code"] == "ROOT_OFFLINE"
        recorded = len(vpo.files())
        assert recorded < 200
        result = vpo.scan(point)
        assert (result["added"], result["skipped"]) == (200 - recorded, recorded)


def test_progress_shows_what_was_looked_at_and_what_was_read(vpo: Vpo, tmp_path: Path) -> None:
    source = tmp_path / "source"
    for number in range(30):
        (source / f"{number}").mkdir(parents=True)
        (source / f"{number}" / "sound.wav").write_bytes(wav(bytes(8000)))
    with slow(source, tmp_path / "share", delay_us=30_000) as point:
        eager = replace(vpo, introspects=True).by("eager_progress.py")
        status, shown, _ = run_on_terminal(eager, "scan", point)
        assert status == 0
        assert re.search(r"\d+ files in \d+ directories", shown)
        assert re.search(r"read \d+ of 30 files", shown)
        again = eager.ok("scan", "--full", "--verbose", point)
        assert re.search(r"^\d+ files in \d+ directories", again.stderr, re.MULTILINE)


def test_a_root_on_a_share_that_hangs_can_be_forgotten(vpo: Vpo, tree: Tree, nas: Path) -> None:
    with stopped_server(nas):
        states = {root["path"]: root["state"] for root in vpo.ok("roots", "list", "--json").json}
        assert states == {os.fsdecode(tree.root): "ok", str(nas): "hangs"}
        assert vpo.ok("roots", "remove", "--json", nas).json["files"] == 1
        vpo.ok("roots", "remove", "--yes", nas)
        assert [root["path"] for root in vpo.ok("roots", "list", "--json").json] == [
            os.fsdecode(tree.root)
        ]

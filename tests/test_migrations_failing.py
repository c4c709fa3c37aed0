"""Upgrades that fail, that run at once, or that are refused: what becomes of the catalogue."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from injection import injected, just_after, kill
from mounts import UNPRIVILEGED, need_permissions
from old_catalogues import OLD_FILES, check_files, dump, fill_v6, make_v6, old_rows, rows, version
from support import TIMEOUT_SECONDS, Tree, Vpo
from vpo.db.library import open_library
from vpo.db.migrations import (
    LATEST,
    v07_scan_jobs,
    v08_directories,
    v09_job_history,
    v10_media,
)


@pytest.fixture
def old(vpo: Vpo) -> Path:
    """A full library of version 6 in the usual place."""
    vpo.home.mkdir()
    make_v6(vpo.database)
    fill_v6(vpo.database)
    return vpo.database


@pytest.fixture
def backup(vpo: Vpo) -> Path:
    """Where the copy of a library of version 6 goes."""
    return vpo.home / "library.db.v6.bak"


# -- An upgrade that fails -----------------------------------------------------------------


def fail_after(
    step: ModuleType, failure: Callable[[], None]
) -> Callable[[sqlite3.Connection], None]:
    """The step's `apply`, which fails when all of its work is done but not committed."""
    original: Callable[[sqlite3.Connection], None] = step.apply

    def apply(connection: sqlite3.Connection) -> None:
        original(connection)
        failure()

    return apply


class Crash(BaseException):
    """What no handler expects."""


def crash() -> None:
    raise Crash


@pytest.mark.parametrize(
    ("step", "left_at"), [(v07_scan_jobs, 6), (v08_directories, 7)], ids=["to-7", "to-8"]
)
def test_a_failing_step_leaves_no_trace_of_itself(
    vpo: Vpo,
    tree: Tree,
    old: Path,
    backup: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: ModuleType,
    left_at: int,
) -> None:
    before, old_dump = old_rows(old), dump(old)
    files = rows(old, "SELECT * FROM files ORDER BY id")
    with monkeypatch.context() as patch:
        patch.setattr(step, "apply", fail_after(step, crash))
        with pytest.raises(Crash):
            open_library(str(old), "create")
    assert version(old) == left_at
    assert old_rows(old) == before
    assert rows(old, "SELECT * FROM files ORDER BY id") == files
    if left_at == 6:
        assert dump(old) == old_dump
    vpo.check_integrity()

    vpo.scan(tree.root)
    assert version(old) == LATEST
    assert old_rows(old) == before
    check_files(old, OLD_FILES)
    assert dump(backup) == old_dump


@pytest.mark.parametrize(
    "step",
    [v07_scan_jobs, v08_directories, v09_job_history, v10_media],
    ids=["to-7", "to-8", "to-9", "to-10"],
)
def test_a_kill_in_an_upgrade_leaves_a_library_that_the_next_scan_upgrades(
    vpo: Vpo, tree: Tree, old: Path, backup: Path, step: ModuleType
) -> None:
    before, old_dump = old_rows(old), dump(old)
    injected(vpo, just_after(step.apply).comes(kill)).ok("scan", tree.root, status=-signal.SIGKILL)
    vpo.check_integrity()
    assert version(old) < LATEST
    vpo.scan(tree.root)
    assert version(old) == LATEST
    assert old_rows(old) == before
    check_files(old, OLD_FILES)
    vpo.check_integrity()
    assert dump(backup) == old_dump


def test_a_copy_that_cannot_be_made_stops_the_upgrade(
    vpo: Vpo, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_dump = dump(old)

    def fsync(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(Exception, match=r"No space left|no room"):
            open_library(str(old), "create")
    assert dump(old) == old_dump
    assert [path.name for path in vpo.home.iterdir() if ".bak" in path.name] == []


def test_an_old_library_that_cannot_be_written_is_read_but_not_scanned(
    vpo: Vpo, tree: Tree, old: Path, tmp_path: Path
) -> None:
    need_permissions(tmp_path)
    before = old.read_bytes()
    vpo.home.chmod(0o555)
    result = vpo.ok("scan", "--json", tree.root, status=2, **UNPRIVILEGED).json
    listed = vpo.ok("files", "list", "--json", **UNPRIVILEGED).json
    vpo.home.chmod(0o755)
    assert result["code"] == "LIBRARY_UNWRITABLE"
    assert len(listed) == len(OLD_FILES)
    assert old.read_bytes() == before
    assert list(vpo.home.iterdir()) == [old]


# -- Several at once ---------------------------------------------------------------------------


def test_processes_that_open_an_old_library_at_once_all_succeed(
    vpo: Vpo, tree: Tree, old: Path, backup: Path
) -> None:
    before, old_dump = old_rows(old), dump(old)
    for number in range(3):
        tree.write(f"{number}/a.mkv")
    processes = [vpo.start("scan", "--json", tree.root / str(number)) for number in range(3)]
    for process in processes:
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
        assert (process.returncode, stderr) == (0, b"")
        assert json.loads(stdout)["added"] == 1
    assert version(old) == LATEST
    assert old_rows(old) == before
    check_files(old, OLD_FILES)
    vpo.check_integrity()
    assert dump(backup) == old_dump
    for another in vpo.home.glob("*.bak"):
        assert another == backup or ".v6." not in another.name or version(another) == 6


def test_a_slow_copy_does_not_replace_one_of_a_quicker_process(
    vpo: Vpo, tree: Tree, old: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_dump = dump(old)
    overtaken: list[Any] = []
    original = sqlite3.connect

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        # Where the slow process has seen that there is no copy yet.
        if ".partial" in str(arguments[0]) and not overtaken:
            overtaken.append(vpo.scan(tree.root))
        connection: sqlite3.Connection = original(*arguments, **options)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    open_library(str(old), "create").close()
    monkeypatch.undo()
    assert overtaken
    assert version(old) == LATEST
    assert dump(backup) == old_dump


# -- Libraries that are refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param(str(LATEST + 1), "LIBRARY_TOO_NEW", id="newer"),
        pytest.param("99", "LIBRARY_TOO_NEW", id="much-newer"),
        pytest.param("5", "LIBRARY_TOO_OLD", id="older"),
        pytest.param("1", "LIBRARY_TOO_OLD", id="much-older"),
        pytest.param("six", "NOT_A_LIBRARY", id="not-a-number"),
        pytest.param("", "NOT_A_LIBRARY", id="nothing"),
        pytest.param("²", "NOT_A_LIBRARY", id="a-digit-that-is-no-number"),
        pytest.param(None, "NOT_A_LIBRARY", id="no-version"),
    ],
)
def test_a_version_that_is_not_known_is_refused_and_left_alone(
    vpo: Vpo, tree: Tree, old: Path, given: str | None, code: str
) -> None:
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("DELETE FROM _meta WHERE key = 'schema_version'")
        if given is not None:
            connection.execute("INSERT INTO _meta VALUES ('schema_version', ?)", (given,))
    before = old.read_bytes()
    for words in (("scan", tree.root), ("scan", "--dry-run", tree.root), ("files", "list")):
        outcome = vpo.ok(*words, "--json", status=2)
        assert outcome.json["code"] == code
        if code.startswith("LIBRARY_TOO"):
            assert outcome.json["details"]["version"] == int(given or 0)
    assert old.read_bytes() == before
    assert list(vpo.home.iterdir()) == [old]

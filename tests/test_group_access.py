"""Several users of a group share a catalogue, its settings and its log under umask 002."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vpo as package
from support import Outcome

GROUP = 7777
USERS = (12345, 12346)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory whose new files belong to the group, and which other users can reach."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("needs root, to become other users")
    place = Path(tempfile.mkdtemp())
    os.chown(place, 0, GROUP)
    place.chmod(0o2770)
    (place / "library").mkdir(mode=0o755)
    (place / "library" / "a.mkv").touch()
    yield place
    shutil.rmtree(place)


def run(shared: Path, user: int, *words: str | Path) -> Outcome:
    """Runs the command as one of the users."""
    # The interpreter of the environment may be in a home that others cannot enter.
    candidates = (sys.executable, "/usr/bin/python3")
    python = next((each for each in candidates if _can_run(each, user)), None)
    if python is None:
        pytest.skip("no Python that another user can run")
    environment = {
        "VPO_HOME": str(shared / "vpo"),
        "VPO_DATABASE_GROUP_ACCESS": "yes",
        "PYTHONPATH": os.pathsep.join([os.path.dirname(package.__path__[0]), *sys.path]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
    }
    command = [python, "-m", "vpo", *words]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, **_as(user)
    )
    if "ModuleNotFoundError" in done.stderr or "ImportError" in done.stderr:
        pytest.skip("another user cannot import vpo")
    return Outcome(done.returncode, done.stdout, done.stderr)


def _can_run(python: str, user: int) -> bool:
    try:
        return subprocess.run([python, "-c", ""], check=False, **_as(user)).returncode == 0
    except OSError:
        return False


def _as(user: int) -> dict[str, Any]:
    return {"user": user, "group": user, "extra_groups": [GROUP], "umask": 0o002, "cwd": "/"}


def test_users_of_a_group_share_everything(shared: Path) -> None:
    log = ("--log-file", shared / "log" / "vpo.log")
    profile = ("profiles", "create", "films", "--directory", shared / "library")
    rounds: list[tuple[str | Path, ...]] = [
        ("scan", "--no-introspect", *log, shared / "library"),
        ("config", "set", "scan.threads", "3"),
        ("files", "list", "--json"),
        ("status",),
        ("config", "show"),
    ]
    for number, user in enumerate(USERS):
        (shared / "library" / f"{user}.mkv").touch()
        for words in [*rounds, *([profile] if number == 0 else [])]:
            outcome = run(shared, user, *words)
            assert outcome.status == 0, outcome
    assert (
        run(shared, USERS[1], "config", "set", "--profile", "films", "scan.hidden", "yes").status
        == 0
    )
    assert (
        run(shared, USERS[0], "--profile", "films", "config", "show").stdout.count("hidden: true")
        == 1
    )
    assert len(run(shared, USERS[0], "files", "list", "--jsonl").stdout.splitlines()) == 3
    # Checked settings are each user's own.
    for user in USERS:
        cache = (shared / "vpo" / f"cache-{user}").stat()
        assert (cache.st_uid, cache.st_mode & 0o777) == (user, 0o700)


def test_without_the_setting_the_group_is_kept_out(shared: Path) -> None:
    environment = {"VPO_HOME": str(shared / "vpo")}
    before = os.umask(0o002)
    try:
        command = [sys.executable, "-m", "vpo", "scan", "--no-introspect", f"{shared}/library"]
        subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)
    finally:
        os.umask(before)
    assert (shared / "vpo").stat().st_mode & 0o777 == 0o700
    assert (shared / "vpo" / "library.db").stat().st_mode & 0o777 == 0o600

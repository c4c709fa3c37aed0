"""A log in a directory of another user: whatever that user puts there, no other file changes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support import Tree, Vpo
from vpo.logging import shared_file
from vpo.logging.shared_file import SharedFile

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="needs root, to have another user"
)

OTHER_USER = 12345


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A directory of another user."""
    directory = tmp_path / "theirs"
    directory.mkdir()
    os.chown(directory, OTHER_USER, OTHER_USER)
    return directory


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file of ours, which has to stay as it is."""
    file = tmp_path / "victim"
    file.write_bytes(b"secret\n" * 10)
    file.chmod(0o600)
    before = file.stat()
    yield file
    after = file.stat()
    assert file.read_bytes() == b"secret\n" * 10
    assert (after.st_uid, after.st_gid, after.st_mode) == (0, 0, before.st_mode)
    assert after.st_ino == before.st_ino


@contextmanager
def other_user(directory: Path, act: Callable[[], object]) -> Iterator[None]:
    """A process of the other user that acts in its directory until the block ends."""
    child = os.fork()
    if child == 0:
        try:
            os.chdir(directory)
            os.setgroups([])
            os.setgid(OTHER_USER)
            os.setuid(OTHER_USER)
            while True:
                with suppress(OSError):
                    act()
        finally:
            os._exit(1)
    try:
        yield
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def append_many(log: Path, count: int) -> int:
    """Opens the log `count` times and fills it; returns how often that was refused."""
    refused = 0
    for number in range(count):
        try:
            file = SharedFile(str(log), max_bytes=60, backup_count=2)
        except OSError:
            refused += 1
            continue
        try:
            for part in range(4):
                file.append(b"line %d %d of the log\n" % (number, part))
        except OSError:
            refused += 1
        finally:
            file.close()
    return refused


def test_a_link_in_place_of_the_log_is_refused_and_its_target_stays(
    vpo: Vpo, tree: Tree, theirs: Path, victim: Path
) -> None:
    log = theirs / "vpo.log"
    log.symlink_to(victim)
    vpo.environment = {"VPO_LOGGING__MAX_BYTES": "10", "VPO_LOGGING__INCLUDE_STDERR": "no"}
    outcome = vpo.ok("scan", tree.root, "--log-file", log)
    assert f"The log file `{log}` cannot be written (`vpo.log` is a link" in outcome.stderr
    assert "Scan completed" in outcome.stderr
    assert [each.name for each in theirs.iterdir()] == ["vpo.log"]
    assert not victim.with_name("victim.1").exists()


def test_a_file_with_several_names_is_refused(theirs: Path, victim: Path) -> None:
    os.link(victim, theirs / "vpo.log")
    with pytest.raises(OSError, match="several names"):
        SharedFile(str(theirs / "vpo.log"), max_bytes=10, backup_count=1)


def test_a_link_in_place_of_the_logs_directory_is_refused(theirs: Path, tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (theirs / "logs").symlink_to(tmp_path / "ours")
    for name in ("logs/vpo.log", "logs/new/vpo.log"):
        with pytest.raises(OSError, match="is a link in a directory that others can write"):
            SharedFile(str(theirs / name), max_bytes=10, backup_count=1)
    assert list((tmp_path / "ours").iterdir()) == []


def test_a_file_of_another_user_in_a_directory_for_all_is_refused(tmp_path: Path) -> None:
    everyones = tmp_path / "everyones"
    everyones.mkdir()
    everyones.chmod(0o1777)
    log = everyones / "vpo.log"
    log.write_bytes(b"")
    os.chown(log, OTHER_USER, OTHER_USER)
    with pytest.raises(OSError, match=r"another user created it|Permission denied"):
        SharedFile(str(log), max_bytes=10, backup_count=1)


def test_a_log_that_is_swapped_for_a_link_all_the_time_leaves_the_target_alone(
    theirs: Path, victim: Path
) -> None:
    def swap() -> None:
        with suppress(FileExistsError):
            os.symlink(victim, "link")
        os.rename("link", "vpo.log")
        time.sleep(0.001)
        os.unlink("vpo.log")
        time.sleep(0.001)

    with other_user(theirs, swap):
        refused = append_many(theirs / "vpo.log", 150)
    assert refused < 150, "the log was written at times"
    assert not victim.with_name("victim.1").exists()


def test_a_directory_that_is_swapped_for_a_link_all_the_time_leaves_its_target_alone(
    theirs: Path, victim: Path, tmp_path: Path
) -> None:
    os.mkdir(theirs / "logs")
    os.chown(theirs / "logs", OTHER_USER, OTHER_USER)
    os.link(victim, tmp_path / "vpo.log")

    def swap() -> None:
        os.rename("logs", "aside")
        os.symlink(tmp_path, "logs")
        time.sleep(0.001)
        os.unlink("logs")
        os.rename("aside", "logs")
        time.sleep(0.001)

    with other_user(theirs, swap):
        append_many(theirs / "logs" / "vpo.log", 150)
    assert not (tmp_path / "vpo.log.1").exists()


def test_the_logs_owner_keeps_access_when_root_rotates_it(theirs: Path) -> None:
    log = theirs / "vpo.log"
    log.write_bytes(b"x" * 9 + b"\n")
    os.chown(log, OTHER_USER, OTHER_USER)
    log.chmod(0o640)
    file = SharedFile(str(log), max_bytes=10, backup_count=1)
    file.append(b"new\n")
    file.close()
    assert log.read_bytes() == b"new\n"
    assert (log.stat().st_uid, log.stat().st_mode & 0o7777) == (OTHER_USER, 0o640)


def test_a_pipe_that_nobody_reads_does_not_hold_up_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_file, "PIPE_SECONDS", 0.05)
    log = tmp_path / "vpo.log"
    os.mkfifo(log)
    with pytest.raises(OSError, match="no program reads from it"):
        SharedFile(str(log), max_bytes=0, backup_count=1)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    file = SharedFile(str(log), max_bytes=0, backup_count=1)
    with pytest.raises(OSError, match="does not read"):
        file.append(b"x" * 1_000_000)
    file.close()
    os.close(reader)

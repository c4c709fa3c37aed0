"""Many processes write one log file; no line is lost or broken, whatever happens to the file."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from log_writer import Log, Writer, rotated
from mounts import UNPRIVILEGED, mounted, need_permissions, resize
from support import Tree, Vpo
from vpo.logging import shared_file
from vpo.logging.shared_file import SharedFile

WRITERS = ("a", "b", "c", "d")

# More than any test fills.
MANY = 1000


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The path of a log, in a directory of its own."""
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs" / "vpo.log"


def write_at_once(log: Path, count: int, **options: int) -> None:
    """Has four processes write `count` lines each, all at the same time."""
    with ExitStack() as stack:
        writers = [
            stack.enter_context(Writer.started(log, name, count, **options)) for name in WRITERS
        ]
        for writer in writers:
            writer.go()
        assert [writer.finish() for writer in writers] == [count] * len(WRITERS)


def shared(log: Path, *, max_bytes: int = 0, backup_count: int = MANY) -> SharedFile:
    return SharedFile(str(log), max_bytes=max_bytes, backup_count=backup_count)


# -- Several processes ---------------------------------------------------------------


@pytest.mark.parametrize("new", [0, 1], ids=["open", "opened-for-each-line"])
def test_four_processes_lose_and_break_no_line_of_a_rotating_file(log: Path, new: int) -> None:
    count = 150 if new else 400
    write_at_once(log, count, max_bytes=3000, backup_count=MANY, new=new)
    files = rotated(log)
    assert len(files) > 4 * count / 30, "there were rotations"
    assert all(file.stat().st_size <= 3000 for file in files)
    found = Log.read(*files)
    assert found.broken == []
    for name in WRITERS:
        assert found.numbers(name) == list(range(count))


def test_processes_that_start_while_others_rotate_lose_no_line(log: Path) -> None:
    options = {"max_bytes": 4000, "backup_count": MANY}
    with ExitStack() as stack:
        writers = [
            stack.enter_context(Writer.started(log, name, 1500, **options)) for name in WRITERS[:2]
        ]
        for writer in writers:
            writer.go()
        for name in ("c", "d", "e", "f"):
            later = stack.enter_context(Writer.started(log, name, 50, **options))
            later.go()
            writers.append(later)
        written = {writer.name: writer.finish() for writer in writers}
    found = Log.read(*rotated(log))
    assert found.broken == []
    for name, count in written.items():
        assert found.numbers(name) == list(range(count))


def test_without_a_limit_there_is_one_file_with_all_lines(log: Path) -> None:
    write_at_once(log, 200, max_bytes=0, backup_count=3)
    assert rotated(log) == [log]
    found = Log.read(log)
    assert found.broken == []
    for name in WRITERS:
        assert found.numbers(name) == list(range(200))


@pytest.mark.parametrize("backup_count", [0, 1, 2])
def test_no_more_files_are_kept_than_wanted_and_these_have_the_last_lines(
    log: Path, backup_count: int
) -> None:
    write_at_once(log, 200, max_bytes=3000, backup_count=backup_count)
    files = rotated(log)
    assert len(files) == backup_count + 1
    assert {file.name for file in log.parent.iterdir()} == {file.name for file in files}
    assert all(file.stat().st_size <= 3000 for file in files)
    found = Log.read(*files)
    assert found.broken == []
    assert found.lines[-1].number == 199
    for name in WRITERS:
        numbers = found.numbers(name)
        assert numbers == list(range(200))[200 - len(numbers) :]


def test_a_killed_process_costs_at_most_the_line_it_wrote(log: Path) -> None:
    # Long lines: a kill may fall between two pages of one.
    options = {"max_bytes": 20_000_000, "backup_count": MANY}
    kills = 6
    with ExitStack() as stack:
        others = [
            stack.enter_context(Writer.started(log, name, 3000, **options)) for name in WRITERS[:2]
        ]
        for writer in others:
            writer.go()
        for number in range(kills):
            with Writer.started(
                log, f"killed {number}", -1, padding=4_000_000, **options
            ) as victim:
                victim.go()
                assert victim.hear() == b"begun\n"
                before = log.stat().st_size
                with suppress(FileNotFoundError):
                    # A file grows by the page: this one is in the middle of a line, most likely.
                    while before <= log.stat().st_size < before + 1_000_000:
                        pass
                victim.process.kill()
        for writer in others:
            writer.finish()
    found = Log.read(*rotated(log))
    assert len(found.broken) <= kills
    for name in WRITERS[:2]:
        assert found.numbers(name) == list(range(3000))
    for number in range(kills):
        numbers = found.numbers(f"killed {number}")
        assert numbers == list(range(len(numbers)))


def test_half_a_line_at_the_end_does_not_spoil_the_next_one(log: Path) -> None:
    log.write_bytes(b'{"whole": 1}\n{"ha')
    for _ in range(2):
        file = shared(log)
        file.append(b"one\n")
        with log.open("ab") as other:
            other.write(b"ha")
        file.append(b"two\n")
        file.append(b"three\n")
        file.close()
    again = b"one\nha\ntwo\nthree\n"
    assert log.read_bytes() == b'{"whole": 1}\n{"ha\n' + again + again


def test_the_wait_for_a_process_that_hangs_with_the_lock_ends(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_file, "LOCK_SECONDS", 0.05)
    file = shared(log)
    with log.open("ab") as hanging:
        fcntl.flock(hanging, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="another process"):
            file.append(b"line\n")
    file.append(b"line\n")
    assert log.read_bytes() == b"line\n"
    file.close()


# -- What the file is ------------------------------------------------------------------


def test_a_line_longer_than_the_limit_has_a_file_to_itself(log: Path) -> None:
    file = shared(log, max_bytes=10)
    lines = [b"short\n", b"a long one, in fact\n", b"another long one\n", b"end\n"]
    for line in lines:
        file.append(line)
    file.close()
    assert [file.read_bytes() for file in rotated(log)] == lines


def test_a_link_to_the_log_is_kept_and_its_target_is_rotated(log: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    target = tmp_path / "disk" / "real.log"
    log.symlink_to(target)
    file = shared(log, max_bytes=5)
    for line in (b"one\n", b"two\n"):
        file.append(line)
    file.close()
    assert log.is_symlink()
    assert list(log.parent.iterdir()) == [log]
    assert [each.read_bytes() for each in rotated(target)] == [b"one\n", b"two\n"]


def test_a_pipe_is_written_to_and_not_rotated(log: Path) -> None:
    os.mkfifo(log)
    received = []
    reader = threading.Thread(target=lambda: received.append(log.read_bytes()), daemon=True)
    reader.start()
    file = shared(log, max_bytes=5)
    for line in (b"one\n", b"two\n", b"three\n"):
        file.append(line)
    file.close()
    reader.join(timeout=60)
    assert received == [b"one\ntwo\nthree\n"]
    assert list(log.parent.iterdir()) == [log]


def test_a_pipe_that_has_only_a_number_can_be_named(vpo: Vpo, tree: Tree) -> None:
    # As the shell's `>(gzip >log.gz)` gives it.
    vpo.environment = {"VPO_LOGGING__INCLUDE_STDERR": "no"}
    reading, writing = os.pipe()
    outcome = vpo.ok(
        "-q", "scan", tree.root, "--log-file", f"/dev/fd/{writing}", pass_fds=[writing]
    )
    os.close(writing)
    with open(reading) as pipe:
        assert [line.split(": ")[1].split(" [")[0] for line in pipe] == [
            "Scan started",
            "Scan completed",
        ]
    assert outcome.stderr == ""


@pytest.mark.parametrize("mode", ["w", "a"])
def test_stderr_named_as_the_log_file_is_not_rotated(
    vpo: Vpo, tree: Tree, tmp_path: Path, mode: str
) -> None:
    vpo.environment = {
        "VPO_LOGGING__INCLUDE_STDERR": "no",
        "VPO_LOGGING__MAX_BYTES": "10",
        "VPO_LOGGING__FILE": "/dev/stderr",
    }
    (tmp_path / "err").write_text("first\n")
    with (tmp_path / "err").open(mode) as err:
        # What is printed must not overwrite what is logged.
        process = vpo.start("-q", "scan", tree.root, tmp_path / "none", stderr=err)
        process.communicate(timeout=60)
    text = (tmp_path / "err").read_text()
    assert text.startswith("first\n") == (mode == "a")
    assert " INFO    vpo.scanner.scan: Scan completed [" in text
    assert "\nError: There is no directory " in text
    assert text.endswith("\nCheck the path, and that the disk or share is mounted.\n")
    assert not (tmp_path / "err.1").exists()


def test_a_new_file_has_the_mode_of_the_full_one(log: Path) -> None:
    umask = os.umask(0o077)
    try:
        file = shared(log, max_bytes=5)
        log.chmod(0o664)
        file.append(b"one\n")
        file.append(b"two\n")
        file.close()
    finally:
        os.umask(umask)
    assert [each.stat().st_mode & 0o777 for each in rotated(log)] == [0o664, 0o664]


# -- What others do to the file ----------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 5])
def test_a_log_that_is_deleted_moved_or_emptied_is_started_again(log: Path, limit: int) -> None:
    file = shared(log, max_bytes=limit)
    file.append(b"one\n")
    log.rename(log.with_name("moved"))
    file.append(b"two\n")
    assert log.with_name("moved").read_bytes() == b"one\n"
    assert log.read_bytes() == b"two\n"
    log.unlink()
    file.append(b"three\n")
    assert log.read_bytes() == b"three\n"
    os.truncate(log, 0)
    file.append(b"four\n")
    file.close()
    assert log.read_bytes() == b"four\n"
    assert rotated(log) == [log]


def test_a_log_that_is_moved_repeatedly_loses_no_line(log: Path) -> None:
    moved: list[Path] = []
    with ExitStack() as stack:
        writers = [
            stack.enter_context(Writer.started(log, name, -1, max_bytes=0)) for name in WRITERS[:2]
        ]
        for writer in writers:
            writer.go()
        while len(moved) < 50:
            path = log.with_name(f"moved-{len(moved):02}")
            with suppress(FileNotFoundError):
                log.rename(path)
                moved.append(path)
        written = {writer.name: writer.finish() for writer in writers}
    found = Log.read(*moved, *([log] if log.exists() else []))
    assert found.broken == []
    for name, count in written.items():
        assert found.numbers(name) == list(range(count))


# -- No room, no permission ----------------------------------------------------------------

PHASED = ["Scan started", *["Took time"] * 7, "Scan completed"]


def scan_logging_to(vpo: Vpo, tree: Tree, log: Path, **options: Any) -> list[dict[str, Any]]:
    """Scans, which must succeed, and returns the log's lines on stderr."""
    vpo.environment.setdefault("VPO_LOGGING__INCLUDE_STDERR", "no")
    words = ("--log-json", "--log-level", "debug", "--log-file", log)
    outcome = vpo.ok("scan", tree.root, *words, **options)
    assert "Scan complete" in outcome.stdout
    assert len(vpo.files()) == 1
    return [json.loads(line) for line in outcome.stderr.splitlines()]


def check_one_warning(lines: list[dict[str, Any]], log: Path, says: str) -> None:
    warnings = [line for line in lines if line["level"] != "info" and line["level"] != "debug"]
    assert [(line["level"], line["logger"]) for line in warnings] == [("warning", "vpo.logging")]
    assert f"`{log}`" in warnings[0]["message"]
    assert says in warnings[0]["message"]


def messages(lines: list[dict[str, Any]]) -> list[str]:
    return [line["message"] for line in lines if line["logger"] != "vpo.logging"]


def fill(disk: Path) -> None:
    """Leaves no page free."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017


@pytest.mark.parametrize("max_bytes", [0, 4000])
@pytest.mark.parametrize("room", [1, 400, 900])
def test_on_a_full_disk_vpo_logs_to_stderr_and_leaves_no_half_line(
    vpo: Vpo, tree: Tree, tmp_path: Path, room: int, max_bytes: int
) -> None:
    tree.write("a.mkv")
    with mounted(tmp_path / "disk", "64k") as disk:
        log = disk / "vpo.log"
        # Space is given by the page: what is left of this one is all there is.
        log.write_text(f"{'x' * (4096 - room - 1)}\n")
        before = log.read_bytes()
        fill(disk)
        vpo.environment = {"VPO_LOGGING__MAX_BYTES": str(max_bytes)}
        lines = scan_logging_to(vpo, tree, log)
        check_one_warning(lines, log, "No space left on device")
        kept, _, text = b"".join(file.read_bytes() for file in rotated(log)).partition(b"\n")
        assert kept + b"\n" == before
        assert text == b"" or text.endswith(b"\n")
        in_file = [json.loads(line) for line in text.splitlines()]
        assert messages(in_file) + messages(lines) == PHASED

        resize(disk, "1m")
        assert scan_logging_to(vpo, tree, log) == []
        assert log.read_bytes().endswith(b"\n")


def test_vpo_logs_to_stderr_if_the_directory_is_not_writable(
    vpo: Vpo, tree: Tree, log: Path
) -> None:
    need_permissions(log.parent)
    tree.write("a.mkv")
    log.parent.chmod(0o555)
    lines = scan_logging_to(vpo, tree, log, **UNPRIVILEGED)
    check_one_warning(lines, log, "Permission denied")
    assert messages(lines) == PHASED
    assert lines[0]["level"] == "warning"


def test_vpo_logs_to_stderr_if_the_log_cannot_be_a_file(vpo: Vpo, tree: Tree, log: Path) -> None:
    tree.write("a.mkv")
    log.mkdir()
    lines = scan_logging_to(vpo, tree, log)
    check_one_warning(lines, log, "Is a directory")
    assert messages(lines) == PHASED

    log.rmdir()
    log.write_text("")
    lines = scan_logging_to(vpo, tree, log / "below.log")
    check_one_warning(lines, log / "below.log", "")
    assert messages(lines) == PHASED


@pytest.mark.parametrize("include_stderr", ["yes", "no"])
def test_a_record_that_the_file_lost_is_once_on_stderr(
    vpo: Vpo, tree: Tree, log: Path, include_stderr: str
) -> None:
    tree.write("a.mkv")
    log.write_text("x\n")
    vpo.environment = {
        "VPO_LOGGING__INCLUDE_STDERR": include_stderr,
        "VPO_LOGGING__MAX_BYTES": "1",
        "VPO_LOGGING__BACKUP_COUNT": "1",
    }
    # No name is left for the full file.
    (log.parent / f"{log.name}.1").mkdir()
    lines = scan_logging_to(vpo, tree, log)
    check_one_warning(lines, log, "Is a directory")
    assert messages(lines) == PHASED


def test_once_the_log_in_json_is_on_stderr_nothing_else_is(vpo: Vpo, tree: Tree, log: Path) -> None:
    log.write_text("x\n")
    (log.parent / f"{log.name}.1").mkdir()
    vpo.environment = {
        "VPO_LOGGING__INCLUDE_STDERR": "no",
        "VPO_LOGGING__MAX_BYTES": "1",
        "VPO_LOGGING__BACKUP_COUNT": "1",
    }
    words = ("--log-json", "--log-level", "error", "--log-file", log)
    outcome = vpo.ok("scan", tree.root / "none", *words, status=2)
    lines = [json.loads(line) for line in outcome.stderr.splitlines()]
    assert [line["level"] for line in lines] == ["warning", "error"]


def test_quiet_lets_only_the_warning_through(vpo: Vpo, tree: Tree, log: Path) -> None:
    log.mkdir()
    outcome = vpo.ok("-q", "scan", tree.root, "--log-file", log)
    assert outcome.stdout == ""
    assert len(outcome.stderr.splitlines()) == 1
    assert " WARNING vpo.logging: The log file " in outcome.stderr


def test_the_directory_of_a_log_is_made(vpo: Vpo, tree: Tree, log: Path) -> None:
    tree.write("a.mkv")
    deeper = log.parent / "not" / "yet" / "vpo.log"
    assert scan_logging_to(vpo, tree, deeper) == []
    assert messages([json.loads(line) for line in deeper.read_text().splitlines()]) == PHASED

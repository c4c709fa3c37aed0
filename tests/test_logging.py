"""What vpo logs, where, and in which format."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from injection import injected, just_before
from log_writer import TIMESTAMP, Record, json_lines
from mounts import UNPRIVILEGED, need_permissions
from support import PROGRAMS, TIMEOUT_SECONDS, Tree, Vpo
from vpo._engine import Walk


def messages(records: list[Record]) -> list[str]:
    return [record["message"] for record in records]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The path of a log file."""
    return tmp_path / "vpo.log"


@contextmanager
def unreadable(tree: Tree) -> Iterator[dict[str, Any]]:
    """A tree with an unreadable directory, and the options to run a command as another user."""
    need_permissions(tree.root.parent)
    tree.write("a.mkv")
    locked = tree.root / "locked"
    locked.mkdir(mode=0)
    yield UNPRIVILEGED
    locked.rmdir()


# -- Whether ---------------------------------------------------------------------------


def test_without_logging_settings_nothing_is_logged(vpo: Vpo, tree: Tree) -> None:
    with unreadable(tree) as options:
        outcome = vpo.ok("scan", tree.root, status=1, **options)
    assert re.fullmatch(r"Warning: cannot [^\n]*/locked`: Permission denied\n", outcome.stderr)
    assert not any("log" in path.name for path in vpo.home.iterdir())


@pytest.mark.parametrize(
    "environment",
    [{"VPO_LOGGING__LEVEL": "info"}, {"VPO_LOGGING__FORMAT": "text"}],
    ids=lambda environment: next(iter(environment)),
)
def test_a_logging_setting_in_any_layer_starts_logging(
    vpo: Vpo, tree: Tree, environment: dict[str, str]
) -> None:
    vpo.environment = environment
    assert "Scan completed" in vpo.ok("scan", tree.root).stderr


def test_paths_of_logs_are_relative_to_the_file_or_profile(vpo: Vpo, tree: Tree) -> None:
    (vpo.home / "profiles").mkdir(parents=True)
    (vpo.home / "config.yaml").write_text("logging: {file: of/config.log, include_stderr: false}")
    (vpo.home / "profiles" / "movies.yaml").write_text("logging: {level: WARNING, file: p.log}")
    assert vpo.ok("scan", tree.root).stderr == ""
    assert len((vpo.home / "of" / "config.log").read_text().splitlines()) == 2
    assert vpo.ok("scan", tree.root, "--profile", "movies").stderr == ""
    assert (vpo.home / "profiles" / "p.log").read_text() == ""


# -- What ------------------------------------------------------------------------------


def test_a_scan_is_logged_with_its_job_and_counts(vpo: Vpo, tree: Tree) -> None:
    for name in ("a.mkv", "b.mkv"):
        tree.write(name)
    result = vpo.ok("scan", tree.root, "--json", "--log-json")
    started, completed = json_lines(result.stderr)
    assert messages([started, completed]) == ["Scan started", "Scan completed"]
    job = {"job_id": result.json["job_id"], "directory": str(tree.root)}
    assert started["context"].items() >= {**job, "incremental": True}.items()
    counts = ("total_discovered", "scanned", "skipped", "added", "removed", "errors")
    expected = {**job, **{name: result.json[name] for name in counts}}
    assert completed["context"].items() >= expected.items()
    assert completed["context"]["added"] == 2
    assert {record["level"] for record in (started, completed)} == {"info"}


@pytest.mark.parametrize("level", ["debug", "INFO", "warning", "error"])
def test_the_level_decides_what_is_logged(vpo: Vpo, tree: Tree, log: Path, level: str) -> None:
    words = ("--log-level", level, "--log-file", log, "--log-json")
    with unreadable(tree) as options:
        vpo.ok("scan", tree.root, *words, status=1, **options)
    text = log.read_text()
    found = {record["level"] for record in json_lines(text)} if text else set()
    assert (
        found
        == {
            "debug": {"debug", "info", "warning"},
            "info": {"info", "warning"},
            "warning": {"warning"},
            "error": set(),
        }[level.lower()]
    )


def test_debug_logs_how_long_each_phase_took(vpo: Vpo, tree: Tree) -> None:
    outcome = vpo.ok("scan", tree.root, "--log-json", "--log-level", "debug")
    records = [each for each in json_lines(outcome.stderr) if "phase" in each["context"]]
    phases = [record["context"]["phase"] for record in records]
    assert len(phases) >= 3
    assert len(set(phases)) == len(phases)
    assert all(record["context"]["seconds"] >= 0 for record in records)


def test_options_count_before_and_after_the_command(vpo: Vpo, tree: Tree, log: Path) -> None:
    words = ("--log-json", "--log-level", "error", "--log-file", str(log))
    before = vpo.run(*words, "scan", tree.root / "none")
    after = vpo.run("scan", tree.root / "none", *words)
    first, second = json_lines(log.read_text())
    assert first["context"]["code"] == "DIRECTORY_NOT_FOUND"
    for outcome in (before, after):
        (record,) = json_lines(outcome.stderr)
        assert record["message"] == first["message"] == second["message"]


# -- Where -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "json"])
def test_quiet_limits_stderr_and_never_the_file(vpo: Vpo, tree: Tree, log: Path, form: str) -> None:
    vpo.environment = {"VPO_LOGGING__FORMAT": form}
    with unreadable(tree) as options:
        outcome = vpo.ok("-q", "scan", tree.root, "--log-file", log, status=1, **options)
    (line,) = outcome.stderr.splitlines()
    in_file = log.read_text().splitlines()
    assert len(in_file) == 3
    assert "Scan started" in in_file[0]
    assert "locked" in line
    # In text it is what the command prints; in JSON it is the record.
    assert line.startswith("Warning: ") if form == "text" else line == in_file[1]


def test_what_is_printed_is_not_repeated_by_the_log_on_stderr(
    vpo: Vpo, tree: Tree, log: Path
) -> None:
    words = ("--log-level", "info", "--log-file", log)
    with unreadable(tree) as options:
        warned = vpo.ok("scan", tree.root, *words, status=1, **options)
    failed = vpo.ok("scan", tree.root / "none", *words, status=2)
    assert warned.stderr.count("locked") == 1
    assert failed.stderr.startswith("Error: There is no directory ")
    assert failed.stderr.count("There is no directory") == 1
    logged = log.read_text()
    assert re.search(r"Z WARNING vpo\.\S+: cannot .*locked", logged)
    assert re.search(r"Z ERROR +vpo\S*: There is no directory ", logged)


def test_in_json_every_line_on_stderr_is_a_record(vpo: Vpo, tree: Tree) -> None:
    for words in ((), ("--dry-run",)):
        with unreadable(tree) as options:
            warned = vpo.ok("scan", tree.root, "--log-json", *words, status=1, **options)
        (warning,) = (each for each in json_lines(warned.stderr) if each["level"] == "warning")
        assert warning["context"]["path"] == f"{tree.root}/locked"
        assert warning["context"]["errno"] == 13

    failed = vpo.ok("files", "show", "none", "--log-json", status=2)
    (error,) = json_lines(failed.stderr)
    assert (error["level"], error["context"]["code"]) == ("error", "FILE_NOT_FOUND")
    assert failed.stdout == ""


def test_in_json_a_failure_is_on_stdout_too_if_that_is_json(vpo: Vpo, tree: Tree) -> None:
    vpo.ok("scan", tree.root)
    failed = vpo.ok("files", "show", "none", "--log-json", "--json", status=2)
    (error,) = json_lines(failed.stderr)
    assert failed.json["code"] == error["context"]["code"] == "FILE_NOT_FOUND"
    assert failed.json["message"] == error["message"]


def test_an_error_about_a_job_that_the_user_names_is_logged(vpo: Vpo, tree: Tree) -> None:
    vpo.ok("scan", tree.root)
    failed = vpo.ok("jobs", "show", "nope", "--log-json", status=2)
    (error,) = json_lines(failed.stderr)
    assert error["context"]["code"] == "JOB_NOT_FOUND"
    assert error["message"] == "No job found with ID 'nope'"


def test_without_a_log_on_stderr_the_output_is_the_usual_one(
    vpo: Vpo, tree: Tree, log: Path
) -> None:
    vpo.environment = {"VPO_LOGGING__INCLUDE_STDERR": "no"}
    outcome = vpo.ok("scan", tree.root / "none", "--log-json", "--log-file", log, status=2)
    assert outcome.stderr.startswith("Error: There is no directory ")
    (error,) = json_lines(log.read_text())
    assert error["level"] == "error"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_utf8_whatever_the_locale(vpo: Vpo, tree: Tree, encoding: str) -> None:
    vpo.environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    root = tree.root / "Amélie 😀"
    root.mkdir()
    for record in json_lines(vpo.ok("scan", root, "--json", "--log-json").stderr):
        assert record["context"]["directory"] == str(root)


# -- Names from disk -------------------------------------------------------------------

HOSTILE = b"p\xff\n2026-01-01T00:00:00.000Z ERROR vpo: forged\x1b[2J\r\xe2\x80\xa8\xc2\x85\x7f"


def test_a_name_of_any_bytes_is_valid_json_on_one_line(vpo: Vpo, tree: Tree) -> None:
    tree.write(HOSTILE + b"/a.mkv")
    root = tree.path(HOSTILE)
    for record in json_lines(vpo.ok("scan", root, "--log-json").stderr):
        assert record["context"]["directory"] == root.decode(errors="replace")
        assert base64.b64decode(record["context"]["directory_b64"]) == root


def test_a_name_cannot_forge_a_line_of_text_or_control_a_terminal(
    vpo: Vpo, tree: Tree, log: Path
) -> None:
    tree.write(HOSTILE + b"/a.mkv")
    words = ("--log-level", "debug", "--log-file", log)
    outcome = vpo.ok("scan", tree.path(HOSTILE), *words)
    vpo.ok("files", "show", tree.path(HOSTILE + b"/none"), *words, status=2)
    assert log.read_text().startswith(outcome.stderr)
    lines = log.read_text().removesuffix("\n").split("\n")
    assert len(lines) >= 6
    for line in lines:
        assert TIMESTAMP.match(line)
        assert " ERROR   vpo: forged" not in line
        assert line.isprintable()
        assert not line.startswith("2026-01-01T00:00")


# -- Exceptions ------------------------------------------------------------------------

FORGED = "broken\n2026-01-01T00:00:00.000Z ERROR vpo: forged \x1b[2J"


def run_broken(vpo: Vpo, *args: str | Path) -> tuple[str, str]:
    """Runs the command, in which a scan breaks: stdout and stderr."""
    done = subprocess.run(
        injected(vpo, just_before(Walk).comes(RuntimeError(FORGED))).command(*args),
        env=vpo.env(),
        capture_output=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert done.returncode == 2
    return done.stdout.decode(), done.stderr.decode()


def test_a_crash_is_logged_with_its_stack_at_debug_alone(vpo: Vpo, tree: Tree, log: Path) -> None:
    for level in ("info", "debug"):
        _, stderr = run_broken(
            vpo, "scan", tree.root, "--log-json", "--log-file", log, "--log-level", level
        )
        records = json_lines(stderr)
        assert stderr == log.read_text()
        log.unlink()
        shown = [record["exception"] for record in records if "exception" in record]
        assert shown
        for exception in shown:
            assert exception["type"] == "RuntimeError"
            assert exception["message"].startswith("broken\n")
            if level == "debug":
                assert exception["stack"].startswith("Traceback (most recent call last):\n")
                assert "inject.py" in exception["stack"]
            else:
                assert "stack" not in exception


def test_a_stack_in_text_is_indented_and_comes_with_the_log_alone(
    vpo: Vpo, tree: Tree, log: Path
) -> None:
    for words in ((), ("--log-level", "info")):
        stdout, stderr = run_broken(vpo, "scan", tree.root, *words)
        assert "Traceback" not in stdout + stderr
        assert "Error: Something went wrong inside vpo: RuntimeError: broken" in stderr
    vpo.environment = {"VPO_LOGGING__INCLUDE_STDERR": "no"}
    stdout, stderr = run_broken(vpo, "scan", tree.root, "--log-level", "debug", "--log-file", log)
    assert "Traceback" not in stdout + stderr
    lines = log.read_text().removesuffix("\n").split("\n")
    assert "    Traceback (most recent call last):" in lines
    for line in lines:
        assert TIMESTAMP.match(line) or line.startswith("    ")
        assert not line.startswith("2026-01-01T00:00")
        assert line.isprintable()


# -- Records of libraries ----------------------------------------------------------------


def log_as_library(form: str) -> str:
    """What comes on stderr of something that a library logs."""
    program = [sys.executable, str(PROGRAMS / "library_records.py"), form]
    done = subprocess.run(program, capture_output=True, check=True, timeout=60)
    return done.stderr.decode()


def test_records_of_libraries_come_too() -> None:
    said, odd = json_lines(log_as_library("json"))
    assert (said["logger"], said["level"]) == ("some.library", "warning")
    assert (said["message"], said["context"]) == ("3 of them", {})
    # A mistake of theirs must not cost the record.
    assert odd["message"] == "'at %d' ('x',)"
    first, second = log_as_library("text").splitlines()
    assert first.endswith("Z WARNING some.library: 3 of them")
    assert second.endswith("Z ERROR   some.library: 'at %d' ('x',)")

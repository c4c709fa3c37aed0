"""What scripts, cron jobs and people may rely on: words, exit codes, JSON, streams."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mounts import UNPRIVILEGED, need_permissions
from support import ISO_Z, OLD_NS, TIMEOUT_SECONDS, Outcome, Tree, Vpo, contents
from terminals import run_on_terminal

COUNTS = ("total_discovered", "scanned", "skipped", "added", "removed", "errors")
SCAN_KEYS = {
    "job_id",
    "directory",
    "started_at",
    "completed_at",
    "duration_seconds",
    "incremental",
    "dry_run",
    *COUNTS,
}


def check_error_text(outcome: Outcome, *says: str) -> None:
    """One line that says what happened; then, if anything, a blank one and what to do."""
    assert outcome.status == 2, outcome
    assert outcome.stdout == ""
    assert re.fullmatch(r"Error: [^\n]+[.?!]\n(\n[^\n]+\n)?", outcome.stderr), outcome.stderr
    for words in says:
        assert words in outcome.stderr


def check_error_json(outcome: Outcome, code: str, *says: str) -> dict[str, Any]:
    """The same as one object on stdout, and nothing on stderr."""
    assert outcome.status == 2, outcome
    assert outcome.stderr == ""
    shown = outcome.json
    assert {"error", "code", "message", "details"} <= set(shown)
    assert shown["error"] is True
    assert shown["code"] == code
    assert isinstance(shown["details"], dict)
    for words in says:
        assert words in shown["message"] + (shown.get("hint") or "")
    return dict(shown)


# -- The text of a scan --------------------------------------------------------


def test_the_summary_has_the_counts_in_order_and_thousands_apart(vpo: Vpo, tree: Tree) -> None:
    tree.write_many(1234)
    tree.write("changed.mkv")
    tree.write("removed.mkv")
    first = vpo.ok("scan", tree.root)
    assert first.stderr == ""
    pattern = (
        f"Scanning {re.escape(str(tree.root))}...\n"
        "  Discovered: 1,236 files\n"
        r"  Skipped \(unchanged\): 0\n"
        r"  Scanned \(changed\): 0\n"
        r"  Added \(new\): 1,236\n"
        r"  Moved \(renamed\): 0\n"
        r"  Removed \(missing\): 0\n"
        "  Errors: 0\n"
        "\n"
        r"Scan complete in \d+\.\ds \(job: ([0-9a-f]{8})\)\n"
    )
    match = re.fullmatch(pattern, first.stdout)
    assert match, first.stdout
    assert vpo.jobs()[-1]["id"].startswith(match[1])

    tree.write("changed.mkv", b"another content")
    tree.write("added.mkv")
    tree.remove("removed.mkv")
    lines = vpo.ok("scan", tree.root).stdout.splitlines()
    assert lines[1:8] == [
        "  Discovered: 1,236 files",
        "  Skipped (unchanged): 1,234",
        "  Scanned (changed): 1",
        "  Added (new): 1",
        "  Moved (renamed): 0",
        "  Removed (missing): 1",
        "  Errors: 0",
    ]


def test_several_directories_have_a_summary_each(vpo: Vpo, tree: Tree) -> None:
    tree.write("one/a.mkv")
    tree.write("two/b.mkv")
    shown = vpo.ok("scan", tree.root / "one", tree.root / "two").stdout
    headings = re.findall(r"^Scanning (.*)\.\.\.$", shown, re.MULTILINE)
    assert headings == [str(tree.root / "one"), str(tree.root / "two")]
    jobs = [job["id"][:8] for job in vpo.jobs()]
    assert re.findall(r"^Scan complete in .* \(job: (.*)\)$", shown, re.MULTILINE) == jobs


def test_a_dry_run_says_so_and_names_no_job(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    shown = vpo.ok("scan", "--dry-run", tree.root).stdout
    assert "  Added (new): 1\n" in shown
    assert "job" not in shown
    assert "nothing was written" in shown


def test_control_characters_in_names_are_escaped(vpo: Vpo, tree: Tree) -> None:
    tree.write("a\nb/\x1b[31mred\x07.mkv")
    outcome = vpo.ok("scan", "-v", tree.root / "a\nb")
    assert outcome.stdout.splitlines()[:2] == [
        f"Scanning {tree.root}/a\\nb...",
        f"  + {tree.root}/a\\nb/\\x1b[31mred\\x07.mkv",
    ]
    assert outcome.stdout.isascii()


# -- The JSON of a scan --------------------------------------------------------


def test_json_of_one_directory_is_one_object(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    outcome = vpo.ok("scan", "--json", tree.root)
    assert outcome.stderr == ""
    result = outcome.json
    assert set(result) >= SCAN_KEYS
    assert result["directory"] == str(tree.root)
    assert uuid.UUID(result["job_id"]).version == 4
    assert ISO_Z.fullmatch(result["started_at"])
    assert ISO_Z.fullmatch(result["completed_at"])
    assert result["started_at"] <= result["completed_at"]
    assert isinstance(result["duration_seconds"], (int, float))
    assert (result["incremental"], result["dry_run"]) == (True, False)
    assert [result[name] for name in COUNTS] == [1, 0, 0, 1, 0, 0]


def test_json_of_several_directories_lists_them_beside_totals(vpo: Vpo, tree: Tree) -> None:
    tree.write("one/a.mkv")
    tree.write("two/b.mkv")
    tree.write("two/c.mkv")
    vpo.scan(tree.root / "two")
    result = vpo.ok("scan", "--json", tree.root / "one", tree.root / "two").json
    assert [each["directory"] for each in result["scans"]] == [
        str(tree.root / "one"),
        str(tree.root / "two"),
    ]
    for each in result["scans"]:
        assert set(each) >= SCAN_KEYS
    for name in COUNTS:
        assert result[name] == sum(each[name] for each in result["scans"])
    assert [result[name] for name in COUNTS] == [3, 0, 2, 1, 0, 0]


@pytest.mark.parametrize("second", ["", "sub"], ids=["the-same-twice", "one-inside-the-other"])
def test_json_has_the_form_for_several_whenever_several_were_given(
    vpo: Vpo, tree: Tree, second: str
) -> None:
    tree.write("sub/a.mkv")
    result = vpo.ok("scan", "--json", tree.root, tree.root / second).json
    assert "scans" in result
    assert result["total_discovered"] == 1


@pytest.mark.parametrize("extra", ["-v", "-q"])
def test_json_is_all_there_is_on_stdout(vpo: Vpo, tree: Tree, extra: str) -> None:
    tree.write("a.mkv")
    outcome = vpo.ok(extra, "scan", "--json", tree.root)
    assert outcome.json["added"] == 1
    assert outcome.stderr == ""


def test_json_of_a_dry_run_has_no_job(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    result = vpo.scan(tree.root, "--dry-run")
    assert set(result) >= SCAN_KEYS
    assert result["job_id"] is None
    assert (result["dry_run"], result["added"]) == (True, 1)
    assert not vpo.home.exists()


def test_full_is_not_incremental(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    result = vpo.scan(tree.root, "--full")
    assert (result["incremental"], result["scanned"], result["skipped"]) == (False, 1, 0)


# -- Which files: --kind, -e, --exclude, --hidden --------------------------------


@pytest.fixture
def mixed(tree: Tree) -> Tree:
    """A file of each kind, in odd spellings, and some that no default selects."""
    for name in (
        "a.mkv",
        "B.MKV",
        "c.Mp4",
        "d.flac",
        "e.jpg",
        "f.srt",
        "g.txt",
        "noextension",
        ".hidden.mkv",
        ".dir/h.mkv",
        "samples/i.mkv",
        "samples/deep/j.flac",
    ):
        tree.write(name)
    return tree


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param("", "a B c d e f i j", id="all-known-media"),
        pytest.param("--kind video", "a B c i", id="a-kind"),
        pytest.param("--kind VIDEO,Audio", "a B c d i j", id="kinds-in-any-case"),
        pytest.param("--kind image --kind sidecar", "e f", id="kinds-one-by-one"),
        pytest.param("-e mkv", "a B i", id="an-extension-in-any-case"),
        pytest.param("-e .MKV", "a B i", id="an-extension-with-a-dot"),
        pytest.param("-e mkv,mp4", "a B c i", id="extensions"),
        pytest.param("-e txt", "g", id="an-extension-that-is-no-media"),
        pytest.param("--kind audio -e Txt", "d g j", id="kind-and-extension-are-a-union"),
        pytest.param("--hidden --kind video", ".hidden a B c h i", id="hidden-too"),
        pytest.param("--exclude samples/ --kind video", "a B c", id="exclude-a-directory"),
        pytest.param("--exclude *.mkv --exclude deep", "B c d e f", id="exclude-twice"),
        pytest.param("--exclude /a.mkv --exclude /i.mkv -e mkv", "B i", id="exclude-at-the-root"),
    ],
)
def test_options_select(vpo: Vpo, mixed: Tree, options: str, expected: str) -> None:
    shown = vpo.ok("scan", "-v", "--dry-run", *options.split(), mixed.root).stdout
    added = re.findall(r"^  \+ .*/(.+?)(?:\.\w+)?$", shown, re.MULTILINE)
    assert sorted(added) == sorted(expected.split())


# -- What a job records ----------------------------------------------------------


def test_a_job_records_the_configuration_the_counts_and_the_files(vpo: Vpo, tree: Tree) -> None:
    for name in ("same.mkv", "changed.mkv", "removed.mkv"):
        tree.write(name)
    vpo.scan(tree.root)
    tree.write("changed.mkv", b"another content")
    tree.remove("removed.mkv")
    # It may get the inode of the other.
    tree.write("added.mkv", b"added")
    result = vpo.scan(tree.root, "--exclude", "*.tmp", "--hidden", "--threads", "3")

    first, job = vpo.jobs()
    assert first["id"] != job["id"] == result["job_id"]
    assert uuid.UUID(job["id"]).version == 4
    assert (job["job_type"], job["status"]) == ("scan", "completed")
    assert job["file_path"] == str(tree.root)
    assert (job["progress_percent"], job["error_message"]) == (100.0, None)
    for column in ("created_at", "started_at", "completed_at"):
        assert ISO_Z.fullmatch(job[column])
    assert job["created_at"] <= job["started_at"] <= job["completed_at"]

    used = json.loads(job["policy_json"])
    assert used["rules"] == {
        "kinds": [],
        "extensions": [],
        "exclude": ["*.tmp"],
        "hidden": True,
        "follow_symlinks": False,
        "one_file_system": False,
        "skip_names": [],
        "system_names": False,
        "ignore_inodes": False,
        "modify_window": 0,
        "hour_shifts": False,
        "threads": 3,
        "introspect": False,
    }
    assert (used["full"], used["prune"]) == (False, False)

    summary = json.loads(job["summary_json"])
    assert {name: summary[name] for name in COUNTS} == {name: result[name] for name in COUNTS}

    affected = json.loads(job["files_affected_json"])
    assert affected["added"] == [str(tree.root / "added.mkv")]
    assert affected["changed"] == [str(tree.root / "changed.mkv")]
    assert affected["removed"] == [str(tree.root / "removed.mkv")]
    assert affected["counts"]["added"] == 1
    assert affected["truncated"] is False


def test_a_job_lists_a_thousand_files_and_counts_them_all(vpo: Vpo, tree: Tree) -> None:
    tree.write_many(1001)
    vpo.scan(tree.root)
    tree.write("keep.mkv")
    for number in range(1001):
        tree.remove(f"many/{number:05}.mkv")
    vpo.scan(tree.root, "--allow-mass-removal")
    added, removed = (json.loads(job["files_affected_json"]) for job in vpo.jobs())
    for affected, change in ((added, "added"), (removed, "removed")):
        assert len(affected[change]) == 1000
        assert affected["counts"][change] == 1001
        assert affected["truncated"] is True
        assert set(affected[change]) < {f"{tree.root}/many/{n:05}.mkv" for n in range(1001)}


# -- Mistakes: said clearly, and nothing is written ------------------------------

MISTAKES = [
    pytest.param("scan {tree}/none", "DIRECTORY_NOT_FOUND", ["{tree}/none"], id="no-directory"),
    pytest.param("scan {tree}/a.mkv", "NOT_A_DIRECTORY", ["{tree}/a.mkv"], id="a-file"),
    pytest.param("scan {tree}/a.mkv/x", "NOT_A_DIRECTORY", ["a.mkv/x"], id="below-a-file"),
    pytest.param("scan ''", "USAGE", ["empty"], id="an-empty-name"),
    pytest.param("scan {tree}/none {tree}/no", "DIRECTORY_NOT_FOUND", ["none"], id="none-is-there"),
    pytest.param("scan --kind film {tree}", "USAGE", ["film", "video, audio"], id="unknown-kind"),
    pytest.param("scan --kind '' {tree}", "USAGE", ["kind"], id="empty-kind"),
    pytest.param("scan --exclude [ {tree}", "BAD_RULE", ["`[`"], id="glob-of-a-bracket"),
    pytest.param("scan --exclude {{a {tree}", "BAD_RULE", ["`{{a`"], id="glob-of-a-brace"),
    pytest.param("scan --exclude '' {tree}", "BAD_RULE", ["empty"], id="empty-glob"),
    pytest.param("scan -e a/b {tree}", "BAD_RULE", ["`a/b`"], id="extension-with-a-slash"),
    pytest.param("scan -e . {tree}", "BAD_RULE", ["extension"], id="extension-of-a-dot"),
    pytest.param("scan -e '' {tree}", "USAGE", ["extensions"], id="empty-extension"),
    pytest.param("scan --threads 0 {tree}", "USAGE", ["threads"], id="no-threads"),
    pytest.param("scan --config {tree}/bad.yaml {tree}", "BAD_CONFIG", ["nope"], id="config-key"),
    pytest.param("scan --config {tree}/no.yaml {tree}", "BAD_CONFIG", ["no.yaml"], id="no-config"),
    pytest.param(
        "scan --db {tree}/none/a.db {tree}", "LIBRARY_UNWRITABLE", ["none/a.db"], id="db-nowhere"
    ),
    pytest.param("scan --db {tree} {tree}", "LIBRARY_UNWRITABLE", ["directory"], id="db-directory"),
    pytest.param("scan --db {tree}/a.mkv {tree}", "NOT_A_LIBRARY", ["a.mkv"], id="db-of-no-kind"),
    pytest.param("scan --db '' {tree}", "USAGE", [], id="db-without-a-name"),
    pytest.param("scan", "USAGE", ["DIRECTORY"], id="scan-of-nothing"),
    pytest.param("scan --nope {tree}", "USAGE", ["--nope"], id="unknown-option"),
    pytest.param("scna {tree}", "USAGE", ["scna", "files", "scan"], id="unknown-command"),
    pytest.param("files nope", "USAGE", ["nope", "list", "show"], id="unknown-subcommand"),
    pytest.param("files list --status gone", "USAGE", ["gone", "pending"], id="unknown-status"),
    pytest.param("files list --changed-since x", "USAGE", ["x"], id="no-moment"),
    pytest.param("files list --changed-since 999999w", "USAGE", ["999999w"], id="before-time"),
    pytest.param("files list --under ''", "USAGE", ["under"], id="under-without-a-name"),
    pytest.param("files list --limit -1", "USAGE", ["limit"], id="negative-limit"),
    pytest.param(f"files list --limit {10**30}", "USAGE", ["limit"], id="endless-limit"),
    pytest.param("files list", "LIBRARY_NOT_FOUND", ["vpo scan"], id="no-library"),
    pytest.param("files show a.mkv", "LIBRARY_NOT_FOUND", ["vpo scan"], id="no-library-to-show"),
]


@pytest.mark.parametrize(("command", "code", "says"), MISTAKES)
def test_a_mistake_is_told_and_nothing_is_written(
    vpo: Vpo, tree: Tree, tmp_path: Path, command: str, code: str, says: list[str]
) -> None:
    tree.write("a.mkv")
    tree.write("bad.yaml", b"scan:\n  nope: 1\n")
    words = [
        "" if word == "''" else word.format(tree=tree.root) for word in command.split(" ") if word
    ]
    if code != "LIBRARY_NOT_FOUND":
        # Something to list, were it asked for properly.
        Vpo(tmp_path / "home").home.mkdir()
    before = contents(tmp_path)
    expected = [each.format(tree=tree.root) for each in says]
    check_error_text(vpo.run(*words, cwd=tree.root), *expected)
    check_error_json(vpo.run(*words, "--json", cwd=tree.root), code, *expected)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("command", [["jobs", "show"], ["jobs", "cancel"], ["undo"]])
def test_an_id_that_is_not_utf_8_is_that_of_nothing(
    vpo: Vpo, tree: Tree, command: list[str]
) -> None:
    vpo.scan(tree.root)
    for words in (command, [*command, "--json"]):
        done = vpo.ok(*words, b"\xff\xfe\xfd\xfc", status=2)
        assert "with ID '\\udcff" in (done.stdout + done.stderr).replace("\\\\", "\\")


def test_without_a_command_the_help_is_shown(vpo: Vpo) -> None:
    for words in ((), ("files",)):
        outcome = vpo.run(*words)
        assert outcome.status == 2
        assert (outcome.stdout + outcome.stderr).startswith("Usage: vpo")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([b"scan", b"--db", b"/nonexistent/\xff.db", b"."], id="library"),
        pytest.param([b"scan", b"--kind", b"\xff", b"."], id="kind"),
        pytest.param([b"scan", b"--exclude", b"[\xff", b"."], id="glob"),
        pytest.param([b"scan", b"--config", b"/nonexistent/\xff", b"."], id="config"),
        pytest.param([b"scan", b"/nonexistent/\xff"], id="directory"),
        pytest.param([b"\xff"], id="command"),
    ],
)
def test_a_mistake_in_words_that_are_not_utf8_is_told_too(
    vpo: Vpo, tree: Tree, words: list[bytes]
) -> None:
    check_error_text(vpo.run(*words, cwd=tree.root))
    shown = vpo.run(*words, "--json", cwd=tree.root)
    check_error_json(shown, shown.json["code"])


def test_a_library_in_an_unwritable_directory_is_an_error(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    need_permissions(tmp_path)
    tree.write("a.mkv")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    outcome = vpo.run("scan", "--db", locked / "a.db", tree.root, **UNPRIVILEGED)
    check_error_text(outcome, "locked/a.db", "not writable")
    vpo.home = locked / "home"
    check_error_text(vpo.run("scan", tree.root, **UNPRIVILEGED), "locked/home")
    assert list(locked.iterdir()) == []


def test_of_several_directories_the_good_ones_are_scanned(vpo: Vpo, tree: Tree) -> None:
    tree.write("one/a.mkv")
    tree.write("two/b.mkv")
    outcome = vpo.run("scan", tree.root / "one", tree.root / "none", tree.root / "two")
    assert outcome.status == 2
    assert outcome.stderr.startswith(f"Error: There is no directory `{tree.root}/none`.\n")
    assert outcome.stdout.count("Scan complete") == 2
    assert set(vpo.statuses()) == {"a.mkv", "b.mkv"}

    words = ("scan", "--json", tree.root / "one", tree.root / "none", tree.root / "two")
    outcome = vpo.run(*words)
    assert outcome.status == 2
    assert outcome.stderr == ""
    one, none, two = outcome.json["scans"]
    assert (one["skipped"], two["skipped"]) == (1, 1)
    assert outcome.json["skipped"] == 2
    assert none["directory"] == str(tree.root / "none")
    assert (none["error"], none["code"]) == (True, "DIRECTORY_NOT_FOUND")
    assert {"message", "details"} <= set(none)
    assert [job["file_path"] for job in vpo.jobs()] == [one["directory"], two["directory"]] * 2


def test_a_place_that_cannot_be_looked_at_makes_the_status_one(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    need_permissions(tmp_path)
    tree.write("a.mkv")
    tree.write("locked/b.mkv")
    (tree.root / "locked").chmod(0)
    outcome = vpo.run("-q", "scan", tree.root, **UNPRIVILEGED)
    (tree.root / "locked").chmod(0o755)
    assert (outcome.status, outcome.stdout) == (1, "")
    assert outcome.stderr == (f"Warning: cannot open `{tree.root}/locked`: Permission denied\n")


# -- Global options ---------------------------------------------------------------


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_library_may_be_named_before_and_after_the_command(
    vpo: Vpo, tree: Tree, tmp_path: Path, place: str
) -> None:
    tree.write("a.mkv")
    library = tmp_path / "we ird?#%41.db"
    named = ("--db", library)
    if place == "before":
        vpo.ok(*named, "scan", tree.root)
        listed = vpo.ok(*named, "files", "list", "--print0")
    else:
        vpo.ok("scan", tree.root, *named)
        listed = vpo.ok("files", "list", "--print0", *named)
    assert library.exists()
    assert listed.stdout == f"{tree.root}/a.mkv\0"
    assert not vpo.home.exists()


def test_options_of_a_group_may_stand_between_its_words(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.ok("scan", tree.root)
    assert vpo.ok("files", "--db", vpo.database, "list", "--print0").stdout.endswith("a.mkv\0")


def test_the_config_may_be_named_before_and_after_the_command(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"database_path: {tmp_path}/other.db\nscan:\n  kinds: [audio]\n")
    tree.write("a.mkv")
    tree.write("b.mp3")
    assert vpo.ok("--config", config, "scan", "--json", tree.root).json["added"] == 1
    assert vpo.ok("scan", "--json", tree.root, "--config", config).json["skipped"] == 1
    assert (tmp_path / "other.db").exists()
    assert not vpo.home.exists()


@pytest.mark.parametrize("place", ["before", "after"])
def test_quiet_prints_nothing_when_nothing_is_wrong(vpo: Vpo, tree: Tree, place: str) -> None:
    tree.write("a.mkv")
    words = ("-q", "scan", tree.root) if place == "before" else ("scan", tree.root, "--quiet")
    assert vpo.ok(*words) == Outcome(0, "", "")
    check_error_text(vpo.run(*words[:-1], "--kind", "film", words[-1]), "film")


@pytest.mark.parametrize("place", ["before", "after"])
def test_verbose_lists_each_changed_file(vpo: Vpo, tree: Tree, place: str) -> None:
    for name in ("same.mkv", "changed.mkv", "removed.mkv", "gone/removed.mkv"):
        tree.write(name)
    vpo.ok("scan", tree.root)
    tree.write("changed.mkv", b"another content")
    tree.write("added.mkv")
    tree.remove("removed.mkv")
    tree.remove("gone/removed.mkv")
    os.rmdir(tree.path("gone"))
    words = ("-v", "scan", tree.root) if place == "before" else ("scan", tree.root, "--verbose")
    listed = [line for line in vpo.ok(*words).stdout.splitlines() if str(tree.root) in line]
    assert sorted(listed[1:]) == [
        f"  + {tree.root}/added.mkv",
        f"  - {tree.root}/gone/removed.mkv",
        f"  - {tree.root}/removed.mkv",
        f"  ~ {tree.root}/changed.mkv",
    ]
    assert "same.mkv" not in "".join(listed)


def test_version_names_the_package_and_the_engine(vpo: Vpo) -> None:
    outcome = vpo.ok("--version")
    assert re.fullmatch(r"vpo (\d+\.\d+\.\d+\S*) \(engine \1\)\n", outcome.stdout)


@pytest.mark.parametrize("words", ["", "scan", "files", "files list", "files show"])
def test_help_is_there_for_every_command(vpo: Vpo, words: str) -> None:
    short = vpo.ok(*words.split(), "-h")
    assert short.stdout.startswith(f"Usage: {' '.join(['vpo', *words.split()])} ")
    assert short == vpo.ok(*words.split(), "--help")
    assert short.stderr == ""
    for option in ("--db", "--config", "--quiet", "--verbose", "--no-progress", "--color"):
        assert option in short.stdout


def test_python_m_vpo_is_the_same_command(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    module = replace(vpo, program=(sys.executable, "-m", "vpo"))
    assert module.scan(tree.root)["added"] == 1
    assert module.ok("nope", status=2).stderr.startswith("Error: There is no command `nope`")


# -- Streams: pipes, closed and full ones -------------------------------------------


@pytest.fixture(scope="module")
def thousands(tmp_path_factory: pytest.TempPathFactory) -> Vpo:
    """A library of more files than fit into a pipe."""
    base = tmp_path_factory.mktemp("thousands")
    tree, vpo = Tree(base / "library"), Vpo(base / "home")
    for number in range(3000):
        tree.write(f"many/{number:0100}.mkv")
    vpo.scan(tree.root)
    return vpo


@pytest.mark.parametrize("form", [[], ["--json"], ["--jsonl"], ["--print0"]])
def test_a_reader_that_has_seen_enough_is_no_error(thousands: Vpo, form: list[str]) -> None:
    process = thousands.start("files", "list", *form)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(TIMEOUT_SECONDS) == 0


@pytest.mark.parametrize("options", [[], ["-v"]], ids=["summary", "verbose"])
@pytest.mark.parametrize("read", [0, 1], ids=["at-once", "after-a-line"])
def test_a_scan_whose_reader_left_says_done_only_if_it_is(
    vpo: Vpo, tree: Tree, options: list[str], read: int
) -> None:
    tree.write_many(2000)
    process = vpo.start("scan", *options, tree.root)
    assert process.stdout is not None
    assert process.stderr is not None
    for _ in range(read):
        process.stdout.readline()
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    # 0 and 1 say that the scan was done.
    if process.wait(TIMEOUT_SECONDS) in (0, 1):
        assert [job["status"] for job in vpo.jobs()] == ["completed"]


@pytest.mark.parametrize("form", [[], ["--json"], ["--jsonl"], ["--print0"]])
def test_a_disk_full_of_output_is_a_plain_error(thousands: Vpo, form: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            thousands.command("files", "list", *form),
            env=thousands.env(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"Error: ")
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"report it" not in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (2, ["scan", "nosuch"]),
        (2, ["scan", "nosuch", "--log-level", "debug"]),
        (2, ["scan", "--nosuch"]),
        (2, ["verify", "nosuch"]),
        (2, ["jobs", "show", "nosuch"]),
        (2, ["status", "--db", "nosuch.db"]),
        (2, []),
        (1, ["scan", "library"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_words_that_cannot_be_written_change_no_exit_status(
    vpo: Vpo, tree: Tree, tmp_path: Path, status: int, words: list[str]
) -> None:
    tree.write("a.mkv")
    vpo.introspects = True
    vpo.scan(tree.root, status=1)
    tree.write("b.mkv", b"no film either")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            vpo.command(*words),
            env=vpo.env(),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=full,
            check=False,
        )
    assert done.returncode == status
    assert b"Traceback" not in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_failure_that_cannot_be_written_as_json_is_told_in_words(vpo: Vpo) -> None:
    vpo.home.mkdir(exist_ok=True)
    with sqlite3.connect(vpo.database) as connection:
        connection.execute("CREATE TABLE held (x)")
    holder = sqlite3.connect(vpo.database, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                vpo.by("impatient.py").command("status", "--json"),
                env=vpo.env(),
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
            )
    finally:
        holder.close()
    assert done.returncode == 75
    assert b"is in use by another process" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_scan_without_streams_does_its_work(vpo: Vpo, tree: Tree, closed: str) -> None:
    tree.write("a.mkv")
    command = ["sh", "-c", f'exec "$0" "$@" {closed}', *vpo.command("scan", tree.root)]
    done = subprocess.run(command, env=vpo.env(), capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
    assert b"inside vpo" not in done.stderr
    assert done.returncode == 0
    assert vpo.jobs()[-1]["status"] == "completed"


def test_an_output_of_another_encoding_gets_escapes(vpo: Vpo, tree: Tree) -> None:
    tree.write("日本.mkv")
    vpo.environment = {"PYTHONIOENCODING": "iso8859-1"}
    assert "\\u65e5\\u672c.mkv" in vpo.ok("scan", "-v", tree.root).stdout
    assert "\\u65e5\\u672c.mkv" in vpo.ok("files", "list").stdout
    assert "\\u65e5" in vpo.run("scan", tree.root / "日").stderr


# -- Terminals ------------------------------------------------------------------------


def on_terminal_at_once(vpo: Vpo, *words: str | Path, **options: Any) -> tuple[int, str, str]:
    """Runs the command on a terminal, with progress that is shown at once."""
    return run_on_terminal(vpo.by("eager_progress.py"), *words, **options)


def rendered(shown: str) -> str:
    """What is left on an endlessly wide terminal after these bytes."""
    lines: list[list[str]] = [[]]
    row = column = 0
    for match in re.finditer(r"\x1b\[([?\d;]*)([A-Za-z])|(.)", shown, re.DOTALL):
        argument, action, character = match.groups()
        if action == "A":
            row = max(0, row - int(argument or 1))
        elif action == "K":
            assert argument == "2", match
            lines[row] = []
        elif action == "G":
            column = int(argument or 1) - 1
        elif action is not None:
            assert action in "mhl", match
        elif character == "\r":
            column = 0
        elif character == "\n":
            row += 1
            lines.extend([] for _ in range(row + 1 - len(lines)))
        else:
            line = lines[row]
            line.extend(" " * (column + 1 - len(line)))
            line[column] = character
            column += 1
    return "\n".join("".join(line).rstrip() for line in lines)


SGR_COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7])[;\dm]")


@pytest.fixture
def removed_directory(vpo: Vpo, tree: Tree) -> Tree:
    """A scanned tree of which a directory with a long name was removed since."""
    for number in range(5):
        tree.write(f"{'a directory of a name so long that it fills a line ' * 2}/{number}.mkv")
    tree.write("keep.mkv")
    vpo.scan(tree.root)
    for path in sorted(tree.root.rglob("*"), reverse=True):
        if path.name != "keep.mkv":
            path.rmdir() if path.is_dir() else path.unlink()
    return tree


def test_nothing_but_text_goes_to_what_is_no_terminal(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    outcome = vpo.by("eager_progress.py").ok("scan", tree.root)
    assert outcome.stderr == ""
    assert "\x1b" not in outcome.stdout
    assert "\r" not in outcome.stdout


def test_progress_leaves_only_the_summary_on_a_terminal(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    status, shown, _ = on_terminal_at_once(vpo, "scan", tree.root)
    assert status == 0
    assert "\x1b[" in shown, "no progress was shown"
    lines = rendered(shown).splitlines()
    assert lines[:2] == [f"Scanning {tree.root}...", "  Discovered: 1 files"]
    assert lines[7:9] == ["  Errors: 0", ""]
    assert lines[9].startswith("Scan complete in ")
    assert lines[10:] == []


def test_progress_leaves_the_list_of_changes_whole(vpo: Vpo, removed_directory: Tree) -> None:
    status, shown, _ = on_terminal_at_once(vpo, "scan", "-v", removed_directory.root)
    assert status == 0
    lines = rendered(shown).splitlines()
    assert len(lines) == 15, "\n".join(lines)
    assert all(line.startswith(f"  - {removed_directory.root}") for line in lines[1:6])
    assert sorted(line[-6:] for line in lines[1:6]) == [f"/{n}.mkv" for n in range(5)]


def test_a_redirected_list_of_changes_goes_where_it_was_sent(
    vpo: Vpo, removed_directory: Tree
) -> None:
    root = removed_directory.root
    status, shown, redirected = on_terminal_at_once(vpo, "scan", "-v", root, streams=["stderr"])
    assert status == 0
    lines = redirected.splitlines()
    assert len(lines) == 15, redirected
    assert sorted(line[-6:] for line in lines[1:6]) == [f"/{n}.mkv" for n in range(5)]
    assert "\x1b" not in redirected
    assert rendered(shown).strip() == ""


def test_json_stays_json_beside_progress(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    status, shown, redirected = on_terminal_at_once(
        vpo, "scan", "--json", tree.root, streams=["stderr"]
    )
    assert status == 0
    assert json.loads(redirected)["added"] == 1
    assert rendered(shown).strip() == ""


@pytest.mark.parametrize("option", ["--no-progress", "-q"])
def test_progress_can_be_turned_off(vpo: Vpo, tree: Tree, option: str) -> None:
    tree.write("a.mkv")
    status, shown, _ = on_terminal_at_once(vpo, "scan", option, tree.root)
    assert status == 0
    assert "\x1b" not in shown


@pytest.mark.parametrize("words", [["scan"], ["scan", "--kind", "film"]], ids=["scan", "mistake"])
def test_colours_come_on_a_terminal_and_can_be_turned_off(
    vpo: Vpo, tree: Tree, words: list[str]
) -> None:
    tree.write("a.mkv")
    assert SGR_COLOUR.search(on_terminal_at_once(vpo, *words, tree.root)[1])
    shown = on_terminal_at_once(vpo, "--color", "never", *words, tree.root)[1]
    assert not SGR_COLOUR.search(shown), repr(shown)
    vpo.environment = {"NO_COLOR": "1"}
    shown = on_terminal_at_once(vpo, *words, tree.root)[1]
    assert not SGR_COLOUR.search(shown), repr(shown)


def test_colours_come_anywhere_when_told_so(vpo: Vpo, tree: Tree) -> None:
    mistake = ("scan", tree.root / "none")
    assert "\x1b" not in vpo.run(*mistake).stderr
    assert "\x1b[31mError:" in vpo.run("--color", "always", *mistake).stderr


def test_a_mtime_before_1970_is_a_time_like_any_other(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv", mtime_ns=-OLD_NS)
    assert vpo.scan(tree.root)["added"] == 1
    (file,) = vpo.files().values()
    assert file["mtime_ns"] == -OLD_NS
    assert file["modified_at"].startswith("1919-04-20T11:33:19.")

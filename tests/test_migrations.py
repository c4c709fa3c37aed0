"""Catalogues of older versions: what becomes of every row."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from old_catalogues import (
    FAR_FILES,
    ISO_Z,
    OLD_FILES,
    OldFile,
    check_files,
    dump,
    fill_v6,
    make_v6,
    old_rows,
    rows,
    version,
)
from support import Tree, Vpo, seeded
from vpo.db import migrations
from vpo.db.library import open_library
from vpo.db.migrations import (
    LATEST,
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


# -- An upgrade that succeeds --------------------------------------------------------


def test_the_first_scan_keeps_every_row_and_makes_a_copy(
    vpo: Vpo, tree: Tree, old: Path, backup: Path
) -> None:
    before, old_dump = old_rows(old), dump(old)
    tree.write("a.mkv")
    result = vpo.scan(tree.root)
    assert (result["added"], result["removed"], result["errors"]) == (1, 0, 0)

    assert version(old) == LATEST
    assert old_rows(old) == before
    assert rows(old, "SELECT value FROM _meta WHERE key = 'made_by'") == [("old",)]
    assert rows(old, "SELECT count(*) FROM files") == [(len(OLD_FILES) + 1,)]
    check_files(old, OLD_FILES)
    vpo.check_integrity()
    assert rows(old, "PRAGMA application_id") == [(0x76706F31,)]
    assert rows(old, "PRAGMA journal_mode") == [("wal",)]

    scan = vpo.jobs()[-1]
    assert (scan["id"], scan["status"]) == (result["job_id"], "completed")
    assert (scan["job_type"], scan["file_id"]) == ("scan", None)

    assert dump(backup) == old_dump
    assert sorted(vpo.home.iterdir()) == [old, backup]


def test_the_views_show_tracks_with_full_paths(vpo: Vpo, tree: Tree, old: Path) -> None:
    vpo.scan(tree.root)
    found = rows(old, "SELECT path, track_index, codec FROM library_tracks ORDER BY id")
    film = "/media/films/A (1999)/A.mkv"
    assert found == [
        (film, 0, "hevc"),
        (film, 1, "aac"),
        (film, 2, "subrip"),
        ("/media/films/gone/g.mkv", 0, "dts"),
    ]
    ((modified_at,),) = rows(old, "SELECT modified_at FROM library_files WHERE id = 14")
    assert modified_at == "1969-12-31T23:59:59Z"


def test_an_upgraded_library_has_the_schema_of_a_new_one(
    vpo: Vpo, tree: Tree, old: Path, tmp_path: Path
) -> None:
    vpo.scan(tree.root)
    new = tmp_path / "new.db"
    vpo.ok("scan", "--db", new, tree.root)

    def schema(path: Path) -> dict[str, str]:
        found = rows(path, "SELECT type || ' ' || name, sql FROM sqlite_master")
        return {name: " ".join((sql or "").replace('"', "").split()) for name, sql in found}

    assert schema(old) == schema(new)
    for name in ("table files", "table jobs", "table operations", "view library_files"):
        assert name in schema(new)
    for pragma in ("application_id", "user_version", "journal_mode", "encoding"):
        assert rows(old, f"PRAGMA {pragma}") == rows(new, f"PRAGMA {pragma}")


def test_what_is_upgraded_is_not_upgraded_again(
    vpo: Vpo, tree: Tree, old: Path, backup: Path
) -> None:
    vpo.scan(tree.root)
    before, copied = old_rows(old), backup.read_bytes()
    for _ in range(2):
        vpo.scan(tree.root)
    assert (old_rows(old), backup.read_bytes()) == (before, copied)
    check_files(old, OLD_FILES)
    assert sorted(vpo.home.iterdir()) == [old, backup]


@pytest.mark.parametrize("wal", [False, True], ids=["rollback-journal", "wal"])
def test_a_dry_run_and_a_list_show_an_old_library_and_write_nothing(
    vpo: Vpo, tree: Tree, wal: bool
) -> None:
    vpo.home.mkdir()
    path = os.fsdecode(tree.write("a.mkv"))
    make_v6(vpo.database, [*OLD_FILES, v6_record(50, path)], wal=wal)
    before = vpo.database.read_bytes()
    result = vpo.scan(tree.root, "--dry-run")
    assert (result["skipped"], result["added"], result["removed"]) == (1, 0, 0)
    assert len(vpo.files()) == len(OLD_FILES) + 1
    assert vpo.ok("files", "show", path).stdout.startswith(f"{path}\n")
    assert vpo.database.read_bytes() == before
    assert list(vpo.home.iterdir()) == [vpo.database]


def test_a_library_named_on_the_command_line_is_copied_beside_itself(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    make_v6(tmp_path / "films é.sqlite")
    vpo.ok("scan", "--db", tmp_path / "films é.sqlite", tree.root)
    assert version(tmp_path / "films é.sqlite") == LATEST
    assert version(tmp_path / "films é.sqlite.v6.bak") == 6
    assert not vpo.home.exists()


def test_a_copy_that_is_there_is_not_overwritten(
    vpo: Vpo, tree: Tree, old: Path, backup: Path
) -> None:
    backup.write_bytes(b"the only good one")
    old_dump = dump(old)
    vpo.scan(tree.root)
    assert backup.read_bytes() == b"the only good one"
    (another,) = set(vpo.home.iterdir()) - {old, backup}
    assert re.fullmatch(r"library\.db\.v6\..*\.bak", another.name)
    assert dump(another) == old_dump


def test_an_empty_old_library_is_upgraded(vpo: Vpo, tree: Tree) -> None:
    vpo.home.mkdir()
    make_v6(vpo.database, [])
    tree.write("a.mkv")
    assert vpo.scan(tree.root)["added"] == 1
    assert version(vpo.database) == LATEST


def test_rows_that_refer_to_nothing_are_kept(vpo: Vpo, tree: Tree, old: Path) -> None:
    # The earlier program did not always turn foreign keys on.
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("DELETE FROM files WHERE id IN (1, 5)")
    vpo.scan(tree.root)
    assert rows(old, "SELECT count(*) FROM jobs WHERE job_type <> 'scan'") == [(10,)]
    found = rows(old, "SELECT file_path, file_id FROM jobs WHERE id LIKE '%-queued'")
    assert found == [("/media/films/é.mkv", None)] * 2
    assert rows(old, "SELECT count(*), count(file_id) FROM operations") == [(5, 0)]
    assert rows(old, "SELECT count(*) FROM tracks") == [(4,)]
    assert version(old) == LATEST


@pytest.mark.parametrize("file", FAR_FILES, ids=lambda file: file.modified_at[:4])
def test_a_moment_out_of_range_does_not_stop_an_upgrade(
    vpo: Vpo, tree: Tree, file: OldFile
) -> None:
    vpo.home.mkdir()
    make_v6(vpo.database, [file])
    vpo.scan(tree.root)
    check_files(vpo.database, [file])
    assert list(vpo.files()) == [file.path]


def test_a_path_without_a_directory_is_kept_as_it_is(vpo: Vpo, tree: Tree) -> None:
    vpo.home.mkdir()
    make_v6(vpo.database, [OldFile(1, "bare.mkv"), OldFile(2, "relative/r.mkv")])
    vpo.scan(tree.root)
    assert set(vpo.files()) == {"bare.mkv", "relative/r.mkv"}


def test_a_digest_that_is_no_text_is_none(vpo: Vpo, tree: Tree) -> None:
    record = v6_record(1, tree.write("a.mkv"), content_hash=b"\xff\xfe")
    vpo.home.mkdir()
    make_v6(vpo.database, [record])
    vpo.scan(tree.root)
    assert rows(vpo.database, "SELECT content_hash FROM files") == [(None,)]
    assert vpo.ok("verify", "--json").json["new"] == 1


def test_times_of_old_records_are_shown_and_compared_in_utc(vpo: Vpo, tree: Tree) -> None:
    vpo.home.mkdir()
    files = {
        "/utc.mkv": "2025-11-20T10:00:00+00:00",
        "/east.mkv": "2025-11-20T12:30:00+02:00",
        "/fraction.mkv": "2025-11-20T10:00:00.250000+00:00",
        "/naive.mkv": "2025-11-20T10:00:00",
    }
    make_v6(
        vpo.database,
        [OldFile(n, path, scanned_at=at) for n, (path, at) in enumerate(files.items())],
    )
    vpo.scan(tree.root)
    shown = vpo.files()
    for each in shown.values():
        assert ISO_Z.fullmatch(each["scanned_at"]), each["scanned_at"]
    assert set(vpo.files("--changed-since", "2025-11-20T10:00:00Z")) == set(files)
    assert set(vpo.files("--changed-since", "2025-11-20T10:15:00Z")) == {"/east.mkv"}
    assert set(vpo.files("--changed-since", "2025-11-20T11:00:00Z")) == set()


# -- The first scan of what the old library knew ---------------------------------------


def v6_record(file_id: int, path: str | bytes, **fields: Any) -> OldFile:
    """The row that the earlier program made of a file on the disk."""
    status = os.stat(path)
    return OldFile(
        file_id,
        os.fsdecode(path),
        size_bytes=status.st_size,
        modified_at=datetime.fromtimestamp(status.st_mtime, timezone.utc).isoformat(),
    )._replace(**fields)


def test_files_that_have_not_changed_stay_as_they_were_read(vpo: Vpo, tree: Tree) -> None:
    chance = seeded(6)
    mtimes = [chance.randrange(10**9, 1_750_000_000 * 10**9) for _ in range(300)]
    mtimes += [1_700_000_000 * 10**9 + ns for ns in (0, 1, 499, 500, 501, 999, 999_999_999)]
    records = [
        v6_record(number + 1, tree.write(f"{number % 7}/{number}.mkv", mtime_ns=mtime_ns))
        for number, mtime_ns in enumerate(mtimes)
    ]
    vpo.home.mkdir()
    make_v6(vpo.database, records)
    result = vpo.scan(tree.root)
    counts = {name: result[name] for name in ("skipped", "scanned", "added", "removed", "errors")}
    assert counts == {"skipped": len(mtimes), "scanned": 0, "added": 0, "removed": 0, "errors": 0}
    kept = rows(
        vpo.database,
        "SELECT id, mtime_ns, scan_status, content_hash, container_format FROM files ORDER BY id",
    )
    known = ("pending", records[0].content_hash, "matroska")
    assert kept == [(n + 1, mtime_ns, *known) for n, mtime_ns in enumerate(mtimes)]
    again = vpo.scan(tree.root)
    assert (again["skipped"], again["scanned"]) == (len(mtimes), 0)


def test_files_that_changed_are_to_be_read_anew(vpo: Vpo, tree: Tree) -> None:
    names = ("grown.mkv", "touched.mkv", "same.mkv")
    records = [v6_record(n, tree.write(name)) for n, name in enumerate(names, start=1)]
    vpo.home.mkdir()
    make_v6(vpo.database, records)
    tree.write("grown.mkv", b"another content")
    os.utime(tree.path("touched.mkv"), ns=(1_700_000_000_000_000_000,) * 2)
    result = vpo.scan(tree.root)
    assert (result["scanned"], result["skipped"]) == (2, 1)
    known = ("pending", records[0].content_hash)
    found = rows(vpo.database, "SELECT name, scan_status, content_hash FROM files ORDER BY id")
    assert found == [
        ("grown.mkv", "pending", None),
        ("touched.mkv", "pending", None),
        ("same.mkv", *known),
    ]


def test_a_changed_file_that_went_and_came_back_is_still_to_be_read(vpo: Vpo, tree: Tree) -> None:
    tree.write("other.mkv")
    records = [v6_record(n, tree.write(f"{n}.mkv")) for n in (1, 2)]
    vpo.home.mkdir()
    make_v6(vpo.database, records)
    for n in (1, 2):
        tree.write(f"{n}.mkv", b"another content")
    os.rename(tree.path("2.mkv"), tree.path("away"))
    vpo.scan(tree.root)
    assert vpo.statuses() == {"1.mkv": "pending", "2.mkv": "missing", "other.mkv": "pending"}
    os.rename(tree.path("1.mkv"), tree.path("away1"))
    vpo.scan(tree.root)
    os.rename(tree.path("away1"), tree.path("1.mkv"))
    os.rename(tree.path("away"), tree.path("2.mkv"))
    vpo.scan(tree.root)
    assert vpo.statuses() == {"1.mkv": "pending", "2.mkv": "pending", "other.mkv": "pending"}
    assert vpo.files()[f"{tree.root}/1.mkv"]["container_format"] is None


def test_old_records_are_found_gone_and_found_again(vpo: Vpo, tree: Tree) -> None:
    records = [
        v6_record(1, tree.write("there.mkv")),
        v6_record(2, tree.write("gone/gone.mkv")),
        v6_record(3, tree.write("back.mkv"), scan_status="missing"),
        v6_record(4, tree.write("failed.mkv"), scan_status="missing", scan_error="bad"),
    ]
    vpo.home.mkdir()
    make_v6(vpo.database, records)
    tree.remove("gone/gone.mkv")
    os.rmdir(tree.path("gone"))
    result = vpo.scan(tree.root)
    assert (result["skipped"], result["removed"], result["added"]) == (3, 1, 0)
    assert vpo.statuses() == {
        "there.mkv": "pending",
        "gone.mkv": "missing",
        "back.mkv": "pending",
        "failed.mkv": "pending",
    }


@pytest.mark.parametrize("state", ["empty", "gone"])
def test_a_root_that_only_the_old_library_knows_is_guarded(
    vpo: Vpo, tree: Tree, state: str
) -> None:
    records = [v6_record(1, tree.write("a.mkv")), v6_record(2, tree.write("sub/b.mkv"))]
    vpo.home.mkdir()
    make_v6(vpo.database, records)
    for name in ("a.mkv", "sub/b.mkv"):
        tree.remove(name)
    os.rmdir(tree.path("sub"))
    if state == "gone":
        tree.root.rmdir()
    assert vpo.scan(tree.root, status=2)["code"] == "ROOT_OFFLINE"
    assert set(vpo.statuses().values()) == {"pending"}


def test_doubled_slashes_do_not_make_another_file(vpo: Vpo, tree: Tree) -> None:
    tree.write("films/a.mkv")
    tree.write("films/b.mkv")
    records = [
        v6_record(1, f"{tree.root}/films/a.mkv"),
        v6_record(2, f"{tree.root}//films//b.mkv"),
    ]
    vpo.home.mkdir()
    make_v6(vpo.database, records)
    result = vpo.scan(tree.root)
    assert (result["skipped"], result["added"], result["removed"]) == (2, 0, 0)
    assert rows(vpo.database, "SELECT id, path FROM library_files ORDER BY id") == [
        (1, f"{tree.root}/films/a.mkv"),
        (2, f"{tree.root}/films/b.mkv"),
    ]


# -- From version 8 on --------------------------------------------------------------------------


def make_version(vpo: Vpo, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Creates an empty catalogue of an older version."""
    vpo.home.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "LATEST", number)
        for step in range(number + 1, LATEST + 1):
            patch.delitem(migrations._STEPS, step)
        open_library(str(vpo.database), "create").close()


def test_jobs_of_version_8_keep_all_that_is_recorded_of_them(
    vpo: Vpo, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version(vpo, 8, monkeypatch)
    columns = (
        "id, file_path, job_type, status, priority, policy_json, created_at, started_at,"
        " completed_at, error_message, summary_json, files_affected_json, errors_json, worker_pid"
    )
    nothing = (None,) * 5
    failed = ("why", "{}", "{}", "{}", 7)
    old_jobs = [
        ("b", b"/m/\xff", "scan", "failed", 9, "{}", "2026-01-02T00:00:00.000Z", "s", "c", *failed),
        ("a", "/m", "scan", "completed", 5, "{}", "2026-01-01T00:00:00.000Z", "s", "c", *nothing),
        ("q", "/m/a", "move", "queued", 1, "{}", "2025-01-01T00:00:00+00:00", None, None, *nothing),
    ]
    with vpo.sql() as connection:
        marks = ", ".join("?" * len(old_jobs[0]))
        connection.executemany(f"INSERT INTO jobs ({columns}) VALUES ({marks})", old_jobs)
        assert connection.execute("SELECT value FROM _meta").fetchone()[0] == "8"
    tree.write("a.mkv")
    vpo.scan(tree.root)
    assert version(vpo.database) == LATEST
    kept = rows(vpo.database, f"SELECT {columns} FROM jobs WHERE number <= 3 ORDER BY number")
    assert kept == [old_jobs[2], old_jobs[1], old_jobs[0]]
    assert rows(vpo.database, "SELECT id FROM jobs WHERE queued_at IS NOT NULL") == [("q",)]
    assert (vpo.home / "library.db.v8.bak").exists()
    vpo.check_integrity()


def test_jobs_of_version_11_keep_their_order_and_a_later_failure_is_shown(
    vpo: Vpo, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version(vpo, 11, monkeypatch)
    root = os.fsdecode(tree.root)
    moments = {"good": "2026-01-02T00:00:00.000Z", "old": "2026-01-01T00:00:00.000Z"}
    with vpo.sql() as connection:
        for job_id, status in (("good", "completed"), ("old", "failed")):
            connection.execute(
                "INSERT INTO jobs (id, file_path, job_type, status, policy_json, created_at,"
                " started_at, completed_at) VALUES (?, ?, 'scan', ?, '{}', ?, ?, ?)",
                (job_id, root, status, *[moments[job_id]] * 3),
            )
        connection.execute(
            "INSERT INTO roots (path, added_at, last_scan_at, last_job_id)"
            " VALUES (?, '2026', ?, 'good')",
            (root, moments["good"]),
        )
    # Commands that read upgrade a copy in memory.
    assert [job["id"] for job in vpo.ok("jobs", "list", "--json").json] == ["good", "old"]
    assert vpo.ok("status", "--json").json["failures"] == []
    vpo.ok("scan", f"{root}-away", status=2)
    tree.root.rename(f"{root}-away")
    vpo.ok("scan", root, status=2)
    old_jobs = rows(vpo.database, "SELECT id FROM jobs WHERE sequence < 3 ORDER BY sequence")
    assert old_jobs == [("old",), ("good",)]
    assert rows(vpo.database, "SELECT last_scan_sequence FROM roots") == [(2,)]
    assert len(vpo.ok("status", "--json").json["failures"]) == 1


def test_files_of_version_11_that_could_not_be_opened_are_read_again(
    vpo: Vpo, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version(vpo, 11, monkeypatch)
    messages = ("cannot be opened: Permission denied (os error 13)", "it is cut after 3 bytes")
    with vpo.sql() as connection:
        connection.execute("INSERT INTO directories (id, path) VALUES (1, '/media')")
        for name, message in zip(("locked.mkv", "cut.mkv"), messages, strict=True):
            connection.execute(
                "INSERT INTO files (directory_id, name, extension, kind, size_bytes, mtime_ns,"
                " scanned_at, scan_status, scan_error)"
                " VALUES (1, ?, 'mkv', 'video', 3, 0, '2026-01-01T00:00:00Z', 'error', ?)",
                (name, message),
            )
    tree.write("a.mkv")
    vpo.scan(tree.root)
    statuses = rows(vpo.database, "SELECT name, scan_status FROM files WHERE directory_id = 1")
    assert sorted(statuses) == [("cut.mkv", "error"), ("locked.mkv", "pending")]


def test_roots_of_version_12_have_no_rules_and_the_next_scan_reports_what_its_rules_leave_out(
    vpo: Vpo, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.write("a.mkv")
    tree.write("b.mp3")
    make_version(vpo, 12, monkeypatch)
    root = os.fsdecode(tree.root)
    with vpo.sql() as connection:
        connection.execute(
            "INSERT INTO roots (path, added_at, last_scan_at) VALUES (?, '2026', '2026')", (root,)
        )
        connection.execute("INSERT INTO directories (id, path) VALUES (1, ?)", (root,))
        connection.execute(
            "INSERT INTO files (directory_id, name, extension, kind, size_bytes, mtime_ns,"
            " scanned_at) VALUES (1, 'b.mp3', 'mp3', 'audio', 7, 1, '2026')"
        )
    assert vpo.ok("roots", "list", "--json").json[0]["rules"] is None
    result = vpo.scan(tree.root, "--kind", "video")
    assert (result["added"], result["excluded"]) == (1, 1)
    assert version(vpo.database) == LATEST

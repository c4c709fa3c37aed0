"""A library that is full, damaged, locked, read-only, or something else altogether."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from filesystems import filesystem
from injection import Returning, injected, instead, just_after
from mounts import UNPRIVILEGED, mounted, resize
from support import TIMEOUT_SECONDS, Tree, Vpo, seeded
from vpo.db import library

FILES = 20_000


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tree of 20 000 files, whose library takes about 2 MB."""
    place = tmp_path_factory.mktemp("big")
    tree = Tree(place / "library")
    tree.write_names((f"{number:03}" for number in range(100)), FILES // 100)
    yield tree.root
    shutil.rmtree(place)


@pytest.fixture
def scanned(vpo: Vpo, tree: Tree) -> Vpo:
    """The command with a library of three files."""
    for name in ("a.mkv", "sub/b.mkv", "sub/c.mp3"):
        tree.write(name)
    vpo.scan(tree.root)
    return vpo


def check_integrity(library: Path, copy: Path) -> None:
    """Checks a copy, as where no room is left SQLite could not even open the library."""
    for suffix in ("", "-wal"):
        if os.path.exists(f"{library}{suffix}"):
            shutil.copy(f"{library}{suffix}", f"{copy}{suffix}")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# -- No room left -------------------------------------------------------------------


@pytest.mark.parametrize("size", ["64k", "160k", "512k", "1m", "1536k", "2m"])
def test_a_full_disk_fails_the_scan_and_costs_nothing_but_time(
    vpo: Vpo, big: Path, tmp_path: Path, size: str
) -> None:
    with mounted(tmp_path / "disk", size) as disk:
        library = disk / "library.db"
        assert vpo.error_code("scan", "--db", library, big) == "DISK_FULL"
        if library.exists():
            check_integrity(library, tmp_path / "copy.db")
        # It is not worse the second time, and what is there can be read.
        assert vpo.error_code("scan", "--db", library, big) == "DISK_FULL"
        resize(disk, "32m")
        kept = vpo.run("files", "list", "--db", library, "--print0").stdout.count("\0")
        result = vpo.ok("scan", "--json", "--db", library, big).json
        assert (result["skipped"], result["added"]) == (kept, FILES - kept)
        vpo.home = disk
        vpo.check_integrity()
        assert {job["status"] for job in vpo.jobs()[:-1]} <= {"failed"}


def test_a_full_disk_in_a_later_scan_leaves_the_library_as_it_was(
    vpo: Vpo, big: Path, tree: Tree, tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk", "8m") as disk:
        library = disk / "library.db"
        for name in ("a.mkv", "sub/b.mkv"):
            tree.write(name)
        vpo.ok("scan", "--db", library, tree.root)
        resize(disk, f"{library.stat().st_size + 64 * 1024}")
        tree.remove("a.mkv")
        assert vpo.error_code("scan", "--db", library, big) == "DISK_FULL"
        check_integrity(library, tmp_path / "copy.db")
        listed = vpo.run("files", "list", "--json", "--db", library, "--under", tree.root)
        if listed.status == 0:
            assert [each["scan_status"] for each in listed.json] == ["pending", "pending"]
        else:
            assert listed.json["code"] == "DISK_FULL"
        resize(disk, "32m")
        assert vpo.ok("scan", "--json", "--db", library, tree.root).json["removed"] == 1
        vpo.home = disk
        vpo.check_integrity()


@pytest.mark.parametrize("command", [["files", "list"], ["status"], ["verify"]])
def test_a_disk_without_a_free_page_is_full_and_has_not_failed(
    vpo: Vpo, tree: Tree, tmp_path: Path, command: list[str]
) -> None:
    tree.write("a.mkv")
    with mounted(tmp_path / "disk", "4m") as disk:
        library = disk / "library.db"
        vpo.ok("scan", "--db", library, tree.root)
        with suppress(OSError), open(disk / "fill", "wb", buffering=0) as fill:
            while fill.write(bytes(4096)):
                pass
        assert vpo.error_code(*command, "--db", library) == "DISK_FULL"
        os.unlink(disk / "fill")
        vpo.ok(*command, "--db", library)


@pytest.mark.parametrize("kib", [6, 8, 10])
@pytest.mark.parametrize("command", [["files", "list"], ["verify"]], ids=["read", "write"])
def test_a_full_disk_of_small_blocks_is_no_crash(
    vpo: Vpo, tree: Tree, tmp_path: Path, command: list[str], kib: int
) -> None:
    tree.write("a.mkv")
    small = ("-b", "1024", "-m", "0", "-O", "^has_journal")
    with filesystem("ext4", tmp_path, made_with=small) as disk:
        library = disk / "library.db"
        vpo.ok("scan", "--db", library, tree.root)
        with open(disk / "fill", "wb") as fill:
            # Room for one block of each page of a WAL's index, and not for all of one page.
            os.posix_fallocate(fill.fileno(), 0, shutil.disk_usage(disk).free - kib * 1024)
        assert vpo.error_code(*command, "--db", library) == "DISK_FULL"
        os.unlink(disk / "fill")
        vpo.ok(*command, "--db", library)


def test_a_file_too_large_for_the_user_is_an_error_without_a_traceback(vpo: Vpo, big: Path) -> None:
    # As where a quota ends: writing fails, though the disk has room.
    limited = subprocess.run(
        ["sh", "-c", 'ulimit -f 600; trap "" XFSZ; exec "$@"', "sh", *vpo.command("scan", big)],
        env=vpo.env(),
        capture_output=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert limited.returncode == 2
    assert b"Traceback" not in limited.stderr
    assert limited.stderr.startswith(b"Error: ")
    assert vpo.scan(big)["total_discovered"] == FILES
    vpo.check_integrity()


# -- Not to be written ----------------------------------------------------------------


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize("what", ["file", "directory", "both"])
def test_a_read_only_library_can_be_read_but_not_scanned_into(
    scanned: Vpo, tree: Tree, what: str
) -> None:
    vpo = scanned
    if what != "directory":
        vpo.database.chmod(0o444)
    if what != "file":
        vpo.home.chmod(0o555)
    before = vpo.database.read_bytes()
    tree.write("d.mkv")
    code = vpo.error_code("scan", tree.root, **UNPRIVILEGED)
    assert code == "LIBRARY_UNWRITABLE"
    assert len(vpo.ok("files", "list", "--json", **UNPRIVILEGED).json) == 3
    assert vpo.scan(tree.root, "--dry-run", **UNPRIVILEGED)["added"] == 1
    text = vpo.ok("scan", tree.root, status=2, **UNPRIVILEGED).stderr
    assert "cannot be opened for writing" in text
    assert vpo.database.read_bytes() == before
    vpo.home.chmod(0o755)
    vpo.database.chmod(0o644)
    assert vpo.scan(tree.root, **UNPRIVILEGED)["added"] == 1
    assert os.listdir(vpo.home) == ["library.db"]


_CANNOT_WRITE = instead(library._is_writable, Returning(False))


@pytest.mark.parametrize("moment", [library._state_of, library._connect])
def test_who_reads_without_a_lock_sees_what_another_process_writes_meanwhile(
    scanned: Vpo, tree: Tree, moment: Callable[..., object]
) -> None:
    tree.write_many(3000)
    writes = partial(scanned.scan, tree.root)
    reader = injected(scanned, _CANNOT_WRITE, just_after(moment).comes(writes))
    assert len(reader.ok("files", "list", "--json").json) == 3003


def test_a_large_library_that_was_written_while_it_was_read_without_a_lock_is_said_to_be_in_use(
    scanned: Vpo, tree: Tree
) -> None:
    in_place = instead(library._is_copied, Returning(False))
    reader = injected(scanned, _CANNOT_WRITE, in_place)
    assert len(reader.ok("files", "list", "--json").json) == 3
    tree.write_many(3000)
    writes = just_after(library._connect).comes(partial(scanned.scan, tree.root))
    reader = injected(scanned, _CANNOT_WRITE, in_place, writes)
    # Not "damaged", which it may look like, and not what it was before.
    failed = reader.ok("files", "list", status=75)
    assert "Another process wrote the catalogue" in failed.stderr


def test_who_reads_through_a_link_without_writing_sees_what_is_only_in_the_wal(
    scanned: Vpo, tmp_path: Path
) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(scanned.database)
    with closing(sqlite3.connect(scanned.database, isolation_level=None)) as writer:
        writer.execute("UPDATE files SET scan_status = 'ok' WHERE name = 'a.mkv'")
        assert os.path.getsize(f"{scanned.database}-wal") > 0
        files = injected(scanned, _CANNOT_WRITE).files("--db", link)
        assert [file["scan_status"] for file in files.values()].count("ok") == 1


@pytest.mark.usefixtures("locked")
def test_a_library_that_cannot_be_read_is_an_error(scanned: Vpo, tree: Tree) -> None:
    scanned.database.chmod(0)
    assert scanned.error_code("scan", tree.root, **UNPRIVILEGED) == "LIBRARY_UNWRITABLE"
    for command in (("scan", "--dry-run", tree.root), ("files", "list"), ("status",)):
        assert scanned.error_code(*command, **UNPRIVILEGED) == "LIBRARY_UNREADABLE"
    said = scanned.ok("status", status=2, **UNPRIVILEGED).stderr
    assert "cannot be opened for reading: permission denied" in said
    # Nor is one missing that cannot be looked for.
    scanned.database.chmod(0o644)
    scanned.home.chmod(0)
    status = scanned.error_code("status", **UNPRIVILEGED)
    scanned.home.chmod(0o755)
    assert status == "LIBRARY_UNREADABLE"


@pytest.mark.usefixtures("locked")
def test_a_home_that_cannot_be_made_is_an_error(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.home.mkdir(mode=0o555)
    assert vpo.error_code("scan", tree.root, **UNPRIVILEGED) == "LIBRARY_UNWRITABLE"
    vpo.home = vpo.home / "below"
    assert vpo.error_code("scan", tree.root, **UNPRIVILEGED) == "LIBRARY_UNWRITABLE"
    file = tree.root.parent / "file"
    file.touch()
    vpo.home = file
    assert vpo.error_code("scan", tree.root) == "LIBRARY_UNWRITABLE"


def test_a_library_in_a_directory_that_is_not_there_is_an_error(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write("a.mkv")
    nowhere = tmp_path / "nowhere" / "library.db"
    assert vpo.error_code("scan", "--db", nowhere, tree.root) == "LIBRARY_UNWRITABLE"
    assert vpo.error_code("files", "list", "--db", nowhere) == "LIBRARY_NOT_FOUND"
    assert not nowhere.parent.exists()


def test_a_directory_is_no_library(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    for command in (("scan", tree.root), ("scan", "--dry-run", tree.root), ("files", "list")):
        code = vpo.error_code(*command, "--db", tree.root)
        assert code in ("LIBRARY_UNWRITABLE", "NOT_A_LIBRARY")
    assert os.listdir(tree.root) == ["a.mkv"]


# -- Something else ---------------------------------------------------------------------


def sqlite(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.write_text("films:\n- a\n" * 500), id="text"),
        pytest.param(lambda path: path.write_bytes(b"\0" * 8192), id="zeros"),
        pytest.param(lambda path: path.write_bytes(b"x" * 50), id="too short"),
        pytest.param(lambda path: sqlite(path, "CREATE TABLE films (name)"), id="foreign"),
        pytest.param(
            lambda path: sqlite(path, "PRAGMA journal_mode = WAL", "CREATE TABLE films (name)"),
            id="foreign in WAL mode",
        ),
        pytest.param(
            lambda path: sqlite(path, "CREATE TABLE files (name)", "CREATE TABLE _meta (a)"),
            id="foreign with our names",
        ),
        pytest.param(
            lambda path: sqlite(
                path,
                "CREATE TABLE files (name)",
                "CREATE TABLE jobs (name)",
                "CREATE TABLE _meta (a)",
            ),
            id="foreign with all our names",
        ),
        pytest.param(
            lambda path: sqlite(path, "CREATE VIEW films AS SELECT 1 AS one"), id="foreign view"
        ),
        pytest.param(
            lambda path: sqlite(path, "PRAGMA application_id = 252006674"),
            id="foreign, still empty",
        ),
    ],
)
def test_what_is_not_a_library_is_refused_and_left_as_it_is(
    vpo: Vpo, tree: Tree, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    tree.write("a.mkv")
    place = tmp_path / "place"
    place.mkdir()
    other = place / "other.db"
    make(other)
    before = other.read_bytes()
    for command in (("scan", tree.root), ("scan", "--dry-run", tree.root), ("files", "list")):
        assert vpo.error_code(*command, "--db", other) == "NOT_A_LIBRARY"
        assert other.read_bytes() == before
        assert os.listdir(place) == ["other.db"]


@pytest.mark.parametrize(
    ("version", "code"),
    [("9999", "LIBRARY_TOO_NEW"), ("5", "LIBRARY_TOO_OLD"), ("many", "NOT_A_LIBRARY")],
)
def test_a_library_of_another_time_is_refused_and_left_as_it_is(
    scanned: Vpo, tree: Tree, version: str, code: str
) -> None:
    sqlite(scanned.database, f"UPDATE _meta SET value = '{version}'")
    before = scanned.database.read_bytes()
    for command in (("scan", tree.root), ("scan", "--dry-run", tree.root), ("files", "list")):
        assert scanned.error_code(*command) == code
        assert scanned.database.read_bytes() == before
        assert os.listdir(scanned.home) == ["library.db"]


def test_an_empty_file_becomes_a_library_by_a_scan_alone(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.home.mkdir()
    vpo.database.touch()
    assert vpo.error_code("files", "list") == "NOT_A_LIBRARY"
    assert vpo.database.stat().st_size == 0
    assert vpo.scan(tree.root)["added"] == 1
    vpo.check_integrity()


def test_a_dry_run_with_an_empty_file_for_a_library_is_a_first_scan_or_refused(
    vpo: Vpo, tree: Tree
) -> None:
    tree.write("a.mkv")
    vpo.home.mkdir()
    vpo.database.touch()
    tried = vpo.run("scan", "--dry-run", "--json", tree.root)
    assert tried.status in (0, 2)
    assert tried.json.get("code", "NOT_A_LIBRARY") == "NOT_A_LIBRARY"
    assert vpo.database.stat().st_size == 0


# -- Damaged ------------------------------------------------------------------------------

DAMAGE_CODES = {"LIBRARY_DAMAGED", "NOT_A_LIBRARY"}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, bytes]]:
    """A tree that has changed since it was scanned, and its library's bytes."""
    tree = Tree(tmp_path_factory.mktemp("sound") / "library")
    for directory in range(30):
        tree.write_many(20, f"{directory:02}")
    vpo = Vpo(tmp_path_factory.mktemp("home"))
    vpo.scan(tree.root)
    for directory in range(0, 30, 2):
        tree.write(f"{directory:02}/new.mkv")
        tree.remove(f"{directory:02}/00000.mkv")
    yield tree.root, vpo.database.read_bytes()
    shutil.rmtree(tree.root)


def survive(vpo: Vpo, root: Path) -> None:
    """Every command must do its work, or say in plain words what is wrong."""
    name = str(root / "00" / "00001.mkv")
    for command in (
        ("files", "list", "--json"),
        ("files", "show", "--json", name),
        ("scan", "--json", "--dry-run", root),
        ("scan", "--json", root),
        ("scan", "--json", "--full", "--prune", root),
        ("files", "list", "--json"),
    ):
        outcome = vpo.run(*command)
        assert outcome.status in (0, 1, 2), (command, outcome)
        if outcome.status == 2:
            known = {"FILE_NOT_FOUND", "MASS_REMOVAL", "ROOT_OFFLINE", *DAMAGE_CODES}
            assert outcome.stdout, (command, outcome)
            if not outcome.stdout.startswith("["):
                assert outcome.json["code"] in known, (command, outcome)


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_library_is_an_error_in_plain_words(
    vpo: Vpo, sound: tuple[Path, bytes], seed: int
) -> None:
    root, whole = sound
    chance = seeded(seed)
    damaged = bytearray(whole)
    pages = len(whole) // 4096
    for page in chance.sample(range(1, pages), pages // 4):
        start = page * 4096 + chance.randrange(2048)
        damaged[start : start + 1024] = chance.randbytes(1024)
    vpo.home.mkdir()
    vpo.database.write_bytes(damaged)
    survive(vpo, root)


@pytest.mark.parametrize(
    ("find", "whole_text", "damaged_text"),
    [
        pytest.param(bytes.find, b"CREATE TABLE roots", b"CREATE TABL\xff roots", id="the schema"),
        pytest.param(bytes.rfind, b"pending20", b"pend\xffng20", id="a status"),
        pytest.param(bytes.find, b"00001.mkv", b"00001\xffmkv", id="a name"),
        pytest.param(bytes.rfind, b"00001.mkv", b"00001\xffmkv", id="a name in the index"),
        pytest.param(bytes.find, b"/library/07", b"/library/\xff7", id="a path"),
        pytest.param(bytes.find, b"/library/08", b"/library/09", id="two paths that are the same"),
        pytest.param(bytes.rfind, b"/library/29", b"/library/99", id="an index with another path"),
    ],
)
def test_a_library_with_damaged_text_is_an_error_in_plain_words(
    vpo: Vpo,
    sound: tuple[Path, bytes],
    find: Callable[[bytes, bytes], int],
    whole_text: bytes,
    damaged_text: bytes,
) -> None:
    root, whole = sound
    at = find(whole, whole_text)
    assert at > 0
    vpo.home.mkdir()
    vpo.database.write_bytes(whole[:at] + damaged_text + whole[at + len(damaged_text) :])
    survive(vpo, root)


@pytest.mark.parametrize("kept", [100, 4096, 4096 * 9 + 100, 0.5, 0.9])
def test_a_truncated_library_is_an_error_in_plain_words(
    vpo: Vpo, sound: tuple[Path, bytes], kept: float
) -> None:
    root, whole = sound
    vpo.home.mkdir()
    vpo.database.write_bytes(whole[: int(kept if kept > 1 else len(whole) * kept)])
    survive(vpo, root)


def test_a_library_without_one_of_its_tables_is_an_error_in_plain_words(
    scanned: Vpo, tree: Tree
) -> None:
    sqlite(scanned.database, "DROP TABLE roots")
    assert scanned.error_code("scan", tree.root) in DAMAGE_CODES


# -- Locked ---------------------------------------------------------------------------------


def test_a_scan_waits_for_another_writer(scanned: Vpo, tree: Tree) -> None:
    tree.write("d.mkv")
    writer = sqlite3.connect(scanned.database, isolation_level=None, check_same_thread=False)
    with closing(writer):
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE files SET content_hash = '12ab' WHERE name = 'a.mkv'")
        timer = threading.Timer(1.5, writer.execute, ["COMMIT"])
        timer.start()
        result = scanned.scan(tree.root)
        timer.join()
    assert (result["added"], result["skipped"]) == (1, 3)
    assert result["duration_seconds"] < 30
    files = scanned.files()
    assert files[tree.path("a.mkv").decode()]["content_hash"] == "12ab"


def test_a_reader_that_takes_long_blocks_no_scan(scanned: Vpo, tree: Tree) -> None:
    tree.write("d.mkv")
    with closing(sqlite3.connect(scanned.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT count(*) FROM files").fetchone()
        assert scanned.scan(tree.root)["added"] == 1
        assert reader.execute("SELECT count(*) FROM files").fetchone() == before
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM files").fetchone() == (before[0] + 1,)
    scanned.check_integrity()


def test_first_scans_at_once_make_one_library(vpo: Vpo, tmp_path: Path) -> None:
    trees = [Tree(tmp_path / f"library{number}") for number in range(4)]
    for each in trees:
        each.write_many(50)
    scans = [vpo.start("scan", "--json", each.root) for each in trees]
    for scan in scans:
        stdout, stderr = scan.communicate(timeout=TIMEOUT_SECONDS)
        assert (scan.returncode, stderr) == (0, b""), stdout
    assert len(vpo.files()) == 200
    vpo.check_integrity()


# -- Names of libraries -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [b"what? #1 100%41.db", b"a&mode=ro.db", b"new\nline \x1b[31m.db", b"latin \xe9.db", b"-x.db"],
)
def test_a_library_may_have_any_name(vpo: Vpo, tree: Tree, tmp_path: Path, name: bytes) -> None:
    tree.write("a.mkv")
    place = os.fsencode(tmp_path / "place")
    os.mkdir(place)
    path = os.path.join(place, name)
    missing = vpo.ok("files", "list", "--json", "--db", path, status=2)
    assert missing.json["code"] == "LIBRARY_NOT_FOUND"
    said = vpo.ok("files", "list", "--db", path, status=2).stderr
    assert "\x1b" not in said
    vpo.ok("scan", "--db", path, tree.root)
    assert os.listdir(place) == [name]
    assert len(vpo.ok("files", "list", "--json", "--db", path).json) == 1
    # Relative, too, where a dash begins it.
    assert len(vpo.ok("files", "list", "--json", "--db", name, cwd=place).json) == 1


def test_a_link_to_a_library_is_that_library(scanned: Vpo, tree: Tree, tmp_path: Path) -> None:
    os.symlink(scanned.database, tmp_path / "link.db")
    tree.write("d.mkv")
    result = scanned.ok("scan", "--json", "--db", tmp_path / "link.db", tree.root).json
    assert (result["added"], result["skipped"]) == (1, 3)
    assert len(scanned.files()) == 4


def test_a_job_is_failed_not_left_running_where_a_library_is_damaged_on_the_way(
    scanned: Vpo, tree: Tree
) -> None:
    # A page of an index is damaged: the scan can begin its job, but not record the file.
    with scanned.sql() as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'idx_files_inode'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with scanned.database.open("r+b") as file:
        file.seek((page - 1) * size)
        content = file.read(size)
        file.seek((page - 1) * size)
        file.write(bytes(size))
    tree.write("d.mkv")
    assert scanned.error_code("scan", tree.root) == "LIBRARY_DAMAGED"
    assert scanned.jobs()[-1]["status"] == "failed"
    # Nothing else was written to this index, so the page fits again.
    with scanned.database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(content)
    assert scanned.scan(tree.root)["added"] == 1

"""A catalogue that somebody else has made or changed, and who may read one that vpo makes."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from support import Tree, Vpo
from vpo.db import migrations, precautions
from vpo.db.library import open_library


@pytest.fixture
def scanned(vpo: Vpo, tree: Tree) -> Vpo:
    """A catalogue of two equal files."""
    tree.write_all({"a.mkv": b"same", "b.mkv": b"same"})
    vpo.scan(tree.root)
    return vpo


def rename(vpo: Vpo, name: str | bytes) -> None:
    """Gives a file in the catalogue another name."""
    with vpo.sql() as connection:
        connection.execute("UPDATE files SET name = ? WHERE name = 'b.mkv'", (name,))


# -- Names -----------------------------------------------------------------------------------

NAMES = ["../../x.mkv", "..", ".", "a/b.mkv", "b\0.mkv", b"../\xff.mkv"]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_name_that_no_file_can_have_is_refused_where_it_is_read(
    scanned: Vpo, tree: Tree, tmp_path: Path, name: str | bytes
) -> None:
    rename(scanned, name)
    outside = tmp_path / "x.mkv"
    outside.write_bytes(b"not in the library")
    commands: list[tuple[str | Path, ...]] = [
        ("verify", "export", "-o", tmp_path / "manifest", tree.root),
        ("verify", "export", "--format", "bagit", "-o", tmp_path / "bag", tree.root),
        ("verify",),
        ("duplicates",),
    ]
    # The others look at the whole path, which is below the root for `a/b.mkv`.
    for words in commands[: 2 if name == "a/b.mkv" else 4]:
        outcome = scanned.ok(*words, "--json", status=2)
        assert outcome.json["code"] == "LIBRARY_DAMAGED", outcome
        assert "contains a name that no file can have" in outcome.json["message"]
    assert outside.read_bytes() == b"not in the library"
    assert not (tmp_path / "bag").exists()


# -- The schema --------------------------------------------------------------------------------

FOREIGN = {
    "trigger": "CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM files; END",
    "changed trigger": "DROP TRIGGER jobs_status; CREATE TRIGGER jobs_status"
    " BEFORE UPDATE OF status ON jobs BEGIN DELETE FROM files; END",
    "view": "CREATE VIEW v AS SELECT 1",
    "view in the place of another": "DROP VIEW library_damage;"
    " CREATE VIEW library_damage AS SELECT '/etc/passwd' AS path, * FROM damage",
    "view in the place of a table": "ALTER TABLE damage RENAME TO d;"
    " CREATE VIEW damage AS SELECT * FROM d",
    "virtual table": "CREATE VIRTUAL TABLE words USING fts4(x)",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_vpo_did_not_create_and_can_act_is_refused(
    scanned: Vpo, tree: Tree, kind: str
) -> None:
    with closing(sqlite3.connect(scanned.database)) as connection:
        connection.executescript(FOREIGN[kind])
    for words in (("scan", str(tree.root)), ("files", "list"), ("jobs", "list"), ("verify",)):
        found = scanned.ok(*words, "--json", status=2).json
        assert found["code"] == "LIBRARY_FOREIGN_SCHEMA"
        assert found["details"]["kind"] in kind
        assert found["details"]["name"] in found["message"]
    with scanned.sql() as connection:
        assert connection.execute("SELECT count(*) FROM files").fetchone()[0] == 2


def test_other_tables_and_indexes_are_accepted(scanned: Vpo) -> None:
    with scanned.sql() as connection:
        connection.execute("CREATE TABLE mine (x)")
        connection.execute("CREATE INDEX mine_too ON files(size_bytes, name)")
    assert len(scanned.files()) == 2


def test_the_digests_of_known_schemas_are_those_of_the_migrations() -> None:
    built = {
        precautions._digest(precautions._entries_of(version))
        for version in range(migrations.OLDEST, migrations.LATEST + 1)
    }
    assert built == precautions._KNOWN


def test_the_schema_cannot_call_functions_that_have_effects(scanned: Vpo) -> None:
    with open_library(str(scanned.database), "write") as library, library.reading() as connection:
        assert connection.execute("PRAGMA trusted_schema").fetchone()[0] == 0


@pytest.mark.skipif(sys.version_info < (3, 11), reason="sqlite3 cannot set limits")
def test_a_name_of_many_megabytes_is_refused_before_it_is_read(scanned: Vpo) -> None:
    rename(scanned, "x" * (40 << 20))
    failed = scanned.ok("files", "list", "--json", status=2).json
    assert failed["code"] == "LIBRARY_DAMAGED"
    assert "a value that is far too long" in failed["message"]


# -- Who may read it ---------------------------------------------------------------------------


def modes(directory: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mode & 0o777 for each in directory.iterdir()}


@pytest.mark.parametrize(
    ("umask", "for_group", "mode"),
    [(0o022, False, 0o600), (0o002, False, 0o600), (0o002, True, 0o660), (0o022, True, 0o640)],
)
def test_only_the_owner_can_use_a_new_catalogue_unless_a_setting_says_otherwise(
    vpo: Vpo, tree: Tree, tmp_path: Path, umask: int, for_group: bool, mode: int
) -> None:
    directory = tmp_path / "catalogue"
    directory.mkdir()
    if for_group:
        vpo.environment = {"VPO_DATABASE_GROUP_ACCESS": "yes"}
    before = os.umask(umask)
    try:
        vpo.ok("--db", directory / "library.db", "scan", tree.root)
        with open_library(str(directory / "library.db"), "write") as library:
            library.begin()
            assert modes(directory) == dict.fromkeys(
                ("library.db", "library.db-wal", "library.db-shm"), mode
            )
            library.rollback()
    finally:
        os.umask(before)


def test_a_new_home_lets_the_group_in_if_the_setting_says_so(vpo: Vpo, tree: Tree) -> None:
    vpo.environment = {"VPO_DATABASE_GROUP_ACCESS": "yes"}
    before = os.umask(0o002)
    try:
        vpo.scan(tree.root)
    finally:
        os.umask(before)
    assert vpo.home.stat().st_mode & 0o777 == 0o770


def test_a_backup_has_the_mode_of_the_catalogue(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        migrations.build(connection, 10)
    old.chmod(0o640)
    open_library(str(old), "write").close()
    assert modes(tmp_path) == {"old.db": 0o640, "old.db.v10.bak": 0o640}

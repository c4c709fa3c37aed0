"""The space of deleted records is given back to the disk, if that is worth it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support import Tree, Vpo
from vpo.db import compacting
from vpo.db.library import open_library


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives back even little space, which needs a smaller catalogue."""
    monkeypatch.setattr(compacting, "LEAST_FREE_BYTES", 64 << 10)


def fill(path: Path, megabytes: int) -> None:
    """Adds a table, and deletes most of it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE extra (id INTEGER PRIMARY KEY, x)")
        connection.execute("BEGIN")
        content = b"x" * 4000
        connection.executemany(
            "INSERT INTO extra (x) VALUES (?)", ((content,) for _ in range(megabytes * 256))
        )
        connection.execute("COMMIT")
        connection.execute("DELETE FROM extra WHERE id % 10 <> 0")


@pytest.fixture
def scanned(vpo: Vpo, tree: Tree) -> Iterator[Vpo]:
    tree.write_all({"a.mkv": b"a", "b.mkv": b"b"})
    vpo.scan(tree.root)
    yield vpo
    assert len(vpo.files()) == 2
    vpo.check_integrity()


def test_a_scan_makes_a_catalogue_with_much_unused_space_smaller(scanned: Vpo, tree: Tree) -> None:
    fill(scanned.database, 24)
    before = scanned.database.stat().st_size
    assert before > 24 << 20
    scanned.ok("files", "list")
    assert scanned.database.stat().st_size == before, "a command that reads changes nothing"
    scanned.scan(tree.root)
    assert scanned.database.stat().st_size < 4 << 20
    assert not scanned.database.with_name("library.db-wal").exists()


def test_little_unused_space_stays(scanned: Vpo, tree: Tree) -> None:
    fill(scanned.database, 8)
    before = scanned.database.stat().st_size
    scanned.scan(tree.root)
    assert scanned.database.stat().st_size == before


@pytest.mark.usefixtures("small")
def test_other_processes_are_not_waited_for(scanned: Vpo) -> None:
    fill(scanned.database, 2)
    before = scanned.database.stat().st_size
    path = str(scanned.database)
    with open_library(path, "write") as other, open_library(path, "write"):
        other.begin()
    assert scanned.database.stat().st_size == before
    with open_library(path, "write"):
        pass
    assert scanned.database.stat().st_size < before


@pytest.mark.usefixtures("small")
def test_a_large_catalogue_is_left_as_it_is(scanned: Vpo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacting, "MOST_USED_BYTES", 1000)
    fill(scanned.database, 2)
    before = scanned.database.stat().st_size
    with open_library(str(scanned.database), "write"):
        pass
    assert scanned.database.stat().st_size == before

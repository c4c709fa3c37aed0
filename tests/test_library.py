"""Opening the catalogue: transactions, and errors that say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import Tree, Vpo
from vpo.base.errors import LibraryBusyError
from vpo.db import library as library_module
from vpo.db.library import BatchTransaction, Library, open_library


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "library.db")


@pytest.fixture
def library(path: str) -> Iterator[Library]:
    with open_library(path, "create") as opened:
        yield opened


def add_root(library: Library, name: str) -> None:
    library.connection.execute(
        "INSERT INTO roots (path, added_at) VALUES (?, '2026-01-01T00:00:00Z')", (name,)
    )


def roots_on_disk(path: str) -> set[str]:
    with open_library(path, "read") as library, library.reading() as connection:
        return {name for (name,) in connection.execute("SELECT path FROM roots")}


# -- Transactions ------------------------------------------------------------------------


def test_an_error_in_a_transaction_discards_its_writes(library: Library, path: str) -> None:
    with library.transaction():
        add_root(library, "kept")

    def add_a_new_root_and_a_known_one() -> None:
        with library.transaction():
            add_root(library, "lost")
            add_root(library, "kept")

    with pytest.raises(sqlite3.IntegrityError):
        add_a_new_root_and_a_known_one()
    assert not library.in_transaction
    assert roots_on_disk(path) == {"kept"}


def test_commit_and_rollback_without_a_transaction_do_nothing(library: Library) -> None:
    library.commit()
    library.rollback()
    assert not library.in_transaction


def test_a_snapshot_does_not_see_what_others_write(library: Library, path: str) -> None:
    with library.snapshot() as connection:
        assert connection.execute("SELECT count(*) FROM roots").fetchone() == (0,)
        with open_library(path, "write") as other, other.transaction():
            add_root(other, "new")
        assert connection.execute("SELECT count(*) FROM roots").fetchone() == (0,)
    assert not library.in_transaction
    assert roots_on_disk(path) == {"new"}


def test_a_batch_is_due_after_its_number_of_rows(library: Library, path: str) -> None:
    batch = BatchTransaction(library, most_rows=3, most_seconds=3600)
    due = []
    for number in range(3):
        due.append(batch.is_due)
        batch.begin()
        add_root(library, str(number))
        batch.wrote(1)
    due.append(batch.is_due)
    assert roots_on_disk(path) == set()
    batch.commit()
    due.append(batch.is_due)
    assert due == [False, False, False, True, False]
    assert roots_on_disk(path) == {"0", "1", "2"}


def test_a_batch_is_due_after_its_time_and_a_new_batch_counts_from_zero(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("vpo.db.library.time.monotonic", lambda: now)
    batch = BatchTransaction(library, most_rows=2, most_seconds=5)
    due = []
    for seconds in (0, 4, 5):
        now = 100.0 + seconds
        batch.begin()
        due.append(batch.is_due)
    batch.wrote(1)
    batch.commit()
    batch.begin()
    batch.wrote(1)
    due.append(batch.is_due)
    assert due == [False, False, True, False]
    batch.rollback()
    assert not library.in_transaction


def test_a_writer_that_waits_too_long_is_told_that_the_catalogue_is_in_use(
    library: Library, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "BUSY_TIMEOUT_SECONDS", 0.05)
    with open_library(path, "write") as other, library.transaction():
        with pytest.raises(LibraryBusyError), other.transaction():
            pass
        assert not other.in_transaction


# -- Hints -------------------------------------------------------------------------------


def test_a_catalogue_that_does_not_exist_may_have_been_moved(vpo: Vpo, tmp_path: Path) -> None:
    said = vpo.ok("files", "list", "--db", tmp_path / "none.db", status=2).stderr
    assert "There is no catalogue at" in said
    assert "move it to this path or name it with `--db PATH`" in said


def test_the_hint_names_a_directory_that_does_not_exist(
    vpo: Vpo, tree: Tree, tmp_path: Path
) -> None:
    tree.write("a.mkv")
    nowhere = tmp_path / "nowhere"
    said = vpo.ok("scan", "--db", nowhere / "library.db", tree.root, status=2).stderr
    assert "cannot be opened for writing: its directory does not exist" in said
    assert f"Create the directory `{nowhere}`, or name another catalogue with `--db PATH`" in said
    assert "permission" not in said


def test_the_hint_for_a_directory_asks_for_a_file(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    said = vpo.ok("scan", "--db", tree.root, tree.root, status=2).stderr
    assert "it is a directory" in said
    assert "Name a file in this directory" in said

"""Selections of files as SQL: what they select, and that they can be combined."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import OLD_NS, Tree, Vpo
from vpo.catalogue.files import list_files, list_paths
from vpo.catalogue.selection import STATUSES, MediaFilter, Selection
from vpo.db.conditions import Condition, all_of, any_of, below, one_of
from vpo.db.library import open_library
from vpo.db.selection import Source, condition_for, present

FILES = {
    "Films/a.mkv": 1,
    "Films/b.mp4": 20,
    "Films/Old/c.mkv": 300,
    "Films2/d.mkv": 300,
    "Photos/e.jpg": 20,
    "f.srt": 5,
}


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Vpo, Tree]:
    base = tmp_path_factory.mktemp("selection")
    tree, vpo = Tree(base / "library"), Vpo(base / "home")
    for name, size in FILES.items():
        tree.write(name, b"x" * size, mtime_ns=OLD_NS + size)
    vpo.scan(tree.root)
    os.unlink(tree.path("Films/b.mp4"))
    vpo.scan(tree.root)
    return vpo, tree


@pytest.fixture
def db(scanned: tuple[Vpo, Tree]) -> Iterator[sqlite3.Connection]:
    with open_library(str(scanned[0].database), "read") as library:
        yield library.connection


def selected(db: sqlite3.Connection, root: Path, condition: Condition) -> set[str]:
    rows = db.execute(
        "SELECT v.path FROM library_files v JOIN files f ON f.id = v.id"
        f" JOIN directories d ON d.id = f.directory_id WHERE {condition.sql}",
        condition.parameters,
    )
    return {os.path.relpath(path, root) for (path,) in rows}


SELECTIONS = {
    "everything": (Selection(), set(FILES)),
    "a-place": (
        Selection(places=(b"Films",)),
        {"Films/a.mkv", "Films/b.mp4", "Films/Old/c.mkv"},
    ),
    "two-places": (
        Selection(places=(b"Photos", b"Films/Old")),
        {"Photos/e.jpg", "Films/Old/c.mkv"},
    ),
    "without-a-place": (
        Selection(without=(b"Films", b"Photos")),
        {"Films2/d.mkv", "f.srt"},
    ),
    "a-place-without-a-part": (
        Selection(places=(b"Films",), without=(b"Films/Old",)),
        {"Films/a.mkv", "Films/b.mp4"},
    ),
    "a-status": (Selection(statuses=("missing",)), {"Films/b.mp4"}),
    "two-statuses": (Selection(statuses=("missing", "error")), {"Films/b.mp4"}),
    "all-statuses": (Selection(statuses=STATUSES), set(FILES)),
    "kinds": (Selection(kinds=("image", "sidecar")), {"Photos/e.jpg", "f.srt"}),
    "extensions": (Selection(extensions=("mp4", "jpg")), {"Films/b.mp4", "Photos/e.jpg"}),
    "a-size": (Selection(least_bytes=300), {"Films/Old/c.mkv", "Films2/d.mkv"}),
    "changed-in-the-future": (Selection(changed_since="9999"), set()),
    "media": (Selection(media=MediaFilter(codecs=("h264",))), set()),
    "every-field": (
        Selection(
            places=(b"Films",),
            statuses=("pending",),
            kinds=("video",),
            extensions=("mkv",),
            least_bytes=2,
            changed_since="2000",
        ),
        {"Films/Old/c.mkv"},
    ),
}


@pytest.mark.parametrize(
    "source",
    [Source(), Source(directory_path="d.path"), Source(keeps_order=True), Source("v")],
    ids=["by-directory", "by-path", "in-order", "the-view"],
)
@pytest.mark.parametrize(("selection", "names"), SELECTIONS.values(), ids=SELECTIONS)
def test_a_selection_selects_the_same_files_however_they_are_found(
    db: sqlite3.Connection,
    scanned: tuple[Vpo, Tree],
    source: Source,
    selection: Selection,
    names: set[str],
) -> None:
    tree = scanned[1]
    here = selection._replace(
        places=tuple(map(tree.path, selection.places)),
        without=tuple(map(tree.path, selection.without)),
    )
    assert selected(db, tree.root, condition_for(here, source)) == names
    assert selected(db, tree.root, ~condition_for(here, source)) == set(FILES) - names


def test_ids_add_to_places(db: sqlite3.Connection, scanned: tuple[Vpo, Tree]) -> None:
    tree = scanned[1]
    (subtitle,) = db.execute("SELECT id FROM files WHERE name = 'f.srt'").fetchone()
    selection = Selection(places=(tree.path("Photos"),), files=(subtitle,))
    assert selected(db, tree.root, condition_for(selection, Source())) == {"Photos/e.jpg", "f.srt"}
    only = condition_for(Selection(files=(subtitle,)), Source())
    assert selected(db, tree.root, only) == {"f.srt"}
    video = condition_for(selection._replace(kinds=("video",)), Source())
    assert selected(db, tree.root, video) == set()


def test_conditions_can_be_combined(db: sqlite3.Connection, scanned: tuple[Vpo, Tree]) -> None:
    tree = scanned[1]
    conditions = [
        present(),
        one_of("f.extension", ("mkv", "srt")),
        below(tree.path("Films"), "d.path"),
        condition_for(Selection(least_bytes=20), Source()),
        condition_for(Selection(kinds=("video",)), Source()) | Condition("f.name = 'f.srt'"),
    ]
    for one, other in itertools.combinations(conditions, 2):
        left, right = selected(db, tree.root, one), selected(db, tree.root, other)
        assert selected(db, tree.root, one & other) == left & right
        assert selected(db, tree.root, one | other) == left | right
        assert selected(db, tree.root, (one | other) & present()) == (left | right) - {
            "Films/b.mp4"
        }
    assert selected(db, tree.root, all_of([])) == set(FILES)
    assert selected(db, tree.root, any_of([])) == set()


def test_a_condition_on_one_status_uses_its_index(db: sqlite3.Connection) -> None:
    for status in ("pending", "error", "missing"):
        condition = condition_for(Selection(statuses=(status,)), Source())
        plan = db.execute(
            f"EXPLAIN QUERY PLAN SELECT f.id FROM files f WHERE {condition.sql}",
            condition.parameters,
        ).fetchall()
        assert f"idx_files_{status}" in plan[0][3]


def test_files_are_listed_in_order_and_up_to_the_limit(scanned: tuple[Vpo, Tree]) -> None:
    vpo, tree = scanned
    with open_library(str(vpo.database), "read") as library:
        paths = list(list_paths(library, Selection()))
        assert paths == [file.path for file in list_files(library, Selection())]
        assert paths == sorted(paths, key=lambda path: os.path.split(path))
        assert list(list_paths(library, Selection(), limit=2)) == paths[:2]
        assert list(list_files(library, Selection(), limit=0)) == []
        first = next(list_files(library, Selection(places=(tree.path("Films2"),))))
    assert first.to_dict()["path"] == f"{tree.root}/Films2/d.mkv"


def test_listing_does_not_gather_the_rows(scanned: tuple[Vpo, Tree]) -> None:
    with open_library(str(scanned[0].database), "read") as library:
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        # Called after each instruction of SQLite's virtual machine.
        library.connection.set_progress_handler(count, 1)
        files = list_files(library, Selection())
        assert steps == 0
        next(files)
        after_one = steps
        assert len(list(files)) == len(FILES) - 1
        assert after_one < steps

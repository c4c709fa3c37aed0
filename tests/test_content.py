"""Digest algorithms are decided in one table; one queue feeds the engine that reads files."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import extra_algorithm
import vpo as package
from support import Tree, Vpo
from vpo._engine import Digester
from vpo.content import hashing
from vpo.content.algorithms import ALGORITHMS, HEAD, QUICK, RECORDED
from vpo.content.digests import (
    Digest,
    algorithms_for,
    found_digest,
    is_same_content,
    recorded_digest,
)
from vpo.content.hashing import FileToRead, HashingQueue

SOURCES = Path(package.__file__).parent
TABLE = SOURCES / "content" / "algorithms.py"


# -- The table -----------------------------------------------------------------------


@pytest.mark.parametrize("name", [*(each.name for each in ALGORITHMS), HEAD, QUICK])
def test_the_engine_knows_every_algorithm_of_the_table(name: str) -> None:
    Digester().submit([], (name,))


def literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and text of every string in a module, except docstrings."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            if isinstance(node.value, str):
                yield node.lineno, node.value
            elif isinstance(node.value, bytes):
                yield node.lineno, node.value.decode(errors="replace")


def test_no_other_module_names_an_algorithm() -> None:
    names = {each.name for each in ALGORITHMS}
    names.update(each.checksum_format for each in ALGORITHMS if each.checksum_format)
    names.update(tag for each in ALGORITHMS for tag in each.tags)
    prefixes = tuple(each.prefix for each in ALGORITHMS)
    found = [
        f"{path.relative_to(SOURCES)}:{line}: {text!r}"
        for path in sorted(SOURCES.rglob("*.py"))
        if path != TABLE and "migrations" not in path.parts
        for line, text in literals(ast.parse(path.read_text()))
        if text in names or any(prefix in text for prefix in prefixes)
    ]
    assert found == []


def test_a_new_algorithm_is_one_entry() -> None:
    done = subprocess.run(
        [sys.executable, extra_algorithm.__file__], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "choices": [True, True],
        "recorded": ["blake3", "extra"],
        "comparable": True,
        "tag": ["extra"],
        "line": f"{'0' * 96}  a\n",
        "length": ["extra"],
        "detected": ["extrasum"],
        "column": ["extra"],
        "header": "%%%% HASHDEEP-1.0\n%%%% size,extra_column,filename\n",
        "bag": ["extra", "manifest-extra384.txt"],
    }


# -- Digests -------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["blake3:ab", "xxh64:1:2:3", "tiger:ab"])
def test_a_digest_is_stored_as_text(text: str) -> None:
    assert str(Digest.parse(text)) == text


@pytest.mark.parametrize(
    ("stored", "is_comparable", "algorithms"),
    [
        pytest.param("blake3:ab", True, ("blake3",), id="recorded"),
        pytest.param("sha256:ab", True, ("blake3", "sha256"), id="another"),
        pytest.param("xxh64:1:2:3", False, ("blake3", "xxh64"), id="of-the-ends"),
        pytest.param("crc32:ab", False, ("blake3",), id="too-short"),
        pytest.param("tiger:ab", False, ("blake3",), id="unknown"),
    ],
)
def test_the_algorithm_decides_what_a_stored_digest_can_prove(
    stored: str, is_comparable: bool, algorithms: tuple[str, ...]
) -> None:
    assert Digest.parse(stored).is_comparable is is_comparable
    assert algorithms_for(stored) == algorithms


def test_content_is_compared_by_the_stored_algorithm() -> None:
    digests = {"blake3": "ab", "sha256": "cd"}
    assert recorded_digest(digests) == "blake3:ab"
    assert found_digest("sha256:ef", digests) == "sha256:cd"
    assert is_same_content("sha256:cd", digests) is True
    assert is_same_content("sha256:ef", digests) is False
    for stored in (None, "md5:ab"):
        assert found_digest(stored, digests) is None
        assert is_same_content(stored, digests) is None
    assert algorithms_for(None) == (RECORDED.name,)


@pytest.mark.parametrize("is_right", [True, False])
def test_digests_of_other_algorithms_are_compared_before_they_are_replaced(
    vpo: Vpo, tree: Tree, is_right: bool
) -> None:
    content = bytes(200_000)
    for name in ("a.mkv", "b.mkv"):
        tree.write(name, content)
    vpo.scan(tree.root)
    stored = f"sha256:{hashlib.sha256(content if is_right else b'other').hexdigest()}"
    with vpo.sql() as catalogue:
        catalogue.execute("UPDATE files SET content_hash = ? WHERE name = 'a.mkv'", (stored,))
    manifest = tree.write("SUMS", f"{hashlib.md5(content).hexdigest()}  a.mkv\n".encode())
    found = vpo.ok("duplicates", "--json", status=0 if is_right else 1).json
    imported = vpo.ok("verify", "import", "--json", manifest, status=0 if is_right else 1).json
    with vpo.sql() as catalogue:
        query = "SELECT content_hash FROM files WHERE name = 'a.mkv'"
        (now,) = catalogue.execute(query).fetchone()
    assert len(found["groups"]) == imported["recorded"] == is_right
    assert imported["damaged"] == (not is_right)
    assert now.startswith("blake3:") if is_right else now == stored


# -- The queue -----------------------------------------------------------------------


@pytest.fixture
def contents(tmp_path: Path) -> dict[bytes, bytes]:
    """Files by their paths: enough of them that they are handed over in several pieces."""
    found = {os.fsencode(tmp_path / str(number)): b"%d" % number for number in range(600)}
    for path, content in found.items():
        with open(path, "wb") as file:
            file.write(content)
    return found


def to_read(path: bytes) -> tuple[bytes, FileToRead]:
    return path, FileToRead(path, ("sha256",))


def sha256(contents: dict[bytes, bytes]) -> dict[bytes, str]:
    return {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}


def test_each_file_has_one_answer(contents: dict[bytes, bytes]) -> None:
    found: list[tuple[bytes, str]] = []
    with HashingQueue[bytes]() as queue:
        for answers in queue.answers(map(to_read, contents)):
            found += ((path, (answer.digests or {})["sha256"]) for path, answer in answers)
        assert queue.outstanding == 0
        assert queue.bytes_read == sum(map(len, contents.values()))
    assert sorted(found) == sorted(sha256(contents).items())


def test_no_more_work_is_taken_than_the_engine_needs(
    contents: dict[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "MOST_OUTSTANDING", 100)
    monkeypatch.setattr(hashing, "SUBMITTED_AT_A_TIME", 10)
    begun = done = 0

    def work() -> Iterator[tuple[bytes, FileToRead]]:
        nonlocal begun
        for path in contents:
            begun += 1
            yield to_read(path)

    with HashingQueue[bytes]() as queue:
        for answers in queue.answers(work()):
            assert begun - done <= 110
            done += len(answers)
    assert begun == done == len(contents)


def test_files_can_be_added_while_answers_are_taken(contents: dict[bytes, bytes]) -> None:
    first, second = list(contents)[:2]
    found = []
    with HashingQueue[bytes]() as queue:
        for answers in queue.answers([to_read(first)]):
            for path, _ in answers:
                found.append(path)
                if path == first:
                    queue.add(*to_read(second))
    assert found == [first, second]


def test_files_are_read_with_different_algorithms(contents: dict[bytes, bytes]) -> None:
    path = next(iter(contents))
    wanted = [("sha256",), ("md5", "sha1"), ("blake3",)]
    with HashingQueue[tuple[str, ...]]() as queue:
        work = ((algorithms, FileToRead(path, algorithms)) for algorithms in wanted)
        found = {
            algorithms: set(answer.digests or ())
            for answers in queue.answers(work)
            for algorithms, answer in answers
        }
    assert found == {algorithms: set(algorithms) for algorithms in wanted}


class _StopError(Exception):
    pass


def test_the_work_stops_when_it_is_to(tmp_path: Path) -> None:
    huge = tmp_path / "huge"
    with open(huge, "wb") as file:
        file.truncate(1 << 40)
    is_to_stop = False

    def check_stop() -> None:
        if is_to_stop:
            raise _StopError

    with HashingQueue[bytes](check_stop) as queue:
        answers = queue.answers([to_read(os.fsencode(huge))])
        # Empty lists let the caller report progress.
        assert [next(answers), next(answers)] == [[], []]
        is_to_stop = True
        with pytest.raises(_StopError):
            next(answers)


def test_rows_are_one_digest_for_each_file(contents: dict[bytes, bytes]) -> None:
    paths = [*contents, b"/nowhere"]
    rows, failed = [], []
    with HashingQueue[bytes]() as queue:
        files = ((key, path, None, None, False) for key, path in enumerate(paths))
        for some_rows, some_failed in queue.rows(files, ["sha256"]):
            rows += some_rows
            failed += some_failed
    assert {paths[key]: digest for key, _, digest, _ in rows} == sha256(contents)
    assert [(answer.key, answer.problem) for answer in failed] == [(len(contents), "gone")]

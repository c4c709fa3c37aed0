"""Names are bytes, paths have no end, times are before and after, and trees change underfoot."""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import shutil
import stat
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from mounts import mounted, remove_deep
from support import OLD_NS, Outcome, Tree, Vpo, seeded
from terminals import run_on_terminal

NAMES = [
    b"latin \xe9\xff.mkv",  # not UTF-8
    b"surrogate \xed\xa0\x80.mkv",  # a surrogate
    b"over\xc0\xafong.mkv",  # overlong UTF-8
    b"new\nline.mkv",  # newline
    b"\x1b[31mred\x1b[0m\x07\r.mkv",  # escape sequences
    "right \u202eto left\u2066.mkv".encode(),  # direction marks
    b"c1 \xc2\x9b31m\xc2\x85.mkv",  # C1 controls
    b'it\'s "quoted".mkv',  # quotes
    b"back\\slash\\n.mkv",  # backslash
    b"-rf.mkv",  # leading dash
    b"--json.mkv",  # like an option
    b"trailing space /a.mkv",  # trailing space
    b" .mkv",  # only a space
    b"%41 ?#&*[a]{b}$HOME`id`;|.mkv",  # shells and globs
    b"[bold]markup[/bold].mkv",  # markup
    b"a" * 251 + b".mkv",  # 255 bytes
    "\U0001f3ac".encode() * 62 + b"abc.mkv",  # 255 bytes of emoji
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.mkv".encode(),  # joined emoji
    b"a.mkv/b.mkv",  # a directory like a file
    b"\xff\xfe/\xfd.mkv",  # a directory that is not UTF-8
    "\ufeff\u00a0.mkv".encode(),  # invisible
]

FORBIDDEN = {
    character
    for character in map(chr, range(0x110000))
    if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")
} - {"\n"}


def is_harmless(text: str) -> bool:
    """Whether text from a disk can do no more to a terminal than be seen."""
    return not FORBIDDEN.intersection(text)


def path_of(file: dict[str, Any], key: str = "path") -> bytes:
    """The path in a JSON object, as bytes."""
    if f"{key}_b64" in file:
        path = base64.b64decode(file[f"{key}_b64"])
        assert path.decode(errors="replace") == file[key]
        with pytest.raises(UnicodeDecodeError):
            path.decode()
        return path
    return os.fsencode(file[key])


def listed(vpo: Vpo, *args: str | bytes) -> list[bytes]:
    """The paths that --print0 gives, which are those of the JSON."""
    done = vpo.ok("files", "list", "--json", *args)
    paths = [path_of(file) for file in done.json]
    out = vpo.home / "print0"
    with open(out, "wb") as file:
        print0 = vpo.start("files", "list", "--print0", *args, stdout=file)
        _, stderr = print0.communicate(timeout=60)
    assert (print0.returncode, stderr) == (0, b"")
    assert out.read_bytes() == b"".join(path + b"\0" for path in paths)
    return paths


def is_refused(path: bytes) -> bool:
    """Whether the file system takes no such name."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb"):
            return False
    except OSError:
        return True


# -- Names ---------------------------------------------------------------------------


@pytest.fixture
def names(tree: Tree) -> list[bytes]:
    """The names that the file system takes, of files that are there."""
    taken = [name for name in NAMES if not is_refused(tree.path(name))]
    for name in taken:
        tree.write(name)
    return taken


def test_files_may_have_any_name(vpo: Vpo, tree: Tree, names: list[bytes]) -> None:
    first = vpo.scan(tree.root)
    assert (first["added"], first["errors"]) == (len(names), 0)
    assert vpo.scan(tree.root)["skipped"] == len(names)
    assert sorted(listed(vpo)) == sorted(tree.path(name) for name in names)
    for name in names:
        shown = vpo.ok("files", "show", "--json", "--", name, cwd=tree.root)
        assert path_of(shown.json) == tree.path(name)
    directory = tree.path(b"\xff\xfe")
    if os.path.isdir(directory):
        assert listed(vpo, "--under", directory) == [tree.path(b"\xff\xfe/\xfd.mkv")]

    for name in names:
        tree.remove(name)
        tree.write(name, b"more content")
    assert vpo.scan(tree.root)["scanned"] == len(names)
    shutil.rmtree(tree.root)
    tree.write("stays.mkv")
    assert vpo.scan(tree.root)["removed"] == len(names)
    assert sorted(listed(vpo, "--status", "missing")) == sorted(map(tree.path, names))
    assert vpo.scan(tree.root, "--prune")["pruned"] == len(names)
    assert listed(vpo) == [tree.path("stays.mkv")]


def test_names_are_shown_harmlessly_and_each_on_one_line(
    vpo: Vpo, tree: Tree, names: list[bytes]
) -> None:
    text = vpo.ok("scan", "-v", tree.root).stdout
    assert len(re.findall("(?m)^  [+] ", text)) == len(names)
    assert len(text.splitlines()) == len(names) + 10
    text += (table := vpo.ok("files", "list").stdout)
    assert len(table.splitlines()) == len(names) + 1
    for name in names[:6]:
        text += vpo.ok("files", "show", tree.path(name)).stdout
    assert is_harmless(text)


DISGUISED = "a\x7f\x9b31m\u202egpj\u2066\U000e0041.mkv"


@pytest.mark.parametrize(
    "words",
    [
        ("files", "list", "--json"),
        ("files", "list", "--jsonl"),
        ("duplicates", "--json"),
        ("duplicates", "--jsonl"),
        ("duplicates", "--csv"),
    ],
    ids=" ".join,
)
def test_data_for_programs_is_harmless_on_a_terminal_and_unchanged_elsewhere(
    vpo: Vpo, tree: Tree, words: tuple[str, ...]
) -> None:
    tree.write_all({DISGUISED: b"same", "b\x1b[31m.mkv": b"same"})
    vpo.scan(tree.root)
    status, shown, _ = run_on_terminal(vpo, *words, streams=["stdout"])
    assert status == 0
    assert is_harmless(shown.replace("\r", ""))
    elsewhere = vpo.ok(*words).stdout
    assert DISGUISED in elsewhere
    if "--json" in words:
        assert DISGUISED in "".join(
            re.findall(r'"[^"]*\.mkv"', json.dumps(json.loads(shown), ensure_ascii=False))
        )


@pytest.mark.parametrize("name", [b"latin \xe9", b"new\nline \x1b[31m", b"-x", b" "])
def test_a_root_may_have_any_name(vpo: Vpo, tmp_path: Path, name: bytes) -> None:
    root = os.path.join(os.fsencode(tmp_path), name)
    if is_refused(root + b"/sub/a.mkv"):
        pytest.skip("the file system does not take the name")
    os.utime(root + b"/sub/a.mkv", ns=(OLD_NS, OLD_NS))
    result = vpo.scan(root)
    assert result["added"] == 1
    assert path_of(result, "directory") == root
    again = vpo.ok("scan", "--json", "--", name, cwd=tmp_path).json
    assert (again["skipped"], path_of(again, "directory")) == (1, root)
    assert is_harmless(vpo.ok("scan", root).stdout)
    assert listed(vpo) == [root + b"/sub/a.mkv"]
    assert listed(vpo, "--under", root) == [root + b"/sub/a.mkv"]
    (job, *_) = vpo.jobs()
    assert job["file_path"] == (root if name == b"latin \xe9" else root.decode())

    # What it is refused for is said in the same way.
    os.rename(root, root[:-1] + b"y")
    offline = vpo.scan(root, status=2)
    assert (offline["code"], path_of(offline, "directory")) == ("ROOT_OFFLINE", root)
    assert is_harmless(vpo.ok("scan", root, status=2).stderr)


def test_names_that_only_look_the_same_are_files_of_their_own(vpo: Vpo, tree: Tree) -> None:
    names = [
        unicodedata.normalize("NFC", "Amélie.mkv").encode(),
        unicodedata.normalize("NFD", "Amélie.mkv").encode(),
        b"Am\xe9lie.mkv",
        b"amelie.mkv",
        b"AMELIE.mkv",
        b"amelie.mkv .mkv",
    ]
    for name in names:
        tree.write(name)
    if len(os.listdir(tree.root)) < len(names):
        pytest.skip("the file system takes some of them for the same")
    assert vpo.scan(tree.root)["added"] == len(names)
    assert sorted(listed(vpo)) == sorted(tree.path(name) for name in names)
    assert vpo.scan(tree.root)["skipped"] == len(names)
    tree.remove(names[1])
    assert vpo.scan(tree.root)["removed"] == 1
    (missing,) = vpo.files("--status", "missing")
    assert os.fsencode(missing) == tree.path(names[1])


def test_a_place_that_cannot_be_looked_at_is_named_harmlessly(vpo: Vpo, tree: Tree) -> None:
    # A mount point whose file system is gone needs no other user to be unreadable.
    name = "disk \x1b[31m\n"
    tree.write("a.mkv")
    with mounted(tree.root / name):
        tree.write(f"{name}/b.mkv")
        vpo.scan(tree.root)
    warned = vpo.ok("scan", tree.root, status=1)
    assert r"disk \x1b[31m\n" in warned.stderr
    assert is_harmless(warned.stderr)


def test_unknown_names_are_told_harmlessly(vpo: Vpo, tree: Tree) -> None:
    tree.write("a.mkv")
    vpo.scan(tree.root)
    name = b"nothing \x1b[31m \xff\n"
    for command in (("scan",), ("files", "show")):
        told = vpo.ok(*command, tree.path(name), status=2)
        assert r"nothing \x1b[31m \xff\n" in told.stderr
        assert is_harmless(told.stderr)


def test_output_in_an_encoding_that_lacks_a_name_escapes_it(vpo: Vpo, tree: Tree) -> None:
    tree.write("\U0001f3ac.mkv".encode())
    vpo.environment["PYTHONIOENCODING"] = "latin-1"
    assert r"\U0001f3ac.mkv" in vpo.ok("scan", "-v", tree.root).stdout
    assert r"\U0001f3ac.mkv" in vpo.ok("files", "list").stdout


def test_an_exclude_may_be_any_bytes(vpo: Vpo, tree: Tree) -> None:
    tree.write(b"latin \xe9/a.mkv")
    tree.write("b.mkv")
    done = vpo.run("scan", "--json", "--exclude", b"latin \xe9", tree.root)
    assert done.status in (0, 2)
    if done.status == 0:
        assert done.json["added"] == 1
    else:
        assert done.json["code"] in ("BAD_RULE", "USAGE")


# -- Depth ---------------------------------------------------------------------------


@pytest.fixture
def deep(tree: Tree) -> Iterator[Tree]:
    """A tree that may be too deep for shutil to remove."""
    yield tree
    remove_deep(tree.root)


def open_deep(root: Path, levels: int, name: str, *, make: bool = False) -> int:
    """Opens the directory so many levels down, one name at a time."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(levels):
        if make:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    return descriptor


def write_at(descriptor: int, name: str) -> None:
    file = os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=descriptor)
    os.utime(file, ns=(OLD_NS, OLD_NS))
    os.close(file)


@pytest.mark.parametrize(
    ("levels", "name"),
    [
        pytest.param(300, "d", id="300 levels"),
        pytest.param(1000, "d", id="1000 levels"),
        pytest.param(40, "long" * 50, id="8000 bytes"),
        pytest.param(400, "directory " * 3, id="12000 bytes"),
    ],
)
def test_a_tree_may_be_of_any_depth(vpo: Vpo, deep: Tree, levels: int, name: str) -> None:
    root = deep.root
    descriptor = open_deep(root, levels, name, make=True)
    for file in ("a.mkv", "b.mkv"):
        write_at(descriptor, file)
    os.mkdir("last", dir_fd=descriptor)
    below = os.open("last", os.O_RDONLY, dir_fd=descriptor)
    write_at(below, "c.mkv")
    os.close(below)
    deep.write("top.mkv")
    directory = "/".join([str(root), *[name] * levels])

    first = vpo.scan(root)
    assert (first["added"], first["errors"]) == (4, 0)
    again = vpo.scan(root)
    assert (again["skipped"], again["errors"]) == (4, 0)
    assert vpo.files("--under", str(root / name)).keys() == {
        f"{directory}/a.mkv",
        f"{directory}/b.mkv",
        f"{directory}/last/c.mkv",
    }
    shown = vpo.ok("files", "show", "--json", f"{directory}/a.mkv").json
    assert shown["path"] == f"{directory}/a.mkv"

    os.unlink("a.mkv", dir_fd=descriptor)
    os.unlink("last/c.mkv", dir_fd=descriptor)
    os.rmdir("last", dir_fd=descriptor)
    os.close(descriptor)
    gone = vpo.scan(root)
    assert (gone["removed"], gone["skipped"], gone["errors"]) == (2, 2, 0)
    remove_deep(root / name)
    gone = vpo.scan(root)
    assert (gone["removed"], gone["skipped"], gone["errors"]) == (1, 1, 0)
    assert vpo.scan(root, "--prune")["pruned"] == 3


def test_a_root_may_have_a_long_path(vpo: Vpo, deep: Tree) -> None:
    name = "long" * 50
    os.close(open_deep(deep.root, 18, name, make=True))
    root = deep.root.joinpath(*[name] * 18)
    below = open_deep(root, 5, name, make=True)
    write_at(below, "a.mkv")
    os.close(below)
    assert len(os.fsencode(root)) < 4096
    assert vpo.scan(root)["added"] == 1
    assert vpo.scan(root)["skipped"] == 1
    assert vpo.scan(deep.root)["skipped"] == 1


def test_a_device_is_known_by_a_path_of_any_length(vpo: Vpo, deep: Tree) -> None:
    descriptor = open_deep(deep.root, 30, "long" * 50, make=True)
    write_at(descriptor, "a.mkv")
    os.close(descriptor)
    vpo.scan(deep.root)
    with mounted(deep.root):
        deep.write("b.mkv")
        assert vpo.scan(deep.root, status=2)["code"] == "ROOT_OFFLINE"
    assert vpo.statuses() == {"a.mkv": "pending"}


def open_few() -> None:
    """Lets a process have no more than 128 files open."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))


def test_more_directories_than_may_be_open_are_scanned(vpo: Vpo, tree: Tree) -> None:
    for number in range(300):
        tree.write(f"{number}/sub/a.mkv")
    result = vpo.scan(tree.root, "--threads", "16", preexec_fn=open_few)
    assert (result["added"], result["errors"]) == (300, 0)


# -- Times and sizes -------------------------------------------------------------------

SECOND = 1_000_000_000
YEAR_2100 = 4_102_444_800 * SECOND
YEAR_2400 = 13_569_465_600 * SECOND


TIMES = {
    0: "1970-01-01T00:00:00.000000Z",
    -1: "1969-12-31T23:59:59.999999Z",
    -SECOND: "1969-12-31T23:59:59.000000Z",
    -SECOND - 1: "1969-12-31T23:59:58.999999Z",
    -(2**31) * SECOND: "1901-12-13T20:45:52.000000Z",
    2**31 * SECOND: "2038-01-19T03:14:08.000000Z",
    YEAR_2100 + 1999: "2100-01-01T00:00:00.000001Z",
    # Beyond what 64 bits of nanoseconds hold: the last moment that they do.
    YEAR_2400: "2262-04-11T23:47:16.854775Z",
    2**40 * SECOND: "2262-04-11T23:47:16.854775Z",
    -(2**40) * SECOND: "1677-09-21T00:12:43.145224Z",
}


@pytest.mark.parametrize("tmpfs", [False, True], ids=["disk", "tmpfs"])
def test_files_may_be_of_any_time(vpo: Vpo, tree: Tree, tmpfs: bool) -> None:
    with mounted(tree.root) if tmpfs else nullcontext():
        kept: dict[str, int] = {}
        for number, mtime_ns in enumerate(TIMES):
            path = tree.write(f"{number}.mkv")
            with suppress(OSError, OverflowError):
                os.utime(path, ns=(mtime_ns, mtime_ns))
                if os.stat(path).st_mtime_ns == mtime_ns:
                    kept[path.decode()] = mtime_ns
                    continue
            os.unlink(path)
        assert kept
        assert vpo.scan(tree.root)["added"] == len(kept)
        for _ in range(2):
            result = vpo.scan(tree.root)
            assert (result["skipped"], result["scanned"]) == (len(kept), 0)
        found = vpo.files()
        assert {path: file["modified_at"] for path, file in found.items()} == {
            path: TIMES[mtime_ns] for path, mtime_ns in kept.items()
        }
        assert {path: file["mtime_ns"] for path, file in found.items()} == {
            path: min(max(mtime_ns, -(2**63)), 2**63 - 1) for path, mtime_ns in kept.items()
        }
        with vpo.sql() as connection:
            viewed = dict(connection.execute("SELECT path, modified_at FROM library_files"))
        assert {path: f"{text[:19]}" for path, text in viewed.items()} == {
            path: file["modified_at"][:19] for path, file in found.items()
        }
        assert len(vpo.ok("files", "list").stdout.splitlines()) == len(kept) + 1
        for name, mtime_ns in kept.items():
            os.truncate(name, 5)
            os.utime(name, ns=(mtime_ns + SECOND, mtime_ns + SECOND))
        assert vpo.scan(tree.root)["scanned"] == len(kept)


def test_a_file_may_be_larger_than_4_tib(vpo: Vpo, tree: Tree) -> None:
    sizes = {"a.mkv": 5 * 2**40, "b.mkv": 2**32, "c.mkv": 2**31, "d.mkv": 0}
    for name, size in sizes.items():
        tree.write(name, b"")
        try:
            os.truncate(tree.path(name), size)
        except OSError:
            pytest.skip("the file system takes no file of that size")
        os.utime(tree.path(name), ns=(OLD_NS, OLD_NS))
    vpo.scan(tree.root)
    assert vpo.scan(tree.root)["skipped"] == 4
    found = {os.path.basename(path): file["size_bytes"] for path, file in vpo.files().items()}
    assert found == sizes
    assert "5.0 TiB" in vpo.ok("files", "list").stdout


# -- Trees that change underfoot ---------------------------------------------------------


class Churn:
    """Changes a tree without rest, in every way that a scan could stumble over."""

    def __init__(self, root: bytes, seed: int) -> None:
        self._root = root
        self._chance = seeded(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.rounds = 0

    def __enter__(self) -> Churn:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            # Anything may be in the way: that is the point.
            with suppress(OSError):
                self._change()
            self.rounds += 1

    def _change(self) -> None:
        chance = self._chance
        # Less than a hundred names, so that no guard has to be told that it is well.
        path = os.path.join(self._root, b"churn", b"%d" % chance.randrange(8))
        for _ in range(chance.randrange(3)):
            path = os.path.join(path, b"%d.mkv" % chance.randrange(3))
        what = chance.choice(("file", "directory", "link", "loop", "fifo", "move", "none", "grow"))
        if what == "grow":
            # Not blocking, as it may be a fifo.
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK)
            os.write(file, b"more")
            os.close(file)
            return
        if what == "move":
            os.rename(path, os.path.join(self._root, b"churn", b"%d" % chance.randrange(8)))
            return
        if stat.S_ISDIR(os.lstat(path).st_mode) if os.path.lexists(path) else False:
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
        if what == "file":
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as new:
                new.write(b"x" * chance.randrange(9))
        elif what == "directory":
            os.makedirs(path)
        elif what == "link":
            os.symlink(b"../0", path)
        elif what == "loop":
            os.symlink(b".", path)
        elif what == "fifo":
            os.mkfifo(path)


def on_disk(root: bytes) -> set[tuple[bytes, int, int]]:
    """Path, size and mtime of every file that a scan selects there."""
    found = set()
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode) and name.endswith(b".mkv"):
                found.add((path, status.st_size, status.st_mtime_ns))
    return found


@pytest.mark.parametrize("options", [(), ("--follow-symlinks",)], ids=["plain", "follow"])
def test_a_tree_that_changes_meanwhile_is_scanned_and_known_in_the_end(
    vpo: Vpo, tree: Tree, options: tuple[str, ...]
) -> None:
    tree.write_many(150, "stays")
    outcomes: list[Outcome] = []
    with Churn(os.fsencode(tree.root), seed=len(options)) as churn:
        until = time.monotonic() + 2.5
        while time.monotonic() < until or len(outcomes) < 4:
            outcomes.append(vpo.run("scan", "--json", *options, tree.root))
            assert outcomes[-1].status in (0, 1), outcomes[-1]
    assert churn.rounds > 100
    quiet = vpo.scan(tree.root)
    assert quiet["errors"] == 0
    with vpo.sql() as connection:
        rows = connection.execute(
            "SELECT f.path, f.size_bytes, f.mtime_ns FROM library_files f"
            " JOIN directories d ON d.id = f.directory_id JOIN files s ON s.id = f.id"
            " WHERE f.scan_status <> 'missing' AND NOT d.via_symlink AND NOT s.is_symlink"
        ).fetchall()
    known = {(os.fsencode(path), size, mtime) for path, size, mtime in rows}
    assert known == on_disk(os.fsencode(tree.root))
    vpo.check_integrity()
    assert vpo.scan(tree.root)["skipped"] == len(known)

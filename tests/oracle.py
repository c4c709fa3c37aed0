"""What the catalogue must say of a tree, told by `os.walk` and `os.stat` alone.

Nothing here shares code with the program: not the rules, not the comparison,
not the way paths are stored. Only names and globs of the lists below are used,
so that the rules can be written down in a few lines.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from support import OLD_NS

KINDS = {"video": {b"mkv", b"mp4"}, "audio": {b"mp3"}, "image": {b"jpg"}, "sidecar": {b"srt"}}

FILE_NAMES = (
    b"a.mkv",
    b"b.mkv",
    b"c.MP4",
    b"d.mp3",
    b"e.jpg",
    b"a.srt",
    b"keep.srt",
    b"notes.txt",
    b"a.mkv.part",
    b"none",
    b".hidden.mkv",
    b".mkv",
    b"._a.mkv",
    b"Thumbs.db",
    b"\xff\xfe.mkv",
    b"two\nlines.mkv",
    b"\xc3\xa9.mkv",
    b"e\xcc\x81.mkv",
    b"\x1b[31m%_'\\.jpg",
)

# Some are names of files too, some sort around "d/", some are junk.
DIRECTORY_NAMES = (
    b"d",
    b"d!",
    b"d0",
    b"e",
    b"extras",
    b"Season 1",
    b".h",
    b"@eaDir",
    b"$Recycle.bin",
    b"\xe9t\xe9",
    b"new\nline",
    b"a.mkv",
    b"%",
)

JUNK = (b"@eaDir", b"$Recycle.bin", b"Thumbs.db", b"._a.mkv")

MAX_DEPTH = 4


# -- The rules -----------------------------------------------------------------

Matches = Callable[[list[str], bool], bool]
"""Whether a path's components, of a directory or not, fit a glob."""

GLOBS: dict[str, Matches] = {
    "*.srt": lambda parts, _: fnmatchcase(parts[-1], "*.srt"),
    "!keep.srt": lambda parts, _: parts[-1] == "keep.srt",
    "extras/": lambda parts, is_directory: is_directory and parts[-1] == "extras",
    "/d": lambda parts, _: parts == ["d"],
    "d/*.mkv": lambda parts, _: parts[:-1] == ["d"] and fnmatchcase(parts[-1], "*.mkv"),
    "**/e/**": lambda parts, _: "e" in parts[:-1],
    "a.mkv": lambda parts, _: parts[-1] == "a.mkv",
}


@dataclass(frozen=True)
class ScanRules:
    """Which files a scan selects."""

    kinds: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    hidden: bool = False

    def args(self) -> list[str]:
        """The rules as options."""
        args = [f"--exclude={glob}" for glob in self.excludes]
        args += [f"--kind={kind}" for kind in self.kinds]
        args += [f"--extensions={extension}" for extension in self.extensions]
        return [*args, "--hidden"] if self.hidden else args

    def excludes_path(self, relative: bytes, *, is_directory: bool) -> bool:
        """Whether a glob leaves the path out; the last one that fits decides."""
        parts = relative.decode("latin-1").split("/")
        fitting = [glob for glob in self.excludes if GLOBS[glob](parts, is_directory)]
        return bool(fitting) and not fitting[-1].startswith("!")

    def skips_name(self, name: bytes) -> bool:
        """Whether the name alone rules an entry out."""
        return name in JUNK or (name.startswith(b".") and not self.hidden)

    def enters(self, relative: bytes) -> bool:
        """Whether a directory, whose parent is entered, is entered too."""
        name = os.path.basename(relative)
        return not (self.skips_name(name) or self.excludes_path(relative, is_directory=True))

    def selects(self, relative: bytes) -> bool:
        """Whether a file, whose directory is entered, is selected."""
        stem, dot, extension = os.path.basename(relative).rpartition(b".")
        wanted = {each.lstrip(".").lower().encode() for each in self.extensions}
        kinds = self.kinds or (() if wanted else tuple(KINDS))
        wanted.update(*(KINDS[kind] for kind in kinds))
        return (
            bool(stem and dot)
            and extension.lower() in wanted
            and not self.skips_name(os.path.basename(relative))
            and not self.excludes_path(relative, is_directory=False)
        )


DEFAULT_RULES = ScanRules()


# -- The catalogue ---------------------------------------------------------------


class Row(NamedTuple):
    """What the catalogue has of a file; the id is None for one yet to be added."""

    id: int | None
    is_missing: bool
    size_bytes: int
    mtime_ns: int
    inode: int | None
    token: str | None = None
    """What was recorded of its content, as `mark` does: a digest, and a track."""


Rows = dict[bytes, Row]


class Catalogue(NamedTuple):
    """A library as it is."""

    rows: Rows
    jobs: list[tuple[str, str]]
    """Status and summary of each job."""
    moves: list[tuple[int, bytes]]
    """Ids of what was moved, in order, and where it was."""
    everything: list[str]
    """All that is in it, as SQL."""


NO_CATALOGUE = Catalogue({}, [], [], [])


def read_catalogue(database: str, scratch: str) -> Catalogue:
    """Reads and checks the library.

    It is read from a copy, so that what a killed process left behind (the WAL)
    is for the next run of the program to clear up, not for the test.
    """
    if not os.path.exists(database):
        return NO_CATALOGUE
    copy = os.path.join(scratch, "copy.db")
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(copy + suffix):
            os.unlink(copy + suffix)
        if suffix != "-shm" and os.path.exists(database + suffix):
            shutil.copyfile(database + suffix, copy + suffix)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            return NO_CATALOGUE  # Killed before it was made.
        jobs = connection.execute("SELECT status, summary_json FROM jobs ORDER BY rowid").fetchall()
        moves = connection.execute(
            "SELECT file_id, path FROM file_changes WHERE change = 'moved' ORDER BY id"
        )
        return Catalogue(
            _read_rows(connection),
            jobs,
            [(file_id, _bytes(path)) for file_id, path in moves],
            list(connection.iterdump()),
        )


def mark(database: str) -> None:
    """Records something of the content of each file that nothing is recorded of."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO tracks (file_id, track_index, track_type, title)"
            " SELECT id, 0, 'video', 'blake3:' || id FROM files WHERE content_hash IS NULL"
        )
        connection.execute(
            "UPDATE files SET content_hash = 'blake3:' || id WHERE content_hash IS NULL"
        )


def _read_rows(connection: sqlite3.Connection) -> Rows:
    rows: Rows = {}
    for directory, name, status, since, *numbers in connection.execute(
        "SELECT d.path, f.name, f.scan_status, f.missing_since, f.id, f.size_bytes, f.mtime_ns,"
        " f.inode, f.content_hash, (SELECT group_concat(title) FROM tracks WHERE file_id = f.id)"
        " FROM files f JOIN directories d ON d.id = f.directory_id"
    ):
        path = os.path.join(_bytes(directory), _bytes(name))
        # TEXT and BLOB of the same bytes differ to SQLite: its UNIQUE is not enough.
        assert path not in rows, f"{path!r} is in the catalogue twice"
        assert (since is not None) == (status == "missing"), path
        file_id, size_bytes, mtime_ns, inode, digest, track = numbers
        assert digest == track, path
        rows[path] = Row(file_id, status == "missing", size_bytes, mtime_ns, inode, digest)
    return rows


def _bytes(stored: str | bytes) -> bytes:
    if isinstance(stored, str):
        return stored.encode()
    try:
        stored.decode()
    except UnicodeDecodeError:
        return stored
    raise AssertionError(f"{stored!r} is UTF-8, but not stored as text")


# -- What a scan must do -----------------------------------------------------------


_COUNTS = (
    "total_discovered",
    "scanned",
    "skipped",
    "added",
    "moved",
    "removed",
    "errors",
    "pruned",
)


@dataclass
class Expectation:
    """What a completed scan leaves behind, and what it says of itself."""

    rows: Rows
    status: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    moved: dict[bytes, bytes] = field(default_factory=dict)
    """Where files are that were moved, and where they were."""
    is_unclear: bool = False
    """Whether the evidence fits several files, and so the program may decide."""


def expect_scan(
    before: Rows, root: bytes, rules: ScanRules, decided: Rows, *, full: bool, prune: bool
) -> Expectation:
    """What a scan of `root` makes of the rows.

    `decided` are the rows after it, for what the evidence leaves open: which of two
    hard links was moved.
    """
    expected = Expectation(dict(before))
    rows, counts = expected.rows, expected.counts
    found = selected_files(root, rules)
    counts["total_discovered"] = len(found)
    _expect_moves(expected, before, found, decided)
    for path, seen in found.items():
        known = before.get(expected.moved.get(path, path))
        is_same = known is not None and not _is_other(known, seen)
        rows[path] = seen._replace(
            id=known.id if known else None, token=known.token if known and is_same else None
        )
        counts["moved" if path in expected.moved else _count_for(known, seen, full=full)] += 1
    left = set(expected.moved.values())
    for path, known in before.items():
        if path in left:
            del rows[path]
        elif path.startswith(root + b"/") and path not in found:
            if not known.is_missing and _must_be_missing(path, root, rules):
                rows[path] = known = known._replace(is_missing=True)
                counts["removed"] += 1
            if prune and known.is_missing:
                del rows[path]
                counts["pruned"] += 1
    return expected


def _expect_moves(expected: Expectation, before: Rows, found: Rows, decided: Rows) -> None:
    """Files of which nothing is known at their place, and that are no longer at another."""
    arrivals: dict[tuple[int | None, int, int], list[bytes]] = {}
    departures: dict[tuple[int | None, int, int], list[bytes]] = {}
    for path, seen in found.items():
        if path not in before:
            arrivals.setdefault(_evidence(seen), []).append(path)
    for path, known in before.items():
        if _evidence(known) in arrivals and not _is_file(path):
            departures.setdefault(_evidence(known), []).append(path)
    for evidence, all_sources in departures.items():
        targets = arrivals[evidence]
        # What was gone before was elsewhere since.
        sources = [path for path in all_sources if not before[path].is_missing] or all_sources
        if len(sources) == len(targets) == 1:
            expected.moved[targets[0]] = sources[0]
            continue
        expected.is_unclear = True
        ids = {before[path].id: path for path in sources}
        for path in targets:
            if path in decided and decided[path].id in ids:
                expected.moved[path] = ids[decided[path].id]


def _evidence(row: Row) -> tuple[int | None, int, int]:
    return row.inode, row.size_bytes, row.mtime_ns


def _is_file(path: bytes) -> bool:
    return os.path.lexists(path) and stat.S_ISREG(os.lstat(path).st_mode)


def _is_other(known: Row, seen: Row) -> bool:
    """Whether another file, or other content, is at the place of a known one."""
    if (known.size_bytes, known.mtime_ns) != (seen.size_bytes, seen.mtime_ns):
        return True
    # One that came back as it was may be a copy.
    return known.inode != seen.inode and not known.is_missing


def _count_for(known: Row | None, seen: Row, *, full: bool) -> str:
    if known is None:
        return "added"
    if _is_other(known, seen):
        return "scanned"
    return "scanned" if full and not known.is_missing else "skipped"


def selected_files(root: bytes, rules: ScanRules) -> Rows:
    """The files below `root` that the rules select, as they are on disk."""

    def fail(error: OSError) -> None:
        raise error

    found: Rows = {}
    for directory, subdirectories, names in os.walk(root, onerror=fail):
        subdirectories[:] = [
            name for name in subdirectories if rules.enters(_relative(root, directory, name))
        ]
        for name in names:
            path = os.path.join(directory, name)
            seen = os.lstat(path)
            if stat.S_ISREG(seen.st_mode) and rules.selects(_relative(root, directory, name)):
                found[path] = Row(None, False, seen.st_size, seen.st_mtime_ns, seen.st_ino)
    return found


def _relative(root: bytes, directory: bytes, name: bytes) -> bytes:
    return os.path.join(directory, name)[len(root) + 1 :]


def _must_be_missing(path: bytes, root: bytes, rules: ScanRules) -> bool:
    """Whether a scan that did not see the file knows by that that it is gone.

    Gone with its directory it is, whatever the rules say of its own name.
    """
    relative = path[len(root) + 1 :]
    parts = relative.split(b"/")
    for length in range(1, len(parts)):
        directory = b"/".join(parts[:length])
        if not rules.enters(directory):
            return False
        absolute = os.path.join(root, directory)
        if os.path.islink(absolute) or not os.path.isdir(absolute):
            return True
    return rules.selects(relative)


# -- The tree ------------------------------------------------------------------------


class Disk:
    """A tree, and things that happen to it.

    What is worked on is picked by number out of what is there, in order of the
    paths, so that a run can be repeated. Where nothing fits, nothing happens.
    """

    def __init__(self, root: bytes) -> None:
        self.root = root
        self._aside = os.path.join(os.path.dirname(root), b"aside")
        self._away: list[tuple[bytes, bytes]] = []
        """What was taken away: where it was, and where it is kept."""
        self._taken = 0

    # -- Looking

    def directories(self) -> list[bytes]:
        """All directories, the root first."""
        return sorted(directory for directory, _, _ in os.walk(self.root))

    def files(self) -> list[bytes]:
        """All regular files."""
        return [path for path in self.entries() if stat.S_ISREG(os.lstat(path).st_mode)]

    def entries(self) -> list[bytes]:
        """Everything below the root."""
        return sorted(
            os.path.join(top, name)
            for top, directories, others in os.walk(self.root)
            for name in (*directories, *others)
        )

    def _directory(self, pick: int) -> bytes:
        """One of the directories to put something in, not too deep down."""
        depth = self.root.count(b"/") + MAX_DEPTH
        fitting = [path for path in self.directories() if path.count(b"/") < depth]
        return fitting[pick % len(fitting)]

    def _below_root(self, pick: int) -> bytes | None:
        directories = self.directories()[1:]
        return directories[pick % len(directories)] if directories else None

    def _file(self, pick: int) -> bytes | None:
        files = self.files()
        return files[pick % len(files)] if files else None

    def _entry(self, pick: int) -> bytes | None:
        entries = self.entries()
        return entries[pick % len(entries)] if entries else None

    # -- Making

    def write(self, at: int, name: bytes, size: int, mtime_ns: int | None) -> None:
        """Makes a file, or rewrites one in place."""
        self.write_file(os.path.join(self._directory(at), name), size, mtime_ns)

    def write_file(self, path: bytes, size: int, mtime_ns: int | None = OLD_NS) -> None:
        """Writes at a path; `mtime_ns` None leaves what the clock gave it."""
        if os.path.islink(path):
            os.unlink(path)
        if os.path.lexists(path):
            if not stat.S_ISREG(os.lstat(path).st_mode):
                return
            os.chmod(path, 0o644)
        with open(path, "wb") as file:
            file.write(b"x" * size)
        if mtime_ns is not None:
            os.utime(path, ns=(mtime_ns, mtime_ns))

    def make_directory(self, at: int, directory: bytes, names: list[bytes]) -> None:
        """Makes a directory with some files."""
        path = os.path.join(self._directory(at), directory)
        if not os.path.lexists(path):
            os.mkdir(path)
        if os.path.isdir(path) and not os.path.islink(path):
            for size, name in enumerate(names):
                self.write_file(os.path.join(path, name), size)

    def make_many(self, at: int, count: int) -> None:
        """Makes many files, for a scan to be busy with."""
        directory = self._directory(at)
        for number in range(count):
            self.write_file(os.path.join(directory, b"%04d.mkv" % number), number % 7)

    def make_fifo(self, at: int, name: bytes) -> None:
        """Makes what is neither file nor directory."""
        path = os.path.join(self._directory(at), name)
        if not os.path.lexists(path):
            os.mkfifo(path)

    def hard_link(self, pick: int, at: int, name: bytes) -> None:
        """Gives a file another name."""
        link = os.path.join(self._directory(at), name)
        if (path := self._file(pick)) and not os.path.lexists(link):
            os.link(path, link)

    def symlink(self, pick: int, at: int, name: bytes, replace: bool) -> None:
        """Makes a link to a file or a directory, maybe in the place of something."""
        link, target = os.path.join(self._directory(at), name), self._entry(pick)
        if target and replace and os.path.lexists(link):
            self._remove(link)
        if target and not os.path.lexists(link):
            os.symlink(target, link)

    # -- Removing

    def remove(self, pick: int) -> None:
        """Removes anything, a directory with all that is in it."""
        if path := self._entry(pick):
            self._remove(path)

    def remove_file(self, pick: int) -> None:
        """Removes a file."""
        if path := self._file(pick):
            self._remove(path)

    def empty(self, pick: int) -> None:
        """Removes everything, as if the disk was formatted; one time in four."""
        for name in os.listdir(self.root) if pick % 4 == 0 else ():
            self._remove(os.path.join(self.root, name))

    def take_away(self, pick: int) -> None:
        """Moves anything out of the tree, to be put back as it was."""
        if path := self._entry(pick):
            self._taken += 1
            kept = b"%s.%d" % (self._aside, self._taken)
            os.rename(path, kept)
            self._away.append((path, kept))

    def put_back(self, pick: int) -> None:
        """Puts back what was taken away, if there still is a place for it."""
        if self._away:
            path, kept = self._away[pick % len(self._away)]
            if os.path.isdir(os.path.dirname(path)) and not os.path.lexists(path):
                os.rename(kept, path)
                self._away.remove((path, kept))

    def _remove(self, path: bytes) -> None:
        """Removes anything, so that no other file gets its inode.

        Such a file of the same size and mtime is another one only by when it was made,
        and that is not told exactly.
        """
        self._taken += 1
        os.rename(path, b"%s.%d" % (self._aside, self._taken))

    # -- Changing a file

    def grow(self, pick: int, by: int, keep_mtime: bool) -> None:
        """Makes a file larger."""
        if path := self._file(pick):
            seen = os.stat(path)
            self.write_file(path, seen.st_size + by, seen.st_mtime_ns if keep_mtime else None)

    def rewrite(self, pick: int, mtime_ns: int | None) -> None:
        """Rewrites a file with as many bytes."""
        if path := self._file(pick):
            self.write_file(path, os.stat(path).st_size, mtime_ns)

    def touch(self, pick: int, by_ns: int) -> None:
        """Moves a file's mtime, to before 1970 or the future too."""
        if path := self._file(pick):
            mtime_ns = os.stat(path).st_mtime_ns + by_ns
            # What ext4 can hold ends in 1901 and 2446.
            os.utime(path, ns=(OLD_NS, max(-(2**60), min(mtime_ns, 2**62))))

    def chmod(self, pick: int, mode: int) -> None:
        """Changes a file's mode, which is no change to the catalogue."""
        if path := self._file(pick):
            os.chmod(path, mode)

    # -- Moving

    def rename_file(self, pick: int, at: int, name: bytes) -> None:
        """Moves a file, over another one too."""
        target = os.path.join(self._directory(at), name)
        if (path := self._file(pick)) and (os.path.islink(target) or not os.path.isdir(target)):
            if os.path.lexists(target) and not _is_same(path, target):
                self._remove(target)
            os.rename(path, target)

    def rename_directory(self, pick: int, at: int, name: bytes) -> None:
        """Moves a directory, into another one too."""
        target = os.path.join(self._directory(at), name)
        path = self._below_root(pick)
        if path and not os.path.lexists(target) and not _is_within(target, path):
            os.rename(path, target)

    def swap(self, one: int, other: int) -> None:
        """Lets any two things change places, files and directories too."""
        self._swap(self._entry(one), self._entry(other))

    def swap_alike(self, one: int, other: int) -> None:
        """Lets two files of the same size and mtime change places."""
        for path in (paths := (self._file(one), self._file(other))):
            if path:
                self.write_file(path, 3)
        self._swap(*paths)

    def swap_directories(self, one: int, other: int) -> None:
        """Lets two directories change places."""
        self._swap(self._below_root(one), self._below_root(other))

    def _swap(self, one: bytes | None, other: bytes | None) -> None:
        if one and other and not _is_within(one, other) and not _is_within(other, one):
            os.rename(one, self._aside)
            os.rename(other, one)
            os.rename(self._aside, other)

    def replace_by_copy(self, pick: int) -> None:
        """Puts another file of the same size and mtime in a file's place."""
        if path := self._file(pick):
            seen = os.stat(path)
            self.write_file(self._aside, seen.st_size, seen.st_mtime_ns)
            self._remove(path)
            os.rename(self._aside, path)

    def replace_by_directory(self, pick: int, name: bytes) -> None:
        """Puts a directory in a file's place."""
        if path := self._file(pick):
            self._remove(path)
            os.mkdir(path)
            self.write_file(os.path.join(path, name), 1)

    def replace_by_file(self, pick: int, size: int) -> None:
        """Puts a file in a directory's place."""
        if path := self._below_root(pick):
            self._remove(path)
            self.write_file(path, size)


def _is_same(one: bytes, other: bytes) -> bool:
    # Renaming one name of a file to another of it does nothing.
    return os.path.samestat(os.lstat(one), os.lstat(other))


def _is_within(path: bytes, directory: bytes) -> bool:
    return (path + b"/").startswith(directory + b"/")

"""Files and directories that were renamed or moved: they keep their records.

The evidence, in order. A directory whose fingerprint, inodes included, is that of
one that is gone from the same file system. A file with the inode, size and mtime of
one that is gone from the same file system, made no later than that was recorded. Once
a new file was read, its size and quick hash, and where several are equal in those, the
digest of all its content.

A record is taken only if nothing is at its path any more, and only if no other
could be meant as well: then the file is an addition, and the other a removal.
Several new names of one file (hard links) are no question: one of them takes it.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from vpo._engine import Digester, Directory, birth_time
from vpo.base.paths import StoredPath, from_stored, is_within, join
from vpo.db import file_changes as change_table
from vpo.db import files as file_table
from vpo.db import job_history
from vpo.db import moves as move_table
from vpo.db import roots as root_table
from vpo.db.file_changes import FileChange
from vpo.db.moves import FormerFile, Move, NewFile
from vpo.places.filesystems import identity
from vpo.places.letter_case import is_respelled
from vpo.scanner.compare import Columns, is_younger

# More files of one quick identity than this are not told apart.
MOST_ALIKE = 64

# Nor is one of more names than this: copies of a disk as it was each day share their
# files, by the thousand, and whether each name is still there would have to be asked.
MOST_NAMES = 16

POLL_SECONDS = 0.1

# Files whose quick hashes are looked up at a time.
FILES_AT_A_TIME = 5000


def _is_gone(path: bytes, *, or_link: bool, is_one: Callable[[int], bool] = stat.S_ISREG) -> bool:
    """Whether there is no file at the path, nor a link, if it can be one.

    `is_one` tells by a mode whether it is a file (or else a directory). False also if
    it cannot be looked at.
    """
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return not (is_one(mode) or (or_link and stat.S_ISLNK(mode)))


def directory_before(
    connection: sqlite3.Connection,
    directory: Directory,
    columns: Columns,
    filesystem: int | None,
    *,
    follow_symlinks: bool,
) -> move_table.FormerDirectory | None:
    """The record of a new directory that is one under another name."""
    fingerprint, count = directory.fingerprint, directory.stop - directory.start
    if fingerprint is None or filesystem is None or not count:
        return None
    if None in columns.inodes[directory.start : directory.stop]:
        # Then the fingerprint does not tell one file from another of its name.
        return None
    alike = move_table.directories_with_fingerprint(connection, fingerprint, limit=MOST_NAMES + 1)
    if len(alike) > MOST_NAMES:
        return None
    candidates = [
        former
        for former in alike
        if former.filesystem_id == filesystem
        and (former.files, former.missing) == (count, 0)
        and (
            _is_gone(
                from_stored(former.path),
                or_link=follow_symlinks or bool(former.via_symlink),
                is_one=stat.S_ISDIR,
            )
            or is_respelled(from_stored(former.path), from_stored(directory.path))
        )
    ]
    return candidates[0] if len(candidates) == 1 else None


class Arrivals:
    """Files that have no record at their path, looked up by what they are."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        columns: Columns,
        rows: Iterable[int],
        taken: set[int],
        *,
        follow_symlinks: bool,
    ) -> None:
        """`taken` are the ids of records that were found elsewhere already."""
        self._connection = connection
        self._columns = columns
        self._follow = follow_symlinks
        self._taken = taken
        self._former: dict[tuple[int, int, int], list[FormerFile]] = defaultdict(list)
        inodes = {
            (inode, columns.sizes[row], columns.mtimes[row])
            for row in rows
            if (inode := columns.inodes[row]) is not None
        }
        if inodes:
            for former in move_table.files_with_inodes(connection, inodes, limit=MOST_NAMES + 1):
                assert former.inode is not None
                key = (former.inode, former.size_bytes, former.mtime_ns)
                self._former[key].append(former)
        for key in [key for key, each in self._former.items() if len(each) > MOST_NAMES]:
            del self._former[key]

    def __bool__(self) -> bool:
        return bool(self._former)

    def before(self, row: int, filesystem: int | None, directory: StoredPath) -> FormerFile | None:
        """The record of the file of a row, which is in `directory`; it is not given again."""
        columns = self._columns
        inode = columns.inodes[row]
        if inode is None or filesystem is None:
            return None
        candidates = [
            former
            for former in self._former.get((inode, columns.sizes[row], columns.mtimes[row]), ())
            if former.filesystem_id == filesystem
            and bool(former.is_symlink) == columns.symlinks[row]
            and former.id not in self._taken
            and self._is_gone(former, join(directory, columns.names[row]))
        ]
        # The inode was seen with those that are not missing after it was with the others.
        candidates = [
            former for former in candidates if former.scan_status != "missing"
        ] or candidates
        if len(candidates) != 1:
            return None
        path = join(directory, columns.names[row])
        if is_another(self._connection, path, candidates[0], follow=columns.symlinks[row]):
            return None
        self._taken.add(candidates[0].id)
        return candidates[0]

    def _is_gone(self, former: FormerFile, now: StoredPath) -> bool:
        path = from_stored(join(former.directory, former.name))
        return _is_gone(path, or_link=self._follow or bool(former.is_symlink)) or is_respelled(
            path, from_stored(now)
        )


def is_another(
    connection: sqlite3.Connection, path: StoredPath, former: FormerFile, *, follow: bool
) -> bool:
    """Whether the file at a path is too young to be the one that was recorded.

    Then it has the inode of one that was deleted.
    """
    since = birth_time(path, follow=follow)
    if since is None or not is_younger(since, former.scanned_at):
        return False
    # Recorded it was some time after its scan began.
    ended = job_history.end_of_scan(connection, former.scanned_at)
    return ended is None or is_younger(since, ended)


def ctime_now(former: FormerFile, path: StoredPath) -> int | None:
    """The ctime to go with a file's digest: what it was, if it is that still.

    Else it is not known any more. A rename gives the file another one, and so does who
    wrote it before that.
    """
    if former.ctime_ns is None:
        return None
    try:
        found = os.stat(from_stored(path))
    except OSError:
        return None
    return former.ctime_ns if found.st_ctime_ns == former.ctime_ns else None


class Pair(NamedTuple):
    """A new file, and the record of what it is."""

    new: NewFile
    former: FormerFile
    is_proved: bool
    """Whether all content is the same, not only the ends."""

    @property
    def may_be_written(self) -> bool:
        """Whether the file may have been written to since it was recorded."""
        return not self.is_proved and self.new.mtime_ns != self.former.mtime_ns


class ByContent:
    """New files that have the content of files that are gone."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        root: bytes,
        missing: Collection[int],
        threads: int,
        go_on: Callable[[], None],
    ) -> None:
        """`missing` are the ids of records that the scan of `root` has seen to be gone.

        `go_on` is called often, and may raise to end it.
        """
        self._connection = connection
        self._root = root
        self._missing = missing
        self._threads = threads
        self._go_on = go_on

    def find(self, read: Iterable[int], added_by: Collection[int]) -> list[Pair]:
        """Pairs of a new file and the record of what it is.

        New are those of the files `read` which one of the jobs `added_by` has added: what
        was known before was there beside the other, and so is a copy.
        """
        new: dict[tuple[int, bytes], list[NewFile]] = defaultdict(list)
        ids = list(read)
        for start in range(0, len(ids), FILES_AT_A_TIME):
            for file in move_table.new_files(
                self._connection, ids[start : start + FILES_AT_A_TIME], added_by
            ):
                new[file.size_bytes, file.quick_hash].append(file)
        pairs: list[Pair] = []
        unclear = []
        for (size, quick_hash), files in new.items():
            if len(files) > MOST_ALIKE:
                continue
            alike = move_table.files_with_quick_hash(
                self._connection, size, quick_hash, limit=MOST_ALIKE + len(files)
            )
            if len(alike) == MOST_ALIKE + len(files):
                continue
            are_new = {file.id for file in files}
            gone = [file for file in alike if file.id not in are_new and self._is_gone(file)]
            if len(gone) == 1 and len(files) == 1:
                pairs.append(Pair(files[0], gone[0], is_proved=False))
            elif gone:
                unclear.append((files, gone))
        pairs += self._by_digest(unclear)
        # Of another kind it is not what was read of the other.
        return [pair for pair in pairs if pair.new.kind == pair.former.kind]

    def _is_gone(self, file: FormerFile) -> bool:
        """Whether a file is gone: found so by a scan or, elsewhere, right now."""
        if file.id in self._missing:
            return True
        path = from_stored(join(file.directory, file.name))
        if not _is_gone(path, or_link=True):
            return False
        if file.scan_status == "missing" or is_within(path, self._root):
            return file.scan_status == "missing"
        # The file system that it was on must be there to say so.
        above = os.path.dirname(path)
        while not os.path.isdir(above) and above not in (b"/", b""):
            above = os.path.dirname(above)
        try:
            name = identity(above, os.stat(above).st_dev)
        except OSError:
            return False
        return name is not None and file.filesystem_id == root_table.find_filesystem(
            self._connection, name
        )

    def _by_digest(self, unclear: list[tuple[list[NewFile], list[FormerFile]]]) -> list[Pair]:
        """Pairs among files alike, by the digest of all their content."""
        to_read = [
            file
            for files, gone in unclear
            if all((former.content_hash or "").startswith("blake3:") for former in gone)
            for file in files
        ]
        if not to_read:
            return []
        digester = Digester(threads=self._threads)
        digester.submit(
            (
                (
                    file.id,
                    join(file.directory, file.name),
                    file.size_bytes,
                    file.mtime_ns,
                    bool(file.is_symlink),
                )
                for file in to_read
            ),
            ["blake3"],
        )
        digests: dict[int, str] = {}
        while digester.outstanding:
            self._go_on()
            for answer in digester.take(POLL_SECONDS):
                if answer.digests is not None:
                    digests[answer.key] = f"blake3:{answer.digests['blake3']}"
        pairs = []
        for files, gone in unclear:
            for former in gone:
                same = [file for file in files if digests.get(file.id) == former.content_hash]
                rivals = [other for other in gone if other.content_hash == former.content_hash]
                if len(same) == 1 and len(rivals) == 1 and former.content_hash:
                    pairs.append(Pair(same[0], former, is_proved=True))
        return pairs

    def record(self, pairs: list[Pair], *, job: int, scanned_at: str) -> list[Pair]:
        """Gives new files the records of those that they are. In the caller's transaction.

        Returns the pairs but those of which another process has changed a record since.
        """
        connection = self._connection
        now = move_table.former_files(
            connection, (file.id for pair in pairs for file in (pair.new, pair.former))
        )
        pairs = [
            pair
            for pair in pairs
            if now.get(pair.former.id) == pair.former
            and (found := now.get(pair.new.id)) is not None
            and (found.directory_id, found.name) == (pair.new.directory_id, pair.new.name)
            and (found.size_bytes, found.mtime_ns) == (pair.new.size_bytes, pair.new.mtime_ns)
        ]
        # The ends are the same. What is between them may have been changed by whoever changed
        # the mtime. A copy that kept it is to have the digest of what it was made of: `verify`
        # tells if it has not.
        written = {pair.former.id for pair in pairs if pair.may_be_written}
        move_table.forget_content(connection, written)
        file_table.delete_files(connection, (pair.new.id for pair in pairs))
        move_table.move_files(
            connection,
            (
                Move(
                    new.directory_id,
                    new.name,
                    new.extension,
                    new.kind,
                    new.mtime_ns,
                    new.inode,
                    bool(new.is_symlink),
                    # It is another inode, of which nothing was known.
                    None,
                    former.id in written,
                    former.id,
                )
                for new, former, _ in pairs
            ),
            scanned_at,
        )
        move_table.unsettle(
            connection,
            {pair.former.directory_id for pair in pairs if pair.former.scan_status != "missing"},
        )
        move_table.forget_removal(connection, job, (pair.former.id for pair in pairs))
        change_table.add_changes(
            connection,
            job,
            (
                FileChange(
                    former.id,
                    "moved",
                    "content",
                    former.size_bytes,
                    former.mtime_ns,
                    new.size_bytes,
                    new.mtime_ns,
                    path=join(former.directory, former.name),
                )
                for new, former, _ in pairs
            ),
        )
        return pairs

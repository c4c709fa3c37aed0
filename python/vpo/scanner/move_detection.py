"""Finds the records of files and directories that were renamed or moved.

The evidence, in order:

1. A new directory has the fingerprint, inodes included, of a directory that is gone from the
   same file system.
2. A new file has the inode, size and mtime of a file that is gone from the same file system,
   and was not made after that one was recorded.
3. A new file was read and has the size and quick hash of a file that is gone. If several
   files have these, the digest of the whole content decides. If several files have the same
   content, their places in the tree decide: the names at the end of their paths.

A file gets a record only if nothing is at the record's path any more and no other record fits
as well. If several fit, vpo does not guess: the file is new and the others are missing. Hard
links are the exception: one of the new names of a file gets the record.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from vpo._engine import Directory, birth_time
from vpo.base.paths import StoredPath, from_stored, is_within, join
from vpo.content.algorithms import RECORDED, RECORDED_PREFIX
from vpo.content.digests import recorded_digest
from vpo.content.hashing import FileToRead, HashingQueue
from vpo.db import counts, file_facts, job_history
from vpo.db import directories as directory_table
from vpo.db import file_changes as change_table
from vpo.db import moves as move_table
from vpo.db.file_changes import FileChange
from vpo.db.file_facts import Move
from vpo.db.moves import FormerFile, NewFile
from vpo.jobs.progress import Progress
from vpo.places.directories import nearest_directory
from vpo.places.filesystems import identity
from vpo.places.letter_case import is_respelled
from vpo.places.patience import answers
from vpo.places.recognition import is_same_filesystem
from vpo.scanner.compare import Columns, is_younger
from vpo.scanner.state import ScanState

# If more files than this have one size and quick hash, vpo does not look for moves among them.
# An album cover or a subtitle may be in hundreds of directories.
MOST_ALIKE = 1024

# Of more files than this, only the places in the tree decide: reading all of them takes too long.
MOST_TO_READ = 64

# The same goes for a file with more names than this. Daily snapshots of a disk share files by
# the thousand, and vpo would have to look whether each name still exists.
MOST_NAMES = 16

# Files whose quick hashes are looked up at a time.
FILES_AT_A_TIME = 5000


def _is_gone(path: bytes, *, or_link: bool, is_one: Callable[[int], bool] = stat.S_ISREG) -> bool:
    """Whether there is no file at the path, and, with `or_link`, no link either.

    `is_one` decides by the mode what counts as the file (or as the directory). False also if
    the path cannot be looked at.
    """
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return not (is_one(mode) or (or_link and stat.S_ISLNK(mode)))


def directory_before(
    state: ScanState, directory: Directory, columns: Columns
) -> move_table.FormerDirectory | None:
    """The record that a new directory has under another name, if exactly one fits."""
    fingerprint, count = directory.fingerprint, directory.stop - directory.start
    filesystem = state.filesystem(directory.path, directory.device)
    if fingerprint is None or filesystem is None or not count:
        return None
    if None in columns.inodes[directory.start : directory.stop]:
        # Without inodes, the fingerprint does not distinguish files of the same name.
        return None
    alike = move_table.directories_with_fingerprint(
        state.connection, fingerprint, limit=MOST_NAMES + 1
    )
    follow_symlinks = state.options.rules.follow_symlinks
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
    """Files without a record at their path, and the records that may be theirs."""

    def __init__(self, state: ScanState, columns: Columns, rows: Iterable[int]) -> None:
        self._connection = state.connection
        self._columns = columns
        self._follow = state.options.rules.follow_symlinks
        self._taken = state.moved_files
        self._former: dict[tuple[int, int, int], list[FormerFile]] = defaultdict(list)
        inodes = {
            (inode, columns.sizes[row], columns.mtimes[row])
            for row in rows
            if (inode := columns.inodes[row]) is not None
        }
        if inodes:
            for former in move_table.files_with_inodes(
                state.connection, inodes, limit=MOST_NAMES + 1
            ):
                assert former.inode is not None
                key = (former.inode, former.size_bytes, former.mtime_ns)
                self._former[key].append(former)
        for key in [key for key, each in self._former.items() if len(each) > MOST_NAMES]:
            del self._former[key]

    def __bool__(self) -> bool:
        return bool(self._former)

    def before(self, row: int, filesystem: int | None, directory: StoredPath) -> FormerFile | None:
        """The record that the file of a row, in `directory`, had before. Given only once."""
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
        # Records that are not missing had the inode later than the missing ones.
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
    """Whether the file at a path is too young to be the recorded one.

    Then it was given the inode of a file that was deleted.
    """
    since = birth_time(path, follow=follow)
    if since is None or not is_younger(since, former.scanned_at):
        return False
    # The record was written some time after its scan began.
    ended = job_history.end_of_scan(connection, former.scanned_at)
    return ended is None or is_younger(since, ended)


def ctime_now(former: FormerFile, path: StoredPath) -> int | None:
    """The ctime to keep with a file's digest: the recorded one if the file still has it.

    Else None: a rename changes the ctime, and so does a program that wrote the file before.
    """
    if former.ctime_ns is None:
        return None
    try:
        found = os.stat(from_stored(path))
    except OSError:
        return None
    return former.ctime_ns if found.st_ctime_ns == former.ctime_ns else None


class Pair(NamedTuple):
    """A new file, and the record that it had before."""

    new: NewFile
    former: FormerFile
    is_proved: bool
    """Whether the whole content is the same, not only the ends."""

    @property
    def may_be_written(self) -> bool:
        """Whether a program may have written the file since it was recorded."""
        return not self.is_proved and self.new.mtime_ns != self.former.mtime_ns


def by_place(
    files: Sequence[NewFile], gone: Sequence[FormerFile], *, is_proved: bool
) -> list[Pair]:
    """Pairs among files with the same content, by the names at the end of their paths.

    The most names decide first. With as many, only one new file and one record may remain.
    """
    new = {file: _names(file) for file in files}
    former = {file: _names(file) for file in gone}
    pairs = []
    for length in range(max(map(len, (*new.values(), *former.values())), default=0), 0, -1):
        ends: defaultdict[tuple[bytes, ...], tuple[list[NewFile], list[FormerFile]]]
        ends = defaultdict(lambda: ([], []))
        for one, names in new.items():
            if len(names) >= length:
                ends[names[-length:]][0].append(one)
        for other, names in former.items():
            if len(names) >= length:
                ends[names[-length:]][1].append(other)
        for there, before in ends.values():
            if len(there) == 1 and len(before) == 1:
                pairs.append(Pair(there[0], before[0], is_proved))
                del new[there[0]], former[before[0]]
    return pairs


def _names(file: NewFile | FormerFile) -> tuple[bytes, ...]:
    """The names in the path of a file."""
    return tuple(from_stored(join(file.directory, file.name)).strip(b"/").split(b"/"))


class MovesByContent:
    """Finds new files that have the content of files that are gone."""

    def __init__(self, state: ScanState) -> None:
        self._state = state
        self._roots = [from_stored(root.path) for root in counts.list_roots(state.connection)]
        self._answering: dict[bytes, bool] = {}
        """Whether roots answer that were asked."""
        self._connection = state.connection

    def find(self, read: Iterable[int], added_by: Collection[int]) -> list[Pair]:
        """Pairs of new files and the records that they had before.

        Only files of `read` that one of the jobs `added_by` has added count as new. A file that
        was known before existed beside the other one, and so is a copy.
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
            elif gone and len(files) + len(gone) > MOST_TO_READ:
                pairs += by_place(files, gone, is_proved=False)
            elif gone:
                unclear.append((files, gone))
        pairs += self._by_digest(unclear)
        # What was read of a file of another kind is no use.
        return [pair for pair in pairs if pair.new.kind == pair.former.kind]

    def _answers(self, path: bytes) -> bool:
        """Whether the root that holds a path does not hang."""
        root = next((root for root in self._roots if is_within(path, root)), None)
        if root is None:
            return True
        if root not in self._answering:
            self._answering[root] = answers(root)
        return self._answering[root]

    def _is_gone(self, file: FormerFile) -> bool:
        """Whether a file is gone: a scan has found that, or a look at it now does."""
        if file.id in self._state.missing:
            return True
        path = from_stored(join(file.directory, file.name))
        if not is_within(path, self._state.root) and not self._answers(path):
            return False
        if not _is_gone(path, or_link=True):
            return False
        if file.scan_status == "missing" or is_within(path, self._state.root):
            return file.scan_status == "missing"
        # Only if its file system is mounted does its absence prove anything.
        above = nearest_directory(os.path.dirname(path))
        try:
            name = identity(above, os.stat(above).st_dev)
        except OSError:
            return False
        return (
            name is not None
            and file.filesystem_id is not None
            and is_same_filesystem(self._connection, above, file.filesystem_id, name)
        )

    def _by_digest(self, unclear: list[tuple[list[NewFile], list[FormerFile]]]) -> list[Pair]:
        """Pairs among files with the same size and quick hash, by the digest of their content.

        Files with the same content, or without a recorded digest, are told apart by their places.
        """
        pairs = []
        to_compare = []
        for files, gone in unclear:
            if all((former.content_hash or "").startswith(RECORDED_PREFIX) for former in gone):
                to_compare.append((files, gone))
            else:
                pairs += by_place(files, gone, is_proved=False)
        to_read = [file for files, _ in to_compare for file in files]
        if not to_read:
            return pairs
        work = (
            (
                file.id,
                FileToRead(
                    join(file.directory, file.name),
                    (RECORDED.name,),
                    file.size_bytes,
                    file.mtime_ns,
                    file.is_symlink,
                ),
            )
            for file in to_read
        )
        digests: dict[int, str] = {}
        threads = self._state.options.rules.threads or 0
        roots = self._state.roots
        with HashingQueue[int](self._go_on, threads=threads, roots=roots) as queue:
            for answers in queue.answers(work):
                for file_id, answer in answers:
                    if answer.digests is not None:
                        digests[file_id] = recorded_digest(answer.digests)
        for files, gone in to_compare:
            for digest in {former.content_hash for former in gone}:
                same = [file for file in files if digests.get(file.id) == digest]
                rivals = [former for former in gone if former.content_hash == digest]
                if len(same) == 1 and len(rivals) == 1:
                    pairs.append(Pair(same[0], rivals[0], is_proved=True))
                else:
                    pairs += by_place(same, rivals, is_proved=True)
        return pairs

    def _go_on(self) -> None:
        self._state.context.check()
        self._state.context.beat(lambda: Progress("match"))

    def record(self, pairs: list[Pair]) -> list[Pair]:
        """Gives new files the records that they had before. In the caller's transaction.

        Returns the pairs, except those whose records another process has changed since.
        """
        connection, job = self._connection, self._state.job.number
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
        # The ends are the same. If the mtime is not, a program may have changed what is between
        # them. A copy with the same mtime keeps the digest; `vpo verify` finds out if it is wrong.
        written = {pair.former.id for pair in pairs if pair.may_be_written}
        file_facts.record_possibly_written(connection, written)
        file_facts.delete(connection, (pair.new.id for pair in pairs))
        file_facts.record_moved(
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
                    # Nothing is known of the ctime of the new inode.
                    None,
                    former.id in written,
                    former.id,
                )
                for new, former, _ in pairs
            ),
            self._state.scanned_at,
        )
        directory_table.unsettle(
            connection,
            {pair.former.directory_id for pair in pairs if pair.former.scan_status != "missing"},
        )
        change_table.forget_removals(connection, job, (pair.former.id for pair in pairs))
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

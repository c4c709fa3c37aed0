"""Records that files and directories were moved, when a scan finds them at another path."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from vpo._engine import Directory
from vpo.base.paths import StoredPath, join
from vpo.db import directories as directory_table
from vpo.db import file_changes as change_table
from vpo.db import file_facts
from vpo.db import media as media_table
from vpo.db import moves as move_table
from vpo.db.file_changes import FileChange
from vpo.db.file_facts import Move
from vpo.db.selection import STATUSES
from vpo.scanner import move_detection
from vpo.scanner.compare import Columns, was_racy
from vpo.scanner.state import ScanState


class NewRows(NamedTuple):
    """Rows of a batch, `start` to `stop`, that have no record in their directory."""

    directory: Directory
    directory_id: int
    start: int
    stop: int


class Batched(NamedTuple):
    """The columns of a batch."""

    seen: Columns
    extensions: Sequence[str]
    kinds: Sequence[str]


def keep_moved_directory(state: ScanState, directory: Directory, columns: Columns) -> int | None:
    """Keeps the records of a directory that was moved, and of all files in it.

    Returns the id of its record, or None if the directory is a new one.
    """
    if not state.knows_files or directory.fingerprint is None:
        return None
    former = move_detection.directory_before(state, directory, columns)
    if former is None or former.id in state.moved_directories:
        return None
    files = move_table.files_of_directory(state.connection, former.id)
    if not _holds_the_same(state, directory, columns, files):
        return None
    state.moved_directories.add(former.id)
    _count_moved_directory(state, former.path, directory, columns)
    if state.missing:
        for file in files:
            state.missing.pop(file.id, None)
    if state.options.dry_run:
        # Their records stay where they are. They must not be found there a second time.
        state.moved_files.update(file.id for file in files)
        return former.id
    file_facts.record_directory_moved(state.connection, former.id, directory.path, state.scanned_at)
    directory_table.update_directory(
        state.connection,
        former.id,
        filesystem_id=state.filesystem(directory.path, directory.device),
        fingerprint=directory.fingerprint,
        via_symlink=directory.via_symlink,
    )
    change_table.add_moved_directory(state.connection, state.job.number, former.id, former.path)
    if state.introspection is not None:
        is_wanted = STATUSES if state.options.full else state.unread
        state.introspection.want(
            (file.id for file in files if file.scan_status in is_wanted), "moved"
        )
    return former.id


def _holds_the_same(
    state: ScanState,
    directory: Directory,
    columns: Columns,
    files: Sequence[move_table.FileOfDirectory],
) -> bool:
    """Whether a new directory holds just the files that were recorded in another one."""
    rows = slice(directory.start, directory.stop)
    # The fingerprint dates from the last look at the whole directory. Since then, a scan of
    # another place may have found one of its files there.
    seen = set(
        zip(
            columns.names[rows],
            columns.inodes[rows],
            columns.sizes[rows],
            columns.mtimes[rows],
            strict=True,
        )
    )
    if {file[:4] for file in files} != seen:
        return False
    # If one file was deleted and made again, with its inode, all of them were.
    name = columns.names[directory.start]
    first = next(file.id for file in files if file.name == name)
    return not move_detection.is_another(
        state.connection,
        join(directory.path, name),
        move_table.former_files(state.connection, [first])[first],
        follow=columns.symlinks[directory.start],
    )


def _count_moved_directory(
    state: ScanState, before: StoredPath, directory: Directory, columns: Columns
) -> None:
    if state.lists("moved"):
        for name in columns.names[directory.start : directory.stop]:
            _count_moved_file(state, (before, name), (directory.path, name))
        return
    count = directory.stop - directory.start
    state.result.tally.add("moved", count)
    state.result.affected["moved"].count += count


def keep_moved_files(state: ScanState, new: list[NewRows], columns: Batched) -> list[NewRows]:
    """Keeps the records of files that were moved. Returns the rows of the other files."""
    seen = columns.seen
    rows = chain.from_iterable(range(start, stop) for _, _, start, stop in new)
    arrivals = move_detection.Arrivals(state, seen, rows)
    if not arrivals:
        return new
    left: list[NewRows] = []
    moved: list[tuple[Move, move_table.FormerFile]] = []
    for directory, directory_id, start, stop in new:
        filesystem = state.filesystem(directory.path, directory.device)
        begin = start
        for row in range(start, stop):
            former = arrivals.before(row, filesystem, directory.path)
            if former is None:
                continue
            if begin < row:
                left.append(NewRows(directory, directory_id, begin, row))
            begin = row + 1
            name = seen.names[row]
            state.missing.pop(former.id, None)
            _count_moved_file(state, (former.directory, former.name), (directory.path, name))
            move = Move(
                directory_id,
                name,
                columns.extensions[row],
                columns.kinds[row],
                seen.mtimes[row],
                seen.inodes[row],
                seen.symlinks[row],
                move_detection.ctime_now(former, join(directory.path, name)),
                # If its kind has changed with its name, other things are to be read of it.
                was_racy(former) or former.kind != columns.kinds[row],
                former.id,
            )
            moved.append((move, former))
        if begin < stop:
            left.append(NewRows(directory, directory_id, begin, stop))
    if moved and not state.options.dry_run:
        _record(state, moved)
    return left


def _record(state: ScanState, moved: Sequence[tuple[Move, move_table.FormerFile]]) -> None:
    """Records that files are at other paths now."""
    connection = state.connection
    file_facts.record_moved(connection, (move for move, _ in moved), state.scanned_at)
    directory_table.unsettle(
        connection,
        {former.directory_id for _, former in moved if former.scan_status != "missing"},
    )
    changes = (
        FileChange(
            former.id,
            "moved",
            None,
            former.size_bytes,
            former.mtime_ns,
            former.size_bytes,
            former.mtime_ns,
            path=join(former.directory, former.name),
        )
        for _, former in moved
    )
    change_table.add_changes(connection, state.job.number, changes)
    if state.introspection is not None:
        ids = [former.id for _, former in moved]
        if not state.options.full:
            ids = media_table.still_unread(connection, ids, state.unread)
        state.introspection.want(ids, "moved")


def _count_moved_file(
    state: ScanState, before: tuple[StoredPath, StoredPath], now: tuple[StoredPath, StoredPath]
) -> None:
    """Counts a moved file. Its paths are given as directory and name."""
    state.result.tally.add("moved")
    if state.lists("moved"):
        state.affect("moved", *now, join(*before))
    else:
        state.result.affected["moved"].count += 1

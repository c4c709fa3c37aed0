"""Files and directories that were moved are recorded as such, as a scan comes by them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

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

if TYPE_CHECKING:
    from vpo.scanner.recorder import Recorder


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


def keep_directory(recorder: Recorder, directory: Directory, columns: Columns) -> int | None:
    """Keeps the record of a directory that was renamed, with all in it; returns its id."""
    if not recorder.knows_files or directory.fingerprint is None:
        return None
    filesystem = recorder.filesystem(directory.path, directory.device)
    follow = recorder.options.rules.follow_symlinks
    former = move_detection.directory_before(
        recorder.connection, directory, columns, filesystem, follow_symlinks=follow
    )
    if former is None or former.id in recorder.moved_directories:
        return None
    rows = range(directory.start, directory.stop)
    files = move_table.files_of_directory(recorder.connection, former.id)
    # The fingerprint is of when all of it was last looked at: since then a scan of
    # another place can have found one of its files there.
    found = slice(directory.start, directory.stop)
    seen = (columns.names, columns.inodes, columns.sizes, columns.mtimes)
    if {file[:4] for file in files} != set(zip(*(each[found] for each in seen), strict=True)):
        return None
    first = next(file_id for name, *_, file_id, _ in files if name == columns.names[rows.start])
    if move_detection.is_another(
        recorder.connection,
        join(directory.path, columns.names[rows.start]),
        move_table.former_files(recorder.connection, [first])[first],
        follow=columns.symlinks[rows.start],
    ):
        # All of it was deleted and made anew, if one file was.
        return None
    recorder.moved_directories.add(former.id)
    moved = recorder.result.files_affected.moved
    if recorder.reporter.wants_files or moved.has_room():
        for name in columns.names[directory.start : directory.stop]:
            _note(recorder, (former.path, name), (directory.path, name))
    else:
        recorder.result.moved += len(rows)
        moved.count += len(rows)
    if recorder.missing:
        for *_, file_id, _ in files:
            recorder.missing.pop(file_id, None)
    if recorder.options.dry_run:
        # Their records stay where they are, and are not to be found there once more.
        recorder.moved_files.update(file_id for *_, file_id, _ in files)
        return former.id
    file_facts.record_directory_moved(
        recorder.connection, former.id, directory.path, recorder.scanned_at
    )
    directory_table.update_directory(
        recorder.connection,
        former.id,
        filesystem_id=filesystem,
        fingerprint=directory.fingerprint,
        via_symlink=directory.via_symlink,
    )
    assert recorder.job is not None
    number = recorder.job.number
    change_table.add_moved_directory(recorder.connection, number, former.id, former.path)
    if recorder.reading is not None:
        is_wanted = recorder.unread if not recorder.options.full else STATUSES
        recorder.reading.want(
            (file_id for *_, file_id, status in files if status in is_wanted), "moved"
        )
    return former.id


def keep_files(recorder: Recorder, new: list[NewRows], columns: Batched) -> list[NewRows]:
    """Keeps the records of files that were moved; returns the rows of the others."""
    seen = columns.seen
    rows = chain.from_iterable(range(start, stop) for _, _, start, stop in new)
    arrivals = move_detection.Arrivals(
        recorder.connection,
        seen,
        rows,
        recorder.moved_files,
        follow_symlinks=recorder.options.rules.follow_symlinks,
    )
    if not arrivals:
        return new
    left: list[NewRows] = []
    moved: list[tuple[Move, move_table.FormerFile]] = []
    for directory, directory_id, start, stop in new:
        filesystem = recorder.filesystem(directory.path, directory.device)
        begin = start
        for row in range(start, stop):
            former = arrivals.before(row, filesystem, directory.path)
            if former is None:
                continue
            if begin < row:
                left.append(NewRows(directory, directory_id, begin, row))
            begin = row + 1
            name = seen.names[row]
            recorder.missing.pop(former.id, None)
            _note(recorder, (former.directory, former.name), (directory.path, name))
            move = Move(
                directory_id,
                name,
                columns.extensions[row],
                columns.kinds[row],
                seen.mtimes[row],
                seen.inodes[row],
                seen.symlinks[row],
                move_detection.ctime_now(former, join(directory.path, name)),
                # Of another kind, other things are to be read of it.
                was_racy(former) or former.kind != columns.kinds[row],
                former.id,
            )
            moved.append((move, former))
        if begin < stop:
            left.append(NewRows(directory, directory_id, begin, stop))
    if moved and not recorder.options.dry_run:
        file_facts.record_moved(
            recorder.connection, (move for move, _ in moved), recorder.scanned_at
        )
        directory_table.unsettle(
            recorder.connection,
            {former.directory_id for _, former in moved if former.scan_status != "missing"},
        )
        _record(
            recorder,
            (
                (
                    former.id,
                    join(former.directory, former.name),
                    former.size_bytes,
                    former.mtime_ns,
                )
                for _, former in moved
            ),
        )
        if recorder.reading is not None:
            ids = [former.id for _, former in moved]
            if not recorder.options.full:
                ids = media_table.still_unread(recorder.connection, ids, recorder.unread)
            recorder.reading.want(ids, "moved")
    return left


def _record(recorder: Recorder, files: Iterable[tuple[int, StoredPath, int, int]]) -> None:
    """Records that files (ids, former paths, sizes, mtimes) are elsewhere now."""
    assert recorder.job is not None
    change_table.add_changes(
        recorder.connection,
        recorder.job.number,
        (
            FileChange(file_id, "moved", None, size, mtime, size, mtime, path=path)
            for file_id, path, size, mtime in files
        ),
    )


def _note(
    recorder: Recorder, before: tuple[StoredPath, StoredPath], now: tuple[StoredPath, StoredPath]
) -> None:
    """Notes that a file was moved, by its directories and names."""
    recorder.result.moved += 1
    moved = recorder.result.files_affected.moved
    if recorder.reporter.wants_files or moved.has_room():
        recorder.affect("moved", *now, join(*before))
    else:
        # Whole folders are moved by the thousand: no path is made that nobody sees.
        moved.count += 1

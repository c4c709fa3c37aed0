"""What a scan did not see: it is judged, marked as missing, and pruned."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from itertools import chain

from vpo._engine import Walk
from vpo.base import times
from vpo.base.paths import StoredPath, from_stored, is_within, join, to_stored
from vpo.db import directories as directory_table
from vpo.db import file_changes as change_table
from vpo.db import file_facts
from vpo.db import files as file_table
from vpo.db import moves as move_table
from vpo.db import roots as root_table
from vpo.db.file_changes import FileChange
from vpo.db.moves import FormerFile, NewFile
from vpo.places.directories import nearest_directory
from vpo.places.letter_case import is_written_so, names_in
from vpo.scanner import issues
from vpo.scanner.excluded import root_above
from vpo.scanner.result import CountedAs
from vpo.scanner.state import ScanState


@dataclass
class Unseen:
    """Known directories that the walk did not see."""

    directories: set[int] = field(default_factory=set)
    """The ids of all of them."""
    vanished: list[tuple[int, StoredPath]] = field(default_factory=list)
    """The ids and paths of those that are gone."""


def examine_unseen(state: ScanState, walk: Walk) -> Unseen:
    """Judges the known directories that the walk did not see.

    The files of those that are gone are noted as missing.
    """
    found = Unseen()
    offline: list[bytes] = []
    listed = lru_cache(maxsize=256)(names_in)
    for unvisited in walk.unvisited():
        found.directories.add(unvisited.known_id)
        if unvisited.status not in ("removed", "present"):
            continue
        if unvisited.known_id in state.moved_directories:
            continue
        known = directory_table.get_directory(state.connection, unvisited.known_id)
        if known is None or (known.via_symlink and not state.options.rules.follow_symlinks):
            continue
        path = from_stored(known.path)
        if not is_within(path, state.root):
            # A scan of another root has found it there since.
            continue
        device = unvisited.device
        if unvisited.status == "present":
            # Where letter case does not count, the walk may have seen it under another name.
            if is_written_so(path, state.root, listed):
                continue
            device = _device_of(path)
        if device is None:
            continue
        above = state.filesystem(to_stored(nearest_directory(path)), device)
        if known.filesystem_id not in (None, above) and not state.options.new_device:
            # Its file system is not mounted there. One issue is enough for all of it.
            if not any(is_within(path, other) for other in offline):
                offline.append(path)
                state.result.note(issues.not_mounted(known.path))
            continue
        found.vanished.append((known.id, known.path))
        for file in file_table.files_in(state.connection, known.id):
            # In a dry run, the records of moved files are still here.
            if file.scan_status != "missing" and file.id not in state.moved_files:
                state.missing[file.id] = (known.path, file.name)
    return found


def settle(state: ScanState, walk: Walk, vanished: Iterable[tuple[int, StoredPath]]) -> None:
    """Marks what is gone, and records the root, in one transaction."""
    if state.options.dry_run:
        _note_removed(state)
        if state.options.prune:
            missing = _to_prune(state)
            before = ((directory, name) for _, directory, name in missing)
            # What this scan marks is missing for no time.
            newly = () if state.options.prune_after_seconds else state.missing.values()
            for directory, name in chain(newly, before):
                state.affect("pruned", directory, name)
        return
    with state.library.transaction() as connection:
        # Since this scan saw that a file is gone, a scan of another root may have found it.
        for file_id in move_table.found_elsewhere(connection, state.missing):
            del state.missing[file_id]
        file_facts.record_missing(connection, state.missing, state.scanned_at)
        removed = (FileChange(file_id, "removed") for file_id in state.missing)
        change_table.add_changes(connection, state.job.number, removed)
        directory_table.settle(connection, state.unsettled)
        directory_table.mark_gone(connection, vanished)
        if not (state.options.is_part and root_above(state)):
            _record_root(state, walk)
    _note_removed(state)


def _record_root(state: ScanState, walk: Walk) -> None:
    root_id = root_table.add_root(
        state.connection, to_stored(state.root), times.to_text(state.result.started_at)
    )
    root_table.record_look(
        state.connection,
        root_id,
        filesystem_id=state.filesystem(to_stored(state.root), walk.root_device),
        file_count=walk.progress().files,
    )


def _note_removed(state: ScanState) -> None:
    state.result.removed = len(state.missing)
    for directory, name in state.missing.values():
        state.affect("removed", directory, name)


def count_as_moved(
    state: ScanState, new: NewFile, former: FormerFile, counted_as: CountedAs
) -> None:
    """Counts a new file, and perhaps a removed one, as one file that was moved."""
    result = state.result
    result.tally.move(counted_as, "moved")
    path, before = join(new.directory, new.name), join(former.directory, former.name)
    if counted_as != "skipped":
        result.affected["added"].discard(path)
    # If it cannot be read, the scan that saw it at its former path has reported that.
    result.issues = [issue for issue in result.issues if issue.path != path]
    if former.id in state.missing:
        result.removed -= 1
        result.affected["removed"].discard(before)
    state.affect("moved", new.directory, new.name, before)


def _to_prune(state: ScanState) -> Iterator[tuple[int, StoredPath, StoredPath]]:
    """The missing files (id, directory, name) that `--prune` is about."""
    since = None
    if state.options.prune_after_seconds:
        age = timedelta(seconds=state.options.prune_after_seconds)
        since = times.to_seconds_text(state.result.started_at - age)
    return file_table.missing_files(state.connection, state.root, since=since)


def prune(state: ScanState) -> None:
    """Deletes the records of missing files below the root. In a transaction."""
    ids, changes = [], []
    for file_id, directory, name in _to_prune(state):
        ids.append(file_id)
        changes.append(FileChange(file_id, "pruned", path=join(directory, name)))
        state.affect("pruned", directory, name)
    change_table.add_changes(state.connection, state.job.number, changes)
    file_facts.delete(state.connection, ids)
    directory_table.delete_unused(state.connection, state.root)


def _device_of(path: bytes) -> int | None:
    try:
        return os.lstat(path).st_dev
    except OSError:
        return None

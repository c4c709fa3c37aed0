"""The end of a scan: what was not seen is judged, marked and pruned."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from vpo._engine import Walk
from vpo.base import times
from vpo.base.paths import StoredPath, from_stored, is_within, join, to_stored
from vpo.db import directories as directory_table
from vpo.db import file_changes as change_table
from vpo.db import files as file_table
from vpo.db import moves as move_table
from vpo.db import roots as root_table
from vpo.db.file_changes import FileChange
from vpo.db.library import Library
from vpo.jobs import tracking
from vpo.places import guards
from vpo.places.letter_case import is_written_so, names_in
from vpo.scanner.recorder import Recorder


@dataclass
class Unseen:
    """Known directories that a walk did not come by."""

    directories: set[int] = field(default_factory=set)
    """The ids of all of them."""
    vanished: list[tuple[int, StoredPath]] = field(default_factory=list)
    """The ids and paths of those that are gone."""


def examine_unseen(recorder: Recorder, walk: Walk) -> Unseen:
    """Decides on the known directories that the walk did not come by.

    Their files are noted as missing where they are gone.
    """
    found = Unseen()
    offline: list[bytes] = []
    listed = lru_cache(maxsize=256)(names_in)
    for unvisited in walk.unvisited():
        found.directories.add(unvisited.known_id)
        if unvisited.status not in ("removed", "present"):
            continue
        if unvisited.known_id in recorder.moved_directories:
            continue
        known = directory_table.get_directory(recorder.connection, unvisited.known_id)
        if known is None or (known.via_symlink and not recorder.options.rules.follow_symlinks):
            continue
        path = from_stored(known.path)
        if not is_within(path, recorder.root):
            # A scan of another root has found it there meanwhile.
            continue
        device = unvisited.device
        if unvisited.status == "present":
            # Where cases do not count it may be there by another name, which the walk came by.
            if is_written_so(path, recorder.root, listed):
                continue
            device = _device_of(path)
        if device is None:
            continue
        above = recorder.filesystem(_nearest_directory(path), device)
        if known.filesystem_id not in (None, above) and not recorder.options.new_device:
            # The file system it is on is not mounted there: one word for all of it.
            if not any(is_within(path, other) for other in offline):
                offline.append(path)
                recorder.result.note(guards.not_mounted(known.path))
            continue
        found.vanished.append((known.id, known.path))
        for file in file_table.files_in(recorder.connection, known.id):
            # What is only said to be moved is still recorded here.
            if file.scan_status != "missing" and file.id not in recorder.moved_files:
                recorder.missing[file.id] = (known.path, file.name)
    return found


def settle(
    library: Library, recorder: Recorder, walk: Walk, vanished: Iterable[tuple[int, StoredPath]]
) -> None:
    """Marks what is gone, and records the root: one transaction."""
    result = recorder.result
    if recorder.options.dry_run:
        _say_removed(recorder)
        if recorder.options.prune:
            missing = file_table.missing_files(recorder.connection, recorder.root)
            before = ((directory, name) for _, directory, name in missing)
            for directory, name in chain(recorder.missing.values(), before):
                recorder.affect("pruned", directory, name)
        return
    assert recorder.job is not None
    with library.transaction() as connection:
        # Since it was seen to be gone, a scan of another root may have found it there.
        for file_id in move_table.found_elsewhere(connection, recorder.missing):
            del recorder.missing[file_id]
        file_table.mark_missing(connection, recorder.missing, recorder.scanned_at)
        removed = (FileChange(file_id, "removed") for file_id in recorder.missing)
        change_table.add_changes(connection, recorder.job.number, removed)
        directory_table.settle(connection, recorder.unsettled)
        directory_table.mark_gone(connection, vanished)
        root_id = root_table.add_root(
            connection, to_stored(recorder.root), times.to_text(result.started_at)
        )
        root_table.record_look(
            connection,
            root_id,
            filesystem_id=recorder.filesystem(to_stored(recorder.root), walk.root_device),
            file_count=walk.progress().files,
        )
    _say_removed(recorder)


def _say_removed(recorder: Recorder) -> None:
    recorder.result.removed = len(recorder.missing)
    for directory, name in recorder.missing.values():
        recorder.affect("removed", directory, name)


def prune(recorder: Recorder, job: tracking.Job) -> None:
    """Deletes the records of the missing files below the root, in the caller's transaction."""
    ids, changes = [], []
    for file_id, directory, name in file_table.missing_files(recorder.connection, recorder.root):
        ids.append(file_id)
        changes.append(FileChange(file_id, "pruned", path=join(directory, name)))
        recorder.affect("pruned", directory, name)
    change_table.add_changes(recorder.connection, job.number, changes)
    file_table.delete_files(recorder.connection, ids)
    directory_table.delete_unused(recorder.connection, recorder.root)


def _device_of(path: bytes) -> int | None:
    try:
        return os.lstat(path).st_dev
    except OSError:
        return None


def _nearest_directory(path: bytes) -> StoredPath:
    """The nearest directory above a path that is gone."""
    while not os.path.isdir(path) and path not in (b"/", b""):
        path = os.path.dirname(path)
    return to_stored(path or b"/")

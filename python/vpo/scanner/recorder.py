"""Compares directories that differ from the catalogue, and records what is different.

Files that seem to be gone are only noted here. `vpo.scanner.missing_files` marks them when the
guards have seen all of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import chain, repeat

from vpo._engine import Batch, Directory
from vpo.base.paths import StoredPath, from_stored, join, to_stored
from vpo.db import directories as directory_table
from vpo.db import file_changes as change_table
from vpo.db import file_facts
from vpo.db import files as file_table
from vpo.db import media as media_table
from vpo.db.directories import KnownDirectory
from vpo.db.file_changes import FileChange
from vpo.db.file_facts import Observation
from vpo.db.files import KnownFile
from vpo.scanner import issues, move_recording
from vpo.scanner.compare import Columns, Context, Difference, compare, reason, was_racy
from vpo.scanner.content_check import take_undecided
from vpo.scanner.move_recording import Batched, NewRows
from vpo.scanner.result import Issue
from vpo.scanner.state import ScanState


class Recorder:
    """Takes the batches of a walk into the catalogue."""

    def __init__(self, state: ScanState) -> None:
        self.state = state

    def record(self, batch: Batch) -> None:
        """Compares and records a batch, in the caller's transaction."""
        state = self.state
        columns = Columns(
            batch.names(), batch.sizes(), batch.mtimes(), batch.inodes(), batch.symlinks()
        )
        unreadable = self._note_failures(batch)
        batched = Batched(columns, batch.extensions(), batch.kinds())
        new: list[NewRows] = []
        for directory in batch.directories():
            if directory.via_symlink:
                state.roots.add_linked(directory.path)
            known = self._find_known(directory)
            if known is not None:
                names = unreadable.get(directory.path, set())
                added = self._compare(directory, known, columns, names)
                new.extend(NewRows(directory, known.id, row, row + 1) for row in added)
                state.compared_directories.add(known.id)
                continue
            directory_id = move_recording.keep_moved_directory(state, directory, columns)
            if directory_id is None:
                directory_id = self._add_directory(directory)
                new.append(NewRows(directory, directory_id, directory.start, directory.stop))
            state.compared_directories.add(directory_id)
        if state.knows_files:
            new = move_recording.keep_moved_files(state, new, batched)
        for rows in new:
            self._count_added(rows, columns)
        if not new or state.options.dry_run:
            return
        newest = None
        if state.introspection is not None:
            newest = media_table.newest_file(state.connection)
        file_facts.record_added(
            state.connection,
            _records(new, batched),
            scanned_at=state.scanned_at,
            added_by=state.job.number,
        )
        if state.introspection is not None and newest is not None:
            state.introspection.want(media_table.added_files(state.connection, newest), "added")

    def _note_failures(self, batch: Batch) -> dict[StoredPath, set[StoredPath]]:
        """Notes what the walk could not look at. Returns the names, by directory."""
        unreadable: dict[StoredPath, set[StoredPath]] = {}
        for failure in batch.failures():
            path = failure.directory
            if failure.name is not None:
                unreadable.setdefault(failure.directory, set()).add(failure.name)
                path = join(failure.directory, failure.name)
            self.state.result.note(Issue.from_errno(path, failure.operation, failure.errno))
        return unreadable

    def _find_known(self, directory: Directory) -> KnownDirectory | None:
        """The record of a directory at its path, None if it has none."""
        state = self.state
        known = None
        if directory.known_id is not None and directory.known_id not in state.moved_directories:
            known = directory_table.find_directory(state.connection, directory.path)
        if known is None and state.gone_directories.pop(directory.path, None) is not None:
            # It was gone, or another directory was moved away from here; now there is one again.
            known = directory_table.find_directory(state.connection, directory.path)
        return known

    def _add_directory(self, directory: Directory) -> int:
        state = self.state
        if state.options.dry_run:
            return 0
        return directory_table.add_directory(
            state.connection,
            directory.path,
            filesystem_id=state.filesystem(directory.path, directory.device),
            fingerprint=directory.fingerprint,
            via_symlink=directory.via_symlink,
        )

    def _count_added(self, rows: NewRows, columns: Columns) -> None:
        state = self.state
        state.result.tally.add("added", rows.stop - rows.start)
        if not state.lists("added"):
            state.result.affected["added"].count += rows.stop - rows.start
            return
        for name in columns.names[rows.start : rows.stop]:
            state.affect("added", rows.directory.path, name)

    # -- A known directory -----------------------------------------------------------

    def _compare(
        self,
        directory: Directory,
        known: KnownDirectory,
        columns: Columns,
        unreadable: set[StoredPath],
    ) -> list[int]:
        """Compares a directory with its record, and records what differs.

        Returns the rows of files that have no record.
        """
        state = self.state
        filesystem = state.filesystem(directory.path, directory.device)
        same_filesystem = known.filesystem_id in (None, filesystem)
        known_files = file_table.files_in(state.connection, known.id)
        dangling: list[StoredPath] = []
        difference = compare(
            known_files,
            columns,
            range(directory.start, directory.stop),
            Context(
                same_filesystem and not state.inodes_changed,
                state.options.full,
                unreadable,
                state.options.rules.modify_window * 1_000_000_000,
                state.options.rules.hour_shifts,
            ),
            complete=directory.complete,
            was_looked_for=lambda file: self._was_looked_for(directory.path, file, dangling),
        )
        is_settled = self._take_undecided(directory.path, known, known_files, difference)
        for link in dangling:
            state.result.note(issues.dangling_link(link))
            # The next scan looks again, until the link leads somewhere or is gone.
            is_settled = False
        if difference.missing and not (same_filesystem or state.options.new_device):
            state.result.note(issues.other_filesystem(directory.path))
            difference.missing.clear()
            # Recorded as it was, so that the next scan notices it, too.
            filesystem, is_settled = known.filesystem_id, False
        self._count(directory.path, difference)
        if state.options.dry_run:
            return difference.added
        fingerprint = directory.fingerprint if is_settled else None
        if difference.missing and fingerprint is not None:
            state.unsettled.append((fingerprint, known.id))
            fingerprint = None
        directory_table.update_directory(
            state.connection,
            known.id,
            filesystem_id=filesystem,
            fingerprint=fingerprint,
            via_symlink=directory.via_symlink,
        )
        self._record(known_files, difference)
        self._want(known_files, difference, columns.names[directory.start : directory.stop])
        return difference.added

    def _was_looked_for(
        self, directory: StoredPath, file: KnownFile, dangling: list[StoredPath]
    ) -> bool:
        """Whether the walk would have seen a file if it were there. Notes links to nowhere."""
        state = self.state
        path = from_stored(directory)
        if file.is_symlink:
            if not state.options.rules.follow_symlinks:
                return False
            link = os.path.join(path, from_stored(file.name))
            if os.path.islink(link) and not os.path.exists(link):
                # Its target may be on a disk that is not mounted.
                dangling.append(to_stored(link))
                return False
        relative = path[len(state.root.rstrip(b"/")) + 1 :]
        return state.rules.selects(os.path.join(relative, from_stored(file.name)))

    def _take_undecided(
        self,
        directory: StoredPath,
        known: KnownDirectory,
        known_files: Sequence[KnownFile],
        difference: Difference,
    ) -> bool:
        """Puts files aside whose content is to decide. Returns whether there are none."""
        state = self.state
        if not (state.options.verify_hash and difference.changed):
            return True
        digests = file_table.digests_in(state.connection, known.id)
        undecided = take_undecided(difference, directory, known_files, digests)
        state.undecided += undecided
        state.result.tally.add("skipped", len(undecided))
        return not undecided

    def _count(self, directory: StoredPath, difference: Difference) -> None:
        """Counts the known files of a directory, and notes what happened to them."""
        state = self.state
        tally = state.result.tally
        tally.add("scanned", len(difference.changed))
        tally.add(
            "skipped",
            difference.unchanged + len(difference.refreshed) + len(difference.returned),
        )
        tally.add("scanned" if state.options.full else "skipped", len(difference.reread))
        for _, name in difference.changed:
            state.affect("changed", directory, name)
        for _, name in difference.returned:
            state.affect("returned", directory, name)
        state.missing.update(
            (file_id, (directory, name))
            for file_id, name in difference.missing
            # In a dry run, the record of a moved file is still here.
            if file_id not in state.moved_files
        )

    def _record(self, known_files: Sequence[KnownFile], difference: Difference) -> None:
        """Records the known files of a directory that differ from their records."""
        connection, at = self.state.connection, self.state.scanned_at
        self._record_changes(known_files, difference)
        file_facts.record_changed(connection, (each for each, _ in difference.changed), at)
        file_facts.record_unchanged(connection, difference.refreshed, at)
        self._record_reread(known_files, difference)
        file_facts.record_returned(connection, (each for each, _ in difference.returned))

    def _record_reread(self, known_files: Sequence[KnownFile], difference: Difference) -> None:
        """Records files that are to be read to be sure. Their state is not known until then."""
        state = self.state
        racy = {file.id for file in known_files if was_racy(file)}
        unchanged: list[Observation] = []
        unsure: list[Observation] = []
        for observation, _ in difference.reread:
            # To the next scan a young file is not young any more. It has to read it, too.
            is_unsure = state.introspection is not None or observation.id in racy
            (unsure if is_unsure else unchanged).append(observation)
        file_facts.record_unchanged(state.connection, unchanged, state.scanned_at)
        file_facts.record_unsure(state.connection, unsure, state.scanned_at)

    def _record_changes(self, known_files: Sequence[KnownFile], difference: Difference) -> None:
        """Records what is different about files, and why they count as changed."""
        if not (difference.changed or difference.returned):
            return
        known = {file.id: file for file in known_files}

        def change(observation: Observation, what: str) -> FileChange:
            before = known[observation.id]
            return FileChange(
                observation.id,
                what,
                reason(before, observation) if what == "changed" else None,
                before.size_bytes,
                before.mtime_ns,
                observation.size_bytes,
                observation.mtime_ns,
            )

        changes = [change(observation, "changed") for observation, _ in difference.changed]
        changes += [change(observation, "returned") for observation, _ in difference.returned]
        change_table.add_changes(self.state.connection, self.state.job.number, changes)

    def _want(
        self,
        known_files: Sequence[KnownFile],
        difference: Difference,
        seen: Iterable[StoredPath],
    ) -> None:
        """Has the media read that the comparison of their directory calls for."""
        state = self.state
        changed = [observation.id for observation, _ in difference.changed]
        queue = state.introspection
        if queue is None:
            return
        queue.want(changed, "scanned")
        reread = [observation.id for observation, _ in difference.reread]
        queue.want(reread, "scanned" if state.options.full else "skipped")
        returned = [observation.id for observation, _ in difference.returned]
        if not state.options.full:
            returned = media_table.still_unread(state.connection, returned, state.unread)
        queue.want(returned, "skipped")
        # Earlier scans have left these unread, and they have not changed.
        left_over = [file for file in known_files if file.scan_status in state.unread]
        if left_over:
            names, others = set(seen), {*changed, *reread}
            queue.want(
                (file.id for file in left_over if file.name in names and file.id not in others),
                "skipped",
            )


def _records(new: list[NewRows], batched: Batched) -> Iterable[Sequence[object]]:
    """The rows of new files as the table takes them (`FileRecord`), with their directories."""
    seen = batched.seen
    columns: tuple[Sequence[object], ...] = (
        seen.names,
        batched.extensions,
        batched.kinds,
        seen.sizes,
        seen.mtimes,
        seen.inodes,
        seen.symlinks,
    )
    if sum(rows.stop - rows.start for rows in new) < len(seen.names):
        numbers = [number for rows in new for number in range(rows.start, rows.stop)]
        columns = tuple([column[number] for number in numbers] for column in columns)
    directories = chain.from_iterable(
        repeat(rows.directory_id, rows.stop - rows.start) for rows in new
    )
    return zip(directories, *columns, strict=True)

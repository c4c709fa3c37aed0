"""What a scan records of the directories that differ from what is known of them.

What seems to be gone is only noted: `vpo.scanner.missing_files` marks it, when the
guards have seen all of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import chain, repeat

from vpo._engine import Batch, Directory, Rules
from vpo.base import times
from vpo.base.paths import StoredPath, from_stored, join, to_stored
from vpo.db import directories as directory_table
from vpo.db import file_changes as change_table
from vpo.db import files as file_table
from vpo.db import media as media_table
from vpo.db import roots as root_table
from vpo.db.file_changes import FileChange
from vpo.db.files import Observation
from vpo.db.library import Library
from vpo.jobs import tracking
from vpo.jobs.control import Reporter
from vpo.places import guards
from vpo.places.filesystems import identity
from vpo.scanner import move_recording
from vpo.scanner.compare import Columns, Context, Difference, compare, reason, was_racy
from vpo.scanner.content_check import Undecided, take_undecided
from vpo.scanner.introspection_queue import Reading
from vpo.scanner.models import Issue, ScanOptions, ScanResult
from vpo.scanner.move_recording import Batched, NewRows


class Recorder:
    """Compares what the engine reports with the library, and writes what differs."""

    def __init__(
        self,
        library: Library,
        rules: Rules,
        options: ScanOptions,
        result: ScanResult,
        reporter: Reporter,
    ) -> None:
        self.connection = library.connection
        self.root = result.directory
        self.rules = rules
        self.options = options
        self.result = result
        self.reporter = reporter
        self.job: tracking.Job | None = None
        self.reading: Reading | None = None
        """Where files to be read are handed to; None if none are read."""

        # Not later than any look at a file, so that no young file passes for an old one.
        self.scanned_at = times.to_seconds_text(result.started_at)
        self.filesystems: dict[int, int | None] = {}
        self.gone_directories: dict[StoredPath, int] = {}
        """Ids of directories that were gone before, and have records left."""

        self.missing: dict[int, tuple[StoredPath, StoredPath]] = {}
        """Directories and names, by id, of files that are gone, but not yet marked."""
        self.moved_directories: set[int] = set()
        self.moved_files: set[int] = set()
        """Ids of what was found at another path."""
        self.knows_files = bool(media_table.newest_file(self.connection))
        """Whether the library had any before this scan."""
        self.unsettled: list[tuple[bytes, int]] = []
        """Fingerprints, and ids, of directories that wait for their missing files."""
        self.undecided: list[Undecided] = []
        """Files that look changed, but are so only if their content is another."""
        self.looked_into: set[int] = set()
        """Ids of directories that are new or were compared."""
        self.unread = ("pending", "error") if options.retry_errors else ("pending",)
        """Statuses of files that are to be read though they have not changed."""

    def record(self, batch: Batch) -> None:
        """Compares and records a batch, in the caller's transaction."""
        columns = Columns(
            batch.names(), batch.sizes(), batch.mtimes(), batch.inodes(), batch.symlinks()
        )
        unreadable: dict[StoredPath, set[StoredPath]] = {}
        for failure in batch.failures():
            path = failure.directory
            if failure.name is not None:
                unreadable.setdefault(failure.directory, set()).add(failure.name)
                path = join(failure.directory, failure.name)
            self.result.note(Issue.from_errno(path, failure.operation, failure.errno))
        batch_columns = Batched(columns, batch.extensions(), batch.kinds())
        new: list[NewRows] = []
        for directory in batch.directories():
            directory_id = directory.known_id
            known = None
            if directory_id is not None and directory_id not in self.moved_directories:
                known = directory_table.find_directory(self.connection, directory.path)
            if known is None:
                # Where one was moved from, another directory was made in its place since.
                directory_id = self.gone_directories.pop(directory.path, None)
                if directory_id is not None:
                    known = directory_table.find_directory(self.connection, directory.path)
            if known is not None:
                directory_id = known.id
                names = unreadable.get(directory.path, set())
                added = self._compare(directory, known, columns, names)
                new.extend(NewRows(directory, directory_id, row, row + 1) for row in added)
            else:
                directory_id = move_recording.keep_directory(self, directory, columns)
            if directory_id is None:
                directory_id = self._add_directory(directory)
                new.append(NewRows(directory, directory_id, directory.start, directory.stop))
            self.looked_into.add(directory_id)
        if self.knows_files:
            new = move_recording.keep_files(self, new, batch_columns)
        for directory, _, start, stop in new:
            self._note_added(directory.path, columns, range(start, stop))
        if new and not self.options.dry_run:
            self._add_files(new, batch_columns)

    def _add_files(self, new: list[NewRows], columns: Batched) -> None:
        directory_ids = chain.from_iterable(
            repeat(directory_id, stop - start) for _, directory_id, start, stop in new
        )
        seen = columns.seen
        table: tuple[Sequence[object], ...] = (
            seen.names,
            columns.extensions,
            columns.kinds,
            seen.sizes,
            seen.mtimes,
            seen.inodes,
            seen.symlinks,
        )
        if sum(stop - start for _, _, start, stop in new) < len(seen.names):
            rows = [row for _, _, start, stop in new for row in range(start, stop)]
            table = tuple([column[row] for row in rows] for column in table)
        assert self.job is not None
        newest = None if self.reading is None else media_table.newest_file(self.connection)
        file_table.add_files(
            self.connection,
            zip(directory_ids, *table, strict=True),
            scanned_at=self.scanned_at,
            added_by=self.job.number,
        )
        if self.reading is not None and newest is not None:
            self.reading.want(media_table.added_files(self.connection, newest), "added")

    def _add_directory(self, directory: Directory) -> int:
        if self.options.dry_run:
            return 0
        return directory_table.add_directory(
            self.connection,
            directory.path,
            filesystem_id=self.filesystem(directory.path, directory.device),
            fingerprint=directory.fingerprint,
            via_symlink=directory.via_symlink,
        )

    def _note_added(self, directory: StoredPath, columns: Columns, rows: range) -> None:
        self.result.added += len(rows)
        added = self.result.files_affected.added
        if not self.reporter.wants_files and not added.has_room():
            added.count += len(rows)
            return
        for row in rows:
            self.affect("added", directory, columns.names[row])

    def affect(
        self,
        change: str,
        directory: StoredPath,
        name: StoredPath,
        before: StoredPath | None = None,
    ) -> None:
        """Notes that something happened to a file, which was at `before`."""
        path = join(directory, name)
        getattr(self.result.files_affected, change).add(path, before)
        if self.reporter.wants_files:
            self.reporter.file(change, path, before)

    def _compare(
        self,
        directory: Directory,
        known: directory_table.KnownDirectory,
        columns: Columns,
        unreadable: set[StoredPath],
    ) -> list[int]:
        """Compares a known directory, records it, and returns the rows that are new."""
        directory_id = known.id
        filesystem = self.filesystem(directory.path, directory.device)
        same_filesystem = known.filesystem_id in (None, filesystem)
        path = from_stored(directory.path)
        relative = path[len(self.root.rstrip(b"/")) + 1 :]

        dangling: list[StoredPath] = []

        def was_looked_for(file: file_table.KnownFile) -> bool:
            if file.is_symlink:
                if not self.options.rules.follow_symlinks:
                    return False
                link = os.path.join(path, from_stored(file.name))
                if os.path.islink(link) and not os.path.exists(link):
                    # What it leads to may be on a disk that is not mounted.
                    dangling.append(to_stored(link))
                    return False
            return self.rules.selects(os.path.join(relative, from_stored(file.name)))

        known_files = file_table.files_in(self.connection, directory_id)
        difference = compare(
            known_files,
            columns,
            range(directory.start, directory.stop),
            Context(same_filesystem=same_filesystem, full=self.options.full),
            complete=directory.complete,
            unreadable=unreadable,
            was_looked_for=was_looked_for,
        )
        fingerprint = directory.fingerprint
        if self.options.verify_hash and difference.changed:
            digests = file_table.digests_in(self.connection, directory_id)
            undecided = take_undecided(difference, directory.path, known_files, digests)
            self.undecided += undecided
            self.result.skipped += len(undecided)
            if undecided:
                fingerprint = None
        for link in dangling:
            self.result.note(guards.dangling_link(link))
            # To be looked at again, until it leads somewhere or is gone.
            fingerprint = None
        if difference.missing and not (same_filesystem or self.options.new_device):
            self.result.note(guards.other_filesystem(directory.path))
            difference.missing.clear()
            # Remembered as it was: the next scan must notice, too.
            filesystem, fingerprint = known.filesystem_id, None

        result = self.result
        result.scanned += len(difference.changed)
        result.skipped += (
            difference.unchanged + len(difference.refreshed) + len(difference.returned)
        )
        if self.options.full:
            result.scanned += len(difference.reread)
        else:
            result.skipped += len(difference.reread)
        for _, name in difference.changed:
            self.affect("changed", directory.path, name)
        for _, name in difference.returned:
            self.affect("returned", directory.path, name)
        self.missing.update(
            (file_id, (directory.path, name))
            for file_id, name in difference.missing
            # What is only said to be moved is still recorded here.
            if file_id not in self.moved_files
        )
        if self.options.dry_run:
            return difference.added

        if difference.missing and fingerprint is not None:
            self.unsettled.append((fingerprint, directory_id))
            fingerprint = None
        directory_table.update_directory(
            self.connection,
            directory_id,
            filesystem_id=filesystem,
            fingerprint=fingerprint,
            via_symlink=directory.via_symlink,
        )
        self._record_changes(known_files, difference)
        changed = (observation for observation, _ in difference.changed)
        returned = (observation for observation, _ in difference.returned)
        file_table.record_changed(self.connection, changed, self.scanned_at)
        file_table.record_unchanged(self.connection, difference.refreshed, self.scanned_at)
        self._record_reread(known_files, difference)
        file_table.record_returned(self.connection, returned)
        rows = range(directory.start, directory.stop)
        self._want(known_files, difference, (columns.names[row] for row in rows))
        return difference.added

    def _record_reread(
        self, known_files: Sequence[file_table.KnownFile], difference: Difference
    ) -> None:
        """Records files that are to be read to be sure: until that, their state is not known."""
        racy = {file.id for file in known_files if was_racy(file)}
        observations: dict[bool, list[Observation]] = {True: [], False: []}
        for observation, _ in difference.reread:
            # A young one is not young any more to the next scan, which must read it, too.
            to_be_read = self.reading is not None or observation.id in racy
            observations[to_be_read].append(observation)
        file_table.record_unchanged(self.connection, observations[False], self.scanned_at)
        file_table.record_unsure(self.connection, observations[True], self.scanned_at)

    def _want(
        self,
        known_files: Sequence[file_table.KnownFile],
        difference: Difference,
        seen: Iterable[StoredPath],
    ) -> None:
        """Has the files read that a look at their directory calls for."""
        changed = [observation.id for observation, _ in difference.changed]
        media_table.forget(self.connection, changed)
        if self.reading is None:
            return
        self.reading.want(changed, "scanned")
        reread = [observation.id for observation, _ in difference.reread]
        self.reading.want(reread, "scanned" if self.options.full else "skipped")
        returned = [observation.id for observation, _ in difference.returned]
        if not self.options.full:
            returned = media_table.still_unread(self.connection, returned, self.unread)
        self.reading.want(returned, "skipped")
        # Left over from earlier scans, and as they were.
        left_over = [file for file in known_files if file.scan_status in self.unread]
        if left_over:
            names, others = set(seen), {*changed, *reread}
            self.reading.want(
                (file.id for file in left_over if file.name in names and file.id not in others),
                "skipped",
            )

    def _record_changes(
        self, known_files: Sequence[file_table.KnownFile], difference: Difference
    ) -> None:
        """Records what is different about files, and why they were taken for changed."""
        if not (difference.changed or difference.returned):
            return
        assert self.job is not None
        known = {file.id: file for file in known_files}
        changes = []
        for change, observations in (
            ("changed", difference.changed),
            ("returned", difference.returned),
        ):
            for observation, _ in observations:
                before = known[observation.id]
                why = reason(before, observation) if change == "changed" else None
                changes.append(
                    FileChange(
                        observation.id,
                        change,
                        why,
                        before.size_bytes,
                        before.mtime_ns,
                        observation.size_bytes,
                        observation.mtime_ns,
                    )
                )
        change_table.add_changes(self.connection, self.job.number, changes)

    def filesystem(self, path: StoredPath, device: int) -> int | None:
        """The id of the file system with this `st_dev`; asked once a device."""
        if device not in self.filesystems:
            name = identity(from_stored(path), device)
            if name is None:
                self.filesystems[device] = None
            elif self.options.dry_run:
                self.filesystems[device] = root_table.find_filesystem(self.connection, name)
            else:
                self.filesystems[device] = root_table.filesystem_id(self.connection, name)
        return self.filesystems[device]

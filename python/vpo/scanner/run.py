"""One scan while it runs: what the engine reports is compared and recorded.

A transaction is some thousand files. What seems to be gone is only noted
meanwhile: it is marked at the end, when the guards have seen all of it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, repeat

from vpo import times
from vpo._engine import Batch, Directory, Rules, Walk
from vpo.db import directories as directory_table
from vpo.db import file_changes as change_table
from vpo.db import files as file_table
from vpo.db import media as media_table
from vpo.db import roots as root_table
from vpo.db.file_changes import FileChange
from vpo.db.files import Observation
from vpo.db.library import Library
from vpo.jobs import tracking
from vpo.jobs.control import Reporter, ShouldStop, StoppedError
from vpo.logging import Phases
from vpo.media.introspection import Introspector
from vpo.paths import StoredPath, from_stored, is_within, join, to_stored
from vpo.scanner import guards
from vpo.scanner.compare import Columns, Context, Difference, compare, reason, was_racy
from vpo.scanner.filesystems import identity
from vpo.scanner.models import Issue, ScanOptions, ScanResult, errors_json
from vpo.scanner.reading import Reading

logger = logging.getLogger(__name__)

# How long to wait for the engine before looking at signals and the clock.
POLL_SECONDS = 0.05

# A transaction is committed after this many files or seconds: long enough that
# syncing the disk is rare, short enough that a kill loses little and another
# scan does not wait long for its turn to write.
FILES_PER_COMMIT = 50_000
SECONDS_PER_COMMIT = 2.0

# Reading goes on for minutes, and leaves no gap between two transactions. Who
# waits to write looks ten times a second whether it is free: this is their turn.
SECONDS_FOR_OTHERS = 0.11


class Run:
    """The state of a scan while it runs."""

    def __init__(
        self,
        library: Library,
        rules: Rules,
        options: ScanOptions,
        result: ScanResult,
        reporter: Reporter,
        should_stop: ShouldStop,
    ) -> None:
        self.library = library
        self.connection = library.connection
        self.root = result.directory
        self.rules = rules
        self.options = options
        self.reporter = reporter
        self.result = result
        self.should_stop = should_stop
        self.reading: Reading | None = None
        self.job: tracking.Job | None = None

        # Not later than any look at a file, so that no young file passes for an old one.
        self.scanned_at = times.to_seconds_text(result.started_at)
        self.filesystems: dict[int, int | None] = {}
        self.gone_directories: dict[StoredPath, int] = {}

        self.missing: list[tuple[int, StoredPath, StoredPath]] = []
        """Ids, directories and names of files that are gone, but not yet marked."""
        self.unsettled: list[tuple[bytes, int]] = []
        """Fingerprints, and ids, of directories that wait for their missing files."""
        self.vanished: list[int] = []
        """Ids of known directories that are gone."""
        self.looked_into: set[int] = set()
        """Ids of directories that are new or were compared."""
        self.not_seen: set[int] = set()
        """Ids of known directories that the walk did not come by."""
        self.unread = ("pending", "error") if options.retry_errors else ("pending",)
        """Statuses of files that are to be read though they have not changed."""

        self.uncommitted = 0
        self.last_commit = 0.0

    def start(self, job: tracking.Job) -> None:
        """Makes the run the work of a job."""
        self.job = job
        self.result.job_id = job.id

    def check_root(self) -> None:
        """Checks that the root is there, where it was. Raises what keeps it from a scan."""
        guards.check_root(self.connection, self.root, new_device=self.options.new_device)

    def root_is_known(self) -> bool:
        """Whether the library knows anything of the root."""
        return guards.is_known(self.connection, self.root)

    def run(self) -> None:
        """Scans from the walk to the last commit."""
        if self.options.dry_run or not self.options.rules.introspect:
            self._run()
            return
        options = self.options
        threads = options.rules.threads
        with Introspector(options.prober, options.ffprobe, threads=threads) as introspector:
            self.reading = Reading(self.library, introspector, self.result)
            self._run()
            self.result.warnings += introspector.warnings()

    def _run(self) -> None:
        root = root_table.find_root(self.connection, to_stored(self.root))
        phase = Phases(logger)
        self.gone_directories = directory_table.gone_directories(self.connection, self.root)
        known = directory_table.fingerprints(self.connection, self.root)
        if self.options.full:
            known = ((path, None, directory_id) for path, _, directory_id in known)
        try:
            walk = Walk(self.root, self.rules, known, threads=self.options.rules.threads)
        except OSError as error:
            raise guards.unreadable_root(self.root, error) from error
        expected = root.file_count if root else None
        phase.done("load known directories")
        try:
            self._follow(walk, expected)
            self._commit()
        except StoppedError:
            # It comes between batches: what was recorded is whole and true.
            self._commit()
            raise
        finally:
            walk.cancel()
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            progress = walk.progress()
            self.result.skipped += progress.unchanged_files
        phase.done("walk, compare and record")
        self._examine_unseen(walk)
        phase.done("examine what was not seen")
        self._beat(walk, expected)
        if stopped := self.should_stop():
            raise stopped
        if not self.options.allow_mass_removal:
            guards.check_not_emptied(self.connection, self.root, progress)
            known_there = self.result.scanned + self.result.skipped
            if self.reading is not None:
                known_there += self.reading.errors_of_known
            guards.check_no_mass_removal(self.root, missing=len(self.missing), there=known_there)
        self._settle(walk)
        phase.done("mark what is gone")
        self._want_left_over()
        self._read_the_rest()
        phase.done("read what is in files")
        self._end()

    def _want_left_over(self) -> None:
        """Has files read that earlier scans left unread, where this one saw them.

        Here it is about directories that are as they were: all files there that the
        rules select were seen. Where something was different, `_want` has them read.
        """
        if self.reading is None:
            return
        follow = self.options.rules.follow_symlinks
        elsewhere = self.looked_into | self.not_seen
        root = len(self.root.rstrip(b"/")) + 1

        @lru_cache(maxsize=1024)
        def enters(directory: StoredPath) -> bool:
            return self.rules.enters(from_stored(directory)[root:])

        self.reading.want(
            (
                file.id
                for file in media_table.unread_files(self.connection, self.root, self.unread)
                if file.directory_id not in elsewhere
                and (follow or not file.is_symlink)
                and enters(file.directory)
                and self.rules.selects(from_stored(join(file.directory, file.name))[root:])
            ),
            "skipped",
        )

    def _follow(self, walk: Walk, expected: int | None) -> None:
        """Takes what the engine reports until it has seen everything."""
        while True:
            batch = walk.next_batch(POLL_SECONDS)
            if stopped := self.should_stop():
                raise stopped
            if batch is not None:
                self._record(batch)
            elif walk.finished:
                return
            read = self._read(0.0)
            if (batch is None and not read) or self._commit_is_due():
                self._beat(walk, expected)
                # Never idle in a transaction: others may be waiting to write.
                self._commit_and_wait()
            self.reporter.progress(walk.progress, expected)

    def _read(self, timeout: float) -> bool:
        """Goes on with the reading of files; returns whether there was something to record."""
        if self.reading is None:
            return False
        self.reading.feed()
        probed = self.reading.take(timeout)
        if probed:
            self._begin()
            self.reading.record(probed)
            self.uncommitted += len(probed)
        return bool(probed)

    def _read_the_rest(self) -> None:
        """Reads the files that still wait when the walk is over."""
        reading = self.reading
        if reading is None:
            return

        def progress() -> tuple[float, dict[str, object]]:
            percent = 100 * reading.done / max(1, reading.expected)
            return percent, {"files_read": reading.done, "files_to_read": reading.expected}

        try:
            while not reading.is_done:
                if stopped := self.should_stop():
                    raise stopped
                read = self._read(POLL_SECONDS)
                if not read or self._commit_is_due():
                    if self.job is not None:
                        self.job.beat(progress)
                    self._commit_and_wait()
                self.reporter.reading(reading.done, reading.expected)
            self._commit()
        except StoppedError:
            self._commit()
            raise
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def _beat(self, walk: Walk, expected: int | None) -> None:
        if self.job is None:
            return

        def progress() -> tuple[float, dict[str, object]]:
            seen = walk.progress()
            percent = 100 * seen.files / expected if expected else 0.0
            counts: dict[str, object] = {
                "files": seen.files,
                "directories": seen.directories,
                "expected": expected,
            }
            return percent, counts

        self.job.beat(progress)

    # -- Writing ---------------------------------------------------------------

    def _begin(self) -> None:
        if not self.connection.in_transaction and not self.options.dry_run:
            self.connection.execute("BEGIN IMMEDIATE")
            self.last_commit = time.monotonic()
            self.uncommitted = 0

    def _commit_is_due(self) -> bool:
        return self.connection.in_transaction and (
            self.uncommitted >= FILES_PER_COMMIT
            or time.monotonic() - self.last_commit >= SECONDS_PER_COMMIT
        )

    def _commit(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")

    def _commit_and_wait(self) -> None:
        """Commits; after a long transaction, others have their turn."""
        is_due = self._commit_is_due()
        self._commit()
        if is_due and self.reading is not None:
            self.reading.gather(SECONDS_FOR_OTHERS)

    # -- One batch -------------------------------------------------------------

    def _record(self, batch: Batch) -> None:
        self._begin()
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
        extensions, kinds = batch.extensions(), batch.kinds()
        new: list[tuple[int, int, int]] = []
        for directory in batch.directories():
            directory_id = directory.known
            if directory_id is None:
                directory_id = self.gone_directories.pop(directory.path, None)
            if directory_id is None:
                directory_id = self._add_directory(directory)
                new.append((directory_id, directory.start, directory.stop))
                self._note_added(directory.path, columns, range(directory.start, directory.stop))
            else:
                added = self._compare(
                    directory,
                    directory_id,
                    columns,
                    unreadable.get(directory.path, set()),
                )
                new.extend((directory_id, row, row + 1) for row in added)
            self.looked_into.add(directory_id)
        self.uncommitted += len(batch)
        if new and not self.options.dry_run:
            directory_ids = chain.from_iterable(
                repeat(directory_id, stop - start) for directory_id, start, stop in new
            )
            table: tuple[Sequence[object], ...] = (
                columns.names,
                extensions,
                kinds,
                columns.sizes,
                columns.mtimes,
                columns.inodes,
                columns.symlinks,
            )
            if sum(stop - start for _, start, stop in new) < len(batch):
                rows = [row for _, start, stop in new for row in range(start, stop)]
                table = tuple([column[row] for row in rows] for column in table)
            assert self.job is not None
            newest = media_table.newest_file(self.connection)
            file_table.add_files(
                self.connection,
                zip(directory_ids, *table, strict=True),
                scanned_at=self.scanned_at,
                added_by=self.job.number,
            )
            if self.reading is not None:
                self.reading.want(media_table.added_files(self.connection, newest), "added")

    def _add_directory(self, directory: Directory) -> int:
        if self.options.dry_run:
            return 0
        return directory_table.add_directory(
            self.connection,
            directory.path,
            filesystem_id=self._filesystem(directory.path, directory.device),
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
            self._affect("added", directory, columns.names[row])

    def _affect(self, change: str, directory: StoredPath, name: StoredPath) -> None:
        path = join(directory, name)
        getattr(self.result.files_affected, change).add(path)
        if self.reporter.wants_files:
            self.reporter.file(change, path)

    def _compare(
        self,
        directory: Directory,
        directory_id: int,
        columns: Columns,
        unreadable: set[StoredPath],
    ) -> list[int]:
        """Compares a known directory, records it, and returns the rows that are new."""
        known = directory_table.get_directory(self.connection, directory_id)
        filesystem = self._filesystem(directory.path, directory.device)
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
        for row in difference.added:
            self._note_added(directory.path, columns, range(row, row + 1))
        for _, name in difference.changed:
            self._affect("changed", directory.path, name)
        for _, name in difference.returned:
            self._affect("returned", directory.path, name)
        self.missing += [(file_id, directory.path, name) for file_id, name in difference.missing]
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

    def _filesystem(self, path: StoredPath, device: int) -> int | None:
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

    # -- The end -----------------------------------------------------------------

    def _examine_unseen(self, walk: Walk) -> None:
        """Decides on the known directories that the walk did not come by."""
        offline: list[bytes] = []
        for unseen in walk.unseen():
            self.not_seen.add(unseen.known)
            if unseen.presence != "gone":
                continue
            known = directory_table.get_directory(self.connection, unseen.known)
            if known.via_symlink and not self.options.rules.follow_symlinks:
                continue
            path = from_stored(known.path)
            assert unseen.device is not None
            above = self._filesystem(_nearest_directory(path), unseen.device)
            if known.filesystem_id not in (None, above) and not self.options.new_device:
                # The file system it is on is not mounted there: one word for all of it.
                if not any(is_within(path, other) for other in offline):
                    offline.append(path)
                    self.result.note(guards.not_mounted(known.path))
                continue
            self.vanished.append(known.id)
            for file in file_table.files_in(self.connection, known.id):
                if file.scan_status != "missing":
                    self.missing.append((file.id, known.path, file.name))

    def _settle(self, walk: Walk) -> None:
        """Marks what is gone, prunes, and records the root: one transaction."""
        self.result.removed = len(self.missing)
        for _, directory, name in self.missing:
            self._affect("removed", directory, name)
        if self.options.dry_run:
            if self.options.prune:
                missing = file_table.missing_files(self.connection, self.root)
                for _, directory, name in chain(self.missing, missing):
                    self._affect("pruned", directory, name)
            return
        result = self.result
        assert self.job is not None
        with self.library.transaction() as connection:
            ids = (file_id for file_id, _, _ in self.missing)
            file_table.mark_missing(connection, ids, self.scanned_at)
            removed = (FileChange(file_id, "removed") for file_id, _, _ in self.missing)
            change_table.add_changes(connection, self.job.number, removed)
            directory_table.settle(connection, self.unsettled)
            directory_table.mark_gone(connection, self.vanished)
            if self.options.prune:
                self._prune()
            root_id = root_table.add_root(
                connection, to_stored(self.root), times.to_text(result.started_at)
            )
            root_table.complete_scan(
                connection,
                root_id,
                filesystem_id=self._filesystem(to_stored(self.root), walk.root_device),
                file_count=walk.progress().files,
                started_at=times.to_text(result.started_at),
                job_id=self.job.id,
            )

    def _end(self) -> None:
        """Ends the job."""
        result = self.result
        if self.options.dry_run:
            return
        assert self.job is not None
        with self.library.transaction():
            result.completed_at = times.now()
            self.job.end(
                "completed",
                summary_json=result.to_summary_json(),
                files_affected_json=result.files_affected.to_json(),
                errors_json=errors_json(result),
            )

    def _prune(self) -> None:
        """Deletes the records of the missing files below the root."""
        assert self.job is not None
        ids, changes = [], []
        for file_id, directory, name in file_table.missing_files(self.connection, self.root):
            ids.append(file_id)
            changes.append(FileChange(file_id, "pruned", path=join(directory, name)))
            self._affect("pruned", directory, name)
        change_table.add_changes(self.connection, self.job.number, changes)
        file_table.delete_files(self.connection, ids)
        directory_table.delete_unused(self.connection, self.root)


def _nearest_directory(path: bytes) -> StoredPath:
    """The nearest directory above a path that is gone."""
    while not os.path.isdir(path) and path not in (b"/", b""):
        path = os.path.dirname(path)
    return to_stored(path or b"/")

"""One scan while it runs: what the engine reports is compared and recorded.

A transaction is some thousand files. What is to be read is read meanwhile, and
after it what is still to be.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import lru_cache

from vpo._engine import Rules, Walk
from vpo.base import times
from vpo.base.paths import StoredPath, from_stored, join, to_stored
from vpo.db import directories as directory_table
from vpo.db import media as media_table
from vpo.db import moves as move_table
from vpo.db import roots as root_table
from vpo.db.library import Library
from vpo.jobs import tracking
from vpo.jobs.control import Reporter, ShouldStop, StoppedError
from vpo.logging import Phases
from vpo.media.introspection import Introspector
from vpo.places import guards
from vpo.scanner import content_check, missing_files
from vpo.scanner.introspection_queue import IntrospectionQueue
from vpo.scanner.models import Issue, ScanOptions, ScanResult, errors_json
from vpo.scanner.move_detection import ByContent
from vpo.scanner.recorder import Recorder

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
        self.recorder = Recorder(library, rules, options, result, reporter)

        self.uncommitted = 0
        self.last_commit = 0.0

    @property
    def job(self) -> tracking.Job | None:
        """The job whose work this is, once it is one's."""
        return self.recorder.job

    @property
    def reading(self) -> IntrospectionQueue | None:
        """The reading of files; None if none are read."""
        return self.recorder.reading

    def start(self, job: tracking.Job) -> None:
        """Makes the run the work of a job."""
        self.recorder.job = job
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
            self.recorder.reading = IntrospectionQueue(self.library, introspector, self.result)
            self._run()
            self.result.warnings += introspector.warnings()

    def _run(self) -> None:
        root = root_table.find_root(self.connection, to_stored(self.root))
        phase = Phases(logger)
        if self.recorder.knows_files and not self.options.dry_run:
            # The first scan makes it in the end, unless it is stopped.
            self._make_inode_index()
        self.recorder.gone_directories = directory_table.gone_directories(
            self.connection, self.root
        )
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
        self._decide()
        phase.done("decide what has changed")
        unseen = missing_files.examine_unseen(self.recorder, walk)
        phase.done("examine what was not seen")
        self._beat(walk, expected)
        if stopped := self.should_stop():
            raise stopped
        if not self.options.allow_mass_removal:
            guards.check_not_emptied(self.connection, self.root, progress)
            known_there = self.result.scanned + self.result.skipped + self.result.moved
            if self.reading is not None:
                known_there += self.reading.errors_of_known
            missing = len(self.recorder.missing)
            guards.check_no_mass_removal(self.root, missing=missing, there=known_there)
        missing_files.settle(self.library, self.recorder, walk, unseen.vanished)
        if not self.options.dry_run:
            self._make_inode_index()
        phase.done("mark what is gone")
        self._want_left_over(unseen.directories)
        self._read_the_rest()
        phase.done("read what is in files")
        self._find_moved_by_content(unseen.directories)
        phase.done("find what was moved")
        if self.options.verify_hash:
            self._verify()
            phase.done("verify content")
        self._end()

    def _make_inode_index(self) -> None:
        if not move_table.has_inode_index(self.connection):
            with self.library.transaction() as connection:
                move_table.make_inode_index(connection)

    def _want_left_over(self, not_seen: set[int]) -> None:
        """Has files read that earlier scans left unread, where this one saw them.

        Here it is about directories that are as they were: all files there that the
        rules select were seen. Where something was different, the recorder has them read.
        """
        if self.reading is None:
            return
        elsewhere = self.recorder.looked_into | not_seen
        selects = self._selection()
        self.reading.want(
            (
                file.id
                for file in media_table.unread_files(
                    self.connection, self.root, self.recorder.unread
                )
                if file.directory_id not in elsewhere
                and selects(file.directory, file.name, file.is_symlink)
            ),
            "skipped",
        )

    def _selection(self) -> Callable[[StoredPath, StoredPath, int], bool]:
        """Whether the rules select a file: by its directory, name, and whether it is a link."""
        follow = self.options.rules.follow_symlinks
        root = len(self.root.rstrip(b"/")) + 1

        @lru_cache(maxsize=1024)
        def enters(directory: StoredPath) -> bool:
            return self.rules.enters(from_stored(directory)[root:])

        def selects(directory: StoredPath, name: StoredPath, is_symlink: int) -> bool:
            return (
                (follow or not is_symlink)
                and enters(directory)
                and self.rules.selects(from_stored(join(directory, name))[root:])
            )

        return selects

    def _follow(self, walk: Walk, expected: int | None) -> None:
        """Takes what the engine reports until it has seen everything."""
        while True:
            batch = walk.next_batch(POLL_SECONDS)
            if stopped := self.should_stop():
                raise stopped
            if batch is not None:
                self._begin()
                self.recorder.record(batch)
                self.uncommitted += len(batch)
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

    def _decide(self) -> None:
        """Reads the files that look changed, where content is to say whether they are."""
        undecided = self.recorder.undecided
        if not undecided:
            return
        threads = self.options.rules.threads or 0
        for decisions in content_check.decide(
            undecided, threads=threads, should_stop=self.should_stop
        ):
            with self.library.transaction():
                content_check.record(self.recorder, decisions)
            if self.job is not None:
                self.job.beat(lambda: (0.0, {"files_to_decide": len(undecided)}))

    def _verify(self) -> None:
        """Reads the content of all files, and counts what is not as it was."""
        from vpo.integrity.models import VerifyOptions
        from vpo.integrity.verify import verify_within

        assert self.job is not None
        rules, result = self.options.rules, self.result
        options = VerifyOptions(kinds=tuple(rules.kinds), threads=rules.threads)
        found = verify_within(self.job, self.root, options, self.reporter, self.should_stop)
        result.verification = found
        if not self.options.full:
            # It looks as it did; its content is what counts.
            changed = min(found.counts["damaged"], result.skipped)
            result.skipped -= changed
            result.scanned += changed
        said = {issue.path for issue in result.issues}
        for finding in found.findings:
            if finding.verdict == "unreadable" and finding.path not in said and result.skipped:
                result.skipped -= 1
                message = finding.message or "unreadable"
                result.note(Issue(finding.path, "read", message, finding.errno))

    def _find_moved_by_content(self, not_seen: set[int]) -> None:
        """Gives the files that were read for the first time the records of those they are."""
        reading = self.reading
        if reading is None or not self.recorder.knows_files:
            return
        assert self.job is not None
        # What a scan that was stopped has added is as new as what this one has.
        interrupted = move_table.interrupted_scans(self.connection, to_stored(self.root))
        if self.job.from_queue:
            # It may have been put back after it had begun.
            interrupted.append(self.job.number)
        candidates: dict[int, str] = {**reading.first_read}
        if interrupted:
            selects = self._selection()
            for file in move_table.files_added_by(self.connection, interrupted):
                if file.directory_id not in not_seen and selects(
                    file.directory, file.name, file.is_symlink
                ):
                    candidates.setdefault(file.id, "skipped")
        by_content = ByContent(
            self.connection,
            self.root,
            self.recorder.missing,
            self.options.rules.threads or 0,
            self._go_on,
        )
        pairs = by_content.find(candidates, {self.job.number, *interrupted})
        if not pairs:
            return
        with self.library.transaction():
            pairs = by_content.record(
                pairs, job=self.job.number, scanned_at=self.recorder.scanned_at
            )
        result, affected = self.result, self.result.files_affected
        for new, former, _ in pairs:
            counted_as = candidates[new.id]
            setattr(result, counted_as, getattr(result, counted_as) - 1)
            result.moved += 1
            path, before = join(new.directory, new.name), join(former.directory, former.name)
            if counted_as != "skipped":
                affected.added.discard(path)
            # That it cannot be read was said where it was.
            result.issues = [issue for issue in result.issues if issue.path != path]
            if former.id in self.recorder.missing:
                result.removed -= 1
                affected.removed.discard(before)
            self.recorder.affect("moved", new.directory, new.name, before)

    def _go_on(self) -> None:
        """Stops if that is asked for; else it is told that the work goes on."""
        if stopped := self.should_stop():
            raise stopped
        if self.job is not None:
            self.job.beat(lambda: (99.0, {"phase": "find what was moved"}))

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

    def _end(self) -> None:
        """Prunes, and ends the job."""
        result = self.result
        if self.options.dry_run:
            return
        assert self.job is not None
        with self.library.transaction() as connection:
            if self.options.prune:
                # Not before: what was moved is known by its record.
                missing_files.prune(self.recorder, self.job)
            root_table.complete_scan(
                connection,
                to_stored(self.root),
                started_at=times.to_text(result.started_at),
                job_id=self.job.id,
            )
            result.completed_at = times.now()
            self.job.end(
                "completed",
                summary_json=result.to_summary_json(),
                files_affected_json=result.files_affected.to_json(),
                errors_json=errors_json(result),
            )

"""The steps of a scan: walk and compare, judge what was not seen, read media, find moves.

One transaction holds some ten thousand files. Media are read while the directories are
walked, and after that what is left of them.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from functools import partial

from vpo._engine import Walk
from vpo.base import times
from vpo.base.errors import RootOfflineError
from vpo.base.paths import to_stored
from vpo.db import directories as directory_table
from vpo.db import media as media_table
from vpo.db import moves as move_table
from vpo.db import root_rules as rules_table
from vpo.db import roots as root_table
from vpo.db.library import BatchTransaction
from vpo.jobs.progress import Progress, ReadProgress
from vpo.jobs.stopping import StoppedError
from vpo.logging import Phases
from vpo.media.introspection import Introspector
from vpo.places import guards
from vpo.places.patience import Watch
from vpo.places.rules import Selects, selector, to_json
from vpo.scanner import content_check, excluded, missing_files
from vpo.scanner.inode_changes import have_inodes_changed
from vpo.scanner.introspection_queue import IntrospectionQueue
from vpo.scanner.move_detection import MovesByContent
from vpo.scanner.recorder import Recorder
from vpo.scanner.result import CountedAs, Issue
from vpo.scanner.state import ScanState

logger = logging.getLogger(__name__)

# How long to wait for the engine before looking at signals and the clock.
POLL_SECONDS = 0.05

# A transaction is committed after this many files or seconds: long enough that
# syncing the disk is rare, short enough that a kill loses little and another
# scan does not wait long for its turn to write.
FILES_PER_COMMIT = 50_000
SECONDS_PER_COMMIT = 2.0

# Reading media goes on for minutes and leaves no gap between two transactions.
# Others that want to write look ten times per second whether they can: this is their turn.
SECONDS_FOR_OTHERS = 0.11


class Run:
    """Takes a scan from its first step to its last."""

    def __init__(self, state: ScanState) -> None:
        self.state = state
        self.recorder = Recorder(state)
        self._batch = BatchTransaction(
            state.library, most_rows=FILES_PER_COMMIT, most_seconds=SECONDS_PER_COMMIT
        )
        self._phases = Phases(logger)
        self._rules_changed = False
        """Whether this scan may be the first that leaves out files which are known."""

    def run(self) -> None:
        """Scans the directory.

        Raises VpoError if the scan fails, StoppedError if it is stopped.
        """
        state, done = self.state, self._phases.done
        self._rules_changed = excluded.have_rules_changed(state)
        state.inodes_changed = have_inodes_changed(state)
        with ExitStack() as closing:
            introspector = self._introspector()
            if introspector is not None:
                closing.enter_context(introspector)
            walk = self._walk()
            done("walk, compare and record")
            self._decide()
            done("decide what has changed")
            unseen = missing_files.examine_unseen(state, walk)
            done("examine what was not seen")
            state.context.check()
            self._guard(walk)
            missing_files.settle(state, walk, unseen.vanished)
            if not state.options.dry_run:
                self._make_inode_index()
            done("mark what is gone")
            self._want_left_over(unseen.directories)
            self._read_the_rest()
            done("read what is in files")
            self._find_moved_by_content(unseen.directories)
            done("find what was moved")
            if state.options.verify_hash:
                self._verify()
                done("verify content")
            if state.options.dry_run:
                self._leave_out(walk)
            else:
                self._finish(walk)
            if introspector is not None:
                state.result.warnings += introspector.warnings()

    def _introspector(self) -> Introspector | None:
        """What reads media; None if this scan reads none."""
        state, options = self.state, self.state.options
        if options.dry_run or not options.rules.introspect:
            return None
        introspector = Introspector(
            options.prober,
            options.ffprobe,
            threads=options.rules.threads,
            roots=state.roots,
            rows=True,
        )
        state.introspection = IntrospectionQueue(state.library, introspector, state.result)
        return introspector

    # -- Walking -----------------------------------------------------------------

    def _walk(self) -> Walk:
        """Walks the directories; compares and records those that differ from the catalogue."""
        state = self.state
        if state.knows_files and not state.options.dry_run:
            # The first scan makes the index at its end, unless it is stopped before.
            self._make_inode_index()
        state.gone_directories = directory_table.gone_directories(state.connection, state.root)
        known = directory_table.fingerprints(state.connection, state.root)
        if state.options.full:
            known = ((path, None, directory_id) for path, _, directory_id in known)
        root = root_table.find_root(state.connection, to_stored(state.root))
        try:
            walk = Walk(state.root, state.rules, known, threads=state.options.rules.threads)
        except OSError as error:
            raise guards.unreadable_root(state.root, error) from error
        self._phases.done("load known directories")
        expected = root.file_count if root else None
        watch = Watch(state.root)
        try:
            while True:
                batch = walk.next_batch(POLL_SECONDS)
                state.context.check()
                watch.see(self._mark(walk))
                if batch is not None:
                    self._begin()
                    self.recorder.record(batch)
                    self._batch.wrote(len(batch))
                elif walk.finished:
                    break
                self._go_on(batch is None, partial(self._progress, walk, expected))
            self._batch.commit()
        except (StoppedError, RootOfflineError):
            # They come between two batches: what was recorded is whole and true.
            self._batch.commit()
            raise
        finally:
            walk.cancel()
            self._batch.rollback()
            state.result.tally.add("skipped", walk.progress().unchanged_files)
        return walk

    def _mark(self, walk: Walk) -> tuple[int, ...]:
        """How far the scan is: a value that changes while it goes on."""
        now, queue = walk.progress(), self.state.introspection
        return now.directories, now.files, now.failures, queue.done if queue else 0

    def _progress(self, walk: Walk, expected: int | None) -> Progress:
        """How far the walk is, and the reading of what it has found."""
        seen, queue = walk.progress(), self.state.introspection
        progress = Progress("walk", seen.files, expected, directories=seen.directories)
        if queue is None or not queue.expected:
            return progress
        # The walk is ahead of the records. As many of its files are to be read as of the others.
        tally = self.state.result.tally
        recorded = tally["added"] + tally["scanned"] + tally["skipped"] + tally["moved"]
        found = max(seen.files - seen.unchanged_files, recorded)
        to_read = queue.expected * found // max(recorded, 1)
        return progress._replace(
            files_read=queue.done, files_to_read=to_read, slow=queue.slow_file()
        )

    def _go_on(self, is_idle: bool, progress: ReadProgress) -> None:
        """Reads media, commits if that is due, and shows the progress."""
        has_read = self._read(0.0, even_few=is_idle)
        if (is_idle and not has_read) or self._batch.is_due:
            self.state.context.beat(progress)
            # Never idle in a transaction: others may be waiting to write.
            self._commit_and_wait()
        self.state.context.reporter.progress(progress)

    def _guard(self, walk: Walk) -> None:
        """Refuses to mark files missing where it is likely that they are only out of sight."""
        state = self.state
        if state.options.allow_mass_removal:
            return
        try:
            guards.check_not_emptied(state.connection, state.root, walk.progress())
        except RootOfflineError:
            if excluded.knows_selected_files(state):
                raise
        tally = state.result.tally
        there = tally["scanned"] + tally["skipped"] + tally["moved"]
        if state.introspection is not None:
            there += state.introspection.errors_of_known
        guards.check_no_mass_removal(state.root, missing=len(state.missing), there=there)

    def _make_inode_index(self) -> None:
        if not move_table.has_inode_index(self.state.connection):
            with self.state.library.transaction() as connection:
                move_table.make_inode_index(connection)

    # -- Reading media -------------------------------------------------------------

    def _want_left_over(self, not_seen: set[int]) -> None:
        """Has media read that earlier scans left unread, where this scan saw them.

        This is about directories that have not changed: the scan saw all files there that its
        rules select. The recorder has taken care of directories that differ.
        """
        state = self.state
        if state.introspection is None:
            return
        elsewhere = state.compared_directories | not_seen
        selects = self._selection()
        unread = media_table.unread_files(state.connection, state.root, state.unread)
        state.introspection.want(
            (
                file.id
                for file in unread
                if file.directory_id not in elsewhere
                and selects(file.directory, file.name, file.is_symlink)
            ),
            "skipped",
        )

    def _selection(self) -> Selects:
        """Tells which files the rules select."""
        state = self.state
        follow = state.options.rules.follow_symlinks
        return selector(state.rules, state.root, follow_symlinks=follow)

    def _read(self, timeout: float, *, even_few: bool = True) -> bool:
        """Goes on reading media. Returns whether there was something to record.

        Unless `even_few`, a few files that were read wait for more.
        """
        queue = self.state.introspection
        if queue is None:
            return False
        queue.feed()
        if not (even_few or queue.is_worth_taking):
            return False
        taken = queue.take(timeout)
        if taken.files:
            self._begin()
            queue.record(taken)
            self._batch.wrote(taken.files)
        return bool(taken.files)

    def _read_the_rest(self) -> None:
        """Reads the media that still wait when the walk is over."""
        queue, context = self.state.introspection, self.state.context
        if queue is None:
            return

        def progress() -> Progress:
            return Progress("read", queue.done, queue.expected, slow=queue.slow_file())

        watch = Watch(self.state.root)
        try:
            while not queue.is_done:
                context.check()
                watch.see(queue.done)
                has_read = self._read(POLL_SECONDS)
                if not has_read or self._batch.is_due:
                    context.beat(progress)
                    self._commit_and_wait()
                context.reporter.progress(progress)
            self._batch.commit()
        except (StoppedError, RootOfflineError):
            self._batch.commit()
            raise
        finally:
            self._batch.rollback()

    # -- Content -------------------------------------------------------------------

    def _decide(self) -> None:
        """Reads the files that look changed, where content decides whether they are."""
        state = self.state
        for decisions in content_check.decide(state):
            with state.library.transaction():
                content_check.record(state, decisions)

    def _verify(self) -> None:
        """Reads the content of all files, and counts what is not as it was recorded."""
        from vpo.integrity.request import VerifyOptions
        from vpo.integrity.verify import run_within

        state, result = self.state, self.state.result
        rules = state.options.rules
        options = VerifyOptions(kinds=tuple(rules.kinds), threads=rules.threads)
        found = run_within(state.library, state.root, options, state.context)
        result.verification = found
        tally = result.tally
        if not state.options.full:
            # A damaged file looks as it did, but its content has changed.
            tally.move("skipped", "scanned", min(found.counts["damaged"], tally["skipped"]))
        known = {issue.path for issue in result.issues}
        for finding in found.findings:
            if finding.verdict == "unreadable" and finding.path not in known and tally["skipped"]:
                message = finding.message or "unreadable"
                issue = Issue(finding.path, "read", message, finding.errno)
                result.note(issue, instead_of="skipped")

    def _find_moved_by_content(self, not_seen: set[int]) -> None:
        """Gives files that were read for the first time the records of the files they are."""
        state = self.state
        queue = state.introspection
        if queue is None or not state.knows_files:
            return
        # What a scan that was stopped has added is as new as what this scan has added.
        interrupted = move_table.interrupted_scans(state.connection, to_stored(state.root))
        if state.job.from_queue:
            # It may have gone back into the queue after it had started.
            interrupted.append(state.job.number)
        candidates: dict[int, CountedAs] = {**queue.first_read}
        if interrupted:
            selects = self._selection()
            for file in move_table.files_added_by(state.connection, interrupted):
                if file.directory_id not in not_seen and selects(
                    file.directory, file.name, file.is_symlink
                ):
                    candidates.setdefault(file.id, "skipped")
        by_content = MovesByContent(state)
        pairs = by_content.find(candidates, {state.job.number, *interrupted})
        if not pairs:
            return
        with state.library.transaction():
            pairs = by_content.record(pairs)
        for new, former, _ in pairs:
            missing_files.count_as_moved(state, new, former, candidates[new.id])

    # -- Writing -------------------------------------------------------------------

    def _begin(self) -> None:
        # A dry run has no transaction, as it writes nothing.
        if not self.state.options.dry_run:
            self._batch.begin()

    def _commit_and_wait(self) -> None:
        """Commits. After a long transaction, others have their turn."""
        is_due = self._batch.is_due
        self._batch.commit()
        if is_due and self.state.introspection is not None:
            self.state.introspection.gather(SECONDS_FOR_OTHERS)

    def _leave_out(self, walk: Walk) -> None:
        """Counts or forgets the known files that the rules leave out."""
        if self.state.options.forget_excluded:
            excluded.forget(self.state, device=walk.root_device)
        elif self._rules_changed:
            excluded.note(self.state, device=walk.root_device)

    def _finish(self, walk: Walk) -> None:
        """Prunes and ends the job, in one transaction.

        Only a success is the last successful scan of the root.
        """
        state, root = self.state, to_stored(self.state.root)
        with state.library.transaction() as connection:
            if state.options.prune:
                # Not before: a moved file is recognised by its record.
                missing_files.prune(state)
            self._leave_out(walk)
            if guards.has_seen_something(walk.progress()):
                root_table.complete_scan(
                    connection,
                    root,
                    started_at=times.to_text(state.result.started_at),
                    job_id=state.job.id,
                )
                used = to_json(state.options.rules)
                rules_table.record_rules(connection, root, used)
                if state.options.keep_rules:
                    rules_table.keep_rules(connection, root, used)
            state.result.completed_at = times.now()
            state.job.finish(state.result.record())

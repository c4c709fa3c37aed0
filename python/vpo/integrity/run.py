"""A check while it runs: it judges what the engine reports of files, and records that.

It writes only every two seconds, so that it does not hold up a scan that runs at the same time.
A check that is killed loses these seconds. The next check goes on from there, because it begins
with the files that were verified longest ago.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from functools import partial

from vpo._engine import Digested, Digester
from vpo.base import times
from vpo.base.paths import from_stored
from vpo.content.algorithms import RECORDED, RECORDED_PREFIX
from vpo.content.digests import found_digest, recorded_digest
from vpo.db import damage as damage_table
from vpo.db import file_changes as change_table
from vpo.db import file_facts
from vpo.db import verification as table
from vpo.db.damage import Damage
from vpo.db.file_changes import FileChange
from vpo.db.library import Library
from vpo.db.verification import Candidate, Due
from vpo.integrity.classify import Recorded, Verdict, baseline, classify
from vpo.integrity.findings import Finding
from vpo.integrity.request import VerifyOptions
from vpo.integrity.result import Amount, VerifyResult
from vpo.integrity.schedule import Feed
from vpo.jobs.context import Context
from vpo.jobs.progress import Progress
from vpo.jobs.stopping import StoppedError
from vpo.logging import shown
from vpo.places.availability import Offline, Places
from vpo.places.beneath import roots_of
from vpo.places.filesystems import filesystem_kind
from vpo.places.read_errors import is_of_the_medium, is_of_the_place

logger = logging.getLogger(__name__)

# Answers are taken in batches: each time this thread wakes, it takes the interpreter, and a core
# from the threads that read.
GATHER_SECONDS = 0.02
# If fewer files than this are asked for, each takes longer than that, and no batch is awaited.
FEW = 64
POLL_SECONDS = 0.05

FILES_PER_COMMIT = 5000
SECONDS_PER_COMMIT = 2.0


@dataclass
class _Found:
    """A file that is not as it should be, until that is recorded."""

    finding: Finding
    file: Candidate
    damage: Damage | None
    compared_with: str | None


@dataclass(frozen=True)
class Check:
    """What a check is to do."""

    due: Due
    options: VerifyOptions
    paths: tuple[bytes, ...] = ()
    """The paths of the files that are selected one by one."""


class Run:
    """A check while it runs."""

    def __init__(
        self, library: Library, check: Check, context: Context, result: VerifyResult
    ) -> None:
        self.library = library
        self.connection = library.connection
        self.context = context
        self.due = check.due
        self.options = check.options
        self.result = result
        self.places = Places(self.connection, (*check.due.selection.places, *check.paths))
        self.digester = Digester(
            threads=check.options.threads or 0,
            max_rate=check.options.max_rate,
            leave_cache=True,
            roots=roots_of(self.connection),
        )
        self.unread_bytes = 0
        """The bytes of files that the engine did not have to read."""
        self.verified: list[tuple[object, ...]] = []
        """Tuples with the fields of `Verified`, which would take longer to make."""
        self.unchanged: list[tuple[object, ...]] = []
        """The same for files whose digest is recorded already."""
        self.found: list[_Found] = []
        self.last_commit = time.monotonic()

    @property
    def job_number(self) -> int:
        """The number of the job that records the check."""
        assert self.context.job is not None
        return self.context.job.number

    # -- The loop ----------------------------------------------------------------

    def run(self) -> None:
        """Checks the selected files.

        Raises StoppedError, VpoError (none of the places is there), sqlite3.Error.
        """
        self._look_at_places()
        self.result.selected = Amount(*table.amount(self.connection, self.due))
        feed = Feed(self.digester, self.places, self.options, self.result.selected)
        feed.open(self.connection, self.due)
        try:
            while True:
                self.context.check()
                feed.feed()
                if not feed.asked:
                    break
                answers = self.digester.take(POLL_SECONDS)
                self._judge(answers, feed)
                self._write_if_due()
                progress = partial(self._progress, feed.most_bytes)
                self.context.beat(progress)
                self.context.reporter.progress(progress)
                if len(feed.asked) > FEW:
                    time.sleep(GATHER_SECONDS)
        except (StoppedError, KeyboardInterrupt):
            self.digester.stop()
            self._write()
            raise
        self._write()
        self.result.is_complete = feed.is_exhausted()

    def _look_at_places(self) -> None:
        errors = self.places.look()
        if errors and len(errors) == len(self.places.roots):
            raise errors[0]
        for offline in self.places.offline.values():
            self._note_offline(offline)
        selection = self.due.selection._replace(without=tuple(self.places.offline))
        self.due = self.due._replace(selection=selection)

    # -- Verdicts ---------------------------------------------------------

    def _judge(self, answers: list[Digested], feed: Feed) -> None:
        """Judges the engine's answers. They are written later."""
        if not answers:
            return
        at = times.to_text(times.now())
        asked, counts = feed.asked, self.result.counts
        rows: dict[Verdict, list[tuple[object, ...]]] = {
            "new": self.verified,
            "verified": self.unchanged,
        }
        file_of = self.context.reporter.file if self.context.reporter.wants_files else None
        recorded_name = RECORDED.name
        size = read = 0
        for seen in answers:
            file = asked.pop(seen.key)
            size += file.size_bytes
            digests = seen.digests
            if digests is None:
                if seen.problem != "stopped":
                    feed.was_not_read(file.size_bytes)
                    self._judge_unread(file, seen, at)
                continue
            if not file.is_plain:
                self._judge_content(file, seen, digests, at)
                continue
            # Nearly all files come this way, so that each step counts.
            found = RECORDED_PREFIX + digests[recorded_name]
            recorded = file.content_hash
            if recorded is not None and recorded != found:
                self._judge_content(file, seen, digests, at)
                continue
            read += file.size_bytes
            verdict: Verdict = "new" if recorded is None else "verified"
            counts[verdict] += 1
            rows[verdict].append(
                (file.id, found, file.size_bytes, file.mtime_ns, seen.ctime_ns, at)
            )
            if file_of is not None:
                file_of(verdict, file.path)
        feed.came_back(size)
        self.result.size_bytes += read

    def _judge_content(
        self, file: Candidate, seen: Digested, digests: dict[str, str], at: str
    ) -> None:
        """Judges a file that was read."""
        digest, recorded_at = baseline(file)
        recorded = Recorded(digest, _to_ns(recorded_at), file.ctime_ns, file.damage)
        verdict = classify(recorded, seen, has_ctime=_has_ctime(file, seen))
        self.result.size_bytes += seen.size_bytes or 0
        if verdict in ("rotted", "rewritten"):
            self._damaged(file, seen, verdict, at)
            return
        self.verified.append(
            (
                file.id,
                recorded_digest(digests),
                seen.size_bytes,
                seen.mtime_ns,
                seen.ctime_ns,
                at,
            )
        )
        if verdict == "restored":
            self.found.append(_Found(Finding(file.path, verdict), file, None, None))
            return
        self.result.count(verdict)
        if self.context.reporter.wants_files:
            self.context.reporter.file(verdict, file.path)

    def _judge_unread(self, file: Candidate, seen: Digested, at: str) -> None:
        self.unread_bytes += file.size_bytes
        digest, recorded_at = baseline(file)
        verdict = classify(Recorded(digest, None, file.ctime_ns, file.damage), seen)
        if verdict == "missing" or verdict == "unreadable":
            offline = None
            is_lost = is_of_the_medium(seen.errno) or is_of_the_place(seen.errno)
            if seen.problem == "gone" or is_lost:
                offline = self._offline(file)
            if offline is not None:
                return
        finding = Finding(
            file.path,
            verdict,
            digest_recorded=digest,
            recorded_at=recorded_at,
            message=_message(seen),
            errno=seen.errno,
            offset=seen.offset,
        )
        damage = None
        if verdict == "unreadable" and is_of_the_medium(seen.errno):
            damage = Damage(
                file.id,
                "unreadable",
                at,
                self.job_number,
                digest,
                recorded_at if digest is not None else None,
                None,
                file.size_bytes,
                file.mtime_ns,
                file.ctime_ns,
                seen.ctime_ns,
                seen.offset,
                _message(seen),
            )
        self.found.append(_Found(finding, file, damage, file.content_hash))

    def _offline(self, file: Candidate) -> Offline | None:
        """The place of a file, if all of that is gone. It is reported once."""
        path = from_stored(file.path)
        known = set(self.places.offline)
        offline = self.places.why_gone(path)
        for place in self.places.offline.keys() - known:
            self._note_offline(self.places.offline[place])
        return offline

    def _note_offline(self, offline: Offline) -> None:
        self.result.offline.append(offline)
        logger.warning("%s", offline, extra=shown(**offline.to_dict()))

    def _damaged(self, file: Candidate, seen: Digested, verdict: Verdict, at: str) -> None:
        digest, recorded_at = baseline(file)
        found = found_digest(digest, seen.digests)
        # A scan drops the ctime of a file that was modified. The record of the damage has it.
        known = None
        if file.damage is not None:
            known = damage_table.damage_of(self.connection, file.id)
        ctime_ns, modified_since = file.ctime_ns, None
        if known is not None:
            ctime_ns = known.ctime_ns_recorded
            if (known.size_bytes, known.mtime_ns) != (seen.size_bytes, seen.mtime_ns):
                modified_since = known.damage, known.found_at
        finding = Finding(
            file.path,
            verdict,
            digest_recorded=digest,
            recorded_at=recorded_at,
            digest_found=found,
            ctime="none"
            if not _has_ctime(file, seen)
            else "unknown"
            if ctime_ns is None
            else "known",
            modified_since=modified_since,
        )
        damage = Damage(
            file.id,
            verdict,
            at,
            self.job_number,
            digest,
            recorded_at,
            found,
            file.size_bytes,
            file.mtime_ns,
            file.ctime_ns,
            seen.ctime_ns,
        )
        self.found.append(_Found(finding, file, damage, file.content_hash))

    # -- Writing -----------------------------------------------------------------

    def _write_if_due(self) -> None:
        waiting = len(self.verified) + len(self.unchanged) + len(self.found)
        if waiting >= FILES_PER_COMMIT or (
            waiting and time.monotonic() - self.last_commit >= SECONDS_PER_COMMIT
        ):
            self._write()

    def _write(self) -> None:
        """Records what was found since the last time, and then reports it."""
        verified, unchanged, found = self.verified, self.unchanged, self.found
        self.verified, self.unchanged, self.found = [], [], []
        self.last_commit = time.monotonic()
        if not (verified or unchanged or found):
            return
        reported = []
        with self.library.transaction() as connection:
            file_facts.record_verified(connection, verified)
            file_facts.record_verified_again(connection, unchanged)
            for each in found:
                change = None
                if each.damage is not None:
                    if damage_table.record_damage(connection, each.damage, each.compared_with):
                        change = "damaged"
                    elif damage_table.damage_of(connection, each.file.id) is None:
                        # It was accepted since, or is another file now.
                        continue
                elif each.finding.verdict == "restored":
                    change = "restored"
                    damage_table.forget_damage(connection, [each.file.id])
                    # A scan may have read its media while it was damaged.
                    file_facts.record_other_content(connection, [each.file.id])
                if change is not None:
                    reason = each.damage.damage if each.damage else None
                    change_table.add_changes(
                        connection, self.job_number, [FileChange(each.file.id, change, reason)]
                    )
                reported.append(each.finding)
        for finding in reported:
            self._report(finding)

    def _report(self, finding: Finding) -> None:
        self.result.note(finding)
        if finding.is_damage:
            logger.error("%s", finding, extra=shown(**finding.to_dict()))
        elif finding.verdict in ("missing", "changing", "unreadable"):
            logger.warning("%s", finding, extra=shown(**finding.to_dict()))
        elif finding.verdict == "restored":
            logger.info("%s", finding)
        if self.context.reporter.wants_files:
            self.context.reporter.file(finding.verdict, finding.path)

    # -- How far it is -------------------------------------------------------------

    def _progress(self, most_bytes: float | None) -> Progress:
        """How far the check is. With a budget of bytes, that is all there is to read."""
        selected = self.result.selected
        expected_bytes = selected.size_bytes
        if most_bytes is not None:
            expected_bytes = min(expected_bytes, int(most_bytes))
        return Progress(
            "check",
            self.result.checked + len(self.found),
            selected.files,
            size_bytes=self.unread_bytes + self.digester.bytes_read,
            size_bytes_expected=expected_bytes,
        )


def _message(seen: Digested) -> str | None:
    if seen.problem == "not_regular":
        return "something else is in its place"
    if seen.errno is not None:
        # The engine's message contains the offset, which is shown separately.
        return os.strerror(seen.errno)
    return seen.message if seen.problem in ("unreadable", "panic") else None


def _has_ctime(file: Candidate, seen: Digested) -> bool:
    """Whether the file is on a file system whose ctime no program can set."""
    assert seen.device is not None
    return filesystem_kind(file.path, seen.device).has_ctime


def _to_ns(moment: str | None) -> int | None:
    try:
        return None if moment is None else times.text_to_ns(moment)
    except (ValueError, OverflowError):
        return None

"""One check while it runs: what the engine says of files is judged and recorded.

Nothing is written while files are read but every other second, so that a scan
beside it is not held up. A check that is killed has lost these seconds; the next
one goes on from there, as it begins with the files that were verified least lately.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from functools import partial

import orjson

from vpo._engine import Digested, Digester
from vpo.base import times
from vpo.base.paths import from_stored
from vpo.db import damage as damage_table
from vpo.db import file_changes as change_table
from vpo.db import file_facts
from vpo.db import verification as table
from vpo.db.damage import Damage
from vpo.db.file_changes import FileChange
from vpo.db.verification import Candidate, Due
from vpo.integrity.classify import classify, found_as
from vpo.integrity.models import (
    Amount,
    Finding,
    Offline,
    Reporter,
    Verdict,
    VerifyOptions,
    VerifyResult,
    baseline,
)
from vpo.integrity.schedule import Feed
from vpo.jobs.control import ShouldStop, StoppedError
from vpo.jobs.tracking import Job
from vpo.logging import shown
from vpo.places.availability import Places
from vpo.places.read_errors import is_of_the_medium, is_of_the_place

logger = logging.getLogger(__name__)

# Answers are taken some at a time: each waking of this thread takes the
# interpreter, and a core from the threads that read.
GATHER_SECONDS = 0.02
# Unless there are few: then each takes longer than that.
FEW = 64
POLL_SECONDS = 0.05

FILES_PER_COMMIT = 5000
SECONDS_PER_COMMIT = 2.0


@dataclass
class _Found:
    """A file that something is to be said of, when that is recorded."""

    finding: Finding
    file: Candidate
    damage: Damage | None
    compared_with: str | None


class Run:
    """The state of a check while it runs."""

    def __init__(
        self,
        job: Job,
        due: Due,
        options: VerifyOptions,
        result: VerifyResult,
        reporter: Reporter,
        should_stop: ShouldStop,
        *,
        paths: tuple[bytes, ...] = (),
    ) -> None:
        """`paths` are the paths of the files that are selected by id."""
        self.job = job
        self.library = job.library
        self.connection = job.library.connection
        self.due = due
        self.options = options
        self.result = result
        self.reporter = reporter
        self.should_stop = should_stop
        self.places = Places(self.connection, (*due.selection.places, *paths))
        self.digester = Digester(
            threads=options.threads or 0, max_rate=options.max_rate, leave_cache=True
        )
        self.unread_bytes = 0
        """Of files that there was an answer for without reading."""
        self.verified: list[tuple[object, ...]] = []
        """As `Verified`, which takes a while to make."""
        self.unchanged: list[tuple[object, ...]] = []
        """Likewise, of files whose digest is recorded already."""
        self.found: list[_Found] = []
        self.last_commit = time.monotonic()

    # -- The loop ----------------------------------------------------------------

    def run(self) -> None:
        """Checks the selected files.

        Raises StoppedError, VpoError (none of the places is there), sqlite3.Error.
        """
        self._look_at_places()
        self.result.selected = Amount(*table.amount(self.connection, self.due))
        feed = Feed(
            self.connection,
            self.digester,
            self.due,
            self.result.selected,
            self.options,
            self.places,
        )
        try:
            while True:
                if stopped := self.should_stop():
                    raise stopped
                feed.feed()
                if not feed.asked:
                    break
                answers = self.digester.take(POLL_SECONDS)
                self._judge(answers, feed)
                self._write_if_due()
                done, to_do = self._done(), self._to_do(feed.most_bytes)
                self.job.beat(partial(self._progress, done, to_do))
                self.reporter.checking(done, to_do)
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

    # -- What came of it ---------------------------------------------------------

    def _judge(self, answers: list[Digested], feed: Feed) -> None:
        """Judges answers; what is to be written waits for that."""
        if not answers:
            return
        at = times.to_text(times.now())
        asked, counts = feed.asked, self.result.counts
        rows: dict[Verdict, list[tuple[object, ...]]] = {
            "new": self.verified,
            "verified": self.unchanged,
        }
        file_of = self.reporter.file if self.reporter.wants_files else None
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
            # Nearly all files are of this kind: each step counts.
            found = "blake3:" + digests["blake3"]
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
        """Judges a file that has been read."""
        digest, recorded_at = baseline(file)
        verdict = classify(
            digest_recorded=digest,
            recorded_at_ns=_to_ns(recorded_at),
            ctime_ns=file.ctime_ns,
            damage=file.damage,
            seen=seen,
        )
        self.result.size_bytes += seen.size_bytes or 0
        if verdict in ("rotted", "rewritten"):
            self._damaged(file, seen, verdict, at)
            return
        self.verified.append(
            (
                file.id,
                f"blake3:{digests['blake3']}",
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
        if self.reporter.wants_files:
            self.reporter.file(verdict, file.path)

    def _judge_unread(self, file: Candidate, seen: Digested, at: str) -> None:
        self.unread_bytes += file.size_bytes
        digest, recorded_at = baseline(file)
        verdict = classify(
            digest_recorded=digest,
            recorded_at_ns=None,
            ctime_ns=file.ctime_ns,
            damage=file.damage,
            seen=seen,
        )
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
                self.job.number,
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
        """The place of a file that is gone, if that is gone as a whole: said once."""
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
        found = found_as(digest, seen.digests)
        # A scan forgets the ctime of a file that was modified; the damage has it.
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
            ctime_is_known=ctime_ns is not None,
            modified_since=modified_since,
        )
        damage = Damage(
            file.id,
            verdict,
            at,
            self.job.number,
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
        """Records what was found since the last time, and then says it."""
        verified, unchanged, found = self.verified, self.unchanged, self.found
        self.verified, self.unchanged, self.found = [], [], []
        self.last_commit = time.monotonic()
        if not (verified or unchanged or found):
            return
        said = []
        with self.library.transaction() as connection:
            file_facts.record_verified(connection, verified)
            file_facts.record_verified_again(connection, unchanged)
            for each in found:
                change = None
                if each.damage is not None:
                    if damage_table.record_damage(connection, each.damage, each.compared_with):
                        change = "damaged"
                    elif damage_table.damage_of(connection, each.file.id) is None:
                        # It was accepted, or is another file by now.
                        continue
                elif each.finding.verdict == "restored":
                    change = "restored"
                    damage_table.forget_damage(connection, [each.file.id])
                    # A scan may have read it while it was damaged.
                    file_facts.record_other_content(connection, [each.file.id])
                if change is not None:
                    reason = each.damage.damage if each.damage else None
                    change_table.add_changes(
                        connection, self.job.number, [FileChange(each.file.id, change, reason)]
                    )
                said.append(each.finding)
        for finding in said:
            self._say(finding)

    def _say(self, finding: Finding) -> None:
        self.result.note(finding)
        if finding.is_damage:
            logger.error("%s", finding, extra=shown(**finding.to_dict()))
        elif finding.verdict in ("missing", "changing", "unreadable"):
            logger.warning("%s", finding, extra=shown(**finding.to_dict()))
        elif finding.verdict == "restored":
            logger.info("%s", finding)
        if self.reporter.wants_files:
            self.reporter.file(finding.verdict, finding.path)

    # -- How far it is -------------------------------------------------------------

    def _done(self) -> Amount:
        return Amount(
            self.result.checked + len(self.found), self.unread_bytes + self.digester.bytes_read
        )

    def _to_do(self, most_bytes: float | None) -> Amount:
        """What is to be done; with a budget of bytes, no more than that."""
        selected = self.result.selected
        if most_bytes is None or most_bytes >= selected.size_bytes:
            return selected
        return Amount(selected.files, int(most_bytes))

    def _progress(self, done: Amount, to_do: Amount) -> tuple[float, dict[str, object]]:
        percent = 100 * done.size_bytes / max(1, to_do.size_bytes)
        return min(percent, 100.0), {
            "files": done.files,
            "files_selected": self.result.selected.files,
            "bytes": done.size_bytes,
            "bytes_to_read": to_do.size_bytes,
        }

    def summary_json(self) -> str:
        """The counts, for the job's record."""
        return orjson.dumps(self.result.summary()).decode()


def _message(seen: Digested) -> str | None:
    if seen.problem == "not_regular":
        return "something else is in its place"
    if seen.errno is not None:
        # The engine's words have the offset in them, which is said apart.
        return os.strerror(seen.errno)
    return seen.message if seen.problem in ("unreadable", "panic") else None


def _to_ns(moment: str | None) -> int | None:
    try:
        return None if moment is None else times.text_to_ns(moment)
    except (ValueError, OverflowError):
        return None

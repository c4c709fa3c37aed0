"""`--verify-hash`: whether a file has changed is decided by its content.

Size and mtime say whose content is to be read: a file of another size is another,
one that has its size and another mtime (or inode) is so only if its digest is
another, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vpo._engine import Digested
from vpo.base import times
from vpo.base.paths import StoredPath, join
from vpo.content.digests import Digest, algorithms_for, is_same_content, recorded_digest
from vpo.content.hashing import FileToRead, HashingQueue
from vpo.db import file_changes as change_table
from vpo.db import files as file_table
from vpo.db import media as media_table
from vpo.db import verification
from vpo.db.file_changes import FileChange
from vpo.db.files import KnownFile, Observation
from vpo.db.verification import Verified
from vpo.jobs.control import ShouldStop
from vpo.jobs.tracking import LOOK_SECONDS
from vpo.scanner.compare import Difference
from vpo.scanner.models import Issue

if TYPE_CHECKING:
    from vpo.scanner.recorder import Recorder


@dataclass(frozen=True)
class Undecided:
    """A file that looks changed, and may not be."""

    directory: StoredPath
    known: KnownFile
    found: Observation
    content_hash: str

    @property
    def path(self) -> StoredPath:
        """Where it is."""
        return join(self.directory, self.known.name)


class Decision(NamedTuple):
    """What reading a file told."""

    file: Undecided
    has_changed: bool
    content_hash: str | None
    """The BLAKE3 digest of its content, if it could be read as it was seen."""
    ctime_ns: int | None
    error: str | None
    errno: int | None


def take_undecided(
    difference: Difference,
    directory: StoredPath,
    known_files: Sequence[KnownFile],
    digests: Mapping[int, str],
) -> list[Undecided]:
    """Takes the files from what is `changed` that can be decided by their `digests` (by id)."""
    known = {file.id: file for file in known_files}
    undecided, changed = [], []
    for observation, name in difference.changed:
        before = known[observation.id]
        digest = digests.get(before.id, "")
        can_be_the_same = (
            before.size_bytes == observation.size_bytes
            and bool(before.is_symlink) == bool(observation.is_symlink)
            and before.scan_status != "missing"
            # Else mtime and inode decide, as they do without a digest.
            and Digest.parse(digest).is_comparable
        )
        if can_be_the_same:
            undecided.append(Undecided(directory, before, observation, digest))
        else:
            changed.append((observation, name))
    difference.changed = changed
    return undecided


def decide(
    files: Sequence[Undecided], *, threads: int, should_stop: ShouldStop
) -> Iterator[list[Decision]]:
    """Reads files, and says of each whether it has changed.

    Every other second there are no decisions, if there are no answers, so that whoever asked
    can show signs of life: a huge file on a slow disk takes minutes. Raises StoppedError.
    """

    def check_stop() -> None:
        if stopped := should_stop():
            raise stopped

    work = (
        (
            file,
            FileToRead(
                file.path,
                algorithms_for(file.content_hash),
                file.found.size_bytes,
                file.found.mtime_ns,
                file.found.is_symlink,
            ),
        )
        for file in files
    )
    last_yield = time.monotonic()
    with HashingQueue[Undecided](check_stop, threads=threads, leave_cache=True) as queue:
        for answers in queue.answers(work):
            if answers or time.monotonic() - last_yield >= LOOK_SECONDS:
                yield [_decision(file, answer) for file, answer in answers]
                last_yield = time.monotonic()


def _decision(file: Undecided, answer: Digested) -> Decision:
    if answer.digests is None:
        is_error = answer.problem not in ("gone", "changed")
        error = answer.message if is_error else None
        return Decision(file, False, None, None, error, answer.errno)
    has_changed = not is_same_content(file.content_hash, answer.digests)
    digest = recorded_digest(answer.digests)
    return Decision(file, has_changed, digest, answer.ctime_ns, None, None)


def record(recorder: Recorder, decisions: Sequence[Decision]) -> None:
    """Records decisions, and counts the files that did change as such. In a transaction.

    What could not be decided stays as it was, to be looked at by the next scan.
    """
    if not decisions:
        return
    result = recorder.result
    for decision in decisions:
        if decision.error is not None:
            result.skipped -= 1
            result.note(Issue(decision.file.path, "read", decision.error, decision.errno))
    read = [decision for decision in decisions if decision.content_hash is not None]
    changed = [decision.file for decision in read if decision.has_changed]
    result.skipped -= len(changed)
    result.scanned += len(changed)
    for file in changed:
        recorder.affect("changed", file.directory, file.known.name)
    connection, at = recorder.connection, recorder.scanned_at
    same = (decision.file.found for decision in read if not decision.has_changed)
    file_table.record_unchanged(connection, same, at)
    assert recorder.job is not None
    change_table.add_changes(
        connection,
        recorder.job.number,
        (
            FileChange(
                file.known.id,
                "changed",
                "content",
                file.known.size_bytes,
                file.known.mtime_ns,
                file.found.size_bytes,
                file.found.mtime_ns,
            )
            for file in changed
        ),
    )
    file_table.record_changed(connection, (file.found for file in changed), at)
    ids = [file.known.id for file in changed]
    media_table.forget(connection, ids)
    verified_at = times.to_text(times.now())
    verification.record_verified(
        connection,
        (
            Verified(
                decision.file.known.id,
                decision.content_hash,
                decision.file.found.size_bytes,
                decision.file.found.mtime_ns,
                decision.ctime_ns,
                verified_at,
            )
            for decision in read
            if decision.content_hash is not None and decision.ctime_ns is not None
        ),
    )
    if recorder.reading is not None:
        recorder.reading.want(ids, "scanned")

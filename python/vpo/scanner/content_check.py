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

from vpo._engine import Digested, Digester
from vpo.base import times
from vpo.base.paths import StoredPath, join
from vpo.db import file_changes as change_table
from vpo.db import file_facts
from vpo.db.file_changes import FileChange
from vpo.db.file_facts import Observation, Verified
from vpo.db.files import KnownFile
from vpo.jobs.control import ShouldStop
from vpo.jobs.tracking import LOOK_SECONDS
from vpo.scanner.compare import Difference
from vpo.scanner.models import Issue

if TYPE_CHECKING:
    from vpo.scanner.recorder import Recorder

# Recorded digests that can tell that content is the same: of all of it. The `xxh64` of an
# earlier program is of the ends of a file, and with it mtime and inode decide, as without any.
_COMPARABLE = ("blake3", "sha256", "sha512", "sha1", "md5")

POLL_SECONDS = 0.05


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
            and digest.partition(":")[0] in _COMPARABLE
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
    digester = Digester(threads=threads, leave_cache=True)
    asked = {file.known.id: file for file in files}
    for algorithm in _COMPARABLE:
        digester.submit(
            (
                (
                    file.known.id,
                    file.path,
                    file.found.size_bytes,
                    file.found.mtime_ns,
                    bool(file.found.is_symlink),
                )
                for file in files
                if file.content_hash.startswith(f"{algorithm}:")
            ),
            list(dict.fromkeys(("blake3", algorithm))),
        )
    told = time.monotonic()
    try:
        while digester.outstanding:
            if stopped := should_stop():
                raise stopped
            decisions = [
                _decision(asked[answer.key], answer) for answer in digester.take(POLL_SECONDS)
            ]
            if decisions or time.monotonic() - told >= LOOK_SECONDS:
                yield decisions
                told = time.monotonic()
    finally:
        digester.stop()


def _decision(file: Undecided, answer: Digested) -> Decision:
    if answer.digests is None:
        is_error = answer.problem not in ("gone", "changed")
        error = answer.message if is_error else None
        return Decision(file, False, None, None, error, answer.errno)
    algorithm = file.content_hash.partition(":")[0]
    has_changed = f"{algorithm}:{answer.digests[algorithm]}" != file.content_hash
    digest = f"blake3:{answer.digests['blake3']}"
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
    file_facts.record_unchanged(connection, same, at)
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
    file_facts.record_changed(connection, (file.found for file in changed), at)
    ids = [file.known.id for file in changed]
    verified_at = times.to_text(times.now())
    file_facts.record_verified(
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

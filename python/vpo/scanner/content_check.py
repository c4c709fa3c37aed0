"""`--verify-hash`: the content of a file decides whether it has changed.

A file of another size has changed. A file of the same size with another mtime (or inode) has
changed only if its digest is another one, so its content is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from vpo._engine import Digested
from vpo.base import times
from vpo.base.paths import StoredPath
from vpo.content.digests import Digest, algorithms_for, is_same_content, recorded_digest
from vpo.content.hashing import FileToRead, HashingQueue
from vpo.db import file_changes as change_table
from vpo.db import file_facts
from vpo.db.file_changes import FileChange
from vpo.db.file_facts import Verified
from vpo.db.files import KnownFile
from vpo.jobs.progress import Progress
from vpo.scanner.compare import Difference, Undecided
from vpo.scanner.result import Issue
from vpo.scanner.state import ScanState


class Decision(NamedTuple):
    """What reading a file has shown."""

    file: Undecided
    has_changed: bool
    content_hash: str | None
    """The BLAKE3 digest of its content; None if the file could not be read as it was seen."""
    ctime_ns: int | None
    error: str | None
    errno: int | None


def take_undecided(
    difference: Difference,
    directory: StoredPath,
    known_files: Sequence[KnownFile],
    digests: Mapping[int, str],
) -> list[Undecided]:
    """Takes those files out of `changed` that their recorded digests (by id) can decide."""
    known = {file.id: file for file in known_files}
    undecided, changed = [], []
    for observation, name in difference.changed:
        before = known[observation.id]
        digest = digests.get(before.id, "")
        can_be_the_same = (
            before.size_bytes == observation.size_bytes
            and bool(before.is_symlink) == bool(observation.is_symlink)
            and before.scan_status != "missing"
            # Without such a digest, mtime and inode decide.
            and Digest.parse(digest).is_comparable
        )
        if can_be_the_same:
            undecided.append(Undecided(directory, before, observation, digest))
        else:
            changed.append((observation, name))
    difference.changed = changed
    return undecided


def decide(state: ScanState) -> Iterator[list[Decision]]:
    """Reads the undecided files of a scan, and yields decisions as they come.

    Raises StoppedError.
    """
    files = state.undecided
    if not files:
        return

    def check() -> None:
        state.context.check()
        state.context.beat(lambda: Progress("decide", 0, len(files)))

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
    threads = state.options.rules.threads or 0
    with HashingQueue[Undecided](
        check, threads=threads, leave_cache=True, roots=state.roots
    ) as queue:
        for answers in queue.answers(work):
            if answers:
                yield [_decision(file, answer) for file, answer in answers]


def _decision(file: Undecided, answer: Digested) -> Decision:
    if answer.digests is None:
        is_error = answer.problem not in ("gone", "changed")
        error = answer.message if is_error else None
        return Decision(file, False, None, None, error, answer.errno)
    has_changed = not is_same_content(file.content_hash, answer.digests)
    digest = recorded_digest(answer.digests)
    return Decision(file, has_changed, digest, answer.ctime_ns, None, None)


def record(state: ScanState, decisions: Sequence[Decision]) -> None:
    """Records decisions, and counts the files that have changed. In a transaction.

    A file that could not be read keeps its record; the next scan looks at it again.
    """
    result = state.result
    for decision in decisions:
        if decision.error is not None:
            issue = Issue(decision.file.path, "read", decision.error, decision.errno)
            result.note(issue, instead_of="skipped")
    read = [decision for decision in decisions if decision.content_hash is not None]
    changed = [decision.file for decision in read if decision.has_changed]
    result.tally.move("skipped", "scanned", len(changed))
    for file in changed:
        state.affect("changed", file.directory, file.known.name)
    connection, at = state.connection, state.scanned_at
    same = (decision.file.found for decision in read if not decision.has_changed)
    file_facts.record_unchanged(connection, same, at)
    change_table.add_changes(
        connection,
        state.job.number,
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
    if state.introspection is not None:
        state.introspection.want(ids, "scanned")

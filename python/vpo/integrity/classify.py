"""The verdict on a file: what is recorded of it and what was read go in, a verdict comes out."""

from __future__ import annotations

import errno
from typing import Literal, NamedTuple, Protocol

from vpo.content.digests import found_digest
from vpo.db.verification import Candidate

Verdict = Literal[
    "verified",  # its content is what it was
    "new",  # its content was read for the first time
    "restored",  # it was damaged, and is what it was before again
    "modified",  # its size or mtime is another: a scan records that
    "rotted",  # its content is another, and no program wrote it
    "rewritten",  # its content is another, with the same size and mtime
    "unreadable",
    "missing",
    "changing",  # a program wrote it while it was read
]

# Something else is in the file's place, or on the way to it.
_NOT_THE_FILE = frozenset({errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.EISDIR})


class Read(Protocol):
    """What the engine reports of a file: a `Digested`."""

    @property
    def digests(self) -> dict[str, str] | None: ...
    @property
    def problem(self) -> str | None: ...
    @property
    def errno(self) -> int | None: ...
    @property
    def ctime_ns(self) -> int | None: ...


class Recorded(NamedTuple):
    """What the catalogue has of a file's content."""

    digest: str | None
    """With its algorithm as prefix."""
    verified_at_ns: int | None
    """When the content had that digest."""
    ctime_ns: int | None
    """The file's ctime then."""
    damage: str | None
    """What was found wrong with the file before."""


def classify(recorded: Recorded, read: Read, *, has_ctime: bool = True) -> Verdict:
    """The verdict on a file.

    The engine reads a file only if its size and mtime are as recorded, or if it is damaged.
    `has_ctime`: whether the file system has a ctime that no program can set
    (`vpo.places.filesystem_kinds`). Without one, nothing shows that no program wrote the file.
    """
    if read.problem is not None:
        return _without_content(read.problem, read.errno)
    found = found_digest(recorded.digest, read.digests)
    if found is None:
        # There is no digest to compare it with.
        return "new" if recorded.damage is None else "restored"
    if found == recorded.digest:
        return "verified" if recorded.damage is None else "restored"
    if recorded.damage in ("rotted", "rewritten"):
        # The first verdict stays.
        return "rotted" if recorded.damage == "rotted" else "rewritten"
    is_proved_rot = has_ctime and not _was_written(recorded, read.ctime_ns)
    return "rotted" if is_proved_rot else "rewritten"


def _without_content(problem: str, number: int | None) -> Verdict:
    if problem == "changed":
        return "modified"
    if problem == "changing":
        return "changing"
    if problem in ("gone", "not_regular") or number in _NOT_THE_FILE:
        return "missing"
    return "unreadable"


def _was_written(recorded: Recorded, found_ns: int | None) -> bool:
    """Whether a program has written the file since. No program can set the ctime back."""
    if recorded.ctime_ns is not None:
        return found_ns != recorded.ctime_ns
    # If the ctime was not recorded, one from before the digest still proves that nobody did.
    verified_at_ns = recorded.verified_at_ns
    return verified_at_ns is None or found_ns is None or found_ns >= verified_at_ns


def baseline(known: Candidate) -> tuple[str | None, str | None]:
    """The digest that a file's content is compared with, and when the content had it."""
    if known.damage is not None:
        # A scan may have dropped the file's own digest since.
        return known.digest_recorded, known.recorded_at
    return known.content_hash, known.verified_at or known.scanned_at

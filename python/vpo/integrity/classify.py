"""What it means that a file is as it is: known and seen in, a verdict out."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from vpo.content.digests import found_digest

if TYPE_CHECKING:
    from vpo.integrity.models import Checked, Verdict

# Something else is in the file's place, or on the way to it.
_NOT_THE_FILE = frozenset({errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.EISDIR})

# What disks and file systems say of content that they cannot give. All else (no
# permission, too many open files) says nothing about it.
_OF_THE_MEDIUM = frozenset(
    getattr(errno, name)
    for name in ("EIO", "EBADMSG", "EUCLEAN", "EILSEQ", "ENODATA", "EREMOTEIO")
    if hasattr(errno, name)
)

# The disk or the server is not there any more.
_OF_THE_PLACE = frozenset(
    getattr(errno, name)
    for name in (
        "ENODEV",
        "ENXIO",
        "ENOTCONN",
        "ESTALE",
        "ETIMEDOUT",
        "EHOSTDOWN",
        "EHOSTUNREACH",
        "ECONNABORTED",
        "ENOMEDIUM",
        "ESHUTDOWN",
    )
    if hasattr(errno, name)
)


def classify(
    *,
    digest_recorded: str | None,
    recorded_at_ns: int | None,
    ctime_ns: int | None,
    damage: str | None,
    seen: Checked,
) -> Verdict:
    """The verdict on a file.

    What is recorded: its digest, with the algorithm as prefix, and when that was
    right; its ctime then; what was found wrong with it before. The file was only
    read if size and mtime are as recorded, or if it is damaged.
    """
    if seen.problem is not None:
        return _without_content(seen.problem, seen.errno)
    found = found_digest(digest_recorded, seen.digests)
    if found is None:
        # Nothing that it could be held against.
        return "new" if damage is None else "restored"
    if found == digest_recorded:
        return "verified" if damage is None else "restored"
    if damage in ("rotted", "rewritten"):
        # What it was found to be first.
        return "rotted" if damage == "rotted" else "rewritten"
    return "rewritten" if _was_written(ctime_ns, recorded_at_ns, seen.ctime_ns) else "rotted"


def _without_content(problem: str, number: int | None) -> Verdict:
    if problem == "changed":
        return "modified"
    if problem == "changing":
        return "changing"
    if problem in ("gone", "not_regular") or number in _NOT_THE_FILE:
        return "missing"
    return "unreadable"


def _was_written(recorded_ns: int | None, recorded_at_ns: int | None, found_ns: int | None) -> bool:
    """Whether something has written the file since, by its ctime, which cannot be put back."""
    if recorded_ns is not None:
        return found_ns != recorded_ns
    # It was not recorded. Before the digest was, it tells all the same.
    return recorded_at_ns is None or found_ns is None or found_ns >= recorded_at_ns


def is_of_the_medium(number: int | None) -> bool:
    """Whether an error of reading says that content is lost: such is damage."""
    return number in _OF_THE_MEDIUM


def is_of_the_place(number: int | None) -> bool:
    """Whether an error says that the disk or the server is not there."""
    return number in _OF_THE_PLACE

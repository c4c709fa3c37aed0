"""What it means that a file is as it is: known and seen in, a verdict out."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpo.integrity.models import Checked, Verdict

# Something else is in the file's place, or on the way to it.
_NOT_THE_FILE = frozenset({errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.EISDIR})


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
    found = found_as(digest_recorded, seen.digests)
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


def found_as(digest_recorded: str | None, digests: dict[str, str] | None) -> str | None:
    """What was found, by the algorithm of what is recorded; None if that is not there."""
    if digest_recorded is None or digests is None:
        return None
    algorithm = digest_recorded.partition(":")[0]
    return f"{algorithm}:{digests[algorithm]}" if algorithm in digests else None

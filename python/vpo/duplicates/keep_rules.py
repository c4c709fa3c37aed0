"""Which copy of a group is kept, and which are to be done something about. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from vpo.base.paths import from_stored
from vpo.duplicates.models import Copy, Group, Preference


class Keeping(NamedTuple):
    """What was said on what is to be kept."""

    directories: tuple[bytes, ...] = ()
    """Files in these and below are all kept: nothing is done about them."""
    prefer: Preference = "oldest"

    def protects(self, copy: Copy) -> bool:
        """Whether one of the names of a copy is in a directory that is kept."""
        return bool(self.directories) and self._rank(copy) < len(self.directories)

    def _rank(self, copy: Copy) -> int:
        """Which of the directories holds the copy; their number if none does."""
        paths = [from_stored(name.path) for name in copy.names]
        for rank, directory in enumerate(self.directories):
            below = directory.rstrip(b"/") + b"/"
            if any(path.startswith(below) for path in paths):
                return rank
        return len(self.directories)

    def in_order(self, copies: list[Copy]) -> tuple[Copy, ...]:
        """The copies of a group; which is kept comes first, the others by their paths.

        The one in the first of the directories; of several the oldest (or what
        is preferred), then the one with the shortest path.
        """
        key = _KEYS[self.prefer]
        if self.directories:
            kept = min(copies, key=lambda copy: (self._rank(copy), key(copy)))
        elif len(copies) == 2:
            # Most groups by far: a sort of the rest would take longer than all else here.
            one, other = copies
            if self.prefer == "oldest" and one.mtime_ns != other.mtime_ns:
                return (one, other) if one.mtime_ns < other.mtime_ns else (other, one)
            return (one, other) if key(one) <= key(other) else (other, one)
        else:
            kept = min(copies, key=key)
        rest = sorted(
            (copy for copy in copies if copy is not kept), key=lambda copy: from_stored(copy.path)
        )
        return (kept, *rest)

    def doomed(self, group: Group) -> list[Copy]:
        """The copies that an action is for.

        All but the kept one, those that share its storage, and the protected ones.
        """
        storage = group.copies[0].storage
        return [
            copy
            for copy in group.copies[1:]
            if not self.protects(copy) and (storage is None or copy.storage != storage)
        ]


def _length(copy: Copy) -> tuple[int, bytes]:
    path = from_stored(copy.path)
    return len(path), path


_KEYS: dict[Preference, Callable[[Copy], Any]] = {
    "oldest": lambda copy: (copy.mtime_ns, *_length(copy)),
    "newest": lambda copy: (-copy.mtime_ns, *_length(copy)),
    "shortest": _length,
}

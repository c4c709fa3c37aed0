"""Which copy of a group is kept, and which copies an action changes. Pure."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from vpo.base.paths import from_stored
from vpo.duplicates.models import Copy, Group

Preference = Literal["oldest", "newest", "shortest"]
PREFERENCES: tuple[Preference, ...] = ("oldest", "newest", "shortest")


class KeepRules(NamedTuple):
    """Which copies to keep."""

    directories: tuple[bytes, ...] = ()
    """All files in these directories, and below them, are kept."""
    prefer: Preference = "oldest"

    def protects(self, copy: Copy) -> bool:
        """Whether a copy has a name in a directory whose files are kept."""
        return bool(self.directories) and self._rank(copy) < len(self.directories)

    def _rank(self, copy: Copy) -> int:
        """Which of the directories holds the copy. Their number if none does."""
        paths = [from_stored(name.path) for name in copy.names]
        for rank, directory in enumerate(self.directories):
            below = directory.rstrip(b"/") + b"/"
            if any(path.startswith(below) for path in paths):
                return rank
        return len(self.directories)

    def in_order(self, copies: list[Copy]) -> tuple[Copy, ...]:
        """The copies of a group: the copy to keep, then the others by path.

        A copy in one of the directories is kept before others, the first directory first. Of
        several copies the preferred one is kept, then the one with the shortest path.
        """
        key = _KEYS[self.prefer]
        if self.directories:
            kept = min(copies, key=lambda copy: (self._rank(copy), key(copy)))
        elif len(copies) == 2:
            # Most groups by far.
            one, other = copies
            if self.prefer == "oldest" and one.mtime_ns != other.mtime_ns:
                return (one, other) if one.mtime_ns < other.mtime_ns else (other, one)
            return (one, other) if key(one) <= key(other) else (other, one)
        else:
            kept = self._preferred(copies)
        rest = [copy for copy in copies if copy is not kept]
        # The order of text is that of its bytes in UTF-8.
        if len(rest) > 1:
            is_text = all(isinstance(copy.path, str) for copy in rest)
            rest.sort(key=_path if is_text else _path_in_bytes)
        return (kept, *rest)

    def _preferred(self, copies: list[Copy]) -> Copy:
        if self.prefer != "shortest":
            # Hardly any copies have the same mtime, so their paths hardly ever matter.
            pick = min if self.prefer == "oldest" else max
            mtime_ns = pick(copies, key=_mtime_ns).mtime_ns
            copies = [copy for copy in copies if copy.mtime_ns == mtime_ns]
        return copies[0] if len(copies) == 1 else min(copies, key=_length)

    def copies_to_change(self, group: Group) -> list[Copy]:
        """The copies that an action changes.

        All but the first one, copies that share its storage, and protected copies.
        """
        storage = group.copies[0].storage
        return [
            copy
            for copy in group.copies[1:]
            if not self.protects(copy) and (storage is None or copy.storage != storage)
        ]


_mtime_ns: Callable[[Copy], int] = attrgetter("mtime_ns")
_path: Callable[[Copy], Any] = attrgetter("path")


def _path_in_bytes(copy: Copy) -> bytes:
    return from_stored(copy.path)


def _length(copy: Copy) -> tuple[int, bytes]:
    path = from_stored(copy.path)
    return len(path), path


_KEYS: dict[Preference, Callable[[Copy], Any]] = {
    "oldest": lambda copy: (copy.mtime_ns, *_length(copy)),
    "newest": lambda copy: (-copy.mtime_ns, *_length(copy)),
    "shortest": _length,
}

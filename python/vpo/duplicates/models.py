"""What is asked for, and what was found."""

from __future__ import annotations

from typing import Literal, NamedTuple

from vpo.paths import StoredPath

Action = Literal["hardlink", "reflink", "trash"]
ACTIONS: tuple[Action, ...] = ("hardlink", "reflink", "trash")

Preference = Literal["oldest", "newest", "shortest"]
PREFERENCES: tuple[Preference, ...] = ("oldest", "newest", "shortest")


class Wanted(NamedTuple):
    """Which files to compare with each other."""

    under: tuple[bytes, ...] = ()
    """Directories of which one holds the file, at any depth; none: the whole library."""
    kinds: tuple[str, ...] = ()
    least_bytes: int = 1
    """Smaller files are left out. Empty ones are no duplicates: they hold nothing twice."""


class Name(NamedTuple):
    """A name of a file, as the library has it."""

    file_id: int
    path: StoredPath


class Copy(NamedTuple):
    """A file as it was looked at: its names are hard links, which take no room of their own."""

    names: tuple[Name, ...]
    """Those that the library knows, by path."""
    mtime_ns: int
    device: int
    inode: int
    storage: bytes | None = None
    """Equal for those copies of a group that share all of their storage (reflinks)."""

    @property
    def path(self) -> StoredPath:
        """The name it is shown by."""
        return self.names[0].path


class Group(NamedTuple):
    """Files of the same content."""

    size_bytes: int
    content_hash: str
    copies: tuple[Copy, ...]
    """Two or more; which is kept comes first."""

    @property
    def storages(self) -> int:
        """How often the content is stored."""
        shared = {copy.storage for copy in self.copies if copy.storage is not None}
        return len(shared) + sum(copy.storage is None for copy in self.copies)

    @property
    def wasted_bytes(self) -> int:
        """The room that would be free if the content were stored once."""
        return (self.storages - 1) * self.size_bytes

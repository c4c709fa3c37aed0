"""Duplicates as they are found: copies in groups, and what could not be compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from vpo.base.paths import StoredPath, to_json


class Name(NamedTuple):
    """A name of a file, as the catalogue has it."""

    file_id: int
    path: StoredPath


class Copy(NamedTuple):
    """One of several files with the same content, as it is on the disk.

    Its names are hard links, which take no space of their own.
    """

    names: tuple[Name, ...]
    """The names that the catalogue knows, by path."""
    mtime_ns: int
    device: int
    inode: int
    storage: bytes | None = None
    """Equal for copies of a group that share all of their storage (reflinks), or that may be one
    file."""
    is_alias: bool = False
    """Whether it may be the same file as a copy before it, reached by another path."""

    @property
    def path(self) -> StoredPath:
        """The name that it is shown by."""
        return self.names[0].path


class Group(NamedTuple):
    """Copies of the same content."""

    size_bytes: int
    content_hash: str
    copies: tuple[Copy, ...]
    """Two or more. The copy that is kept comes first."""

    wasted_bytes: int
    """The space that would be free if the content were stored once."""


class Issue(NamedTuple):
    """A file that could not be compared or changed, and why."""

    path: StoredPath
    message: str
    reason: str
    """`unreadable`, `changing`, `differs`, …"""

    def to_dict(self) -> dict[str, object]:
        """The issue as JSON."""
        return {**to_json(self.path), "message": self.message, "reason": self.reason}


@dataclass
class Duplicates:
    """What a search found."""

    groups: list[Group] = field(default_factory=list)
    """The group that wastes the most space comes first."""
    shared: list[Group] = field(default_factory=list)
    """Groups whose copies share all of their storage (reflinks), and waste nothing."""
    aliases: list[Group] = field(default_factory=list)
    """Groups whose paths may all lead to one file."""
    issues: list[Issue] = field(default_factory=list)
    changed: int = 0
    """Files that changed or disappeared after the last scan. They are left out."""
    damaged: int = 0
    """Files that are known to be damaged. They are left out."""
    files_read: int = 0
    bytes_read: int = 0

    @property
    def copies(self) -> int:
        """How many copies all groups have."""
        return sum(len(group.copies) for group in self.groups)

    @property
    def wasted_bytes(self) -> int:
        """The space that all groups waste."""
        return sum(group.wasted_bytes for group in self.groups)

    def counts(self) -> dict[str, int]:
        """The counts of the job's record, always in this order."""
        return {
            "groups": len(self.groups),
            "copies": self.copies,
            "wasted_bytes": self.wasted_bytes,
            "files_read": self.files_read,
            "bytes_read": self.bytes_read,
            "changed_since_scan": self.changed,
            "damaged": self.damaged,
            "errors": len(self.issues),
        }


@dataclass
class Changes:
    """What was done to duplicates."""

    names: int = 0
    """Names that were changed."""
    size_bytes: int = 0
    """The size of the copies of which all names were changed."""
    issues: list[Issue] = field(default_factory=list)
    """Names that could not be changed."""

    def counts(self) -> dict[str, int]:
        """The counts of the job's record, always in this order."""
        return {
            "files_done": self.names,
            "bytes_done": self.size_bytes,
            "files_failed": len(self.issues),
        }

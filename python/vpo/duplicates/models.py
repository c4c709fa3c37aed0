"""What is asked for, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from vpo.base.paths import StoredPath, to_json

Action = Literal["hardlink", "reflink", "trash"]
ACTIONS: tuple[Action, ...] = ("hardlink", "reflink", "trash")

Preference = Literal["oldest", "newest", "shortest"]
PREFERENCES: tuple[Preference, ...] = ("oldest", "newest", "shortest")


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

    wasted_bytes: int
    """The room that would be free if the content were stored once."""


class Problem(NamedTuple):
    """A file that was not compared with others, though it should have been."""

    path: StoredPath
    message: str
    reason: str
    """`unreadable`, `changing`, `differs`, …"""

    def to_dict(self) -> dict[str, object]:
        """The problem as JSON has it."""
        return {**to_json(self.path), "message": self.message, "reason": self.reason}


@dataclass
class Findings:
    """What was found."""

    groups: list[Group] = field(default_factory=list)
    """The one that wastes most room first."""
    shared: list[Group] = field(default_factory=list)
    """Those whose files share all of their storage already (reflinks), and waste nothing."""
    problems: list[Problem] = field(default_factory=list)
    changed: int = 0
    """Files that are not any more as the last scan saw them, or gone."""
    damaged: int = 0
    """Files that are known to be damaged."""
    files_read: int = 0
    bytes_read: int = 0

    @property
    def wasted_bytes(self) -> int:
        """The room that all groups waste."""
        return sum(group.wasted_bytes for group in self.groups)

    def counts(self) -> dict[str, int]:
        """The counts, for the job's record."""
        return {
            "groups": len(self.groups),
            "copies": sum(len(group.copies) for group in self.groups),
            "wasted_bytes": self.wasted_bytes,
            "files_read": self.files_read,
            "bytes_read": self.bytes_read,
            "changed_since_scan": self.changed,
            "damaged": self.damaged,
            "errors": len(self.problems),
        }

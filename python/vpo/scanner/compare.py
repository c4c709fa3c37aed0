"""What a look at a directory says about its known files. Pure: no disk, no database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from vpo._engine import RACY_WINDOW_NS
from vpo.base.paths import StoredPath
from vpo.base.times import text_to_ns
from vpo.db.files import KnownFile, Observation
from vpo.db.moves import FormerFile

# Libraries of version 6 have mtimes in microseconds, rounded from a float.
COARSE_NS = 2_000


class Seen(NamedTuple):
    """What the engine saw of one file."""

    name: StoredPath
    size_bytes: int
    mtime_ns: int
    inode: int | None
    is_symlink: bool


class Verdict(Enum):
    """What has become of a known file that is there."""

    UNCHANGED = "unchanged"
    REFRESHED = "refreshed"
    """The same file, but a detail of its record is to be written."""
    REREAD = "reread"
    """The same by all that was seen, but its content is to be read to be sure."""
    CHANGED = "changed"
    RETURNED = "returned"


class Context(NamedTuple):
    """What a comparison needs to know besides the file itself."""

    same_filesystem: bool = True
    """Whether the directory is on the file system where it was recorded."""
    full: bool = False
    """Whether every file is to be read again, whatever is known."""


def judge(known: KnownFile, seen: Seen, context: Context) -> Verdict:
    """What has become of `known`, which was found as `seen`."""
    same_content = (
        known.size_bytes == seen.size_bytes
        and _same_mtime(known, seen)
        and bool(known.is_symlink) == seen.is_symlink
    )
    if known.scan_status == "missing":
        return Verdict.RETURNED if same_content else Verdict.CHANGED
    if not same_content:
        return Verdict.CHANGED
    if known.inode != seen.inode:
        both_known = known.inode is not None and seen.inode is not None
        # Another file took its name and its times. On another file system all
        # numbers differ: there it is a copy of the whole.
        if both_known and context.same_filesystem:
            return Verdict.CHANGED
    if context.full or was_racy(known):
        return Verdict.REREAD
    exact = (known.mtime_ns, known.inode) == (seen.mtime_ns, seen.inode)
    return Verdict.UNCHANGED if exact else Verdict.REFRESHED


def reason(known: KnownFile, found: Seen | Observation) -> str:
    """Why a file was judged changed: what is different about it, the most telling first."""
    if known.size_bytes != found.size_bytes:
        return "size"
    if not _same_mtime(known, found):
        return "mtime"
    if bool(known.is_symlink) != bool(found.is_symlink):
        return "link"
    return "inode"


def _same_mtime(known: KnownFile, seen: Seen | Observation) -> bool:
    if known.mtime_ns == seen.mtime_ns:
        return True
    # Without an inode the record may come from a version 6 library.
    coarse = known.inode is None and known.mtime_ns % 1000 == 0
    return coarse and abs(known.mtime_ns - seen.mtime_ns) < COARSE_NS


def was_racy(known: KnownFile | FormerFile) -> bool:
    """Whether the file was so young when it was recorded that it can have changed since."""
    return known.mtime_ns >= _recorded_ns(known.scanned_at) - RACY_WINDOW_NS


def is_younger(born_ns: int, recorded_at: str) -> bool:
    """Whether a file came into being only after another was recorded: it is not that one."""
    return born_ns > _recorded_ns(recorded_at) + RACY_WINDOW_NS


@lru_cache(maxsize=4096)
def _recorded_ns(scanned_at: str) -> int:
    """The moment in ns; files recorded by one scan have it in common."""
    try:
        return text_to_ns(scanned_at)
    except ValueError:
        return 0


@dataclass
class Difference:
    """What is to be recorded of a directory."""

    unchanged: int = 0
    added: list[int] = field(default_factory=list)
    """Rows of the columns."""
    changed: list[tuple[Observation, StoredPath]] = field(default_factory=list)
    refreshed: list[Observation] = field(default_factory=list)
    reread: list[tuple[Observation, StoredPath]] = field(default_factory=list)
    returned: list[tuple[Observation, StoredPath]] = field(default_factory=list)
    missing: list[tuple[int, StoredPath]] = field(default_factory=list)
    """Ids and names."""


@dataclass(frozen=True)
class Columns:
    """The files of a batch, as the engine's columns."""

    names: Sequence[StoredPath]
    sizes: Sequence[int]
    mtimes: Sequence[int]
    inodes: Sequence[int | None]
    symlinks: Sequence[bool]

    def seen(self, row: int) -> Seen:
        """One row."""
        return Seen(
            self.names[row],
            self.sizes[row],
            self.mtimes[row],
            self.inodes[row],
            self.symlinks[row],
        )


def compare(
    known_files: Sequence[KnownFile],
    columns: Columns,
    rows: range,
    context: Context,
    *,
    complete: bool,
    unreadable: Collection[StoredPath] = (),
    was_looked_for: Callable[[KnownFile], bool],
) -> Difference:
    """Compares what is known of a directory's files with what was seen of them.

    A known file is missing only if every name was read (`complete`), its own
    entry is not among the `unreadable`, and the scan's rules would have let it
    be seen (`was_looked_for`).
    """
    difference = Difference()
    by_name = {known.name: known for known in known_files}
    for row in rows:
        known = by_name.pop(columns.names[row], None)
        if known is None:
            difference.added.append(row)
            continue
        seen = columns.seen(row)
        verdict = judge(known, seen, context)
        if verdict is Verdict.UNCHANGED:
            difference.unchanged += 1
            continue
        observation = Observation(*seen[1:], id=known.id)
        if verdict is Verdict.CHANGED:
            difference.changed.append((observation, known.name))
        elif verdict is Verdict.REREAD:
            difference.reread.append((observation, known.name))
        elif verdict is Verdict.RETURNED:
            difference.returned.append((observation, known.name))
        else:
            difference.refreshed.append(observation)
    if complete:
        difference.missing = [
            (known.id, known.name)
            for known in by_name.values()
            if known.scan_status != "missing"
            and known.name not in unreadable
            and was_looked_for(known)
        ]
    return difference

"""Compares the known files of a directory with what is there now. Pure: no disk, no database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from vpo._engine import RACY_WINDOW_NS
from vpo.base.paths import StoredPath, join
from vpo.base.times import text_to_ns
from vpo.db.file_facts import Observation
from vpo.db.files import KnownFile
from vpo.db.moves import FormerFile

# Catalogues of version 6 have mtimes in microseconds, rounded from a float.
COARSE_NS = 2_000

# FAT stores local times. Between any two time zones there are at most 26 hours.
HOUR_NS = 3_600_000_000_000
MOST_HOURS = 26


class Seen(NamedTuple):
    """What the engine saw of one file."""

    name: StoredPath
    size_bytes: int
    mtime_ns: int
    inode: int | None
    is_symlink: bool


class Verdict(Enum):
    """What has become of a known file that exists."""

    UNCHANGED = "unchanged"
    REFRESHED = "refreshed"
    """The same file, but a detail of its record has to be updated."""
    REREAD = "reread"
    """Everything seen is the same, but only its content can prove that it has not changed."""
    CHANGED = "changed"
    RETURNED = "returned"


class Context(NamedTuple):
    """The circumstances of a comparison."""

    same_filesystem: bool = True
    """Whether the directory is on the same file system as when it was recorded."""
    full: bool = False
    """Whether every file is read again, changed or not."""
    unreadable: Collection[StoredPath] = ()
    """Names whose entries could not be looked at."""
    window_ns: int = 0
    """By how much the mtime of an unchanged file may differ."""
    hour_shifts: bool = False
    """Whether the mtime of an unchanged file may also differ by whole hours."""


def judge(known: KnownFile, seen: Seen, context: Context) -> Verdict:
    """The verdict on a known file that was seen again."""
    same_content = (
        known.size_bytes == seen.size_bytes
        and (_same_mtime(known, seen) or _tolerates(known.mtime_ns - seen.mtime_ns, context))
        and bool(known.is_symlink) == seen.is_symlink
    )
    if known.scan_status == "missing":
        return Verdict.RETURNED if same_content else Verdict.CHANGED
    if not same_content:
        return Verdict.CHANGED
    if known.inode != seen.inode:
        both_known = known.inode is not None and seen.inode is not None
        # Another file took its name and its times. On another file system, where all inodes
        # differ, it is a copy.
        if both_known and context.same_filesystem:
            return Verdict.CHANGED
    if context.full or was_racy(known):
        return Verdict.REREAD
    exact = (known.mtime_ns, known.inode) == (seen.mtime_ns, seen.inode)
    return Verdict.UNCHANGED if exact else Verdict.REFRESHED


def reason(known: KnownFile, found: Seen | Observation) -> str:
    """Why a file counts as changed: the strongest evidence."""
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
    # A record without an inode may come from a catalogue of version 6.
    coarse = known.inode is None and known.mtime_ns % 1000 == 0
    return coarse and abs(known.mtime_ns - seen.mtime_ns) < COARSE_NS


def _tolerates(difference_ns: int, context: Context) -> bool:
    """Whether a scan counts two mtimes with this difference as one."""
    if abs(difference_ns) <= context.window_ns:
        return True
    if not context.hour_shifts or abs(difference_ns) > MOST_HOURS * HOUR_NS:
        return False
    beside = abs(difference_ns) % HOUR_NS
    return min(beside, HOUR_NS - beside) <= context.window_ns


def was_racy(known: KnownFile | FormerFile) -> bool:
    """Whether a file was so young when it was recorded that it may have changed unseen since."""
    return known.mtime_ns >= _recorded_ns(known.scanned_at) - RACY_WINDOW_NS


def is_younger(born_ns: int, recorded_at: str) -> bool:
    """Whether a file was made after another one was recorded, so that it cannot be that one."""
    return born_ns > _recorded_ns(recorded_at) + RACY_WINDOW_NS


@lru_cache(maxsize=4096)
def _recorded_ns(scanned_at: str) -> int:
    """The moment in ns. All files that one scan recorded have the same."""
    try:
        return text_to_ns(scanned_at)
    except ValueError:
        return 0


@dataclass(frozen=True)
class Undecided:
    """A file that looks changed. Its content is to decide."""

    directory: StoredPath
    known: KnownFile
    found: Observation
    content_hash: str

    @property
    def path(self) -> StoredPath:
        """Where the file is."""
        return join(self.directory, self.known.name)


@dataclass
class Difference:
    """How a directory differs from its record."""

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
    was_looked_for: Callable[[KnownFile], bool],
) -> Difference:
    """Compares the known files of a directory with the files that were seen in it.

    A known file is missing only if all names of the directory were read (`complete`), its own
    entry could be read (`context.unreadable`), and the scan would have seen it if it were
    there (`was_looked_for`).
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
            and known.name not in context.unreadable
            and was_looked_for(known)
        ]
    return difference

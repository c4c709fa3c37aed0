"""Whether two paths lead to one file through two file systems, or through two spellings.

A pool (mergerfs), a bind mount through FUSE, an overlay or a share shows files of another file
system under another device and other inodes. To remove one of the two paths is to remove the
file. So two files count as two only if that is proved:

1. Both are on file systems that hold their files themselves: other inodes are other files.
2. Or size, mtime, birth time or ctime differ, asked of the file system and not of its cache.
3. Or one of them can be locked against others who open it (a lease, fcntl(2)) while the other
   one is open: then nobody has it open, so not the program behind the other path either.
4. Or both are on one file system whose directories list both names, and one of them has no
   other name.

Nothing of this writes. What is proved can still change: `is_still_there` looks again after a
file was moved.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from contextlib import suppress
from typing import Literal, NamedTuple

from vpo._engine import Roots, stat_afresh
from vpo.base.errors import ActionError
from vpo.base.paths import display, from_stored, to_stored
from vpo.duplicates.models import Copy
from vpo.duplicates.safe_open import ALIAS_HINT, OpenFile
from vpo.places.filesystems import filesystem_kind

Relation = Literal["distinct", "same", "unclear"]

# The coarsest time stamps are those of FAT.
_COARSEST_NS = 2_000_000_000
# SMB counts in steps of 100 ns, other protocols in microseconds.
_FINE_NS = 1_000

# A program behind FUSE closes a file some time after the file was closed here.
_CLOSING_SECONDS = 1.0
_POLL_SECONDS = 0.005


class Look(NamedTuple):
    """A file's status, as the file system has it now."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    birth_ns: int | None
    links: int


def look_afresh(directory: int, name: bytes) -> Look:
    """Looks at a name in an open directory, past the cache of a share or of FUSE.

    A link is not followed. Raises OSError.
    """
    return Look(*stat_afresh(directory, name))


def check_distinct(kept: OpenFile, duplicate: OpenFile) -> None:
    """Raises ActionError unless two open files are proved to be two files."""
    found = relation(kept, duplicate)
    if found == "distinct":
        return
    said = "is" if found == "same" else "may be"
    raise ActionError(
        f"`{display(to_stored(duplicate.path))}` {said} the same file as"
        f" `{display(to_stored(kept.path))}`, reached by another path",
        hint=ALIAS_HINT,
        reason="alias",
    )


def relation(one: OpenFile, other: OpenFile) -> Relation:
    """Whether two open files are one file. Closes and opens `other` again, if it has to.

    Raises ActionError if `other` is gone or another file by then, OSError if one of them cannot
    be looked at.
    """
    if one.is_same_file(other):
        return "same"
    kinds = [filesystem_kind(file.path, file.status.st_dev) for file in (one, other)]
    if all(kind.holds_its_files for kind in kinds):
        return "distinct"
    looks = [look_afresh(file.directory, file.name) for file in (one, other)]
    if _differ(looks[0], looks[1], has_ctime=all(kind.has_ctime for kind in kinds)):
        return "distinct"
    if one.status.st_dev == other.status.st_dev:
        return _in_one_filesystem(one, other, looks)
    for held, opened, kind in ((one, other, kinds[0]), (other, one, kinds[1])):
        if kind.holds_its_files and (proof := _by_lease(held, opened)) != "unclear":
            return proof
    return "unclear"


def _differ(one: Look, other: Look, *, has_ctime: bool) -> bool:
    """Whether these cannot be two looks at one file."""
    if one.size_bytes != other.size_bytes or _apart(one.mtime_ns, other.mtime_ns):
        return True
    births = one.birth_ns, other.birth_ns
    if births[0] is not None and births[1] is not None and _apart(births[0], births[1]):
        return True
    return has_ctime and _apart(one.ctime_ns, other.ctime_ns)


def _apart(one_ns: int, other_ns: int) -> bool:
    """Whether two times are not one that was rounded."""
    is_rounded = one_ns % 1_000_000 == 0 or other_ns % 1_000_000 == 0
    return abs(one_ns - other_ns) >= (_COARSEST_NS if is_rounded else _FINE_NS)


def _in_one_filesystem(one: OpenFile, other: OpenFile, looks: list[Look]) -> Relation:
    """The relation of two paths on one mounted file system.

    One file has two paths there if it has two names, or if a directory takes several spellings
    of a name for one. A directory lists each name once, as it is spelled.
    """
    if all(look.links > 1 for look in looks):
        return "unclear"
    if all(_is_listed(file) for file in (one, other)):
        return "distinct"
    return "unclear"


def _is_listed(file: OpenFile) -> bool:
    """Whether the directory of a file lists its name, spelled in this way."""
    # Opened anew: a descriptor may list what it has listed before.
    directory = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=file.directory)
    try:
        with os.scandir(directory) as entries:
            return any(os.fsencode(entry.name) == file.name for entry in entries)
    finally:
        os.close(directory)


def _by_lease(held: OpenFile, opened: OpenFile) -> Relation:
    """The relation of a file on a local file system to one that is open elsewhere.

    A write lease is given only for a file that nobody else has open.
    """
    if _can_be_leased(held):
        # Some programs open a file when it is first read.
        os.pread(opened.descriptor, 1, max(0, opened.status.st_size - 1))
        return "distinct" if _can_be_leased(held) else "unclear"
    with opened.put_aside():
        until = time.monotonic() + _CLOSING_SECONDS
        while time.monotonic() < until:
            if _can_be_leased(held):
                # It was open because the other path was.
                return "same"
            time.sleep(_POLL_SECONDS)
    return "unclear"


def _can_be_leased(file: OpenFile) -> bool:
    """Whether nobody else has a file open. False, too, where that cannot be told."""
    with suppress(OSError):
        # If somebody opens the file in this moment, the kernel sends a signal. By default it
        # ends the process; this one does nothing.
        fcntl.fcntl(file.descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file.descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(file.descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return True
    return False


def is_still_there(file: OpenFile) -> bool:
    """Whether a file still has its name. Asks the file system, not the kernel's cache.

    After another path was moved, this shows whether both paths led to the same file: then the
    name is gone.
    """
    try:
        look = look_afresh(file.directory, file.name)
    except FileNotFoundError:
        return False
    if (look.device, look.inode) != (file.status.st_dev, file.status.st_ino):
        return False
    kind = filesystem_kind(file.path, file.status.st_dev)
    return kind.holds_its_files or _is_listed(file)


# -- In a search -----------------------------------------------------------------


def mark(copies: list[Copy], roots: Roots) -> list[Copy]:
    """Marks copies that are not proved to be other files than a copy before them.

    They get its storage: whatever they are, they take no space that is known to be of their own.
    """
    kinds = [filesystem_kind(copy.path, copy.device) for copy in copies]
    marked: list[Copy] = []
    for number, copy in enumerate(copies):
        for before in range(number):
            if kinds[before].holds_its_files and kinds[number].holds_its_files:
                continue
            if _relation_of_copies(copies[before], copy, roots) != "distinct":
                storage = marked[before].storage or b"file %d" % before
                marked[before] = marked[before]._replace(storage=storage)
                copy = copy._replace(storage=storage, is_alias=True)
                break
        marked.append(copy)
    return marked


def _relation_of_copies(one: Copy, other: Copy, roots: Roots) -> Relation:
    if _apart(one.mtime_ns, other.mtime_ns):
        return "distinct"
    try:
        with (
            OpenFile.beneath(roots, from_stored(one.path)) as opened,
            OpenFile.beneath(roots, from_stored(other.path)) as other_opened,
        ):
            return relation(opened, other_opened)
    except (ActionError, OSError):
        return "unclear"

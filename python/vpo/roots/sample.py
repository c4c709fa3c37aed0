"""Whether a directory holds the files of a root: a sample of them is looked at."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vpo._engine import Roots
from vpo.base.errors import RootMismatchError
from vpo.base.paths import StoredPath, display, from_stored, join, to_stored
from vpo.content.digests import algorithms_for, is_same_content
from vpo.content.hashing import FileToRead, HashingQueue
from vpo.db.relocation import SampledFile
from vpo.places.beneath import status_of

# Files whose size and mtime are compared.
MOST_FILES = 200
# Files whose content is compared, too, and how much of it at most.
MOST_READ = 16
MOST_READ_BYTES = 64 << 20

# So many of the files, or this share of them, may be gone or have another size: some may have
# been deleted or changed since. At least half of them must be there.
MOST_DIFFERENT = 2
MOST_DIFFERENT_SHARE = 0.1

# FAT keeps mtimes in steps of two seconds.
COARSEST_NS = 2_000_000_000

QUICK = "quick"


@dataclass
class Comparison:
    """What the sample showed."""

    checked: int = 0
    same: int = 0
    """Files with the same size and mtime."""
    other_time: int = 0
    """Files with the same size and another mtime."""
    other_size: int = 0
    gone: int = 0
    read: int = 0
    """Files whose content was read and is the same."""
    same_inodes: int = 0
    other_inodes: int = 0
    example: StoredPath | None = None
    """A file that is gone or different."""

    @property
    def keeps_inodes(self) -> bool:
        """Whether the files are the recorded ones, and not copies of them."""
        return self.same_inodes > 0 and not self.other_inodes

    def counts(self) -> dict[str, int]:
        """The comparison as counts."""
        return {
            "checked": self.checked,
            "checked_same": self.same,
            "checked_other_time": self.other_time,
            "checked_other_size": self.other_size,
            "checked_gone": self.gone,
            "checked_content": self.read,
        }


def compare(
    files: Sequence[SampledFile], old: bytes, new: bytes, check: Callable[[], None]
) -> Comparison:
    """Compares recorded files below `old` with the files at the same relative paths in `new`.

    Raises RootMismatchError if `new` does not hold them, or a file has other content.
    """
    found = Comparison(checked=len(files))
    # Other users may own what is below, and swap a directory for a link.
    beneath = Roots([to_stored(new)], [])
    alike: list[tuple[SampledFile, StoredPath]] = []
    for file in files:
        check()
        recorded = join(file.directory, file.name)
        path = to_stored(moved_path(from_stored(recorded), old, new))
        if _look(beneath, file, path, found):
            alike.append((file, path))
        elif found.example is None:
            found.example = path
    different = found.gone + found.other_size
    if different > max(MOST_DIFFERENT, MOST_DIFFERENT_SHARE * found.checked) or (
        2 * different > found.checked
    ):
        raise _mismatch(old, new, found)
    _compare_content(beneath, alike, found, check)
    return found


def moved_path(path: bytes, old: bytes, new: bytes) -> bytes:
    """The path that a path at or below `old` has below `new`."""
    rest = path[len(old.rstrip(b"/")) :]
    return (new.rstrip(b"/") + rest) or b"/"


def _look(beneath: Roots, file: SampledFile, path: StoredPath, found: Comparison) -> bool:
    """Looks at one file. Returns whether it has the recorded size."""
    try:
        status = status_of(beneath, from_stored(path))
    except OSError:
        found.gone += 1
        return False
    if not stat.S_ISREG(status.st_mode) or status.st_size != file.size_bytes:
        found.other_size += 1
        return False
    if _is_same_time(file.mtime_ns, status.st_mtime_ns):
        found.same += 1
    else:
        found.other_time += 1
    if file.inode is not None:
        # As signed numbers, as the catalogue has them.
        is_same = (status.st_ino - file.inode) % (1 << 64) == 0
        found.same_inodes += is_same
        found.other_inodes += not is_same
    return True


def _is_same_time(one_ns: int, other_ns: int) -> bool:
    if one_ns == other_ns:
        return True
    is_rounded = one_ns % 1_000_000_000 == 0 or other_ns % 1_000_000_000 == 0
    return is_rounded and abs(one_ns - other_ns) < COARSEST_NS


def _compare_content(
    beneath: Roots,
    alike: Sequence[tuple[SampledFile, StoredPath]],
    found: Comparison,
    check: Callable[[], None],
) -> None:
    """Reads some of the files. Raises RootMismatchError if one of them has other content."""
    work: list[tuple[SampledFile, FileToRead]] = []
    left = MOST_READ_BYTES
    step = max(1, len(alike) // MOST_READ)
    # Small files first: so it does not depend on the order of the records how many are read.
    for file, path in sorted(alike[::step][:MOST_READ], key=lambda each: each[0].size_bytes):
        if file.content_hash is not None and file.size_bytes <= left:
            left -= file.size_bytes
            algorithms = algorithms_for(file.content_hash)
        elif file.quick_hash is not None:
            algorithms = (QUICK,)
        else:
            continue
        work.append((file, FileToRead(path, algorithms, file.size_bytes)))
    with HashingQueue[SampledFile](check, roots=beneath) as queue:
        for answers in queue.answers(iter(work)):
            for file, answer in answers:
                if answer.digests is None:
                    continue
                is_same = _has_content(file, answer.digests)
                if is_same is False:
                    path = next(to.path for each, to in work if each.id == file.id)
                    raise RootMismatchError(
                        f"`{display(path)}` has other content than when it was recorded",
                        hint="Nothing was changed. Compare the copy with its original.",
                    )
                found.read += bool(is_same)


def _has_content(file: SampledFile, digests: dict[str, str]) -> bool | None:
    if QUICK in digests:
        return file.quick_hash is not None and digests[QUICK] == file.quick_hash.hex()
    return is_same_content(file.content_hash, digests)


def _mismatch(old: bytes, new: bytes, found: Comparison) -> RootMismatchError:
    there = found.same + found.other_time
    return RootMismatchError(
        f"`{display(to_stored(new))}` does not hold the files of `{display(to_stored(old))}`:"
        f" of {found.checked:,} files, {found.gone:,} are not there"
        f" and {found.other_size:,} have another size",
        hint=f"Nothing was changed. For example, `{display(found.example or '')}` is missing or"
        " different. Name the directory in which the files have the same relative paths. If"
        " they were renamed, scan it: a scan recognises moved files by their content.",
        checked=found.checked,
        there=there,
    )

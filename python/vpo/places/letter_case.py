"""Names on file systems that ignore letter case: is a path spelled as its directories list it?"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Container
from functools import lru_cache


@lru_cache(maxsize=1024)
def _folded(path: bytes) -> str:
    text = path.decode(errors="surrogateescape")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def is_respelled(path: bytes, now: bytes) -> bool:
    """Whether `path`, which exists, is only another spelling of `now`.

    Some file systems ignore letter case or Unicode forms (exFAT, SMB, APFS). If only these were
    changed in a name, the file is also found under its former name.
    """
    if path == now or _folded(path) != _folded(now):
        return False
    names = zip(path.split(b"/"), now.split(b"/"), strict=True)
    number, name = next(
        (number, name) for number, (name, other) in enumerate(names) if name != other
    )
    return name not in names_in(_above(path, number))


def as_written(path: bytes) -> bytes:
    """An existing path, spelled as its directories list it.

    Where case counts, this is the path itself, found out by one look at each of its names.
    """
    names = path.split(b"/")
    for number, name in enumerate(names):
        other = name.swapcase()
        if other == name or not _is_same(
            path, b"/".join([*names[:number], other, *names[number + 1 :]])
        ):
            continue
        listed = names_in(_above(path, number))
        if name in listed or not isinstance(listed, frozenset):
            continue
        folded = _folded(name)
        spelled = [each for each in listed if _folded(each) == folded]
        if len(spelled) == 1:
            names[number] = spelled[0]
    return b"/".join(names)


def _is_same(one: bytes, other: bytes) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def is_written_so(path: bytes, root: bytes, names_in: Callable[[bytes], Container[bytes]]) -> bool:
    """Whether the directories list every name of a path below `root` with just this spelling.

    True if a directory cannot be listed.
    """
    start = len(root.rstrip(b"/").split(b"/"))
    names = path.split(b"/")
    return all(
        names[number] in names_in(_above(path, number)) for number in range(start, len(names))
    )


class _All(Container[bytes]):
    def __contains__(self, _name: object) -> bool:
        return True


def names_in(directory: bytes) -> Container[bytes]:
    """The names in a directory. If it cannot be listed, every name counts as listed."""
    try:
        return frozenset(os.listdir(directory))
    except OSError:
        return _All()


def _above(path: bytes, number: int) -> bytes:
    """The directory that holds the part of a path with this number."""
    return b"/".join(path.split(b"/")[:number]) or b"/"

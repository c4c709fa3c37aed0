"""Whether a path is written as it is in its directories, where the case of names does not count."""

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
    """Whether `path`, at which there is something, is only another spelling of `now`.

    On file systems that do not tell cases or forms of letters apart (exFAT, SMB, APFS) what
    was renamed in these only is found by its former name as well.
    """
    if path == now or _folded(path) != _folded(now):
        return False
    names = zip(path.split(b"/"), now.split(b"/"), strict=True)
    number, name = next(
        (number, name) for number, (name, other) in enumerate(names) if name != other
    )
    return name not in names_in(_above(path, number))


def is_written_so(path: bytes, root: bytes, names_in: Callable[[bytes], Container[bytes]]) -> bool:
    """Whether every name of a path below `root` is listed just so. True if that cannot be told."""
    start = len(root.rstrip(b"/").split(b"/"))
    names = path.split(b"/")
    return all(
        names[number] in names_in(_above(path, number)) for number in range(start, len(names))
    )


class _All(Container[bytes]):
    def __contains__(self, _name: object) -> bool:
        return True


def names_in(directory: bytes) -> Container[bytes]:
    """The names in a directory; any, if it cannot be listed."""
    try:
        return frozenset(os.listdir(directory))
    except OSError:
        return _All()


def _above(path: bytes, number: int) -> bytes:
    """The directory that holds the part of a path with this number."""
    return b"/".join(path.split(b"/")[:number]) or b"/"

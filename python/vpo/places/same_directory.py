"""Whether a directory lies in a known root, or is one, and is only reached by another path.

A second mount of a file system (a bind mount, a share mounted twice) and another spelling where
case does not count lead to the same files. If both were scanned, each file would have two
records. Programs that show a directory elsewhere (mergerfs, bindfs) are not recognised here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from vpo.base.errors import RootAliasError
from vpo.base.paths import display, is_within, to_stored
from vpo.places.letter_case import is_respelled


class Location(NamedTuple):
    """Where a directory is, whatever path leads there."""

    device: bytes
    path: bytes
    """Its path in the file system itself."""


def check_not_known(path: bytes, roots: Iterable[bytes]) -> None:
    """Checks that no known root overlaps with a directory that is reached by another path.

    Raises RootAliasError.
    """
    mounts = _mounts()
    here = _location(path, mounts)
    for root in roots:
        if is_within(path, root) or is_within(root, path):
            continue
        if is_respelled(root, path) and os.path.isdir(root):
            raise _is_root(path, root)
        there = _location(root, mounts)
        if here is None or there is None or here.device != there.device:
            continue
        if is_within(here.path, there.path):
            twin = _below(root, there.path, here.path)
            if _is_same(path, twin):
                raise _is_root(path, root) if twin == root else _is_in_root(path, root, twin)
        elif is_within(there.path, here.path):
            twin = _below(path, here.path, there.path)
            if _is_same(root, twin):
                raise _holds_root(path, root, twin)


def _below(place: bytes, above: bytes, inner: bytes) -> bytes:
    """The path below `place` that leads to `inner`, if `place` leads to `above`."""
    rest = inner[len(above.rstrip(b"/")) :].strip(b"/")
    return os.path.join(place, rest) if rest else place


def _is_same(one: bytes, other: bytes) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _location(path: bytes, mounts: list[tuple[bytes, bytes, bytes]]) -> Location | None:
    best = max(
        (number for number, mount in enumerate(mounts) if is_within(path, mount[2])),
        # Of two mounts at one place, the later one covers the other.
        key=lambda number: (len(mounts[number][2]), number),
        default=None,
    )
    if best is None:
        return None
    device, root, point = mounts[best]
    return Location(device, _below(root, point, path))


def _mounts() -> list[tuple[bytes, bytes, bytes]]:
    """Device, root in the file system and mount point of each mount (proc_pid_mountinfo(5))."""
    try:
        with open("/proc/self/mountinfo", "rb") as lines:
            fields = [line.split(b" ", 5) for line in lines]
    except OSError:
        return []
    return [(each[2], _unescape(each[3]), _unescape(each[4])) for each in fields if len(each) > 5]


def _unescape(field: bytes) -> bytes:
    for escaped, plain in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n")):
        field = field.replace(escaped, plain)
    return field.replace(b"\\134", b"\\")


def _is_root(path: bytes, root: bytes) -> RootAliasError:
    shown, known = display(to_stored(path)), display(to_stored(root))
    return RootAliasError(
        f"`{shown}` is the root `{known}`, reached by another path",
        hint=f"Scan `{known}`. If the path is `{shown}` from now on, run `vpo roots move {known}"
        f" {shown}` first.",
    )


def _is_in_root(path: bytes, root: bytes, twin: bytes) -> RootAliasError:
    shown, known = display(to_stored(path)), display(to_stored(root))
    return RootAliasError(
        f"`{shown}` is `{display(to_stored(twin))}` in the root `{known}`, reached by another path",
        hint=f"Scan `{display(to_stored(twin))}`, so that no file is recorded twice.",
    )


def _holds_root(path: bytes, root: bytes, twin: bytes) -> RootAliasError:
    shown, known = display(to_stored(path)), display(to_stored(root))
    inner = display(to_stored(twin))
    return RootAliasError(
        f"`{shown}` holds the root `{known}`, reached by another path",
        hint=f"Run `vpo roots move {known} {inner}` first, so that no file is recorded twice.",
    )

"""Which file system holds a path, and a name for it that outlives reboots and remounts.

`st_dev` does not: shares, btrfs and ZFS get another one at each mount, and disks get one in
the order in which they are found.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

from vpo.base.paths import StoredPath, from_stored
from vpo.places.filesystem_kinds import FilesystemKind, kind_of
from vpo.places.volume_ids import volume_id


@dataclass(frozen=True)
class _Mount:
    device: tuple[int, int]
    point: bytes
    fstype: str
    source: str


def identity(path: bytes, device: int) -> str | None:
    """The identity of the file system that holds `path`, whose `st_dev` is `device`.

    None if that is not known (no /proc).
    """
    mount = _mount_of(path, device)
    if mount is None:
        return None
    identified_by = kind_of(mount.fstype).identified_by
    if identified_by == "source":
        return f"{mount.fstype}:{mount.source}"
    if identified_by == "uuid":
        found = volume_id(path, device, mount.fstype, mount.source)
        return f"{mount.fstype}:uuid={found}" if found else f"{mount.fstype}:{mount.source}"
    try:
        # The mount point is used because `path` may be longer than the system allows.
        fsid = os.statvfs(mount.point).f_fsid
    except OSError:
        return None
    return f"{mount.fstype}:fsid={fsid & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def filesystem_kind(path: StoredPath, device: int) -> FilesystemKind:
    """What vpo can rely on with the file system that holds `path`, whose `st_dev` is `device`."""
    if device not in _kinds:
        mount = _mount_of(from_stored(path), device)
        # Without /proc: macOS, where all but foreign disks have a ctime.
        unknown = FilesystemKind(has_ctime=not _mounts(), shares_content=not _mounts())
        _kinds[device] = unknown if mount is None else kind_of(mount.fstype)
    return _kinds[device]


def remote_type(path: bytes, device: int) -> str | None:
    """The type of the file system that holds `path`, if a server or a program provides it."""
    mount = _mount_of(path, device)
    if mount is None:
        return None
    is_remote = kind_of(mount.fstype).identified_by == "source" or mount.fstype == "fuseblk"
    return mount.fstype if is_remote else None


def may_share_content() -> bool:
    """Whether any mounted file system may let files share their content."""
    return not _mounts() or any(kind_of(mount.fstype).shares_content for mount in _mounts())


_kinds: dict[int, FilesystemKind] = {}
"""By `st_dev`. A search for duplicates asks for each of its files."""


def _mount_of(path: bytes, device: int) -> _Mount | None:
    """The mount that `path` is on.

    Of several mounts of its device (bind mounts), it is the one with the longest mount point
    above the path; if no mount point is above it, any of them, because a link may lead there.
    The device of a btrfs subvolume belongs to no mount: then the path alone decides.
    """
    number = (os.major(device), os.minor(device))

    def rank(mount: _Mount) -> tuple[bool, bool, int]:
        is_above = (path + b"/").startswith(mount.point.rstrip(b"/") + b"/")
        return mount.device == number, is_above, len(mount.point) if is_above else 0

    # Of two mounts at one place, the later one covers the other.
    best = max(reversed(_mounts()), key=rank, default=None)
    return best if best is not None and any(rank(best)[:2]) else None


@cache
def _mounts() -> list[_Mount]:
    """The mounts this process sees (proc_pid_mountinfo(5)); none without /proc."""
    mounts = []
    try:
        with open("/proc/self/mountinfo", "rb") as lines:
            for line in lines:
                left, _, right = line.partition(b" - ")
                fields, kind = left.split(b" "), right.rstrip(b"\n").split(b" ")
                major, _, minor = fields[2].partition(b":")
                fstype, source = (_unescape(field).decode(errors="replace") for field in kind[:2])
                point = _unescape(fields[4])
                mounts.append(_Mount((int(major), int(minor)), point, fstype, source))
    except (OSError, IndexError, ValueError):
        return []
    return mounts


def _unescape(field: bytes) -> bytes:
    """Spaces, tabs, newlines and backslashes stand as octal escapes in mountinfo."""
    for escaped, plain in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n")):
        field = field.replace(escaped, plain)
    return field.replace(b"\\134", b"\\")

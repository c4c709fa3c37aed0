"""The identifier that a file system carries on its disk: blkid(8) calls it its UUID.

It is read in the way that is open to this user: the links that udev makes, udev's database, the
kernel, and finally the disk itself, which usually only root may read. All ways give the same text.
"""

from __future__ import annotations

import os
import uuid
from functools import cache

# ioctl(2) numbers and where the identifier is in their answers.
# include/uapi/linux/fs.h: FS_IOC_GETFSUUID, struct fsuuid2 (Linux 6.9).
_GETFSUUID, _FSUUID2_BYTES = 0x80111500, 17
# fs/xfs/libxfs/xfs_fs.h: XFS_IOC_FSGEOMETRY_V1, struct xfs_fsop_geom_v1.
_XFS_GEOMETRY, _XFS_GEOMETRY_BYTES, _XFS_UUID_AT = 0x80705864, 112, 64
# include/uapi/linux/msdos_fs.h: FAT_IOCTL_GET_VOLUME_ID.
_FAT_VOLUME_ID, _FAT_VOLUME_ID_BYTES = 0x80047213, 4

# Documentation/filesystems/squashfs.rst: the superblock. It has no UUID, but the time at which the
# image was made, and the number and places of what is in it.
_SQUASHFS_MAGIC, _SQUASHFS_BYTES = b"hsqs", 96


def volume_id(path: bytes, device: int, fstype: str, source: str) -> str | None:
    """The identifier of the file system that holds a directory.

    `device` is the directory's `st_dev`; `fstype` and `source` are those of its mount. None if no
    way to find it is open, or if the file system has none.
    """
    return (
        _linked().get(device)
        or _in_udev_database(device)
        or _told_by_kernel(path, fstype)
        or _on_disk(device, fstype, source)
    )


@cache
def _linked() -> dict[int, str]:
    """The identifiers of disks by the `st_dev` of what is mounted from them."""
    directory = "/dev/disk/by-uuid"
    found = {}
    try:
        for name in os.listdir(directory):
            try:
                found[os.stat(os.path.join(directory, name)).st_rdev] = name
            except OSError:
                continue
    except OSError:
        return {}
    return found


def _in_udev_database(device: int) -> str | None:
    try:
        with open(f"/run/udev/data/b{os.major(device)}:{os.minor(device)}") as lines:
            for line in lines:
                name, _, value = line.rstrip("\n").partition("=")
                if name == "E:ID_FS_UUID" and value:
                    return value
    except (OSError, UnicodeDecodeError):
        pass
    return None


def _told_by_kernel(path: bytes, fstype: str) -> str | None:
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if fstype in ("vfat", "msdos"):
            answer = _ask(directory, _FAT_VOLUME_ID, _FAT_VOLUME_ID_BYTES)
            serial = int.from_bytes(answer or b"", "little")
            return f"{serial >> 16:04X}-{serial & 0xFFFF:04X}" if serial else None
        if fstype == "xfs":
            answer = _ask(directory, _XFS_GEOMETRY, _XFS_GEOMETRY_BYTES)
            return _uuid(answer[_XFS_UUID_AT : _XFS_UUID_AT + 16]) if answer else None
        answer = _ask(directory, _GETFSUUID, _FSUUID2_BYTES)
        return _uuid(answer[1:]) if answer and answer[0] == 16 else None
    finally:
        os.close(directory)


def _ask(directory: int, number: int, length: int) -> bytes | None:
    import fcntl

    try:
        return fcntl.ioctl(directory, number, bytes(length))
    except OSError:
        return None


def _uuid(value: bytes) -> str | None:
    return str(uuid.UUID(bytes=value)) if any(value) else None


def _on_disk(device: int, fstype: str, source: str) -> str | None:
    """Reads the identifier from the disk, if this user may."""
    for node in (f"/dev/block/{os.major(device)}:{os.minor(device)}", source):
        try:
            if not node.startswith("/dev/") or os.stat(node).st_rdev != device:
                continue
            if fstype == "squashfs":
                return _squashfs_id(node)
        except OSError:
            continue
        if os.access(node, os.R_OK):
            return _probed(node)
    return None


def _squashfs_id(node: str) -> str | None:
    import hashlib

    with open(node, "rb", buffering=0) as disk:
        superblock = disk.read(_SQUASHFS_BYTES)
    if not superblock.startswith(_SQUASHFS_MAGIC) or len(superblock) < _SQUASHFS_BYTES:
        return None
    return str(uuid.UUID(bytes=hashlib.sha256(superblock).digest()[:16]))


def _probed(node: str) -> str | None:
    """The UUID of what is on a disk, as libblkid finds it. None without the library."""
    import ctypes

    try:
        library = ctypes.CDLL("libblkid.so.1")
        library.blkid_new_probe_from_filename.restype = ctypes.c_void_p
    except (OSError, AttributeError):
        return None
    probe = library.blkid_new_probe_from_filename(os.fsencode(node))
    if not probe:
        return None
    try:
        handle, value = ctypes.c_void_p(probe), ctypes.c_char_p()
        # More than one file system on the disk, or none: both are no answer.
        if library.blkid_do_safeprobe(handle) != 0:
            return None
        name = b"UUID"
        if library.blkid_probe_lookup_value(handle, name, ctypes.byref(value), None) != 0:
            return None
        return value.value.decode("ascii", "replace") if value.value else None
    finally:
        library.blkid_free_probe(ctypes.c_void_p(probe))

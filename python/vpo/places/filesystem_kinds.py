"""The kinds of file systems, and what vpo can rely on with each of them.

A kind has the name that Linux uses for it in mountinfo. About a kind that is not in the table,
vpo assumes the worst.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class FilesystemKind(NamedTuple):
    """What vpo can rely on with a kind of file system."""

    identified_by: Literal["fsid", "uuid", "source"] = "fsid"
    """What names it for longer than a mount lasts: statfs(2)'s `f_fsid`, which the kernel makes of
    the UUID; the UUID on its disk (`vpo.places.volume_ids`) where `f_fsid` is the device number; or
    what is mounted, for servers and programs."""
    holds_its_files: bool = False
    """Whether it stores its files itself. Then two inodes are always two files. Other kinds show
    the files of another file system, so that one file can have two inodes."""
    shares_content: bool = False
    """Whether files can share what they hold (reflinks)."""
    has_ctime: bool = False
    """Whether every write changes the ctime, and no program can set it. Other kinds copy the
    mtime, or make a ctime up."""


_LOCAL = FilesystemKind(holds_its_files=True, has_ctime=True)
_OF_DISK = FilesystemKind("uuid", holds_its_files=True)
_OF_SERVER = FilesystemKind("source", has_ctime=True)
_OF_PROGRAM = FilesystemKind("source")

_KINDS = {
    **dict.fromkeys(("ext2", "ext3", "ext4"), _LOCAL),
    **dict.fromkeys(("btrfs", "zfs", "bcachefs"), _LOCAL._replace(shares_content=True)),
    **dict.fromkeys(("tmpfs", "ramfs", "jfs", "reiserfs", "ubifs"), _LOCAL),
    "xfs": _OF_DISK._replace(has_ctime=True, shares_content=True),
    "ocfs2": _OF_DISK._replace(has_ctime=True, shares_content=True),
    **dict.fromkeys(("f2fs", "nilfs2"), _OF_DISK._replace(has_ctime=True)),
    # Their ctime is kept in a field that they have (NTFS's ChangeTime, HFS+'s attributeModDate).
    "ntfs3": _OF_DISK._replace(has_ctime=True),
    "hfsplus": _OF_DISK._replace(has_ctime=True),
    # FAT and exFAT have no such field: Linux shows the mtime. The others are never written.
    **dict.fromkeys(("vfat", "msdos", "exfat", "hfs", "iso9660", "udf"), _OF_DISK),
    **dict.fromkeys(("ntfs", "squashfs", "erofs"), _OF_DISK),
    # A disk whose driver is a program: ntfs-3g has a ctime, exfat-fuse has none.
    "fuseblk": _OF_DISK,
    **dict.fromkeys(("nfs", "nfs4", "cifs", "smb3", "ceph", "lustre", "afs"), _OF_SERVER),
    **dict.fromkeys(("9p", "virtiofs", "glusterfs"), _OF_SERVER),
    # These pass on what lstat(2) says of the file that they show.
    **dict.fromkeys(("fuse.mergerfs", "fuse.bindfs", "fuse.unionfs"), _OF_SERVER),
    # Its `f_fsid` is that of the file system below, and not sure.
    "overlay": FilesystemKind(has_ctime=True, shares_content=True),
    "ecryptfs": FilesystemKind(has_ctime=True),
}

# Kinds with names of their own: `nfs4`, `fuse.sshfs`.
_BY_PREFIX = {"nfs": _OF_SERVER, "smb": _OF_SERVER, "fuse": _OF_PROGRAM, "ntfs": _OF_DISK}


def kind_of(fstype: str) -> FilesystemKind:
    """What vpo can rely on with a file system of this type."""
    known = _KINDS.get(fstype)
    if known is not None:
        return known
    for prefix, kind in _BY_PREFIX.items():
        if fstype.startswith(prefix):
            return kind
    return FilesystemKind()

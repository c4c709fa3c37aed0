"""Whether a directory is still on the file system on which the catalogue has it.

The identities of file systems decide, if both are sure. A device name or the address of a server
is not sure: disks change their names, and a pool of disks has another source after it gained a
disk. Then some of the files that the catalogue has there are the second witness.
"""

from __future__ import annotations

import os
import sqlite3

from vpo.base.paths import from_stored, join
from vpo.db import files as file_table
from vpo.db import roots as root_table
from vpo.db.files import Witness
from vpo.places.filesystem_kinds import kind_of

# So many files are looked at, from both ends of the directory.
SAMPLE = 64

# If at least this share of them is as recorded, it is the same file system.
ENOUGH = 0.8


def is_same_filesystem(
    connection: sqlite3.Connection, directory: bytes, recorded: int, identity: str
) -> bool:
    """Whether a directory is on the file system that is recorded for it (its id).

    `identity` is that of the file system on which the directory is now.
    """
    before = root_table.identity_of(connection, recorded)
    if before is None:
        return False
    if before == identity:
        return is_sure(identity) or not (
            _names_a_disk(identity) and _holds_nothing_known(connection, directory, recorded)
        )
    if is_sure(before) and is_sure(identity):
        # Drivers of one kind of disk have several names: fuseblk, ntfs3.
        ours, theirs = (each.partition(":uuid=")[2] for each in (before, identity))
        return bool(ours) and ours == theirs
    return _holds_what_is_known(connection, directory, recorded)


def is_sure(identity: str) -> bool:
    """Whether no other file system has this identity, and this one never gets another."""
    fstype, _, name = identity.partition(":")
    if name.startswith("uuid="):
        return True
    number = name.removeprefix("fsid=")
    return number != name and bool(number.strip("0")) and kind_of(fstype).identified_by == "fsid"


def _names_a_disk(identity: str) -> bool:
    """Whether an identity is the name or number of a device, which another disk may get."""
    _, _, name = identity.partition(":")
    return name.startswith(("/dev/", "fsid="))


def _holds_nothing_known(connection: sqlite3.Connection, directory: bytes, recorded: int) -> bool:
    """Whether none of the files that the catalogue has in a directory is there."""
    sample = file_table.sample_of_files(connection, directory, recorded, SAMPLE)
    return bool(sample) and not any(_stat(each) for each in sample)


def _holds_what_is_known(connection: sqlite3.Connection, directory: bytes, recorded: int) -> bool:
    """Whether most of the files that the catalogue has in a directory are there, unchanged."""
    sample = file_table.sample_of_files(connection, directory, recorded, SAMPLE)
    same = sum(
        (found.st_size, found.st_mtime_ns) == (each.size_bytes, each.mtime_ns)
        for each in sample
        if (found := _stat(each))
    )
    return bool(sample) and same >= ENOUGH * len(sample)


def _stat(file: Witness) -> os.stat_result | None:
    path = from_stored(join(file.directory, file.name))
    try:
        return os.stat(path, follow_symlinks=bool(file.is_symlink))
    except OSError:
        return None

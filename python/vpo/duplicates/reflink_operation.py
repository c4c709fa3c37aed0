"""Operations of the kind `reflink`: a duplicate shares the storage of the kept file.

The kernel compares the two files and lets them share storage in one step (FIDEDUPERANGE), with
both locked, so that nothing can change in between. Names, metadata and times stay as they are.
There is nothing to undo: when a program writes to one of the files, only that file changes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import struct
from collections.abc import Callable

from vpo.base.errors import ActionError
from vpo.base.paths import display, to_stored
from vpo.db.operations import Operation
from vpo.duplicates.models import Copy
from vpo.duplicates.safe_open import OpenFile, changed
from vpo.duplicates.step import Step

# From linux/fs.h: _IOWR(0x94, 54, struct file_dedupe_range).
_FIDEDUPERANGE = 0xC0189436

# Source offset, length, count of targets, reserved; then of the one target: descriptor,
# offset, bytes shared, status, reserved.
_RANGE = struct.Struct("=QQHHIqQQiI")
_DIFFERS = 1

# btrfs takes at most this much at a time.
SHARE_BYTES = 16 * 1024 * 1024

_UNSUPPORTED = (errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def prepare(kept: OpenFile, duplicate: OpenFile, _copy: Copy) -> None:
    """Checks that the files can share storage: see `ActionModule`."""
    if kept.status.st_dev != duplicate.status.st_dev:
        raise ActionError(
            f"`{_shown(duplicate)}` is on another file system than `{_shown(kept)}`,"
            " so they cannot share storage",
            reason="other_filesystem",
        )


def perform(_step: Step, kept: OpenFile, duplicate: OpenFile, check: Callable[[], None]) -> None:
    """Lets the duplicate share all of the kept file's storage: see `ActionModule`.

    If that fails, some of it may be shared. The content is the same in any case.
    """
    size = kept.status.st_size
    offset = 0
    while offset < size:
        length = min(SHARE_BYTES, size - offset)
        request = bytearray(
            _RANGE.pack(offset, length, 1, 0, 0, duplicate.descriptor, offset, 0, 0, 0)
        )
        try:
            fcntl.ioctl(kept.descriptor, _FIDEDUPERANGE, request)
        except OSError as error:
            raise _cannot(duplicate, error.errno or 0) from error
        *_, shared, status, _ = _RANGE.unpack(request)
        if status < 0:
            raise _cannot(duplicate, -status)
        if status == _DIFFERS or shared == 0:
            raise changed(duplicate.path)
        offset += shared
        check()


def settle(
    _connection: sqlite3.Connection,
    _operation: Operation,
    _job: int,
) -> bool:
    """Takes an interrupted operation for not done: see `Settling`.

    Nothing but the disk shows whether the files share storage, and it can be done again.
    """
    return False


def _cannot(duplicate: OpenFile, number: int) -> ActionError:
    shown = _shown(duplicate)
    if number in _UNSUPPORTED:
        return ActionError(
            f"`{shown}` is on a file system whose files cannot share storage",
            hint="Files on btrfs and XFS can share storage. On most other file systems,"
            " `--action hardlink` works.",
            reason="unsupported",
        )
    return ActionError(
        f"`{shown}` cannot share the storage of another file: {os.strerror(number)}",
        reason="system",
    )


def _shown(file: OpenFile) -> str:
    return display(to_stored(file.path))

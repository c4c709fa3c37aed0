"""Having a duplicate share the storage of the kept file: each stays a file of its own.

The kernel compares the two and shares in one step (FIDEDUPERANGE), with both locked, so
that nothing can change in between; names, metadata and times stay as they are. That is
why there is nothing to undo: whoever writes to one of the files gets storage of its own.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Callable

from vpo.base.errors import ActionError
from vpo.base.paths import display, to_stored
from vpo.duplicates.safe_open import OpenFile, changed

# From linux/fs.h: _IOWR(0x94, 54, struct file_dedupe_range).
_FIDEDUPERANGE = 0xC0189436

# Source offset, length, count of targets, reserved; then of the one target: descriptor,
# offset, bytes shared, status, reserved.
_RANGE = struct.Struct("=QQHHIqQQiI")
_DIFFERS = 1

# btrfs shares at most this much at a time.
SHARE_BYTES = 16 * 1024 * 1024

_UNSUPPORTED = (errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def prepare(kept: OpenFile, duplicate: OpenFile) -> None:
    """Raises ActionError where the two cannot share storage."""
    if kept.status.st_dev != duplicate.status.st_dev:
        raise ActionError(
            f"`{_shown(duplicate)}` is on another file system than `{_shown(kept)}`:"
            " they cannot share storage",
            reason="other_filesystem",
        )


def share(kept: OpenFile, duplicate: OpenFile, go_on: Callable[[], None]) -> None:
    """Has the duplicate share all of the kept file's storage.

    `go_on` is called between pieces, and may raise to end it.

    Raises ActionError if that cannot be; the content of both is the same in any case.
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
        go_on()


def _cannot(duplicate: OpenFile, number: int) -> ActionError:
    shown = _shown(duplicate)
    if number in _UNSUPPORTED:
        return ActionError(
            f"`{shown}` is on a file system whose files cannot share storage",
            hint="btrfs and XFS can. `--action hardlink` works on most others.",
            reason="unsupported",
        )
    return ActionError(
        f"`{shown}` cannot share the storage of another file: {os.strerror(number)}",
        reason="system",
    )


def _shown(file: OpenFile) -> str:
    return display(to_stored(file.path))

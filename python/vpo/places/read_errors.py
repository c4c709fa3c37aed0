"""What an error number says about a failed read: is the content lost, or the place away?"""

from __future__ import annotations

import errno

# What disks and file systems report for content that they cannot read. All other errors (such
# as missing permissions or too many open files) say nothing about the content.
_OF_THE_MEDIUM = frozenset(
    getattr(errno, name)
    for name in ("EIO", "EBADMSG", "EUCLEAN", "EILSEQ", "ENODATA", "EREMOTEIO")
    if hasattr(errno, name)
)

# The disk or the server cannot be reached any more.
_OF_THE_PLACE = frozenset(
    getattr(errno, name)
    for name in (
        "ENODEV",
        "ENXIO",
        "ENOTCONN",
        "ESTALE",
        "ETIMEDOUT",
        "EHOSTDOWN",
        "EHOSTUNREACH",
        "ECONNABORTED",
        "ENOMEDIUM",
        "ESHUTDOWN",
    )
    if hasattr(errno, name)
)


def is_of_the_medium(number: int | None) -> bool:
    """Whether the error says that the content is lost. Such a file is damaged."""
    return number in _OF_THE_MEDIUM


def is_of_the_place(number: int | None) -> bool:
    """Whether the error says that the disk or the server cannot be reached."""
    return number in _OF_THE_PLACE

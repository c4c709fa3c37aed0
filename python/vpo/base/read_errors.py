"""What an error of reading means: content is lost, or its disk or server is not there."""

from __future__ import annotations

import errno

# Disks and file systems report these for content that they cannot return. All others
# (no permission, too many open files) say nothing about the content.
_OF_THE_MEDIUM = frozenset(
    getattr(errno, name)
    for name in ("EIO", "EBADMSG", "EUCLEAN", "EILSEQ", "ENODATA", "EREMOTEIO")
    if hasattr(errno, name)
)

# The disk or the server is not there any more.
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
    """Whether an error means that content is lost. That is damage."""
    return number in _OF_THE_MEDIUM


def is_of_the_place(number: int | None) -> bool:
    """Whether an error means that the disk or the server is not there."""
    return number in _OF_THE_PLACE

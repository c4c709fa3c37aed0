"""The issues that a scan has with directories and links: files are gone, but may only be hidden."""

from __future__ import annotations

from vpo.base.paths import StoredPath
from vpo.scanner.result import Issue


def other_filesystem(directory: StoredPath) -> Issue:
    """The issue of a directory that changed its file system and lost its files."""
    return Issue(
        directory,
        "check",
        "its files are gone, and it is on another file system than before;"
        " their records are kept (if you replaced the disk, use `--new-device` once)",
    )


def not_mounted(directory: StoredPath) -> Issue:
    """A directory whose file system is not mounted."""
    return Issue(
        directory,
        "find",
        "its file system is not mounted; the records of its files are kept"
        " (if you replaced the disk, use `--new-device` once)",
    )


def dangling_link(path: StoredPath) -> Issue:
    """A link to a file that is not there any more."""
    return Issue(path, "follow", "the link leads nowhere; the record of its file is kept")

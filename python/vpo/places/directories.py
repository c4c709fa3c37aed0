"""Directories that may be gone."""

from __future__ import annotations

import os


def nearest_directory(path: bytes) -> bytes:
    """The path itself if it is a directory, else the nearest directory above it."""
    while not os.path.isdir(path) and path not in (b"/", b""):
        path = os.path.dirname(path)
    return path or b"/"


def is_empty(directory: bytes) -> bool:
    """Whether a directory has no entries. False if it cannot be read."""
    try:
        with os.scandir(directory) as entries:
            return next(entries, None) is None
    except OSError:
        return False


def topmost_on_device(path: bytes, device: int, root: bytes) -> bytes:
    """The topmost directory above a path, but not above `root`, with this `st_dev`."""
    while path != root and path != (above := os.path.dirname(path)):
        try:
            if os.lstat(above).st_dev != device:
                break
        except OSError:
            break
        path = above
    return path

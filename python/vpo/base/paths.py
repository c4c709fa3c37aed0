"""Paths are bytes. Here is how they are stored, shown, and put into JSON.

Stored: as `str` (TEXT) where the bytes are UTF-8, else as `bytes` (BLOB), so
that nothing is lost or renamed and most rows can be read by anyone.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

StoredPath = str | bytes


def to_stored(path: bytes) -> StoredPath:
    """The form in which the catalogue holds a path or name."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return path


def from_stored(path: StoredPath) -> bytes:
    """The bytes of a path or name from the catalogue."""
    return path.encode() if isinstance(path, str) else path


def join(directory: StoredPath, name: StoredPath) -> StoredPath:
    """The path of `name` in `directory`."""
    if isinstance(directory, str) and isinstance(name, str):
        return f"{directory}{name}" if directory in ("", "/") else f"{directory}/{name}"
    return os.path.join(from_stored(directory), from_stored(name))


def absolute(path: bytes) -> bytes:
    """A path from the root of the file system on, with the links in it as they were given.

    Only what is before a `..` is without links: that is the directory above the one that a
    link leads to, not the one that the link is in.
    """
    parts = path.split(b"/")
    if b".." in parts:
        after = len(parts) - parts[::-1].index(b"..")
        path = os.path.join(os.path.realpath(b"/".join(parts[:after])), *parts[after:])
    return os.path.abspath(path)


def is_within(path: bytes, directory: bytes) -> bool:
    """Whether `path` is `directory` or below it."""
    return path == directory or path.startswith(directory.rstrip(b"/") + b"/")


def text(path: StoredPath) -> str:
    """A path as text, with U+FFFD for bytes that are not UTF-8."""
    return path if isinstance(path, str) else path.decode(errors="replace")


def display(path: StoredPath) -> str:
    """A path for people: on one line, and harmless to a terminal.

    Control and other unprintable characters are escaped as Python writes them,
    bytes that are not UTF-8 as `\\xNN`.
    """
    shown = path if isinstance(path, str) else path.decode(errors="backslashreplace")
    if shown.isprintable():
        return shown
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in shown
    )


def to_json(path: StoredPath, key: str = "path") -> dict[str, str]:
    """The keys that stand for a path in JSON: text, and base64 where that loses."""
    if isinstance(path, str):
        return {key: path}
    return {key: text(path), f"{key}_b64": base64.b64encode(path).decode()}


def from_json(document: Mapping[str, Any], key: str = "path") -> StoredPath:
    """The path that `to_json` put into a document. Raises KeyError if there is none."""
    if f"{key}_b64" in document:
        return base64.b64decode(document[f"{key}_b64"])
    path: str = document[key]
    return path

"""Paths are bytes. This module stores them, shows them, and puts them into JSON.

The catalogue holds a path as `str` (TEXT) if its bytes are UTF-8, else as `bytes` (BLOB).
So no name is changed, and most rows are readable with any tool.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

from vpo.base.errors import LibraryDamagedError

StoredPath = str | bytes

_ATTEMPTS = 8


def to_stored(path: bytes) -> StoredPath:
    """A path or name in the form in which the catalogue holds it."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return path


def from_stored(path: StoredPath) -> bytes:
    """The bytes of a path or name from the catalogue.

    The catalogue is a file that somebody else may have changed. Raises LibraryDamagedError for a
    path with `.`, `..` or NUL, which could lead out of its directory.
    """
    stored = path.encode() if isinstance(path, str) else path
    if b"/." in stored or b"\0" in stored or stored[:1] == b".":
        _check(stored)
    return stored


def checked(path: StoredPath) -> StoredPath:
    """A path from the catalogue, unchanged. Raises LibraryDamagedError as `from_stored` does."""
    if isinstance(path, bytes):
        from_stored(path)
    elif "/." in path or "\0" in path or path[:1] == ".":
        _check(path.encode())
    return path


def _check(path: bytes) -> None:
    if b"\0" in path or not {b".", b".."}.isdisjoint(path.split(b"/")):
        raise impossible_name(path)


def impossible_name(name: StoredPath) -> LibraryDamagedError:
    """The error for a name in the catalogue that no file can have."""
    return LibraryDamagedError(
        f"The catalogue contains a name that no file can have: `{display(name[:1000])}`",
        hint="Somebody else has changed the catalogue. Replace it with a backup, or move it away"
        " and scan again.",
    )


def join(directory: StoredPath, name: StoredPath) -> StoredPath:
    """The path of `name` in `directory`.

    Raises LibraryDamagedError if the name has a separator, or is `.` or `..`.
    """
    if ("/" in name or name in (".", "..")) if isinstance(name, str) else b"/" in name:
        raise impossible_name(name)
    if isinstance(directory, str) and isinstance(name, str):
        return f"{directory}{name}" if directory in ("", "/") else f"{directory}/{name}"
    return os.path.join(from_stored(directory), from_stored(name))


def absolute(path: bytes) -> bytes:
    """An absolute path. Symbolic links stay as they were given.

    Only links before a `..` are resolved: `link/..` is the directory above the link's
    target, and not the directory that holds the link.
    """
    parts = path.split(b"/")
    if b".." in parts:
        after = len(parts) - parts[::-1].index(b"..")
        path = os.path.join(real_path(b"/".join(parts[:after])), *parts[after:])
    return os.path.abspath(path)


def real_path(path: bytes) -> bytes:
    """The path without links, as far as it exists.

    `os.path.realpath` fails if a link is replaced in the moment between two looks at it. This
    looks again, and leaves the links in a path whose names change all the time.
    """
    for _ in range(_ATTEMPTS):
        try:
            return os.path.realpath(path)
        except OSError:
            continue
    return os.path.abspath(path)


def is_within(path: bytes, directory: bytes) -> bool:
    """Whether `path` is `directory` or below it."""
    return path == directory or path.startswith(directory.rstrip(b"/") + b"/")


def text(path: StoredPath) -> str:
    """A path as text, in which U+FFFD replaces bytes that are not UTF-8."""
    return path if isinstance(path, str) else path.decode(errors="replace")


def display(path: StoredPath) -> str:
    """A path for people, on one line and safe to print on a terminal.

    Control characters and other unprintable characters become Python escapes; bytes that
    are not UTF-8 become `\\xNN`.
    """
    shown = path if isinstance(path, str) else path.decode(errors="backslashreplace")
    if shown.isprintable():
        return shown
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in shown
    )


def to_json(path: StoredPath, key: str = "path") -> dict[str, str]:
    """A path in JSON: as text, and also in base64 if it is not UTF-8."""
    if isinstance(path, str):
        return {key: path}
    return {key: text(path), f"{key}_b64": base64.b64encode(path).decode()}


def from_json(document: Mapping[str, Any], key: str = "path") -> StoredPath:
    """The path that `to_json` put into a document. Raises KeyError if the key is missing."""
    if f"{key}_b64" in document:
        return base64.b64decode(document[f"{key}_b64"])
    path: str = document[key]
    return path


def is_utf8(text: str) -> bool:
    """Whether a word of the command line or of the environment was valid UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

"""Paths are bytes. This module stores them, shows them, and puts them into JSON.

The catalogue holds a path as `str` (TEXT) if its bytes are UTF-8, else as `bytes` (BLOB).
So no name is changed, and most rows are readable with any tool.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

StoredPath = str | bytes


def to_stored(path: bytes) -> StoredPath:
    """A path or name in the form in which the catalogue holds it."""
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
    """An absolute path. Symbolic links stay as they were given.

    Only links before a `..` are resolved: `link/..` is the directory above the link's
    target, and not the directory that holds the link.
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

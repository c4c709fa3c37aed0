"""Names in manifests: nothing that leads elsewhere is taken, whoever wrote it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from vpo.base.paths import to_stored
from vpo.manifest.models import LineError, shortened

_DRIVE = re.compile(rb"[A-Za-z]:[\\/]")
_SHARE = re.compile(rb"\\\\[^\\]+\\[^\\]")


def cleaned(name: bytes, *, backslashes_separate: bool = False) -> bytes:
    """A relative path without `.` and doubled slashes.

    Raises LineError, which names it, for one that is refused: absolute, with `..`
    or a NUL in it, or no path of a file.
    """
    if b"\0" in name:
        raise _refused(name, "has a NUL in it")
    if _DRIVE.match(name) or _SHARE.match(name):
        raise _refused(name, "is an absolute path of Windows")
    if backslashes_separate:
        name = name.replace(b"\\", b"/")
    if name.startswith(b"/"):
        raise _refused(name, "is an absolute path")
    if name == b"-":
        raise LineError("`-` stands for standard input, not for a file")
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise _refused(name, "has `..` in it")
    if not parts or name.endswith((b"/", b"/.")):
        raise _refused(name, "is no file's name")
    return b"/".join(parts)


def _refused(name: bytes, why: str) -> LineError:
    return LineError(f"`{shortened(to_stored(name))}` {why}")


def spellings(name: bytes) -> Iterator[bytes]:
    """Other names that people take for the same: composed, and decomposed as macOS has them."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return
    if text.isascii():
        return
    for other in (unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)):
        if other != text:
            yield other.encode()

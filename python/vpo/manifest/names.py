"""Names in manifests. A manifest may come from anyone: names that lead elsewhere are refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from vpo.base.paths import to_stored
from vpo.manifest.entries import LineError, shortened

_DRIVE = re.compile(rb"[A-Za-z]:[\\/]")
_SHARE = re.compile(rb"\\\\[^\\]+\\[^\\]")


def safe_name(name: bytes, *, backslashes_separate: bool = False) -> bytes:
    """The name as a relative path, without `.` and doubled slashes.

    Raises LineError for an absolute path, a path with `..` or a NUL byte in it, and for
    what is not the path of a file.
    """
    if b"\0" in name:
        raise _refused(name, "contains a NUL byte")
    if _DRIVE.match(name) or _SHARE.match(name):
        raise _refused(name, "is an absolute Windows path")
    if backslashes_separate:
        name = name.replace(b"\\", b"/")
    if name.startswith(b"/"):
        raise _refused(name, "is an absolute path")
    if name == b"-":
        raise LineError("`-` stands for standard input, not for a file")
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise _refused(name, "contains `..`")
    if not parts or name.endswith((b"/", b"/.")):
        raise _refused(name, "is not the name of a file")
    return b"/".join(parts)


def _refused(name: bytes, why: str) -> LineError:
    return LineError(f"`{shortened(to_stored(name))}` {why}")


def unicode_variants(name: bytes) -> Iterator[bytes]:
    """Names that look the same: with composed accents, and with decomposed ones as on macOS."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return
    if text.isascii():
        return
    for variant in (unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)):
        if variant != text:
            yield variant.encode()

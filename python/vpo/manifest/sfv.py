"""Simple file verification: `name CRC32`. Comments begin with `;`."""

from __future__ import annotations

import re

from vpo.content.algorithms import CRC32
from vpo.manifest.entries import Entry, LineError, UnwritableNameError

_LINE = re.compile(rb"(.+)[ \t]([0-9a-fA-F]{8})[ \t]*", re.DOTALL)


class SfvParser:
    """Reads the lines of one manifest."""

    def parse(self, line: bytes) -> Entry | None:
        """See `Parser.parse`."""
        if not line.strip() or line.startswith(b";"):
            return None
        found = _LINE.fullmatch(line)
        if found is None:
            if line.startswith(b"#"):
                return None
            raise LineError("not a file name followed by a CRC32 of 8 digits")
        return Entry(found[1], {CRC32.name: found[2].decode().lower()})


def is_sfv_line(line: bytes) -> bool:
    """Whether a line can be that of a file."""
    return _LINE.fullmatch(line) is not None


def sfv_line(name: bytes, crc32: str) -> bytes:
    """A line with its line end.

    Raises UnwritableNameError for a name that programs would read as another one.
    """
    if b"\n" in name or b"\r" in name:
        raise UnwritableNameError("an .sfv file cannot hold names that contain a line break")
    if b"\\" in name:
        raise UnwritableNameError("in an .sfv file, a backslash separates directories")
    if name != name.strip() or name.startswith((b";", b"#", b"*")):
        raise UnwritableNameError(
            "an .sfv file cannot hold names that begin with `;`, `#` or `*`,"
            " or that begin or end with a space"
        )
    return b"%b %b\n" % (name, crc32.upper().encode())

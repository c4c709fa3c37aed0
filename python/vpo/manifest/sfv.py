"""Simple file verification: `name CRC32`, and comments after `;`."""

from __future__ import annotations

import re

from vpo.manifest.models import Entry, LineError, UnwritableNameError

_LINE = re.compile(rb"(.+)[ \t]([0-9a-fA-F]{8})[ \t]*", re.DOTALL)


class SfvParser:
    """Reads the lines of one file."""

    def parse(self, line: bytes) -> Entry | None:
        """As `Parser.parse`."""
        if not line.strip() or line.startswith(b";"):
            return None
        found = _LINE.fullmatch(line)
        if found is None:
            if line.startswith(b"#"):
                return None
            raise LineError("it is no name with a CRC32 of 8 digits after it")
        return Entry(found[1], {"crc32": found[2].decode().lower()})


def is_sfv_line(line: bytes) -> bool:
    """Whether a line can be one of a file."""
    return _LINE.fullmatch(line) is not None


def sfv_line(name: bytes, crc32: str) -> bytes:
    """A line with its end. Raises UnwritableNameError for a name that programs read otherwise."""
    if b"\n" in name or b"\r" in name:
        raise UnwritableNameError("a .sfv takes no name with a line break in it")
    if b"\\" in name:
        raise UnwritableNameError("in a .sfv a backslash separates directories")
    if name != name.strip() or name.startswith((b";", b"#", b"*")):
        raise UnwritableNameError(
            "a .sfv takes no name that begins with `;`, `#` or `*`, or begins or ends with a space"
        )
    return b"%b %b\n" % (name, crc32.upper().encode())

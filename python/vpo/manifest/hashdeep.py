"""The format of `hashdeep`: a head that names the columns, then lines of them.

Nothing is quoted or escaped: a name has commas as they are, and cannot have a line feed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from vpo.manifest.models import (
    DIGITS,
    Entry,
    LineError,
    UnwritableNameError,
    checked_digest,
    shortened,
)

HEAD = b"%%%% HASHDEEP-1.0"
_HEX = re.compile(rb"[0-9a-fA-F]+")

# hashdeep has these, too; the other columns of a line are enough to check it.
_NOT_KNOWN = frozenset({"tiger", "whirlpool"})


class HashdeepParser:
    """Reads the lines of one file."""

    def __init__(self) -> None:
        self._columns: list[str] = []
        self._name = 0

    def parse(self, line: bytes) -> Entry | None:
        """As `Parser.parse`."""
        if line.startswith(b"%%%% "):
            if line.rstrip() != HEAD:
                self._set_columns(line[5:].strip().decode(errors="replace").lower().split(","))
            return None
        if not line or line.startswith(b"##"):
            return None
        if not self._columns:
            raise LineError("no line `%%%% size,md5,sha256,filename` before it names its columns")
        before = line.split(b",", self._name)
        if len(before) <= self._name:
            raise LineError(f"it has not the {len(self._columns)} columns of the head")
        after = before.pop().rsplit(b",", len(self._columns) - self._name - 1)
        if len(before) + len(after) != len(self._columns) or not after[0]:
            raise LineError(f"it has not the {len(self._columns)} columns of the head")
        columns = dict(zip(self._columns, before + after, strict=True))
        size = columns.get("size")
        if size is not None and not (size.isdigit() and len(size) < 20):
            raise LineError("its size is no number")
        digests = {}
        for algorithm, digits in columns.items():
            if algorithm in DIGITS:
                if not _HEX.fullmatch(digits):
                    raise LineError(f"its {algorithm} is no digest")
                digests[algorithm] = checked_digest(algorithm, digits)
        return Entry(columns["filename"], digests, None if size is None else int(size))

    def _set_columns(self, columns: list[str]) -> None:
        if self._columns and columns != self._columns:
            raise LineError("it names other columns than the head before it")
        unknown = set(columns) - {"size", "filename", *DIGITS, *_NOT_KNOWN}
        if unknown:
            raise LineError(f"a column `{shortened(min(unknown))}` is not known here")
        if columns.count("filename") != 1 or len(set(columns)) != len(columns):
            raise LineError("it has not each column once, and one `filename`")
        if not set(columns) & set(DIGITS):
            raise LineError(f"it has none of the columns {', '.join(DIGITS)}")
        self._columns, self._name = columns, columns.index("filename")


def hashdeep_head(algorithms: Sequence[str]) -> bytes:
    """The lines before the first file."""
    return b"%b\n%%%%%%%% size,%b,filename\n" % (HEAD, ",".join(algorithms).encode())


def hashdeep_line(name: bytes, size_bytes: int, digests: Mapping[str, str]) -> bytes:
    """A line with its end; `digests` in the order of the head.

    Raises UnwritableNameError for a name that cannot be told from two lines.
    """
    if b"\n" in name or b"\r" in name:
        raise UnwritableNameError("hashdeep takes no name with a line break in it")
    # `hashdeep -r -l -a -k FILE .` finds each file under just this name.
    return b"%d,%b,./%b\n" % (size_bytes, ",".join(digests.values()).encode(), name)

"""The format of `hashdeep`: a header that names the columns, then a line for each file.

Nothing is quoted or escaped: a name may contain commas, but not a line feed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from vpo.content.algorithms import ALGORITHMS
from vpo.manifest.entries import (
    Entry,
    LineError,
    UnwritableNameError,
    checked_digest,
    shortened,
)

HEADER = b"%%%% HASHDEEP-1.0"
_HEX = re.compile(rb"[0-9a-fA-F]+")

_ALGORITHM_OF_COLUMN = {
    algorithm.hashdeep_column: algorithm.name
    for algorithm in ALGORITHMS
    if algorithm.hashdeep_column
}
_COLUMN_OF_ALGORITHM = {name: column for column, name in _ALGORITHM_OF_COLUMN.items()}

# hashdeep can write these as well. The other columns are enough to check a file.
_IGNORED = frozenset({"tiger", "whirlpool"})


class HashdeepParser:
    """Reads the lines of one manifest."""

    def __init__(self) -> None:
        self._columns: list[str] = []
        self._name = 0
        """The place of the column `filename`."""

    def parse(self, line: bytes) -> Entry | None:
        """See `Parser.parse`."""
        if line.startswith(b"%%%% "):
            if line.rstrip() != HEADER:
                self._set_columns(line[5:].strip().decode(errors="replace").lower().split(","))
            return None
        if not line or line.startswith(b"##"):
            return None
        if not self._columns:
            raise LineError(
                "no header such as `%%%% size,md5,sha256,filename` comes before this line"
            )
        columns = self._split(line)
        size = columns.get("size")
        if size is not None and not (size.isdigit() and len(size) < 20):
            raise LineError("the size is not a number")
        digests = {}
        for column, digits in columns.items():
            if (algorithm := _ALGORITHM_OF_COLUMN.get(column)) is not None:
                if not _HEX.fullmatch(digits):
                    raise LineError(f"the column {column} does not hold a digest")
                digests[algorithm] = checked_digest(algorithm, digits)
        return Entry(columns["filename"], digests, None if size is None else int(size))

    def _split(self, line: bytes) -> dict[str, bytes]:
        """The columns of a line: commas that are not separators are in the name."""
        count = len(self._columns)
        before = line.split(b",", self._name)
        after = []
        if len(before) > self._name:
            after = before.pop().rsplit(b",", count - self._name - 1)
        if len(before) + len(after) != count or not after[0]:
            raise LineError(f"the line does not have the {count} columns of the header")
        return dict(zip(self._columns, before + after, strict=True))

    def _set_columns(self, columns: list[str]) -> None:
        if self._columns and columns != self._columns:
            raise LineError("this header names other columns than the first one")
        unknown = set(columns) - {"size", "filename", *_ALGORITHM_OF_COLUMN, *_IGNORED}
        if unknown:
            raise LineError(f"vpo does not know the column `{shortened(min(unknown))}`")
        if columns.count("filename") != 1 or len(set(columns)) != len(columns):
            raise LineError("a header must name `filename`, and must not repeat a column")
        if not set(columns) & set(_ALGORITHM_OF_COLUMN):
            raise LineError(f"the header has none of the columns {', '.join(_ALGORITHM_OF_COLUMN)}")
        self._columns, self._name = columns, columns.index("filename")


def hashdeep_header(algorithms: Sequence[str]) -> bytes:
    """The lines before the first file."""
    columns = ",".join(_COLUMN_OF_ALGORITHM[algorithm] for algorithm in algorithms)
    return b"%b\n%%%%%%%% size,%b,filename\n" % (HEADER, columns.encode())


def hashdeep_line(name: bytes, size_bytes: int, digests: Mapping[str, str]) -> bytes:
    """A line with its line end; `digests` in the order of the header.

    Raises UnwritableNameError for a name with a line break, which would look like two lines.
    """
    if b"\n" in name or b"\r" in name:
        raise UnwritableNameError("hashdeep cannot read names that contain a line break")
    # `hashdeep -r -l -a -k FILE .` only finds a file under exactly this name.
    return b"%d,%b,./%b\n" % (size_bytes, ",".join(digests.values()).encode(), name)

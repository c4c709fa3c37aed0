"""A manifest on disk, read line by line as often as it takes.

Memory does not follow the manifest but for the index of its names.
"""

from __future__ import annotations

import codecs
import io
import os
import shutil
import stat
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from vpo.base.errors import ManifestError
from vpo.base.paths import display, to_stored
from vpo.manifest import names
from vpo.manifest.index import NameIndex
from vpo.manifest.models import Entry, LineError, Parser

# Longer than any line that names a path: 4096 bytes, each escaped, and all digests.
MOST_LINE_BYTES = 32 * 1024

LOOKED_AT_NAMES = 100

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Listed(NamedTuple):
    """An entry whose name was looked at, and where it is."""

    line: int
    offset: int
    name: bytes
    """Relative to the directory of the manifest; harmless."""
    entry: Entry


class Refused(NamedTuple):
    """A line that is not taken, and why."""

    line: int
    message: str


class Lines:
    """The lines of a file as bytes of UTF-8, without their ends."""

    def __init__(self, path: bytes, encoding: str | None = None) -> None:
        """Opens it.

        Without `encoding` a byte-order mark tells, else the bytes are taken as they are.

        Raises ManifestError if it cannot be read.
        """
        self.path = path
        try:
            self._file = _opened(path, encoding)
            begin = self._file.read(MOST_LINE_BYTES)
        except OSError as error:
            raise ManifestError(
                f"The manifest `{display(to_stored(path))}` cannot be read: {error.strerror}"
            ) from error
        except (UnicodeError, LookupError) as error:
            raise ManifestError(
                f"The manifest `{display(to_stored(path))}` is not in its encoding: {error}",
                hint="`--encoding` says which it is in.",
            ) from error
        self._start = len(codecs.BOM_UTF8) if begin.startswith(codecs.BOM_UTF8) else 0
        self._drops_cr = begin.partition(b"\n")[0].endswith(b"\r")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        for _, _, line in self.numbered():
            if line is not None:
                yield line

    def numbered(self) -> Iterator[tuple[int, int, bytes | None]]:
        """Number, offset and content of each line; None for one that is too long to be any."""
        self._file.seek(self._start)
        offset, number = self._start, 0
        while line := self._file.readline(MOST_LINE_BYTES):
            number += 1
            length = len(line)
            whole: bytes | None = self._without_end(line)
            if length == MOST_LINE_BYTES and not line.endswith(b"\n"):
                whole = None
                while (more := self._file.readline(MOST_LINE_BYTES)) and not more.endswith(b"\n"):
                    length += len(more)
                length += len(more)
            yield number, offset, whole
            offset += length

    def at(self, offset: int) -> bytes:
        """The line at an offset. The file goes on from where it was."""
        before = self._file.tell()
        self._file.seek(offset)
        line = self._file.readline(MOST_LINE_BYTES)
        self._file.seek(before)
        return self._without_end(line)

    def _without_end(self, line: bytes) -> bytes:
        if line.endswith(b"\n"):
            line = line[:-1]
        return line[:-1] if self._drops_cr and line.endswith(b"\r") else line

    def has(self, byte: bytes) -> bool:
        """Whether a byte is anywhere in it."""
        self._file.seek(self._start)
        while chunk := self._file.read(1 << 20):
            if byte in chunk:
                return True
        return False


def _opened(path: bytes, encoding: str | None) -> BinaryIO:
    """The file, or a copy in UTF-8 that vanishes when it is closed."""
    # Without it, a fifo would be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file: BinaryIO = open(descriptor, "rb")  # noqa: SIM115
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ManifestError(f"The manifest `{display(to_stored(path))}` is not a regular file")
        begin = file.read(MOST_LINE_BYTES)
        file.seek(0)
        if encoding is None:
            encoding = next((name for bom, name in _BOMS if begin.startswith(bom)), "utf-8")
        is_utf8 = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")
        # Lines may end in a CR alone, as on old Macs.
        if is_utf8 and (b"\n" in begin or b"\r" not in begin):
            return file
        copy: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            errors = "surrogateescape" if is_utf8 else "strict"
            with io.TextIOWrapper(file, encoding, errors, newline=None) as text:
                wrapped = io.TextIOWrapper(copy, "utf-8", errors, newline="\n")
                shutil.copyfileobj(text, wrapped, 1 << 20)
                wrapped.detach()
            copy.seek(0)
        except BaseException:
            copy.close()
            raise
        return copy
    except BaseException:
        file.close()
        raise


class ManifestFile:
    """The entries of a manifest, with an index of their names. Close it."""

    def __init__(
        self,
        lines: Lines,
        new_parser: Callable[[], Parser],
        *,
        check: Callable[[bytes], None] = lambda _name: None,
        backslashes_separate: bool = False,
    ) -> None:
        """`check` raises LineError for a name that this manifest may not have."""
        self.path = lines.path
        self.index = NameIndex()
        self.backslashes_separate = backslashes_separate
        self._lines = lines
        self._new_parser = new_parser
        self._check = check
        # Of lines that say the same as one before them, or something else.
        self._again = array("Q")
        self._contradicting: dict[int, int] = {}
        self._parser = new_parser()

    def close(self) -> None:
        """Closes the file."""
        self._lines.close()

    def read(self, should_go_on: Callable[[], None] = lambda: None) -> None:
        """Reads all of it once: the index, and what is in it twice."""
        parser = self._new_parser()
        for item in self._all(parser):
            if isinstance(item, Listed):
                self.index.add(item.name, item.offset)
            should_go_on()
        # It has read the head by now, so that it can read any line.
        self._parser = parser
        self.index.seal()
        for offsets in self.index.repeated():
            self._compare(offsets)
        self._again = array("Q", sorted(self._again))
        if self._contradicting:
            wanted = set(self._contradicting.values())
            line_of_first: dict[int, int] = {}
            for number, offset, _ in self._lines.numbered():
                if offset in wanted:
                    line_of_first[offset] = number
            self._contradicting = {
                offset: line_of_first[first] for offset, first in self._contradicting.items()
            }

    def _compare(self, offsets: list[int]) -> None:
        """Looks at lines that seem to have the same name."""
        first: list[tuple[int, bytes, Entry]] = []
        for offset in offsets:
            name, entry = self._entry_at(offset)
            for other_offset, other_name, other in first:
                if name != other_name:
                    continue
                shared = other.digests.keys() & entry.digests.keys()
                sizes = {entry.size_bytes, other.size_bytes} - {None}
                if len(sizes) > 1 or any(entry.digests[a] != other.digests[a] for a in shared):
                    self._contradicting[offset] = other_offset
                    break
                if entry.digests.keys() <= other.digests.keys():
                    self._again.append(offset)
                    break
            else:
                first.append((offset, name, entry))

    def takes_backslashes_for_separators(self, root: bytes) -> bool:
        """Whether the backslashes in names separate directories.

        They do if no name has a slash, and of the first hundred names with backslashes some
        exist below `root` with slashes in their place, and none as it is.
        """
        found = 0
        looked_at = 0
        for item in self._all(self._new_parser()):
            if not isinstance(item, Listed):
                continue
            if b"/" in item.name:
                return False
            if b"\\" not in item.name or looked_at == LOOKED_AT_NAMES:
                continue
            looked_at += 1
            if os.path.lexists(os.path.join(root, item.name)):
                return False
            found += os.path.lexists(os.path.join(root, item.name.replace(b"\\", b"/")))
        return found > 0

    def entries(self) -> Iterator[Listed | Refused]:
        """Every entry once, in order, and the lines that are refused."""
        for item in self._all(self._new_parser()):
            if isinstance(item, Listed):
                if self._is_again(item.offset):
                    continue
                line = self._contradicting.get(item.offset)
                if line is not None:
                    shown = display(to_stored(item.name))
                    message = f"`{shown}` has another digest here than on line {line:,}"
                    yield Refused(item.line, message)
                    continue
            yield item

    @property
    def count(self) -> int:
        """How many entries there are, once it was read."""
        return len(self.index) - len(self._again) - len(self._contradicting)

    def find(self, name: bytes) -> Entry | None:
        """The first entry of that name."""
        for offset in self.index.find(name):
            found, entry = self._entry_at(offset)
            if found == name:
                return entry
        return None

    def _is_again(self, offset: int) -> bool:
        position = bisect_left(self._again, offset)
        return position < len(self._again) and self._again[position] == offset

    def _entry_at(self, offset: int) -> tuple[bytes, Entry]:
        try:
            entry = self._parser.parse(self._lines.at(offset))
            if entry is not None:
                return names.cleaned(
                    entry.name, backslashes_separate=self.backslashes_separate
                ), entry
        except LineError:
            pass
        raise ManifestError(
            f"The manifest `{display(to_stored(self.path))}` was changed while it was read",
            hint="Try again when nothing writes to it.",
        )

    def _all(self, parser: Parser) -> Iterator[Listed | Refused]:
        for number, offset, line in self._lines.numbered():
            try:
                if line is None:
                    raise LineError(f"it is longer than {MOST_LINE_BYTES:,} bytes")
                entry = parser.parse(line)
                if entry is None:
                    continue
                name = names.cleaned(entry.name, backslashes_separate=self.backslashes_separate)
                self._check(name)
            except LineError as error:
                yield Refused(number, str(error))
                continue
            yield Listed(number, offset, name, entry)

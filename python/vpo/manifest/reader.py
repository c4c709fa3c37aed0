"""The entries of a manifest file, read as often as needed.

Memory does not grow with the manifest, except for the index of its names.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from vpo.base.errors import ManifestError
from vpo.base.paths import display, to_stored
from vpo.manifest.entries import Entry, LineError, Parser
from vpo.manifest.lines import MOST_LINE_BYTES, ManifestLines
from vpo.manifest.name_index import NameIndex
from vpo.manifest.names import safe_name, unicode_variants

# Names with backslashes that are looked up to decide what the backslashes mean.
NAMES_TO_TRY = 100


class ListedFile(NamedTuple):
    """A file that a manifest lists, and where."""

    line: int
    offset: int
    name: bytes
    """The path relative to the manifest's directory; `safe_name` has checked it."""
    entry: Entry


class RefusedLine(NamedTuple):
    """A line of a manifest that cannot be used, and why."""

    line: int
    message: str


class ManifestReader:
    """Reads a manifest file of any format, and finds entries by name. Close it."""

    def __init__(
        self,
        lines: ManifestLines,
        new_parser: Callable[[], Parser],
        *,
        check_name: Callable[[bytes], None] | None = None,
    ) -> None:
        """`check_name` raises LineError for a name that this manifest must not have."""
        self.path = lines.path
        self.backslashes_separate = False
        """Whether backslashes in names separate directories. To be set before `read`."""
        self._index = NameIndex()
        self._lines = lines
        self._new_parser = new_parser
        self._check_name = check_name
        # The offsets of lines that repeat an earlier line.
        self._repeated = array("Q")
        # The offsets of lines that contradict an earlier line, and the number of that line.
        self._contradicting: dict[int, int] = {}
        self._parser = new_parser()

    def close(self) -> None:
        """Closes the file."""
        self._lines.close()

    def read(self, check_stop: Callable[[], None] = lambda: None) -> None:
        """Reads the whole file once: builds the index, and finds names that occur twice."""
        parser = self._new_parser()
        for item in self._all(parser):
            if isinstance(item, ListedFile):
                self._index.add(item.name, item.offset)
            check_stop()
        # This parser has seen the header, so it can read any line.
        self._parser = parser
        self._index.seal()
        for offsets in self._index.repeated():
            self._compare(offsets)
        self._repeated = array("Q", sorted(self._repeated))
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
        """Compares lines that seem to have the same name."""
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
                    self._repeated.append(offset)
                    break
            else:
                first.append((offset, name, entry))

    def has_windows_separators(self, root: bytes) -> bool:
        """Whether the backslashes in names separate directories.

        They do if no name has a slash, and if, of the first hundred names with backslashes,
        some exist below `root` with slashes instead, and none exists as it is.
        """
        found = tried = 0
        for item in self._all(self._new_parser()):
            if not isinstance(item, ListedFile):
                continue
            if b"/" in item.name:
                return False
            if b"\\" not in item.name or tried == NAMES_TO_TRY:
                continue
            tried += 1
            if os.path.lexists(os.path.join(root, item.name)):
                return False
            found += os.path.lexists(os.path.join(root, item.name.replace(b"\\", b"/")))
        return found > 0

    def entries(self) -> Iterator[ListedFile | RefusedLine]:
        """Every entry once, in order, and the lines that are refused."""
        for item in self._all(self._new_parser()):
            if isinstance(item, ListedFile):
                if self._is_repeated(item.offset):
                    continue
                line = self._contradicting.get(item.offset)
                if line is not None:
                    shown = display(to_stored(item.name))
                    message = f"`{shown}` has a different digest on line {line:,}"
                    yield RefusedLine(item.line, message)
                    continue
            yield item

    @property
    def count(self) -> int:
        """The number of entries, once `read` was called."""
        return len(self._index) - len(self._repeated) - len(self._contradicting)

    def find(self, name: bytes) -> Entry | None:
        """The first entry with a name, once `read` was called."""
        for offset in self._index.find(name):
            found, entry = self._entry_at(offset)
            if found == name:
                return entry
        return None

    def finds_any(self, *names: bytes) -> bool:
        """Whether there is an entry with one of the names, or with a name that looks the same."""
        variants = (variant for name in names for variant in (name, *unicode_variants(name)))
        return any(self.find(each) is not None for each in variants)

    def _is_repeated(self, offset: int) -> bool:
        position = bisect_left(self._repeated, offset)
        return position < len(self._repeated) and self._repeated[position] == offset

    def _entry_at(self, offset: int) -> tuple[bytes, Entry]:
        try:
            entry = self._parser.parse(self._lines.at(offset))
            if entry is not None:
                name = safe_name(entry.name, backslashes_separate=self.backslashes_separate)
                return name, entry
        except LineError:
            pass
        raise ManifestError(
            f"The manifest `{display(to_stored(self.path))}` was changed while vpo read it",
            hint="Try again when no program writes to it.",
        )

    def _all(self, parser: Parser) -> Iterator[ListedFile | RefusedLine]:
        separate, check_name = self.backslashes_separate, self._check_name
        for number, offset, line in self._lines.numbered():
            try:
                if line is None:
                    raise LineError(f"the line is longer than {MOST_LINE_BYTES:,} bytes")
                entry = parser.parse(line)
                if entry is None:
                    continue
                name = safe_name(entry.name, backslashes_separate=separate)
                if check_name is not None:
                    check_name(name)
            except LineError as error:
                yield RefusedLine(number, str(error))
                continue
            yield ListedFile(number, offset, name, entry)


def merged_entries(
    manifests: Sequence[ManifestReader],
) -> Iterator[tuple[ManifestReader, ListedFile | RefusedLine]]:
    """Every file that any of the manifests lists, once, with the digests of all of them."""
    for number, manifest in enumerate(manifests):
        for item in manifest.entries():
            if isinstance(item, ListedFile) and len(manifests) > 1:
                if any(before.find(item.name) for before in manifests[:number]):
                    continue
                digests: Mapping[str, str] = item.entry.digests
                for after in manifests[number + 1 :]:
                    if (other := after.find(item.name)) is not None:
                        digests = {**digests, **other.digests}
                item = item._replace(entry=item.entry._replace(digests=digests))
            yield manifest, item

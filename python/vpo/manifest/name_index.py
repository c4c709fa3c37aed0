"""An index of the names in a manifest, which takes 16 bytes of memory per name."""

from __future__ import annotations

import hashlib
import os
from array import array
from bisect import bisect_left
from collections.abc import Iterator

_BUCKETS = 4096


class NameIndex:
    """Finds the lines with a name. Call `seal` after the last `add`, before searching.

    The index holds 64 bits of a keyed digest per name. Nobody can construct two names with
    the same digest, but they can occur: compare the name in the line that was found.
    """

    def __init__(self) -> None:
        self._key = os.urandom(16)
        self._buckets: dict[int, tuple[array[int], array[int]]] = {}
        """The digests of names, and the offsets of their lines."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def _number(self, name: bytes) -> int:
        digest = hashlib.blake2b(name, digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "big")

    def add(self, name: bytes, offset: int) -> None:
        """Adds a line that begins at `offset`."""
        number = self._number(name)
        bucket = self._buckets.get(number % _BUCKETS)
        if bucket is None:
            bucket = self._buckets[number % _BUCKETS] = (array("Q"), array("Q"))
        bucket[0].append(number)
        bucket[1].append(offset)
        self._count += 1

    def seal(self) -> None:
        """Sorts the index, so that it can be searched."""
        for key, (numbers, offsets) in self._buckets.items():
            pairs = sorted(zip(numbers, offsets, strict=True))
            self._buckets[key] = (
                array("Q", (number for number, _ in pairs)),
                array("Q", (offset for _, offset in pairs)),
            )

    def find(self, name: bytes) -> Iterator[int]:
        """The offsets of the lines with a name, in their order."""
        number = self._number(name)
        numbers, offsets = self._buckets.get(number % _BUCKETS, ((), ()))
        position = bisect_left(numbers, number)
        while position < len(numbers) and numbers[position] == number:
            yield offsets[position]
            position += 1

    def repeated(self) -> Iterator[list[int]]:
        """For each name that several lines have: the offsets of these lines, in their order."""
        for numbers, offsets in self._buckets.values():
            first = 0
            for position in range(1, len(numbers) + 1):
                if position < len(numbers) and numbers[position] == numbers[first]:
                    continue
                if position - first > 1:
                    yield list(offsets[first:position])
                first = position

"""Where in a manifest each name is, in 16 bytes a name."""

from __future__ import annotations

import hashlib
import os
from array import array
from bisect import bisect_left
from collections.abc import Iterator

_BUCKETS = 4096


class NameIndex:
    """Offsets of lines by the names in them; `seal` it before it is asked.

    Names are known by 64 bits of a keyed digest: nobody can make two that are equal,
    and who looks at the line that an offset leads to is sure.
    """

    def __init__(self) -> None:
        self._key = os.urandom(16)
        self._buckets: dict[int, tuple[array[int], array[int]]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def _number(self, name: bytes) -> int:
        digest = hashlib.blake2b(name, digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "big")

    def add(self, name: bytes, offset: int) -> None:
        """Notes that a line with this name begins at `offset`."""
        number = self._number(name)
        bucket = self._buckets.get(number % _BUCKETS)
        if bucket is None:
            bucket = self._buckets[number % _BUCKETS] = (array("Q"), array("Q"))
        bucket[0].append(number)
        bucket[1].append(offset)
        self._count += 1

    def seal(self) -> None:
        """Makes it ready to be asked."""
        for key, (numbers, offsets) in self._buckets.items():
            pairs = sorted(zip(numbers, offsets, strict=True))
            self._buckets[key] = (
                array("Q", (number for number, _ in pairs)),
                array("Q", (offset for _, offset in pairs)),
            )

    def find(self, name: bytes) -> Iterator[int]:
        """The offsets of lines with this name, the first one first."""
        number = self._number(name)
        numbers, offsets = self._buckets.get(number % _BUCKETS, ((), ()))
        position = bisect_left(numbers, number)
        while position < len(numbers) and numbers[position] == number:
            yield offsets[position]
            position += 1

    def repeated(self) -> Iterator[list[int]]:
        """The offsets of lines that have the same name, in order, where there are several."""
        for numbers, offsets in self._buckets.values():
            first = 0
            for position in range(1, len(numbers) + 1):
                if position < len(numbers) and numbers[position] == numbers[first]:
                    continue
                if position - first > 1:
                    yield list(offsets[first:position])
                first = position

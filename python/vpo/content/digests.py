"""Digests of content: as text in the catalogue, and as the engine returns them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from vpo.content.algorithms import BY_NAME, RECORDED, RECORDED_PREFIX, Algorithm

_ONLY_RECORDED = (RECORDED.name,)


class Digest(NamedTuple):
    """A digest of a file's content."""

    algorithm: str
    """Its name. A catalogue may hold digests of algorithms that vpo does not know."""
    value: str
    """Lower-case hexadecimal digits; of `xxh64`, `HEAD:TAIL:SIZE`."""

    @classmethod
    def parse(cls, stored: str) -> Digest:
        """Reads a digest as the catalogue stores it: `blake3:…`."""
        algorithm, _, value = stored.partition(":")
        return cls(algorithm, value)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"

    @property
    def known_algorithm(self) -> Algorithm | None:
        """The algorithm, if vpo knows it and a catalogue can hold digests of it."""
        algorithm = BY_NAME.get(self.algorithm)
        return algorithm if algorithm is not None and algorithm.is_stored else None

    @property
    def is_comparable(self) -> bool:
        """Whether it can prove that content is the same: see `Algorithm.is_comparable`."""
        algorithm = self.known_algorithm
        return algorithm is not None and algorithm.is_comparable


def recorded_digest(digests: Mapping[str, str]) -> str:
    """The digest to store, out of those that the engine returned for a file."""
    return RECORDED_PREFIX + digests[RECORDED.name]


def algorithms_for(stored: str | None) -> tuple[str, ...]:
    """The algorithms to read a file with: the recorded one, and that of its stored digest.

    A stored digest of an unknown algorithm is ignored.
    """
    if stored is None or stored.startswith(RECORDED_PREFIX):
        return _ONLY_RECORDED
    algorithm = Digest.parse(stored).known_algorithm
    return _ONLY_RECORDED if algorithm is None else (RECORDED.name, algorithm.name)


@lru_cache(maxsize=64)
def union(*algorithms: tuple[str, ...]) -> tuple[str, ...]:
    """All of several sets of algorithms, in the same order whatever theirs is."""
    return tuple(sorted({name for names in algorithms for name in names}))


def found_digest(stored: str | None, digests: Mapping[str, str] | None) -> str | None:
    """What the engine found, by the algorithm of the stored digest; None if it was not used."""
    if stored is None or digests is None:
        return None
    algorithm = stored.partition(":")[0]
    return f"{algorithm}:{digests[algorithm]}" if algorithm in digests else None


def is_same_content(stored: str | None, digests: Mapping[str, str]) -> bool | None:
    """Whether content has the stored digest; None if it cannot be compared."""
    found = found_digest(stored, digests)
    return None if found is None else found == stored

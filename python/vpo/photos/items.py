"""Long lists of results, whose elements are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload


class Items(Sequence[dict[str, Any]]):
    """A list of JSON objects that holds none of them. `list(items)` makes them all."""

    def __init__(self, length: int, make: Callable[[int], dict[str, Any]]) -> None:
        """`make` returns the object at an index from 0 to `length` - 1."""
        self._indexes = range(length)
        self._make = make

    def __len__(self) -> int:
        return len(self._indexes)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(index, slice):
            return [self._make(each) for each in self._indexes[index]]
        return self._make(self._indexes[index])

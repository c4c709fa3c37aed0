"""Conditions of SQL queries, as values that can be combined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vpo.base.paths import to_stored

Value = str | bytes | int | float | None


class Condition(NamedTuple):
    """A condition for a WHERE clause, with `?` in place of each parameter.

    It can stand beside an AND as it is: an OR in it is in parentheses.
    """

    sql: str
    parameters: tuple[Value, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        """Both conditions hold."""
        return all_of((self, other))

    def __or__(self, other: Condition) -> Condition:
        """At least one of the conditions holds."""
        return any_of((self, other))

    def __invert__(self) -> Condition:
        """The condition does not hold. If it compares with NULL, it does not hold."""
        return self._replace(sql=f"({self.sql}) IS NOT TRUE")


def all_of(conditions: Iterable[Condition]) -> Condition:
    """All conditions hold; without any, this is always true."""
    return _joined(list(conditions), " AND ", "1")


def any_of(conditions: Iterable[Condition]) -> Condition:
    """At least one of the conditions holds; without any, this is never true."""
    joined = _joined(list(conditions), " OR ", "0")
    return joined._replace(sql=f"({joined.sql})")


def _joined(conditions: Sequence[Condition], operator: str, nothing: str) -> Condition:
    return Condition(
        operator.join(condition.sql for condition in conditions) or nothing,
        tuple(value for condition in conditions for value in condition.parameters),
    )


def one_of(expression: str, values: Sequence[Value]) -> Condition:
    """The expression has one of these values."""
    return Condition(f"{expression} IN ({', '.join('?' * len(values))})", tuple(values))


def below(directory: bytes, column: str = "path") -> Condition:
    """The path in `column` is `directory`, or is below it.

    TEXT and BLOB have separate ranges in the index on the column.
    """
    first = directory.rstrip(b"/") + b"/"
    # "0" is the character after "/".
    last = first[:-1] + b"0"
    bounds: list[tuple[Value, Value, Value]] = [(first, last, directory)]
    # A TEXT cannot be below a directory whose own path is not UTF-8.
    if not isinstance(to_stored(directory), bytes):
        bounds.append((first.decode(), last.decode(), directory.decode()))
    return any_of(
        Condition(f"({column} >= ? AND {column} < ?) OR {column} = ?", values) for values in bounds
    )

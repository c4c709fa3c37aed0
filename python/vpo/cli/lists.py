"""An option type: values separated by commas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    # Generic for type checkers alone, until click 8.4.
    ParamType = click.ParamType[tuple[str, ...]]
else:
    ParamType = click.ParamType


class SeparatedList(ParamType):
    """`a,b,c`; if `choices` are given, only those."""

    name = "list"

    def __init__(self, choices: Sequence[str] = ()) -> None:
        self.choices = tuple(choices)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Splits and checks the values."""
        if isinstance(value, tuple):
            return value
        items = tuple(item.strip().lower() for item in str(value).split(",") if item.strip())
        if not items:
            self.fail("at least one value is needed", param, ctx)
        for item in items:
            if self.choices and item not in self.choices:
                self.fail(f"`{item}` is not one of: {', '.join(self.choices)}", param, ctx)
        return items

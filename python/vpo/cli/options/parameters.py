"""Types of option values: lists, points in time, durations, sizes, times of day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from vpo.base import times
from vpo.cli.output.sizes import parse_size

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    # Before Click 8.4, the class is generic for type checkers only.
    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType


class SeparatedList(ParamType):
    """A list such as `a,b,c`. With `choices`, only these values are allowed."""

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
        return tuple(self.check(item, param, ctx) for item in items)

    def check(self, item: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value that an item stands for. Fails if the item is not allowed."""
        if self.choices and item not in self.choices:
            self.fail(f"`{item}` is not one of: {', '.join(self.choices)}", param, ctx)
        return item

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Completes the last value of the list."""
        from click.shell_completion import CompletionItem

        before, comma, last = incomplete.rpartition(",")
        return [
            CompletionItem(f"{before}{comma}{choice}")
            for choice in self.choices
            if choice.startswith(last) and choice not in before.split(",")
        ]


def joined(given: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """All values of an option that takes lists and can be repeated."""
    return tuple(item for items in given for item in items)


class When(ParamType):
    """A point in time: a date, or an age such as 12h."""

    name = "when"

    def __init__(self, to_text: Callable[[datetime], str]) -> None:
        self._to_text = to_text

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The point in time, in the format of the catalogue."""
        try:
            return self._to_text(times.parse_when(str(value)))
        except ValueError:
            self.fail(
                f"`{value}` is neither a date nor an age such as 30m, 12h, 1d, 1w", param, ctx
            )


class Day(ParamType):
    """A day such as 2026-01-31."""

    name = "day"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """The day."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").date()
        except ValueError:
            self.fail(f"`{value}` is not a day such as 2026-01-31", param, ctx)


class Duration(ParamType):
    """A time span such as 90s, 30m, 2h."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The span in seconds."""
        try:
            return times.parse_duration(str(value)).total_seconds()
        except ValueError:
            self.fail(f"`{value}` is not a duration such as 90s, 30m, 2h, 7d", param, ctx)


class ByteSize(ParamType):
    """A number of bytes such as 50M, 1.5G."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """The number of bytes, which must be greater than zero."""
        try:
            size = parse_size(str(value))
        except ValueError:
            self.fail(f"`{value}` is not a size such as 500K, 50M, 1.5G", param, ctx)
        if size < 1:
            self.fail("it must be greater than zero", param, ctx)
        return size


class TimeOfDay(ParamType):
    """A time of day, as HH:MM in the local zone."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The next time that the clock shows this time."""
        try:
            wanted = datetime.strptime(str(value), "%H:%M").time()
        except ValueError:
            self.fail(f"`{value}` is not a time of day such as 06:00", param, ctx)
        now = datetime.now()
        moment = datetime.combine(now.date(), wanted)
        if moment <= now:
            moment = datetime.combine(now.date() + timedelta(days=1), wanted)
        return moment.astimezone()

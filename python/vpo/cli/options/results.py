"""Options and arguments of the commands on results and trends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

import click

from vpo.cli.options.parameters import Day
from vpo.db.library import Library
from vpo.photos.results import TOOLS

MOST_ID = 2**63 - 1


def collection_ids(library: Library, names: Iterable[str]) -> tuple[int, ...]:
    """The ids of collections by their names. Raises CollectionNotFoundError."""
    found = dict.fromkeys(names)
    if not found:
        # Most lists are of all collections, and then need no names.
        return ()
    from vpo.photos.naming import collection_id

    return tuple(dict.fromkeys(collection_id(library, name) for name in found))


if TYPE_CHECKING:
    # Before Click 8.2, the class is not generic.
    Choice = click.Choice[str]
else:
    Choice = click.Choice


class _Tool(Choice):
    """The name of a tool. Its words are joined by `-` or `_`."""

    def __init__(self) -> None:
        super().__init__([tool.replace("_", "-") for tool in TOOLS], case_sensitive=False)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The name in the catalogue."""
        chosen: str = super().convert(str(value).replace("_", "-"), param, ctx)
        return chosen.replace("-", "_")


tool_option = click.option("--tool", type=_Tool(), help="Only results of this tool.")
from_option = click.option(
    "--from", "first", type=Day(), metavar="DAY", help="Only from this day on (in UTC)."
)
to_option = click.option(
    "--to", "last", type=Day(), metavar="DAY", help="Only up to this day (in UTC), included."
)
result_argument = click.argument("result_id", metavar="RESULT", type=click.IntRange(1, MOST_ID))


def bounds(first: date | None, last: date | None) -> tuple[str | None, str | None]:
    """The first moment of the days, and the first moment after them, as ISO 8601 text."""
    if first is not None and last is not None and first > last:
        raise click.UsageError("--from cannot be after --to")
    begin = None if first is None else first.isoformat()
    after = None
    if last is not None and last < date.max:
        after = (last + timedelta(days=1)).isoformat()
    return begin, after

"""`vpo results list`: the results of analyses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import click

from vpo.base import times
from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.global_options import global_options
from vpo.cli.options.results import bounds, collection_ids, from_option, to_option, tool_option
from vpo.cli.output.csv_text import csv_text
from vpo.cli.output.failure import print_json
from vpo.cli.output.jobs import human_duration
from vpo.cli.output.streams import echo, for_terminal
from vpo.cli.output.table import table
from vpo.cli.results.words import status_painter, tool_in_words
from vpo.db.library import open_library
from vpo.photos.results import SORTS, STATUSES, ListedResult, Order, ResultFilter, list_results

_DEFAULT_LIMIT = 50
_MOST_LIMIT = 100


@command("list")
@click.option("--collection", metavar="NAME", help="Only results of this collection.")
@tool_option
@click.option(
    "--status",
    type=click.Choice(STATUSES, case_sensitive=False),
    help="Only results with this status.",
)
@from_option
@to_option
@click.option(
    "--sort",
    type=click.Choice(SORTS),
    default=SORTS[0],
    help="What to sort by, the newest or largest first (default: created_at).",
)
@click.option("--reverse", is_flag=True, help="The oldest or smallest first.")
@click.option(
    "--limit",
    type=click.IntRange(1, _MOST_LIMIT),
    default=_DEFAULT_LIMIT,
    metavar="N",
    help=f"At most N results, up to {_MOST_LIMIT} (default: {_DEFAULT_LIMIT}).",
)
@click.option(
    "--offset",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    metavar="N",
    help="Leave out the first N results.",
)
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@global_options
@click.pass_context
def list_command(
    ctx: click.Context,
    /,
    collection: str | None,
    tool: str | None,
    status: str | None,
    first: date | None,
    last: date | None,
    sort: str,
    reverse: bool,
    limit: int,
    offset: int,
    form: str | None,
) -> None:
    """List results, the newest first.

    --from and --to take the days on which the results were recorded.
    """
    app = ctx.ensure_object(App)
    created_from, created_before = bounds(first, last)
    with open_library(app.library_path(), "read") as library:
        of = collection_ids(library, [] if collection is None else [collection])
        wanted = ResultFilter(
            of[0] if of else None,
            tool,
            status,
            created_from,
            created_before,
        )
        found = list_results(library, wanted, Order(sort, reverse, limit, offset))
    if form == "json":
        print_json(found.to_dict())
        return
    if form == "csv":
        echo(for_terminal(csv_text(ListedResult._fields, found.results)).rstrip("\n"))
        return
    if not found.results:
        if not app.quiet:
            echo("No results were found.", err=True)
        return
    for line in _table(app, found.results):
        echo(line)
    shown = offset + len(found.results)
    if shown < found.total and not app.quiet:
        echo(
            f"\n{shown - offset:,} of {found.total:,} results. `--offset {shown}` shows more.",
            err=True,
        )


def _table(app: App, results: list[ListedResult]) -> Iterator[str]:
    heads = [
        *("ID", "TOOL", "STATUS", "COMPLETED", "DURATION"),
        *("FILES", "ISSUES", "PIPELINE", "COLLECTION"),
    ]
    rows = [
        [
            str(result.id),
            tool_in_words(result.tool),
            result.status.lower(),
            times.to_local_text(result.completed_at),
            human_duration(result.duration_seconds),
            _count(result.files_scanned),
            _count(result.issues_found),
            display(result.pipeline or "-"),
            display(result.collection),
        ]
        for result in results
    ]
    if all(row[7] == "-" for row in rows):
        for row in (heads, *rows):
            del row[7]
    yield from table(
        heads,
        rows,
        right=("ID", "DURATION", "FILES", "ISSUES"),
        paint=status_painter(app),
        whole=("ID",),
    )


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"

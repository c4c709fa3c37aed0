"""`vpo trends summary`: whether the collections become better or worse."""

from __future__ import annotations

from datetime import date

import click

from vpo.base import times
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.cli.trends.options import Asked, pipeline_option, run_filter, trend_options
from vpo.db.library import open_library
from vpo.photos.trends import Direction, summary

_COLOURS = {"improving": "green", "degrading": "red"}


@command("summary")
@trend_options
@pipeline_option
@json_option
@global_options
@click.pass_context
def summary_command(
    ctx: click.Context,
    /,
    collections: tuple[str, ...],
    first: date | None,
    last: date | None,
    limit: int,
    pipeline: str | None,
    as_json: bool,
) -> None:
    """Show whether the collections become better or worse.

    Fewer orphans are better, and a larger share of consistent images is better. A direction
    needs results of at least three days.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        wanted = run_filter(library, Asked(collections, first, last, pipeline))
        found = summary(library, wanted, limit=limit)
    if as_json:
        print_json(found.to_dict())
        return
    echo(f"Orphans: {_words(app, found.orphaned_trend)}")
    echo(f"Consistency: {_words(app, found.consistency_trend)}")
    for tool, moment in found.last_runs.items():
        days = found.points[tool]
        shown = f"{days:,} {'day' if days == 1 else 'days'}"
        name = tool.replace("_", "-")
        echo(f"  {name}: {shown}, last run {times.to_local_text(moment)}")


def _words(app: App, direction: Direction) -> str:
    if direction == "insufficient_data":
        return "not enough data yet"
    colour = _COLOURS.get(direction)
    return app.paint(direction, colour) if colour else direction

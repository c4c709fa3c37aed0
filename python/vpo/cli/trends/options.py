"""Options that the commands on trends share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple, TypeVar

import click

from vpo.cli.options.results import bounds, collection_ids, from_option, to_option
from vpo.db.library import Library
from vpo.photos.trends import DEFAULT_POINTS, RunFilter

F = TypeVar("F", bound=Callable[..., Any])

_MOST_POINTS = 1_000

pipeline_option = click.option("--pipeline", metavar="NAME", help="Only results of this pipeline.")


def trend_options(command: F) -> F:
    """Adds the options for collections, days and points."""
    for option in reversed(
        (
            click.option(
                "--collection",
                "collections",
                metavar="NAME",
                multiple=True,
                help="Only this collection. Repeat it for more: up to 5 have a series each;"
                " without it, or with more, all are summed up.",
            ),
            from_option,
            to_option,
            click.option(
                "--limit",
                type=click.IntRange(1, _MOST_POINTS),
                default=DEFAULT_POINTS,
                metavar="N",
                help=f"Only the last N points of each series (default: {DEFAULT_POINTS}).",
            ),
        )
    ):
        command = option(command)
    return command


class Asked(NamedTuple):
    """The values of `trend_options` and `pipeline_option`."""

    collections: tuple[str, ...]
    first: date | None
    last: date | None
    pipeline: str | None = None


def run_filter(library: Library, asked: Asked) -> RunFilter:
    """The filter that the options stand for."""
    completed_from, completed_before = bounds(asked.first, asked.last)
    pipeline = None
    if asked.pipeline is not None:
        from vpo.photos.naming import pipeline_id

        pipeline = pipeline_id(library, asked.pipeline)
    return RunFilter(
        collection_ids(library, asked.collections),
        pipeline,
        completed_from,
        completed_before,
    )

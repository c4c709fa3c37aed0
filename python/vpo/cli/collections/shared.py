"""What the commands of `vpo collections` share: arguments, options, and how a collection looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from vpo.base import times
from vpo.base.paths import display
from vpo.cli.options.completion import complete_collections
from vpo.cli.output.sizes import human_size
from vpo.photos.collections import MOST_LIFETIME_SECONDS, STATES, Collection

F = TypeVar("F", bound=Callable[..., Any])

UNKNOWN = "–"  # noqa: RUF001
"""Shown for a figure that no analysis has found out yet."""


def name_argument(command: F) -> F:
    """Adds the argument NAME: a collection, by its name or id."""
    return click.argument("name", shell_complete=complete_collections)(command)


def state_option(default: str | None) -> Callable[[F], F]:
    """Adds `--state`."""
    return click.option(
        "--state",
        type=click.Choice(STATES, case_sensitive=False),
        default=default,
        help="LIVE: it changes; its files are looked at for each analysis. CLOSED and ARCHIVED:"
        " it seldom changes; its files are looked at again after a day or a week.",
    )


def lifetime_option(command: F) -> F:
    """Adds `--cache-ttl`."""
    return click.option(
        "--cache-ttl",
        type=click.IntRange(0, MOST_LIFETIME_SECONDS),
        metavar="SECONDS",
        help="Look at the files again after so many seconds, whatever the state; 0: each time.",
    )(command)


def count(number: int | None) -> str:
    """A number for people."""
    return UNKNOWN if number is None else f"{number:,}"


def size(number: int | None) -> str:
    """A number of bytes for people."""
    return UNKNOWN if number is None else human_size(number)


def details(collection: Collection) -> Iterator[str]:
    """A collection in lines for people."""
    row = collection.row
    accessible = "yes" if row.is_accessible else f"no: {row.last_error}"
    lifetime = "by its state" if row.cache_ttl is None else f"{row.cache_ttl:,} s"
    lines = {
        "Collection": f"{row.name} (id {row.id})",
        "Place": display(row.location),
        "Type": row.type,
        "State": row.state,
        "Listing lifetime": lifetime,
        "Accessible": accessible,
        "Looked at": times.to_local_text(row.listed_at),
        "Size": size(row.storage_used),
        "Files": count(row.file_count),
        "Image groups": count(row.image_group_count),
        "Images": count(row.image_count),
        "Figures of": times.to_local_text(row.last_stats_update),
    }
    for label, text in lines.items():
        yield f"{label + ':':18}{text}"

"""`vpo results show`: a result, and what the analysis found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from vpo.base import times
from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.results import result_argument
from vpo.cli.output.failure import print_json
from vpo.cli.output.jobs import human_duration
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo
from vpo.cli.results.words import status_painter, tool_in_words
from vpo.db.library import open_library
from vpo.photos.results import TRUNCATED, ResultDetails, read_result

_SIZES = ("total_size", "storage_by_type")


@command("show")
@result_argument
@click.option("--full", is_flag=True, help="Show all elements of long lists.")
@json_option
@global_options
@click.pass_context
def show(ctx: click.Context, /, result_id: int, full: bool, as_json: bool) -> None:
    """Show a result and what the analysis found.

    RESULT is the ID of the result. Without --full, lists are cut after 20 elements.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        details = read_result(library, result_id, is_full=full)
    if as_json:
        print_json(details.to_dict())
        return
    for line in _description(app, details):
        echo(line)


def _description(app: App, details: ResultDetails) -> Iterator[str]:
    row = details.row
    yield f"Result: {row.id}"
    yield f"Collection: {display(row.collection)}"
    yield f"Tool: {tool_in_words(row.tool)}"
    if row.pipeline is not None:
        version = "" if row.pipeline_version is None else f", version {row.pipeline_version}"
        yield f"Pipeline: {display(row.pipeline)}{version}"
    yield f"Status: {status_painter(app)('STATUS', row.status.lower())}"
    if details.error_message:
        yield f"Error: {display(details.error_message)}"
    yield f"Started: {times.to_local_text(row.started_at)}"
    yield f"Completed: {times.to_local_text(row.completed_at)}"
    yield f"Duration: {human_duration(row.duration_seconds)}"
    if row.files_scanned is not None:
        yield f"Files: {row.files_scanned:,}"
    if row.issues_found is not None:
        yield f"Issues: {row.issues_found:,}"
    if row.has_report:
        yield f"Report: `vpo results report {row.id}` saves it"
    lengths = details.results.get(TRUNCATED) or {}
    for key, value in details.results.items():
        if key == TRUNCATED:
            continue
        yield from _value(key, value, lengths.get(key))


def _value(key: str, value: Any, length: int | None) -> Iterator[str]:
    title = display(key).replace("_", " ").capitalize()
    if isinstance(value, dict):
        if value:
            yield ""
            yield f"{title}:"
        for name, inner in value.items():
            if name != TRUNCATED:
                yield f"  {display(name)}: {_short(inner, is_size=key in _SIZES)}"
        yield from _rest(length, len(value))
    elif isinstance(value, list):
        if value:
            yield ""
            yield f"{title} ({length or len(value):,}):"
        for element in value:
            yield f"  {_short(element)}"
        yield from _rest(length, len(value))
    else:
        yield f"{title}: {_short(value, is_size=key in _SIZES)}"


def _rest(length: int | None, shown: int) -> Iterator[str]:
    if length is not None and length > shown:
        yield f"  and {length - shown:,} more (`--full` shows all)"


def _short(value: Any, *, is_size: bool = False) -> str:
    """A value on one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return human_size(value) if is_size else f"{value:,}"
    if isinstance(value, dict):
        parts = (
            f"{display(name)} {_short(inner)}"
            for name, inner in value.items()
            if inner not in ("", None, [], {}) and name != TRUNCATED
        )
        return ", ".join(parts)
    if isinstance(value, list):
        return "[" + ", ".join(map(_short, value)) + "]"
    return "-" if value is None else display(str(value))

"""`vpo trends photostats`, `photo-pairing` and `pipeline-validation`: points over time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from vpo.base.atomic_file import NewFile
from vpo.base.paths import display, to_stored
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import path_option
from vpo.cli.output.csv_text import csv_text
from vpo.cli.output.failure import print_json
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo, for_terminal
from vpo.cli.output.table import table
from vpo.cli.trends.options import Asked, pipeline_option, run_filter, trend_options
from vpo.db.library import open_library
from vpo.photos.trends import STATUSES, Series, Trend, trend

_BARS = "▁▂▃▄▅▆▇█"

json_option = click.option("--json", "form", flag_value="json", help="Print JSON.")
csv_option = click.option("--csv", "form", flag_value="csv", help="Print CSV.")
html_option = path_option(
    "--html", metavar="FILE", help="Save charts as an HTML file, in place of the text."
)
force_option = click.option("--force", is_flag=True, help="Replace FILE if it exists.")


def _options(function: Callable[..., None]) -> Callable[..., None]:
    outputs = (html_option, force_option, json_option, csv_option)
    for option in reversed((trend_options, *outputs, global_options)):
        function = option(function)
    return function


@command("photostats")
@_options
@click.pass_context
def photostats(ctx: click.Context, /, **options: Any) -> None:
    """Show how the orphans, files and size develop.

    The last run of each collection and day (in UTC) counts.
    """
    _show(ctx, "photostats", **options)


@command("photo-pairing")
@_options
@click.pass_context
def photo_pairing(ctx: click.Context, /, **options: Any) -> None:
    """Show how the groups and images develop.

    The last run of each collection and day (in UTC) counts.
    """
    _show(ctx, "photo_pairing", **options)


@command("pipeline-validation")
@pipeline_option
@_options
@click.pass_context
def pipeline_validation(ctx: click.Context, /, **options: Any) -> None:
    """Show how many images are consistent with a pipeline.

    The last run of each collection, pipeline and day (in UTC) counts. CONSISTENT includes images
    with a warning.
    """
    _show(ctx, "pipeline_validation", **options)


def _show(ctx: click.Context, tool: str, *, limit: int, form: str | None, **options: Any) -> None:
    app = ctx.ensure_object(App)
    html, force = options.pop("html"), options.pop("force")
    if force and html is None:
        raise click.UsageError("Use --force together with --html", ctx)
    if html is not None and form is not None:
        raise click.UsageError("--html cannot be combined with --json or --csv", ctx)
    with open_library(app.library_path(), "read") as library:
        wanted = run_filter(library, Asked(**options))
        found = trend(library, tool, wanted, limit=limit)
    if html is not None:
        _save(app, found, html, force=force)
    elif form == "json":
        print_json(found.to_dict())
    elif form == "csv":
        echo(for_terminal(_csv(found)).rstrip("\n"))
    elif any(series.points for series in found.series):
        for line in _text(found):
            echo(line)
    elif not app.quiet:
        echo("No completed results were found.", err=True)


def _save(app: App, found: Trend, path: bytes, *, force: bool) -> None:
    from vpo.photos.reports.trends import render_trend

    with NewFile(path, replaces=force) as file:
        file.write(render_trend(found).encode(errors="replace"))
        file.finish()
    if not app.quiet:
        echo(f"Saved the charts: {display(to_stored(file.path))}")


# -- Columns -----------------------------------------------------------------------

Cell = Callable[[dict[str, Any]], Any]


def _of(key: str) -> Cell:
    return lambda point: point.get(key)


def _of_status(part: str, status: str) -> Cell:
    return lambda point: point[part][status]


def _columns(found: Trend) -> list[tuple[str, Cell]]:
    """The columns after the date: the key in CSV, and how to get the value."""
    if found.tool == "pipeline_validation":
        columns: list[tuple[str, Cell]] = [
            (status.lower(), _of_status("counts", status)) for status in STATUSES
        ]
        columns += [
            (f"{status.lower()}_percent", _of_status("percentages", status)) for status in STATUSES
        ]
    else:
        keys = ["orphaned_images", "orphaned_xmp"]
        if found.tool == "photo_pairing":
            keys = ["group_count", "image_count"]
        elif not found.is_summed:
            keys += ["total_files", "total_size"]
        columns = [(key, _of(key)) for key in keys]
        if found.tool == "photo_pairing" and not found.is_summed:
            cameras = {each for series in found.series for each in _cameras(series)}
            columns += [(f"images_{camera}", _of_camera(camera)) for camera in sorted(cameras)]
    if found.is_summed:
        columns.append(("collections_included", _of("collections_included")))
    return columns


def _of_camera(camera: str) -> Cell:
    return lambda point: point["cameras"].get(camera, 0)


def _cameras(series: Series) -> set[str]:
    return {camera for point in series.points for camera in point["cameras"]}


def _csv(found: Trend) -> str:
    columns = _columns(found)
    return csv_text(
        ("collection", "pipeline", "date", *(name for name, _ in columns)),
        (
            (
                series.collection,
                series.pipeline,
                point["date"],
                *(cell(point) for _, cell in columns),
            )
            for series in found.series
            for point in series.points
        ),
    )


def _text(found: Trend) -> Iterator[str]:
    for number, series in enumerate(each for each in found.series if each.points):
        if number:
            yield ""
        yield _title(found, series)
        # A column for each camera of all series would be too wide.
        columns = _columns(found._replace(series=[series]))
        yield from table(
            ("DATE", *(display(name).replace("_", " ").upper() for name, _ in columns)),
            [
                (point["date"], *(_cell(name, cell(point)) for name, cell in columns))
                for point in series.points
            ],
            right=[display(name).replace("_", " ").upper() for name, _ in columns],
        )
        values = [columns[0][1](point) for point in series.points]
        if len(values) > 1:
            yield f"{columns[0][0].replace('_', ' ').capitalize()}: {_bars(values)}"


def _title(found: Trend, series: Series) -> str:
    if found.is_summed:
        return "All collections"
    pipeline = f", pipeline {display(series.pipeline)}" if series.pipeline is not None else ""
    return f"{display(series.collection or '-')}{pipeline}"


def _cell(name: str, value: Any) -> str:
    if name == "total_size":
        return human_size(value)
    return f"{value:.1f}" if isinstance(value, float) else f"{value:,}"


def _bars(values: Sequence[float]) -> str:
    """The values as a row of bars; the smallest has the lowest bar."""
    low, high = min(values), max(values)
    steps = len(_BARS) - 1
    return "".join(
        _BARS[round((value - low) / (high - low) * steps) if high > low else 0] for value in values
    )

"""`vpo report library`: files, space and playing time by codec, language, …"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence

import click

from vpo.base.paths import display
from vpo.catalogue.lookup import check_searched
from vpo.catalogue.report import DIMENSIONS, OVERLAPPING, Report, Table, Totals, report_on
from vpo.catalogue.selection import Selection
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.file_filters import kind_option, places_below, under_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import SeparatedList, joined
from vpo.cli.output.failure import print_json
from vpo.cli.output.jobs import human_duration
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo, for_terminal
from vpo.cli.output.table import cells, fit
from vpo.db.library import open_library

# More rows are only for programs.
SHOWN_ROWS = 15

_WORDS = {dimension.replace("_", "-"): (dimension,) for dimension in DIMENSIONS}
_GROUPS = {
    "codec": ("video_codec", "audio_codec"),
    "language": ("audio_language", "subtitle_language"),
}
_HEADS = {dimension: dimension.replace("_", " ").upper() for dimension in DIMENSIONS}
_HEADS["hdr"] = "DYNAMIC RANGE"

_VALUE_WIDTH = 34

# Spreadsheets treat a cell that begins like this as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@command("library")
@under_option
@kind_option
@click.option(
    "--by",
    "words",
    type=SeparatedList((*_WORDS, *_GROUPS)),
    multiple=True,
    metavar="DIMENSION,...",
    help=f"Show only these tables: {', '.join(_WORDS)}. codec means video-codec and"
    " audio-codec; language means audio-language and subtitle-language.",
)
@click.option(
    "--limit",
    type=click.IntRange(0, 2**63 - 1),
    metavar="N",
    help="Show at most N values per table, and sum up the rest in one row (default:"
    f" {SHOWN_ROWS} in text, no limit in JSON and CSV).",
)
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print all tables as one CSV table.")
@global_options
@click.pass_context
def library_command(
    ctx: click.Context,
    /,
    under: bytes | None,
    kinds: Sequence[Sequence[str]],
    words: Sequence[Sequence[str]],
    limit: int | None,
    form: str | None,
) -> None:
    """Sum up files, space and playing time by kind, codec, language etc.

    Missing files are not counted.
    """
    app = ctx.ensure_object(App)
    named = {**_WORDS, **_GROUPS}
    chosen = [dimension for word in joined(words) for dimension in named[word]]
    selection = Selection(places=places_below(under), kinds=joined(kinds))
    if limit is None and form is None:
        limit = SHOWN_ROWS
    with open_library(app.library_path(), "read") as library:
        if under is not None:
            check_searched(library, under)
        report = report_on(library, selection, tuple(dict.fromkeys(chosen)) or DIMENSIONS, limit)
    if form == "json":
        print_json(report.to_dict())
    elif form == "csv":
        sys.stdout.buffer.write(for_terminal(_csv(report)).encode(errors="backslashreplace"))
    else:
        for line in _text(app, report, is_chosen=bool(chosen)):
            echo(line)


def _csv(report: Report) -> str:
    """The report as CSV (RFC 4180) that is safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("dimension", "value", "files", "size_bytes", "duration_seconds"))

    def write(dimension: str, value: str, totals: Totals) -> None:
        safe = f"'{value}" if value.startswith(_FORMULA) else value
        seconds = round(totals.duration_seconds, 3)
        writer.writerow((dimension, safe, totals.files, totals.size_bytes, seconds))

    write("total", "", report.totals)
    for table in report.tables:
        for value, totals in table.values:
            write(table.dimension, value, totals)
        if table.other:
            write(table.dimension, "(other)", table.other.totals)
        if table.none.files:
            write(table.dimension, "(none)", table.none)
    return out.getvalue()


def _text(app: App, report: Report, *, is_chosen: bool) -> Iterator[str]:
    totals = report.totals
    played = f", {human_duration(totals.duration_seconds)}" if totals.duration_seconds else ""
    yield f"{_files(totals.files)}, {human_size(totals.size_bytes)}{played}"
    if report.missing:
        yield f"Not counted: {_files(report.missing, 'missing file')}."
    if report.pending:
        yield f"Not read yet: {_files(report.pending)}. Little is known about their content."
    if report.errors:
        text = f"Could not be read: {_files(report.errors)}. See `vpo files list --status error`."
        yield app.paint(text, "red")
    # A table without any values is only shown if the user asked for it.
    tables = [table for table in report.tables if table.values or table.other or is_chosen]
    for table in tables:
        yield ""
        yield from _table(app, table)
    if any(table.dimension in OVERLAPPING for table in tables):
        yield ""
        yield "A file with several codecs or languages is in several rows."


def _table(app: App, table: Table) -> Iterator[str]:
    yield _line(_HEADS[table.dimension], "FILES", "SIZE", "DURATION")
    for value, totals in table.values:
        yield _row(display(value), totals)
    if table.other:
        yield app.paint(_row(f"(other: {table.other.values:,})", table.other.totals), "cyan")
    if table.none.files:
        yield app.paint(_row("(none)", table.none), "cyan")


def _row(name: str, totals: Totals) -> str:
    seconds = totals.duration_seconds
    return _line(
        name,
        f"{totals.files:,}",
        human_size(totals.size_bytes),
        human_duration(seconds) if seconds else "-",
    )


def _line(name: str, files: str, size: str, duration: str) -> str:
    name = fit(name, _VALUE_WIDTH)
    padded = name + " " * (_VALUE_WIDTH - cells(name))
    return f"{padded} {files:>14} {size:>13} {duration:>14}"


def _files(count: int, noun: str = "file") -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

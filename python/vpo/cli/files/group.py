"""`vpo files` and `vpo files list`."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from typing import Any

import click
import orjson

from vpo.base import times
from vpo.base.paths import display, from_stored
from vpo.catalogue.lookup import check_searched
from vpo.cli.app import App
from vpo.cli.files.show import file_to_dict, show_command
from vpo.cli.groups import Group
from vpo.cli.options.file_filters import (
    content_filter,
    content_options,
    kind_option,
    places_below,
    under_option,
)
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import SeparatedList, When, joined
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo
from vpo.db import files as file_table
from vpo.db.library import open_library


@click.group("files", cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@global_options
def files() -> None:
    """List files of the library, or show one."""


@files.command("list")
@under_option
@click.option(
    "--status",
    "statuses",
    type=SeparatedList(file_table.STATUSES),
    multiple=True,
    metavar="STATUS,...",
    help=f"Only these: {', '.join(file_table.STATUSES)}.",
)
@kind_option
@click.option(
    "-e",
    "--extensions",
    type=SeparatedList(),
    multiple=True,
    metavar="EXT,...",
    help="Only these extensions.",
)
@click.option(
    "--changed-since",
    type=When(to_text=times.to_seconds_text),
    metavar="WHEN",
    help="Only those whose record changed since: 2026-01-31, 12h, 1d, 1w.",
)
@content_options
@click.option("--limit", type=click.IntRange(0, 2**63 - 1), metavar="N", help="At most N files.")
@click.option("--json", "form", flag_value="json", help="One JSON array.")
@click.option("--jsonl", "form", flag_value="jsonl", help="One JSON object a line.")
@click.option("--print0", "form", flag_value="print0", help="Paths, each ended by a NUL.")
@global_options
@click.pass_context
def list_command(ctx: click.Context, /, form: str | None, **options: Any) -> None:
    """List the files that the library knows, by path."""
    app = ctx.ensure_object(App)
    under = options["under"]
    wanted = file_table.FileFilter(
        under=places_below(under),
        statuses=joined(options["statuses"]),
        kinds=joined(options["kinds"]),
        extensions=tuple(item.lstrip(".") for item in joined(options["extensions"])),
        changed_since=options["changed_since"],
        content=content_filter(options),
        limit=options["limit"],
    )
    with open_library(app.library_path(), "read") as library, library.reading() as db:
        if under is not None:
            check_searched(library, under)
        rows = file_table.list_files(db, wanted)
        out = sys.stdout.buffer
        if form == "json":
            separator = b"["
            for row in rows:
                out.write(separator + orjson.dumps(file_to_dict(row)))
                separator = b",\n"
            out.write(b"[]\n" if separator == b"[" else b"]\n")
        elif form == "jsonl":
            out.writelines(orjson.dumps(file_to_dict(row)) + b"\n" for row in rows)
        elif form == "print0":
            out.writelines(from_stored(row["path"]) + b"\0" for row in rows)
        else:
            for line in _table(app, rows):
                echo(line)


_COLOURS = {"pending": "yellow", "ok": "green", "error": "red", "missing": "red"}


def _table(app: App, rows: Iterator[sqlite3.Row]) -> Iterator[str]:
    """Lines for people; the path comes last, as it may be long."""
    head = f"{'STATUS':8} {'SIZE':>10} {'MODIFIED (UTC)':16}  PATH"
    for number, row in enumerate(rows):
        if number == 0:
            yield head
        modified = times.ns_to_text(row["mtime_ns"])[:16].replace("T", " ")
        size = human_size(row["size_bytes"])
        status = app.paint(f"{row['scan_status']:8}", _COLOURS[row["scan_status"]])
        yield f"{status} {size:>10} {modified}  {display(row['path'])}"


files.add_command(show_command)

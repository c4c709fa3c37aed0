"""`vpo files list`: the files in the catalogue."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click

from vpo.base import times
from vpo.base.paths import display, from_stored
from vpo.catalogue.files import ListedFile, list_files, list_paths
from vpo.catalogue.lookup import check_searched
from vpo.catalogue.selection import STATUSES, Selection
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.file_filters import (
    kind_option,
    media_filter,
    media_options,
    places_below,
    under_option,
)
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import SeparatedList, When, joined
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo, json_encoder
from vpo.db.library import open_library

_COLOURS = {"pending": "yellow", "ok": "green", "error": "red", "missing": "red"}


@command("list")
@under_option
@click.option(
    "--status",
    "statuses",
    type=SeparatedList(STATUSES),
    multiple=True,
    metavar="STATUS,...",
    help=f"Only files with these statuses: {', '.join(STATUSES)}.",
)
@kind_option
@click.option(
    "-e",
    "--extensions",
    type=SeparatedList(),
    multiple=True,
    metavar="EXT,...",
    help="Only files with these extensions, such as mkv,mp4.",
)
@click.option(
    "--changed-since",
    type=When(to_text=times.to_seconds_text),
    metavar="WHEN",
    help="Only files whose record changed since: 2026-01-31, 12h, 1d, 1w.",
)
@media_options
@click.option("--limit", type=click.IntRange(0, 2**63 - 1), metavar="N", help="At most N files.")
@click.option("--json", "as_json", is_flag=True, help="Print the files as one JSON array.")
@click.option(
    "--jsonl",
    "as_jsonl",
    is_flag=True,
    help="Print a JSON object for each file, one per line.",
)
@click.option("--print0", is_flag=True, help="Print only the paths, each ended by a NUL.")
@global_options
@click.pass_context
def list_command(
    ctx: click.Context, /, as_json: bool, as_jsonl: bool, print0: bool, **options: Any
) -> None:
    """List the files in the catalogue, sorted by path.

    Options can be combined: a file must match all of them. If an option has several values,
    a file must match one of the values.
    """
    app = ctx.ensure_object(App)
    if as_json + as_jsonl + print0 > 1:
        raise click.UsageError("Only one of --json, --jsonl and --print0 can be used", ctx)
    under, limit = options["under"], options["limit"]
    selection = Selection(
        places=places_below(under),
        statuses=joined(options["statuses"]),
        kinds=joined(options["kinds"]),
        extensions=tuple(item.lstrip(".") for item in joined(options["extensions"])),
        changed_since=options["changed_since"],
        media=media_filter(options),
    )
    with open_library(app.library_path(), "read") as library:
        if under is not None:
            check_searched(library, under)
        out = sys.stdout.buffer
        if print0:
            paths = list_paths(library, selection, limit)
            out.writelines(from_stored(path) + b"\0" for path in paths)
            return
        files = list_files(library, selection, limit)
        encode = json_encoder()
        if as_json:
            separator = b"["
            for file in files:
                out.write(separator + encode(file.to_dict()))
                separator = b",\n"
            out.write(b"[]\n" if separator == b"[" else b"]\n")
        elif as_jsonl:
            out.writelines(encode(file.to_dict()) + b"\n" for file in files)
        else:
            for line in _table(app, files):
                echo(line)


def _table(app: App, files: Iterator[ListedFile]) -> Iterator[str]:
    """Lines for people. The path comes last, because it may be long."""
    head = f"{'STATUS':8} {'SIZE':>10} {'MODIFIED (UTC)':16}  PATH"
    for number, file in enumerate(files):
        if number == 0:
            yield head
        modified = times.ns_to_text(file.mtime_ns)[:16].replace("T", " ")
        size = human_size(file.size_bytes)
        status = app.paint(f"{file.scan_status:8}", _COLOURS[file.scan_status])
        yield f"{status} {size:>10} {modified}  {display(file.path)}"

"""`vpo results report`: saves the HTML report of a result."""

from __future__ import annotations

import os
import sys

import click

from vpo.base.atomic_file import NewFile
from vpo.base.paths import absolute, display, to_json, to_stored
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import path_option
from vpo.cli.options.results import result_argument
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.db.library import open_library
from vpo.photos.results import read_report, report_name

_STDOUT = b"-"


@command("report")
@result_argument
@path_option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write the report: a file, a directory, or - for standard output (default: a"
    " file in the current directory, named after the tool, the collection and the time).",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@json_option
@global_options
@click.pass_context
def report(
    ctx: click.Context,
    /,
    result_id: int,
    output: bytes | None,
    force: bool,
    as_json: bool,
) -> None:
    """Save the HTML report of a result.

    RESULT is the ID of the result. The report is one file that needs no other: open it in a
    browser, print it or send it.
    """
    app = ctx.ensure_object(App)
    if output == _STDOUT and (as_json or force):
        raise click.UsageError("`-o -` cannot be combined with --json or --force", ctx)
    with open_library(app.library_path(), "read") as library:
        result, html = read_report(library, result_id)
    data = html.encode(errors="replace")
    if output == _STDOUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = absolute(output or b".")
    if os.path.isdir(path):
        path = os.path.join(path, report_name(result).encode())
    with NewFile(path, replaces=force) as file:
        file.write(data)
        file.finish()
    if as_json:
        print_json({"result_id": result_id, **to_json(to_stored(path)), "size_bytes": len(data)})
    elif not app.quiet:
        echo(f"Saved the report of result {result_id}: {display(to_stored(path))}")

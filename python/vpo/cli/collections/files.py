"""`vpo collections files`: the files of a collection, as the catalogue has them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from vpo.base import times
from vpo.base.paths import display, from_stored, to_json
from vpo.cli.app import App
from vpo.cli.collections.shared import name_argument
from vpo.cli.groups import command
from vpo.cli.options.global_options import global_options
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo, json_encoder
from vpo.db.library import open_library
from vpo.photos import collections as service
from vpo.photos.listing import CatalogueListing, ListedFile


@command("files")
@name_argument
@click.option("--json", "as_json", is_flag=True, help="Print the files as one JSON array.")
@click.option(
    "--jsonl", "as_jsonl", is_flag=True, help="Print a JSON object for each file, one per line."
)
@click.option("--print0", is_flag=True, help="Print only the paths, each ended by a NUL.")
@global_options
@click.pass_context
def files(ctx: click.Context, /, name: str, as_json: bool, as_jsonl: bool, print0: bool) -> None:
    """List the files of a collection.

    The paths are relative to the collection NAME. These are the records of the catalogue.
    `vpo collections refresh` brings them up to date.
    """
    app = ctx.ensure_object(App)
    if as_json + as_jsonl + print0 > 1:
        raise click.UsageError("Only one of --json, --jsonl and --print0 can be used", ctx)
    out, encode = sys.stdout.buffer, json_encoder()
    with open_library(app.library_path(), "read") as library:
        collection = service.find(library, name)
        with library.snapshot() as connection:
            listed = CatalogueListing(connection, collection.place).files_in_order()
            if print0:
                out.writelines(from_stored(file.path) + b"\0" for file in listed)
            elif as_jsonl:
                out.writelines(encode(_to_dict(file)) + b"\n" for file in listed)
            elif as_json:
                separator = b"["
                for file in listed:
                    out.write(separator + encode(_to_dict(file)))
                    separator = b",\n"
                out.write(b"[]\n" if separator == b"[" else b"]\n")
            else:
                _print_table(app, listed)


def _to_dict(file: ListedFile) -> dict[str, object]:
    return {
        **to_json(file.path),
        "size_bytes": file.size_bytes,
        "modified_at": times.ns_to_text(file.mtime_ns),
        "mtime_ns": file.mtime_ns,
    }


def _print_table(app: App, listed: Iterator[ListedFile]) -> None:
    number = 0
    for number, file in enumerate(listed, 1):
        if number == 1:
            echo(f"{'SIZE':>10}  {'MODIFIED (UTC)':16}  PATH")
        modified = times.ns_to_text(file.mtime_ns)[:16].replace("T", " ")
        echo(f"{human_size(file.size_bytes):>10}  {modified:16}  {display(file.path)}")
    if number == 0 and not app.quiet:
        echo("No files are known. `vpo collections refresh` looks for them.", err=True)

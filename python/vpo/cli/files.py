"""`vpo files list` and `vpo files show`."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from typing import Any

import click
import orjson

from vpo import times
from vpo.cli.app import PATH, App, Group, echo, global_options, path_option
from vpo.cli.failure import print_json
from vpo.cli.job_text import change_in_words, change_to_dict
from vpo.cli.parameters import SeparatedList, When, joined
from vpo.cli.sizes import human_size
from vpo.config.models import KINDS
from vpo.db import files as file_table
from vpo.db import job_history
from vpo.db import media as media_table
from vpo.db.library import open_library
from vpo.errors import FileNotInLibraryError
from vpo.paths import display, from_stored, to_json, to_stored


@click.group("files", cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@global_options
def files() -> None:
    """List files of the library, or show one."""


@files.command("list")
@path_option("--under", metavar="DIR", help="Only files in DIR and below it.")
@click.option(
    "--status",
    "statuses",
    type=SeparatedList(file_table.STATUSES),
    multiple=True,
    metavar="STATUS,...",
    help=f"Only these: {', '.join(file_table.STATUSES)}.",
)
@click.option(
    "--kind",
    "kinds",
    type=SeparatedList((*KINDS, "other")),
    multiple=True,
    metavar="KIND,...",
    help=f"Only these: {', '.join(KINDS)}, other.",
)
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
        # As given, for what was reached by a link; and what it leads to.
        under=() if under is None else (os.path.abspath(under), os.path.realpath(under)),
        statuses=joined(options["statuses"]),
        kinds=joined(options["kinds"]),
        extensions=tuple(item.lstrip(".") for item in joined(options["extensions"])),
        changed_since=options["changed_since"],
        limit=options["limit"],
    )
    with open_library(app.library_path(), "read") as library, library.reading() as db:
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


def file_to_dict(row: sqlite3.Row) -> dict[str, object]:
    """A file as the contract's JSON."""
    return {
        **to_json(row["path"]),
        "size_bytes": row["size_bytes"],
        "modified_at": times.ns_to_text(row["mtime_ns"]),
        "mtime_ns": row["mtime_ns"],
        "kind": row["kind"],
        "extension": row["extension"],
        "scan_status": row["scan_status"],
        "scan_error": row["scan_error"],
        "scanned_at": times.with_z(row["scanned_at"]),
        "missing_since": times.with_z(row["missing_since"]),
        "content_hash": row["content_hash"],
        "container_format": row["container_format"],
    }


@files.command("show")
@click.argument("path", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@global_options
@click.pass_context
def show_command(ctx: click.Context, /, path: bytes, as_json: bool) -> None:
    """Show all that the library knows of one file."""
    app = ctx.ensure_object(App)
    directory, name = os.path.split(os.path.abspath(path))
    with open_library(app.library_path(), "read") as library, library.reading() as db:
        row = file_table.find_file(db, to_stored(directory), to_stored(name))
        if row is None:
            directory = os.path.realpath(directory)
            row = file_table.find_file(db, to_stored(directory), to_stored(name))
        if row is None:
            raise FileNotInLibraryError(
                f"The library knows no file `{display(to_stored(path))}`",
                hint="Scan its directory, or see `vpo files list --under DIR`.",
            )
        tracks = media_table.tracks_of(db, row["id"])
        changes = job_history.changes_of_file(db, row["id"])
    shown = {
        **file_to_dict(row),
        # SQLite's integers are signed; inode numbers are not.
        "inode": None if row["inode"] is None else row["inode"] % 2**64,
        "is_symlink": bool(row["is_symlink"]),
        "tracks": tracks,
        "jobs": [change_to_dict(change) for change in changes],
    }
    if as_json:
        print_json(shown)
        return
    for line in _description(row, shown, tracks, changes):
        echo(line)


def _description(
    row: sqlite3.Row,
    shown: dict[str, object],
    tracks: list[dict[str, Any]],
    changes: list[sqlite3.Row],
) -> Iterator[str]:
    yield display(row["path"])
    fields = {
        "Status": row["scan_status"],
        "Error": row["scan_error"],
        "Missing since": row["missing_since"],
        "Kind": f"{row['kind']} ({row['extension']})",
        "Size": f"{human_size(row['size_bytes'])} ({row['size_bytes']:,} bytes)",
        "Modified": shown["modified_at"],
        "Recorded": row["scanned_at"],
        "Inode": shown["inode"],
        "Container": row["container_format"],
        "Content hash": row["content_hash"],
    }
    for label, value in fields.items():
        if value is not None:
            yield f"  {label + ':':14} {display(str(value))}"
    if tracks:
        yield "Tracks:"
    for track in tracks:
        facts = [track["track_type"], track["codec"], track["language"], track["title"]]
        if track["width"]:
            facts.append(f"{track['width']}x{track['height']}")
        facts.append(track["channel_layout"])
        facts += [flag for flag in ("default", "forced") if track[f"is_{flag}"]]
        yield f"  {track['track_index']}: " + ", ".join(
            display(str(fact)) for fact in facts if fact
        )
    if changes:
        yield "Jobs:"
    for change in changes:
        said = change_in_words(change)
        yield (
            f"  {change['id'][:8]}  {times.to_local_text(change['started_at'])}"
            f"  {change['job_type']} {change['status']}{': ' if said else ''}{said}"
        )

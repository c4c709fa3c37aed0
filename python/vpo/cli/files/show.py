"""`vpo files show`: all that the library knows of one file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import click

from vpo.base import times
from vpo.base.paths import display, to_json
from vpo.catalogue import lookup
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import PATH
from vpo.cli.output.damage import damage_in_words, damage_to_dict
from vpo.cli.output.failure import print_json
from vpo.cli.output.jobs import change_in_words, change_to_dict
from vpo.cli.output.media import describe, fields, media_to_dict
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo
from vpo.db import damage as damage_table
from vpo.db import job_history
from vpo.db import media as media_table
from vpo.db.damage import Damage
from vpo.db.library import open_library


@command("show")
@click.argument("path", type=PATH)
@json_option
@global_options
@click.pass_context
def show_command(ctx: click.Context, /, path: bytes, as_json: bool) -> None:
    """Show all that the library knows of one file."""
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library, library.reading() as db:
        row = lookup.find_file(db, path)
        if row is None:
            raise lookup.unknown_file(path)
        media = media_table.media_of(db, row["id"])
        changes = job_history.changes_of_file(db, row["id"])
        damage = damage_table.damage_of(db, row["id"])
    shown = {
        **file_to_dict(row),
        # SQLite's integers are signed; inode numbers are not.
        "inode": None if row["inode"] is None else row["inode"] % 2**64,
        "is_symlink": bool(row["is_symlink"]),
        "verified_at": times.with_z(row["verified_at"]),
        "damage": None if damage is None else damage_to_dict(damage),
        **media_to_dict(media),
        "jobs": [change_to_dict(change) for change in changes],
    }
    if as_json:
        print_json(shown)
        return
    for line in _description(row, shown, changes, damage):
        echo(line)


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
        "duration_seconds": row["duration_seconds"],
    }


def _description(
    row: sqlite3.Row,
    shown: dict[str, Any],
    changes: list[sqlite3.Row],
    damage: Damage | None,
) -> Iterator[str]:
    yield display(row["path"])
    yield from fields(
        {
            "Status": row["scan_status"],
            "Error": row["scan_error"],
            "Missing since": row["missing_since"],
            "Kind": f"{row['kind']} ({row['extension']})",
            "Size": f"{human_size(row['size_bytes'])} ({row['size_bytes']:,} bytes)",
            "Modified": shown["modified_at"],
            "Recorded": row["scanned_at"],
            "Inode": shown["inode"],
            "Content hash": row["content_hash"],
            "Verified": shown["verified_at"],
            "Damage": None if damage is None else damage_in_words(damage),
        }
    )
    yield from describe(shown)
    if changes:
        yield "Jobs:"
    for change in changes:
        said = change_in_words(change)
        yield (
            f"  {change['id'][:8]}  {times.to_local_text(change['started_at'])}"
            f"  {change['job_type']} {change['status']}{': ' if said else ''}{said}"
        )

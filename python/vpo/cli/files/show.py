"""`vpo files show`: everything about one file."""

from __future__ import annotations

from collections.abc import Iterator

import click

from vpo.base import times
from vpo.base.paths import display
from vpo.catalogue.file import FileDetails, read_file
from vpo.catalogue.jobs import FileEvent
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import PATH
from vpo.cli.output.damage import damage_in_words
from vpo.cli.output.failure import print_json
from vpo.cli.output.jobs import change_in_words
from vpo.cli.output.media import describe, fields
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo
from vpo.db.library import open_library


@command("show")
@click.argument("path", type=PATH)
@json_option
@global_options
@click.pass_context
def show_command(ctx: click.Context, /, path: bytes, as_json: bool) -> None:
    """Show everything about one file.

    These are its tracks and tags, its digest, its damage and its history."""
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        details = read_file(library, path)
    if as_json:
        print_json(details.to_dict())
        return
    for line in _description(details):
        echo(line)


def _description(details: FileDetails) -> Iterator[str]:
    file = details.file
    yield display(file.path)
    yield from fields(
        {
            "Status": file.scan_status,
            "Error": file.scan_error,
            "Missing since": file.missing_since,
            "Kind": f"{file.kind} ({file.extension})",
            "Size": f"{human_size(file.size_bytes)} ({file.size_bytes:,} bytes)",
            "Modified": times.ns_to_text(file.mtime_ns),
            "Recorded": file.scanned_at,
            "Inode": details.inode,
            "Content hash": file.content_hash,
            "Verified": details.verified_at,
            "Damage": None if details.damage is None else damage_in_words(details.damage),
        }
    )
    yield from describe(details.media, file.container_format)
    if details.events:
        yield "Jobs:"
    yield from map(_event, details.events)


def _event(event: FileEvent) -> str:
    job, change = event.job, change_in_words(event)
    started = times.to_local_text(job.started_at)
    what = f"{job.job_type} {job.status}{': ' if change else ''}{change}"
    return f"  {job.id[:8]}  {started}  {what}"

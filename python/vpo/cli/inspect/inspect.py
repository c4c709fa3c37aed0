"""`vpo inspect`: what files hold, read from the files themselves."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
import orjson

from vpo._engine import KINDS
from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.paths import display, to_json, to_stored
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import prober_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import PATH
from vpo.cli.output.failure import print_json
from vpo.cli.output.media import describe, media_to_dict
from vpo.cli.output.streams import echo
from vpo.db.media import as_recorded
from vpo.media.introspection import (
    Introspection,
    IntrospectionRequest,
    Introspector,
    introspect_all,
)


@command("inspect")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=PATH)
@prober_option
@click.option("--json", "form", flag_value="json", help="Print one JSON array.")
@click.option("--jsonl", "form", flag_value="jsonl", help="Print one JSON object per line.")
@global_options
@click.pass_context
def inspect(
    ctx: click.Context, /, paths: tuple[bytes, ...], prober: str | None, form: str | None
) -> None:
    """Show what is in files: container, tracks, chapters, photo.

    vpo reads the files themselves and does not use the catalogue. Exit status:
    0 done, 1 some files could not be read.
    """
    app = ctx.ensure_object(App)
    tools = app.settings({"tools"}, {("tools", "prober"): prober}).config.tools
    files = [
        IntrospectionRequest(number, os.path.abspath(path), _kind(path))
        for number, path in enumerate(paths)
    ]
    with Introspector(tools.prober, tools.ffprobe) as introspector:
        found = introspect_all(introspector, files)
        warnings = introspector.warnings()
    shown = [_to_dict(file, found[file.key]) for file in files]
    if form == "json":
        print_json(shown)
    elif form == "jsonl":
        sys.stdout.buffer.writelines(orjson.dumps(each) + b"\n" for each in shown)
    else:
        _print_text(app, files, shown)
        for warning in warnings:
            echo(f"{app.paint('Warning:', 'yellow', err=True)} {warning}", err=True)
    ctx.exit(EXIT_DONE_WITH_ERRORS if any(each["error"] for each in shown) else 0)


def _kind(path: bytes) -> str:
    """The kind of a file by its extension. Files with unknown extensions are read as videos."""
    extension = os.path.splitext(path)[1][1:].lower().decode(errors="replace")
    for kind, extensions in KINDS.items():
        if extension in extensions:
            return kind
    return "video"


def _to_dict(file: IntrospectionRequest, found: Introspection) -> dict[str, Any]:
    media = found.media
    error = os.strerror(2) if found.is_gone else found.error
    recorded = None if media is None else {**as_recorded(media), "prober": found.prober}
    return {
        **to_json(to_stored(file.path)),
        "error": error,
        "container_format": media["container"] if media is not None else None,
        **media_to_dict(recorded),
    }


def _print_text(app: App, files: list[IntrospectionRequest], shown: list[dict[str, Any]]) -> None:
    is_first = True
    for file, each in zip(files, shown, strict=True):
        name = display(to_stored(file.path))
        if each["error"] is not None:
            label = app.paint("Error:", "red", err=True)
            echo(f"{label} cannot read `{name}`: {display(each['error'])}", err=True)
            continue
        if not is_first:
            echo("")
        is_first = False
        echo(name)
        for line in describe(each):
            echo(line)

"""`vpo inspect`: what files hold, read from the files themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from vpo._engine import KINDS, Roots
from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.paths import display, to_json, to_stored
from vpo.catalogue.media import FileMedia, as_recorded
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import PATH
from vpo.cli.options.prober import prober_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.media import describe
from vpo.cli.output.streams import echo, json_encoder
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

    vpo reads the files themselves and does not use the catalogue.

    Exit status: 0 done, 1 some files could not be read.
    """
    app = ctx.ensure_object(App)
    tools = app.settings({"tools"}, {("tools", "prober"): prober}).config.tools
    files = [
        IntrospectionRequest(number, os.path.abspath(path), _kind(path), follows_link=True)
        for number, path in enumerate(paths)
    ]
    # Whoever names a file means the one that its path leads to.
    roots = Roots(linked={os.path.dirname(file.path) for file in files})
    with Introspector(tools.prober, tools.ffprobe, roots=roots) as introspector:
        found = introspect_all(introspector, files)
        warnings = introspector.warnings()
    shown = [_to_dict(file, found[file.key]) for file in files]
    if form == "json":
        print_json(shown)
    elif form == "jsonl":
        encode = json_encoder()
        sys.stdout.buffer.writelines(encode(each) + b"\n" for each in shown)
    else:
        _print_text(app, files, found)
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


def _media(found: Introspection) -> FileMedia:
    return FileMedia() if found.media is None else as_recorded(found.media, found.prober)


def _to_dict(file: IntrospectionRequest, found: Introspection) -> dict[str, Any]:
    return {
        **to_json(to_stored(file.path)),
        "error": os.strerror(2) if found.is_gone else found.error,
        "container_format": None if found.media is None else found.media["container"],
        **_media(found).to_dict(),
    }


def _print_text(
    app: App, files: list[IntrospectionRequest], found: Mapping[int, Introspection]
) -> None:
    is_first = True
    for file in files:
        probed = found[file.key]
        name = display(to_stored(file.path))
        error = os.strerror(2) if probed.is_gone else probed.error
        if error is not None:
            label = app.paint("Error:", "red", err=True)
            echo(f"{label} cannot read `{name}`: {display(error)}", err=True)
            continue
        if not is_first:
            echo("")
        is_first = False
        echo(name)
        container = None if probed.media is None else probed.media["container"]
        for line in describe(_media(probed), container):
            echo(line)

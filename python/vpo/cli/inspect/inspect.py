"""`vpo inspect`: what is in files, without a library."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import click
import orjson

from vpo._engine import KINDS
from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.paths import display, to_json, to_stored
from vpo.catalogue.media import FileMedia, as_recorded
from vpo.cli.app import PATH, App, echo, global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.media import describe
from vpo.config.models import PROBERS
from vpo.media.introspection import Introspector, Probed, ToProbe, probe_all


@click.command("inspect")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=PATH)
@click.option(
    "--prober",
    type=click.Choice(PROBERS),
    help="Who reads files: vpo, ffprobe, or both where vpo is not sure (auto).",
)
@click.option("--json", "form", flag_value="json", help="One JSON array.")
@click.option("--jsonl", "form", flag_value="jsonl", help="One JSON object a line.")
@global_options
@click.pass_context
def inspect(
    ctx: click.Context, /, paths: tuple[bytes, ...], prober: str | None, form: str | None
) -> None:
    """Show what is in files: container, tracks, chapters, photo.

    The library is neither read nor written. Exit status: 0 done, 1 some files
    could not be read.
    """
    app = ctx.ensure_object(App)
    tools = app.settings({"tools"}, prober=prober).config.tools
    files = [
        ToProbe(number, os.path.abspath(path), _kind(path)) for number, path in enumerate(paths)
    ]
    with Introspector(tools.prober, tools.ffprobe) as introspector:
        found = probe_all(introspector, files)
        warnings = introspector.warnings()
    shown = [_to_dict(file, found[file.key]) for file in files]
    if form == "json":
        print_json(shown)
    elif form == "jsonl":
        sys.stdout.buffer.writelines(orjson.dumps(each) + b"\n" for each in shown)
    else:
        _print_text(app, files, found)
        for warning in warnings:
            echo(f"{app.paint('Warning:', 'yellow', err=True)} {warning}", err=True)
    ctx.exit(EXIT_DONE_WITH_ERRORS if any(each["error"] for each in shown) else 0)


def _kind(path: bytes) -> str:
    """The kind by the extension; a file of any other is taken for a media file."""
    extension = os.path.splitext(path)[1][1:].lower().decode(errors="replace")
    for kind, extensions in KINDS.items():
        if extension in extensions:
            return kind
    return "video"


def _media(probed: Probed) -> FileMedia:
    return FileMedia() if probed.media is None else as_recorded(probed.media, probed.prober)


def _to_dict(file: ToProbe, probed: Probed) -> dict[str, Any]:
    return {
        **to_json(to_stored(file.path)),
        "error": os.strerror(2) if probed.is_gone else probed.error,
        "container_format": None if probed.media is None else probed.media["container"],
        **_media(probed).to_dict(),
    }


def _print_text(app: App, files: list[ToProbe], found: Mapping[int, Probed]) -> None:
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

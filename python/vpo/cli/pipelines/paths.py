"""`vpo pipelines paths`: the single paths through a pipeline."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.cli.output.table import table
from vpo.cli.pipelines.shared import name_argument
from vpo.db.library import open_library
from vpo.photos import pipelines as service
from vpo.photos.pipeline.judge import file_name
from vpo.photos.pipeline.paths import paths as paths_of
from vpo.photos.settings import effective

_UNKNOWN_CAMERA = "ABCD"
_FIRST = "0001"


@command("paths")
@name_argument
@click.option(
    "--limit", type=click.IntRange(0), default=50, metavar="N", help="Show N paths; 0: all."
)
@json_option
@global_options
@click.pass_context
def paths(ctx: click.Context, /, name: str, limit: int, as_json: bool) -> None:
    """List the paths through the pipeline NAME, the short ones first.

    A path takes one output at each node. Those that repeat a loop more often than 5 times are cut
    there, and marked TRUNCATED.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        stored = service.find_usable(library, name)
        cameras = effective(library, app.config).settings.cameras
    stem = (min(cameras) if cameras else _UNKNOWN_CAMERA) + _FIRST
    found = paths_of(stored.pipeline.graph)
    rows: list[dict[str, Any]] = [
        {
            "number": number,
            "nodes": list(path.nodes),
            "depth": path.depth,
            "termination": path.termination,
            "expected_files": [file_name(stem, key) for key in path.files],
            "truncated": path.is_truncated,
        }
        for number, path in enumerate(found, 1)
        if number <= limit or not limit
    ]
    truncated = sum(path.is_truncated for path in found)
    totals = {
        "paths": len(found),
        "non_truncated": len(found) - truncated,
        "truncated": truncated,
        "by_termination": dict(Counter(path.termination for path in found)),
    }
    if as_json:
        print_json({"totals": totals, "paths": rows})
        return
    lines = [
        [
            str(row["number"]),
            str(row["depth"]),
            display(row["termination"]),
            display(", ".join(row["expected_files"]) or "-"),
        ]
        for row in rows
    ]
    for line in table(["PATH", "DEPTH", "TERMINATION", "FILES"], lines, right=("PATH", "DEPTH")):
        echo(line)
    if not app.quiet:
        left = len(found) - len(rows)
        more = f", {left:,} of them not shown (use --limit 0)" if left else ""
        echo(f"\n{len(found):,} paths ({truncated:,} truncated){more}", err=True)

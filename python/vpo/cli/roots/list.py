"""`vpo roots list`: the roots, and whether they are there."""

from __future__ import annotations

from collections.abc import Iterator

import click

from vpo.base import times
from vpo.base.paths import display
from vpo.catalogue.roots import ListedRoot, list_roots
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.roots import offline_hint, state_painter
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo
from vpo.cli.output.table import table
from vpo.db.library import open_library


@command("list")
@json_option
@global_options
@click.pass_context
def list_command(ctx: click.Context, /, as_json: bool) -> None:
    """List the directories that were scanned.

    With --verbose, the list shows the identity of each file system, by which vpo recognises it,
    in place of the counts.
    """
    app = ctx.ensure_object(App)
    with open_library(app.library_path(), "read") as library:
        roots = list_roots(library)
    if as_json:
        print_json([root.to_dict() for root in roots])
        return
    if not roots:
        if not app.quiet:
            echo("Nothing has been scanned yet. Start with `vpo scan DIRECTORY`.", err=True)
        return
    for line in _table(app, roots):
        echo(line)
    offline = [root.known.path for root in roots if root.status.state == "offline"]
    if offline and not app.quiet:
        echo(f"\n{offline_hint(offline)}", err=True)


def _table(app: App, roots: list[ListedRoot]) -> Iterator[str]:
    heads, rows = _identities(roots) if app.verbose else _counts(roots)
    yield from table(
        heads,
        rows,
        right=("FILES", "MISSING", "SIZE"),
        paint=state_painter(app),
        keep_tail=True,
    )


def _counts(roots: list[ListedRoot]) -> tuple[list[str], list[list[str]]]:
    heads = ["STATE", "LAST SCAN", "FILES", "MISSING", "SIZE", "FILE SYSTEM", "ROOT"]
    rows = [
        [
            root.status.state,
            times.to_local_text(root.status.last_success_at),
            f"{root.files:,}",
            f"{root.status.files['missing'][0]:,}",
            human_size(root.size_bytes),
            display(root.filesystem or "-"),
            display(root.known.path),
        ]
        for root in roots
    ]
    if all(row[3] == "0" for row in rows):
        # Paths need the space.
        for row in (heads, *rows):
            del row[3]
    return heads, rows


def _identities(roots: list[ListedRoot]) -> tuple[list[str], list[list[str]]]:
    """Identities are long, and leave no space for counts."""
    rows = [
        [root.status.state, display(root.known.identity or "-"), display(root.known.path)]
        for root in roots
    ]
    return ["STATE", "FILE SYSTEM", "ROOT"], rows

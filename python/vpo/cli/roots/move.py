"""`vpo roots move`: a root is at another path now. `vpo.roots.move` does the work."""

from __future__ import annotations

import click

from vpo.base.paths import display, to_stored
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.completion import complete_roots
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import DIRECTORY
from vpo.cli.roots.changing import (
    cancelled_in_words,
    change,
    dry_run_option,
    files_in_words,
    is_dry_run,
    show,
    yes_option,
)
from vpo.roots import move as service
from vpo.roots.move import MoveRequest
from vpo.roots.result import RootsResult


@command("move")
@click.argument("old", metavar="OLD", type=DIRECTORY, shell_complete=complete_roots)
@click.argument("new", metavar="NEW", type=DIRECTORY)
@yes_option
@dry_run_option
@json_option
@global_options
@click.pass_context
def move(
    ctx: click.Context, /, old: bytes, new: bytes, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Tell vpo that a root is at another path now.

    OLD is the path of the root, and NEW is where it is now. The files must have the same
    relative paths in NEW; vpo compares a sample of them. Records, digests and history are kept.
    OLD need not exist any more. If NEW was scanned already, the records of both are joined. No
    file on the disk is touched.

    Without --yes, vpo only compares the sample and shows what it would do.

    Exit status: 0 done, 2 not done, 75 another job works there.
    """
    app = ctx.ensure_object(App)
    dry_run = is_dry_run(ctx, yes=yes, dry_run=dry_run)
    request = MoveRequest(old, new, dry_run=dry_run)
    result = change(
        ctx, app, lambda library, context: service.run(library, request, context), dry_run=dry_run
    )
    show(app, result, text_of(result), as_json=as_json)


def text_of(result: RootsResult) -> str:
    """What was moved, or would be."""
    assert result.target is not None
    old, new = display(to_stored(result.path)), display(to_stored(result.target))
    verb = "Merge" if result.action == "merge" else "Move"
    past = {"Merge": "Merged", "Move": "Moved"}[verb]
    done = f"Would {verb.lower()}" if result.dry_run else past
    lines = [f"{done} {old} to {new}: {files_in_words(result)}"]
    if result.comparison:
        lines.append(_sample_in_words(result.comparison))
    if joined := result.counts.get("joined"):
        text = f"{joined:,} files had a record at both places; these records were joined"
        if changed := result.counts["changed"]:
            text += f" ({changed:,} files have changed)"
        lines.append(text)
    if cancelled := cancelled_in_words(result):
        lines.append(cancelled)
    return "\n  ".join(lines)


def _sample_in_words(found: dict[str, int]) -> str:
    text = f"{found['checked_same']:,} of {found['checked']:,} files compared are the same"
    if found["checked_content"]:
        text += f" ({found['checked_content']:,} of them by content)"
    others = (("checked_gone", "not there"), ("checked_other_size", "of another size"))
    for name, what in others:
        if found[name]:
            text += f", {found[name]:,} {what}"
    return text

"""`vpo roots remove`: forgets roots. `vpo.roots.remove` does the work."""

from __future__ import annotations

from functools import partial

import click

from vpo.base.paths import absolute, display, to_stored
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.completion import complete_roots
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import DIRECTORY
from vpo.cli.output.failure import print_json
from vpo.cli.roots.changing import (
    actions_in_words,
    cancelled_in_words,
    change,
    dry_run_option,
    files_in_words,
    is_dry_run,
    show,
    yes_option,
)
from vpo.db.library import Library
from vpo.jobs.context import Context
from vpo.roots import remove as service
from vpo.roots.remove import RemoveRequest
from vpo.roots.result import RootsResult


@command("remove")
@click.argument(
    "roots",
    metavar="ROOT...",
    nargs=-1,
    required=True,
    type=DIRECTORY,
    shell_complete=complete_roots,
)
@yes_option
@dry_run_option
@json_option
@global_options
@click.pass_context
def remove(
    ctx: click.Context, /, roots: tuple[bytes, ...], yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Forget roots, with all records below them.

    vpo forgets the files with their digests, history, damage and actions. No file on the disk
    is touched. Records that belong to another root, too, stay.

    Without --yes, vpo only shows what it would forget.

    Exit status: 0 done, 2 not done, 75 another job works there.
    """
    app = ctx.ensure_object(App)
    dry_run = is_dry_run(ctx, yes=yes, dry_run=dry_run)
    paths = tuple(dict.fromkeys(map(absolute, roots)))
    results = []
    for path in paths:
        request = RemoveRequest(path, paths, dry_run)
        result = change(ctx, app, partial(_remove, request), dry_run=dry_run)
        results.append(result)
        if not as_json:
            show(app, result, _text(result), as_json=False)
    if as_json:
        shown = [result.to_dict() for result in results]
        print_json(shown[0] if len(shown) == 1 else {"roots": shown})


def _remove(request: RemoveRequest, library: Library, context: Context) -> RootsResult:
    return service.run(library, request, context)


def _text(result: RootsResult) -> str:
    done = "Would forget" if result.dry_run else "Forgot"
    lines = [f"{done} {display(to_stored(result.path))}: {files_in_words(result)}"]
    lines += [text for text in (actions_in_words(result), cancelled_in_words(result)) if text]
    return "\n  ".join(lines)

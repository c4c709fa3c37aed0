"""`vpo roots merge`: makes one root of two. `vpo.roots.merge` does the work."""

from __future__ import annotations

import click

from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.completion import complete_roots
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import DIRECTORY
from vpo.cli.roots.changing import change, dry_run_option, is_dry_run, show, yes_option
from vpo.cli.roots.move import text_of
from vpo.roots import merge as service
from vpo.roots.merge import MergeRequest


@command("merge")
@click.argument("root", metavar="ROOT", type=DIRECTORY, shell_complete=complete_roots)
@click.argument("into", metavar="INTO", type=DIRECTORY, shell_complete=complete_roots)
@yes_option
@dry_run_option
@json_option
@global_options
@click.pass_context
def merge(
    ctx: click.Context, /, root: bytes, into: bytes, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Make one root of two that are one tree.

    ROOT becomes a part of INTO. If ROOT lies in INTO, it is only taken off the list of roots.
    If both are paths to the same files (two mounts, two spellings), the records of ROOT and
    INTO are joined, after a sample of the files was compared. Records, digests and history are
    kept.

    Without --yes, vpo only shows what it would do.

    Exit status: 0 done, 2 not done, 75 another job works there.
    """
    app = ctx.ensure_object(App)
    dry_run = is_dry_run(ctx, yes=yes, dry_run=dry_run)
    request = MergeRequest(root, into, dry_run)
    result = change(
        ctx, app, lambda library, context: service.run(library, request, context), dry_run=dry_run
    )
    show(app, result, text_of(result), as_json=as_json)

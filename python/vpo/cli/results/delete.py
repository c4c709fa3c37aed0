"""`vpo results delete`: deletes results for good."""

from __future__ import annotations

import click

from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.results import MOST_ID
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.cli.results.words import result_in_words
from vpo.db.library import open_library
from vpo.photos.results import delete


@command("delete")
@click.argument(
    "ids", metavar="RESULT...", nargs=-1, required=True, type=click.IntRange(1, MOST_ID)
)
@click.option("--yes", is_flag=True, help="Do it. Without --yes, vpo only shows it.")
@click.option(
    "--dry-run", is_flag=True, help="Only show what would be deleted (the default without --yes)."
)
@json_option
@global_options
@click.pass_context
def delete_command(
    ctx: click.Context, /, ids: tuple[int, ...], yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Delete results for good, with their reports.

    The statistics of the collections stay. If there is no result with one of the IDs, none is
    deleted. Without --yes, vpo only shows what it would delete.
    """
    app = ctx.ensure_object(App)
    if yes and dry_run:
        raise click.UsageError("--yes cannot be combined with --dry-run", ctx)
    with open_library(app.library_path(), "write" if yes else "read") as library:
        deleted = delete(library, ids, is_dry_run=not yes)
    if as_json:
        results = [result.to_dict() for result in deleted]
        print_json({"dry_run": not yes, "deleted": len(results), "results": results})
        return
    if app.quiet:
        return
    for result in deleted:
        echo(f"{'Deleted' if yes else 'Would delete'} result {result_in_words(result)}.")
    if not yes:
        echo("\nNothing was changed. Add --yes to do it.")

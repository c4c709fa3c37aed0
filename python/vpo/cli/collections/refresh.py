"""`vpo collections refresh`: the catalogue learns what has changed in a collection."""

from __future__ import annotations

import sys

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.collections.shared import name_argument
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.progress import TerminalReporter
from vpo.cli.output.streams import echo
from vpo.cli.signals import Signals, show_stopped
from vpo.db.library import open_library
from vpo.jobs.context import Context
from vpo.jobs.stopping import StoppedError
from vpo.photos import collections as service
from vpo.photos.collections import Collection
from vpo.photos.refresh import refresh as look_again

# Looking at more files than this is worth a question.
_MANY_FILES = 100_000


@command("refresh")
@name_argument
@click.option("--yes", is_flag=True, help=f"Do not ask if there are over {_MANY_FILES:,} files.")
@json_option
@global_options
@click.pass_context
def refresh(ctx: click.Context, /, name: str, yes: bool, as_json: bool) -> None:
    """Look at the files of a collection again.

    vpo records what has changed in the collection NAME. This is an incremental scan of the
    collection's place only.

    Exit status: 0 done, 2 not done, 75 another job is in the way.
    """
    app = ctx.ensure_object(App)
    settings = app.settings()
    app.start_logging(settings)
    with open_library(app.library_path(settings), "write") as library:
        collection = service.reachable(library, name)
        known = service.known_files(library, collection)
        if known > _MANY_FILES and not yes:
            _ask(ctx, collection, known)
        try:
            with Signals() as signals, TerminalReporter(app, None) as reporter:
                context = Context(reporter, signals.stop)
                look_again(library, collection, context)
        except StoppedError as stopped:
            show_stopped(app, stopped, as_json=as_json)
            ctx.exit(stopped.exit_status)
        collection = service.find(library, str(collection.id))
        known = service.known_files(library, collection)
    if as_json:
        print_json({**collection.to_dict(), "files": known})
    elif not app.quiet:
        echo(f"The collection `{display(collection.name)}` has {known:,} files.")


def _ask(ctx: click.Context, collection: Collection, known: int) -> None:
    question = f"The collection `{collection.name}` has {known:,} files. Look at all of them?"
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Say so with --yes", ctx)
    click.confirm(question, abort=True, err=True)

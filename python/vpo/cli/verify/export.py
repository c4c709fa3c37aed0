"""`vpo verify export`: options in, a manifest out; the work is in `vpo.manifest`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS, NothingToListError
from vpo.base.paths import absolute, display, to_stored
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import threads_option
from vpo.cli.options.file_filters import kind_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import joined
from vpo.cli.options.paths import DIRECTORY, path_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.issues import SHOWN_ISSUES, show_issues
from vpo.cli.output.progress import TerminalReporter
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo
from vpo.cli.signals import Signals, show_stopped
from vpo.db.library import open_library
from vpo.jobs.context import Context
from vpo.jobs.stopping import StoppedError
from vpo.manifest import export as service
from vpo.manifest.formats import BAGIT, DEFAULT_FORMAT, FORMAT_NAMES
from vpo.manifest.request import ExportRequest
from vpo.manifest.results import ExportResult

_STDOUT = b"-"


@command("export")
@click.argument("directory", metavar="[DIR]", required=False, default=b".", type=DIRECTORY)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMAT_NAMES),
    default=DEFAULT_FORMAT,
    help=f"The format of the manifest (default: {DEFAULT_FORMAT}).",
)
@path_option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write the manifest (default: -, standard output). With --format bagit:"
    " a directory, which vpo creates.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@kind_option
@threads_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON. Requires -o FILE.")
@global_options
@click.pass_context
def export_command(
    ctx: click.Context,
    /,
    directory: bytes,
    form: str,
    output: bytes | None,
    force: bool,
    kinds: Sequence[Sequence[str]],
    threads: int | None,
    as_json: bool,
) -> None:
    """Write a manifest of the catalogue's files below DIR.

    DIR is the current directory by default. Names in the manifest are relative to DIR.
    With --format b3sum or bagit, vpo uses the recorded digests of unchanged files and
    reads only the others. With another format, it reads every file.

    Exit status: 0 done, 1 some files were left out, 2 not done.
    """
    app = ctx.ensure_object(App)
    output = output or _STDOUT
    to_stdout = output == _STDOUT
    if not directory:
        raise click.UsageError(
            "The name of a directory cannot be empty. Write `.` for the current directory", ctx
        )
    if form == BAGIT and (to_stdout or force):
        raise click.UsageError(
            "A bag requires `-o NEWDIR`, a directory that does not exist yet, and cannot be"
            " combined with --force",
            ctx,
        )
    if to_stdout and (as_json or force):
        raise click.UsageError("--json and --force require `-o FILE`", ctx)
    settings = app.settings({"database_path", "logging"})
    app.start_logging(settings)
    request = ExportRequest(
        absolute(directory),
        form,
        sys.stdout.buffer if to_stdout else absolute(output),
        joined(kinds),
        threads or 0,
        replaces=force,
    )
    service.check(request)
    if to_stdout and sys.stdout.isatty():
        # The progress bar would be mixed with the lines.
        app.progress = False
    with open_library(app.library_path(settings), "write") as library, Signals() as signals:
        try:
            with TerminalReporter(app) as reporter:
                result = service.run(library, request, Context(reporter, signals.stop))
        except NothingToListError as error:
            if not as_json and isinstance(error.result, ExportResult):
                _show_left_out(app, error.result)
            raise
        except StoppedError as stopped:
            show_stopped(app, stopped, as_json=as_json, what_of_it="No manifest was written.")
            ctx.exit(stopped.exit_status)
    if as_json:
        print_json(result.to_dict())
    else:
        if not (to_stdout or app.quiet):
            for line in summary(result, output):
                echo(line)
        _show_left_out(app, result)
    ctx.exit(EXIT_DONE_WITH_ERRORS if result.left_out else 0)


def summary(result: ExportResult, output: bytes) -> list[str]:
    """The counts for people; `output` as the user wrote it."""
    what = "Made the bag" if result.format == BAGIT else "Wrote"
    read = result.recorded + result.outdated
    lines = [
        f"{what} {display(to_stored(output))}: {result.files:,} files,"
        f" {human_size(result.size_bytes)} ({result.format})",
        f"  Digests from the catalogue: {result.from_records:,}",
        f"  Read now: {read:,}",
    ]
    if result.outdated:
        lines.append(f"    changed since the last scan: {result.outdated:,}")
    lines.append(f"  Left out: {result.left_out:,}")
    return lines


def _show_left_out(app: App, result: ExportResult) -> None:
    show_issues(
        app,
        result.left_out_files,
        total=result.left_out,
        most=None if app.verbose else SHOWN_ISSUES,
        is_error=lambda _file: True,
    )

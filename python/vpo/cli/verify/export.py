"""`vpo verify export`: options in, a manifest out; the work is in `vpo.manifest`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click

from vpo.base.atomic_file import NewFile
from vpo.base.errors import EXIT_DONE_WITH_ERRORS, NothingToListError
from vpo.base.paths import absolute, display, to_json, to_stored
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import threads_option
from vpo.cli.options.file_filters import kind_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import joined
from vpo.cli.options.paths import DIRECTORY, path_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.progress import ScanReporter
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo
from vpo.cli.signals import Signals, show_stopped
from vpo.db.library import open_library
from vpo.jobs.control import StoppedError
from vpo.manifest.bag_export import check_place, export_bag
from vpo.manifest.exporting import Export, ExportResult, check_directory, export_lines
from vpo.manifest.models import FORMATS

SHOWN_ISSUES = 10

_STDOUT = b"-"


@command("export")
@click.argument("directory", metavar="[DIR]", required=False, default=b".", type=DIRECTORY)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="b3sum",
    help="What programs read it (default: b3sum).",
)
@path_option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write it; for a bag a directory to be made (default: -, standard output).",
)
@click.option("--force", is_flag=True, help="Replace FILE if there is one.")
@kind_option
@threads_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON; goes with -o FILE.")
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
    """Write a manifest of the known files below DIR.

    Names are relative to DIR.
    Digests that are recorded, of files that have not changed, are not made anew.
    Exit status: 0 done, 1 some files are left out, 2 not done.
    """
    app = ctx.ensure_object(App)
    to_stdout = output in (None, _STDOUT)
    if not directory:
        raise click.UsageError("A directory's name cannot be empty; the current one is `.`", ctx)
    if form == "bagit" and (to_stdout or force):
        raise click.UsageError("A bag needs `-o NEWDIR`, a directory that is to be made", ctx)
    if to_stdout and (as_json or force):
        raise click.UsageError("--json and --force go with `-o FILE`", ctx)
    settings = app.settings({"database_path", "logging"})
    app.start_logging(settings)
    check_directory(directory)
    result = ExportResult(absolute(directory), form)
    if form == "bagit":
        assert output is not None
        check_place(result.directory, output)
    if to_stdout and sys.stdout.isatty():
        # A bar among the lines would break both.
        app.progress = False
    with open_library(app.library_path(settings), "write") as library, Signals() as signals:
        try:
            with ScanReporter(app, None) as reporter:
                export = Export(
                    library, result, reporter, signals.stop, joined(kinds), threads or 0
                )
                _write(export, output, replaces=force)
        except NothingToListError:
            if not as_json:
                _show_issues(app, result)
            raise
        except StoppedError as stopped:
            show_stopped(app, stopped, as_json=as_json, what_of_it="No manifest was written.")
            ctx.exit(stopped.exit_status)
    result.duration_seconds = time.monotonic() - result.started_at
    if as_json:
        print_json(result_to_dict(result, output or b""))
    else:
        if not (to_stdout or app.quiet):
            for line in summary(result, output or b""):
                echo(line)
        _show_issues(app, result)
    ctx.exit(EXIT_DONE_WITH_ERRORS if result.left_out else 0)


def _write(export: Export, output: bytes | None, *, replaces: bool) -> None:
    if output in (None, _STDOUT):
        export_lines(export, sys.stdout.buffer.write)
        sys.stdout.buffer.flush()
        return
    assert output is not None
    if export.result.format == "bagit":
        export_bag(export, output)
        return
    with NewFile(output, replaces=replaces) as file:
        export_lines(export, file.write)
        file.finish()


def summary(result: ExportResult, output: bytes) -> list[str]:
    """The counts for people."""
    what = "Made the bag" if result.format == "bagit" else "Wrote"
    read = result.recorded + result.outdated
    lines = [
        f"{what} {display(to_stored(output))}: {result.files:,} files,"
        f" {human_size(result.size_bytes)} ({result.format})",
        f"  Digests from the library: {result.from_records:,}",
        f"  Read now: {read:,}",
    ]
    if result.outdated:
        lines.append(f"    changed since the last scan: {result.outdated:,}")
    lines.append(f"  Left out: {result.left_out:,}")
    return lines


def _show_issues(app: App, result: ExportResult) -> None:
    if app.logs_to_stderr == "json":
        return
    error = app.paint("Error:", "red", err=True)
    shown = result.issues if app.verbose else result.issues[:SHOWN_ISSUES]
    for issue in shown:
        echo(f"{error} {issue}", err=True)
    more = result.left_out - len(shown)
    if more:
        echo(f"{error} and {more:,} more", err=True)


def result_to_dict(result: ExportResult, output: bytes) -> dict[str, object]:
    """A result as the contract's JSON."""
    return {
        **to_json(to_stored(result.directory), "directory"),
        **to_json(to_stored(absolute(output)), "output"),
        "format": result.format,
        "duration_seconds": round(result.duration_seconds, 3),
        "files": result.files,
        "bytes": result.size_bytes,
        "from_records": result.from_records,
        "recorded": result.recorded,
        "outdated": result.outdated,
        "left_out": result.left_out,
        "issues": [issue.to_dict() for issue in result.issues],
    }

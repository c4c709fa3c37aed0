"""`vpo verify import`: options in, mismatches out. `vpo.manifest.importing` does the work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.paths import display, to_stored
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option, threads_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import PATH, path_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.issues import SHOWN_ISSUES, show_issues
from vpo.cli.output.progress import TerminalReporter
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo
from vpo.cli.signals import Signals, show_stopped
from vpo.db.library import open_library
from vpo.jobs.context import Context
from vpo.jobs.stopping import StoppedError
from vpo.manifest import importing as service
from vpo.manifest.formats import FORMAT_NAMES
from vpo.manifest.request import ImportOptions, ImportRequest
from vpo.manifest.results import ImportResult, Problem

_LABELS: Mapping[Problem, str] = {
    "differing": "Differing",
    "damaged": "Damaged",
    "missing": "Missing",
    "unreadable": "Unreadable",
    "changing": "Being written",
    "refused": "Refused",
    "extra": "Not in the manifest",
}


@command("import")
@click.argument("manifest", metavar="MANIFEST", type=PATH)
@path_option(
    "--root",
    metavar="DIR",
    help="The directory that names are relative to (default: the manifest's directory).",
)
@click.option(
    "--format",
    type=click.Choice(FORMAT_NAMES),
    help="The format of the manifest (default: detected from its content).",
)
@click.option(
    "--encoding",
    metavar="NAME",
    help="The encoding of the manifest, such as cp1252 (default: UTF-8).",
)
@click.option(
    "--backslashes",
    type=click.Choice(["auto", "separator", "name"]),
    default="auto",
    help="Read backslashes as directory separators, or as part of a name"
    " (default: auto, whichever fits the files).",
)
@click.option(
    "--complete",
    is_flag=True,
    help="Also report files in that directory that the manifest does not list.",
)
@threads_option
@json_option
@global_options
@click.pass_context
def import_command(
    ctx: click.Context,
    /,
    manifest: bytes,
    root: bytes | None,
    threads: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Check files against a manifest, and record those that match.

    MANIFEST is a file that b3sum, sha256sum, md5sum, hashdeep or a similar program wrote,
    an .sfv file, or the directory of a BagIt bag. Files that match are recorded as verified.
    Exit status: 0 everything matches, 1 something does not, 2 not done.
    """
    app = ctx.ensure_object(App)
    if not manifest:
        raise click.UsageError("The name of a manifest cannot be empty", ctx)
    encoding = options["encoding"]
    if encoding is not None:
        from vpo.manifest.bagit_text import is_encoding

        if not is_encoding(encoding):
            raise click.UsageError(f"`{encoding}` is not a known encoding", ctx)
    settings = app.settings({"database_path", "logging"})
    app.start_logging(settings)
    request = ImportRequest(manifest, root, ImportOptions(threads=threads or 0, **options))
    with open_library(app.library_path(settings), "write") as library, Signals() as signals:
        try:
            with TerminalReporter(app) as reporter:
                result = service.run(library, request, Context(reporter, signals.stop))
        except StoppedError as stopped:
            show_stopped(app, stopped, as_json=as_json)
            ctx.exit(stopped.exit_status)
    if as_json:
        print_json(result.to_dict())
    else:
        if not app.quiet:
            for line in summary(result):
                echo(line)
        _show_mismatches(app, result)
    ctx.exit(EXIT_DONE_WITH_ERRORS if result.mismatch_count else 0)


def summary(result: ImportResult) -> list[str]:
    """The counts for people."""
    recorded = result.matched - result.unknown - result.outdated - result.tag_files
    lines = [
        f"Checked {result.entries:,} files of {display(to_stored(result.manifest))}"
        f" ({result.format})",
        f"  Matching: {result.matched:,}",
    ]
    if result.tag_files:
        lines.append(f"    tag files of the bag: {result.tag_files:,}")
    lines.append(f"    recorded as verified: {recorded:,}")
    if result.unknown:
        lines.append(f"    not in the catalogue: {result.unknown:,} (scan them first)")
    if result.outdated:
        lines.append(f"    changed since the last scan: {result.outdated:,} (scan them first)")
    for problem, label in _LABELS.items():
        count = result.problems[problem]
        if count or problem in ("differing", "missing"):
            lines.append(f"  {label}: {count:,}")
    took = f"{result.duration_seconds:.1f}s"
    read = human_size(result.size_bytes)
    lines += ["", f"Import complete in {took}, {read} read (job: {(result.job_id or '')[:8]})"]
    return lines


def _show_mismatches(app: App, result: ImportResult) -> None:
    show_issues(app, result.warnings, total=len(result.warnings), most=None)
    show_issues(
        app,
        result.mismatches,
        total=result.mismatch_count,
        job_id=result.job_id,
        most=None if app.verbose else SHOWN_ISSUES,
        is_error=lambda _mismatch: True,
    )

"""`vpo verify import`: options in, findings out; the work is in `vpo.manifest.importing`."""

from __future__ import annotations

from typing import Any

import click

from vpo.base import times
from vpo.base.errors import EXIT_DONE_WITH_ERRORS
from vpo.base.paths import display, to_json, to_stored
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option, threads_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import PATH, path_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.progress import ScanReporter
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo
from vpo.cli.signals import Signals, show_stopped
from vpo.db.library import open_library
from vpo.jobs.control import StoppedError
from vpo.manifest.importing import import_manifest
from vpo.manifest.models import FORMATS
from vpo.manifest.results import ImportOptions, ImportResult

SHOWN_FINDINGS = 10

_LABELS = {
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
    help="What names are relative to (default: the manifest's directory).",
)
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="Its format (default: its content tells).",
)
@click.option(
    "--encoding", metavar="NAME", help="The encoding of its text, such as cp1252 (default: UTF-8)."
)
@click.option(
    "--backslashes",
    type=click.Choice(["auto", "separator", "name"]),
    default="auto",
    help="What a backslash is: a separator, part of a name, or what fits the files (auto).",
)
@click.option("--complete", is_flag=True, help="List the files below DIR that it does not name.")
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
    """Check files against a manifest, and record what is as it says.

    MANIFEST is a file of b3sum, sha256sum, md5sum, hashdeep, .sfv and the like, or
    the directory of a BagIt bag. Exit status: 0 all is as it says, 1 something is
    not, 2 not done.
    """
    app = ctx.ensure_object(App)
    if not manifest:
        raise click.UsageError("A manifest's name cannot be empty", ctx)
    encoding = options["encoding"]
    if encoding is not None:
        from vpo.manifest.bagit import is_encoding

        if not is_encoding(encoding):
            raise click.UsageError(f"`{encoding}` is no encoding that is known", ctx)
    settings = app.settings({"database_path", "logging"})
    app.start_logging(settings)
    import_options = ImportOptions(threads=threads or 0, **options)
    with open_library(app.library_path(settings), "write") as library, Signals() as signals:
        try:
            with ScanReporter(app, None) as reporter:
                result = import_manifest(
                    library, manifest, root, import_options, reporter, should_stop=signals.stop
                )
        except StoppedError as stopped:
            show_stopped(app, stopped, as_json=as_json)
            ctx.exit(stopped.exit_status)
    if as_json:
        print_json(result_to_dict(result))
    else:
        if not app.quiet:
            for line in summary(result):
                echo(line)
        _show_findings(app, result)
    ctx.exit(EXIT_DONE_WITH_ERRORS if result.found else 0)


def summary(result: ImportResult) -> list[str]:
    """The counts for people."""
    known = result.matched - result.unknown - result.outdated - result.tag_files
    lines = [
        f"Checked {result.entries:,} files of {display(to_stored(result.manifest))}"
        f" ({result.format})",
        f"  Matching: {result.matched:,}",
    ]
    if result.tag_files:
        lines.append(f"    files of the bag itself: {result.tag_files:,}")
    lines.append(f"    recorded as verified: {known:,}")
    if result.unknown:
        lines.append(f"    not in the library: {result.unknown:,} (scan first)")
    if result.outdated:
        lines.append(f"    changed since the last scan: {result.outdated:,} (scan first)")
    for problem, label in _LABELS.items():
        count = result.problems[problem]  # type: ignore[index]
        if count or problem in ("differing", "missing"):
            lines.append(f"  {label}: {count:,}")
    took = f"{result.duration_seconds:.1f}s"
    read = human_size(result.size_bytes)
    lines += ["", f"Import complete in {took}, {read} read (job: {(result.job_id or '')[:8]})"]
    return lines


def _show_findings(app: App, result: ImportResult) -> None:
    if app.logs_to_stderr == "json":
        return
    warning = app.paint("Warning:", "yellow", err=True)
    for text in result.warnings:
        echo(f"{warning} {text}", err=True)
    error = app.paint("Error:", "red", err=True)
    shown = result.findings if app.verbose else result.findings[:SHOWN_FINDINGS]
    for finding in shown:
        echo(f"{error} {finding}", err=True)
    more = result.found - len(shown)
    if more > 0:
        echo(f"{error} and {more:,} more; job {(result.job_id or '')[:8]} has them", err=True)


def result_to_dict(result: ImportResult) -> dict[str, object]:
    """A result as the contract's JSON."""
    return {
        "job_id": result.job_id,
        **to_json(to_stored(result.manifest), "manifest"),
        **to_json(to_stored(result.directory), "directory"),
        "format": result.format,
        "started_at": times.to_text(result.started_at),
        "completed_at": times.to_text(result.completed_at) if result.completed_at else None,
        "duration_seconds": round(result.duration_seconds, 3),
        **result.counts(),
        "findings": [finding.to_dict() for finding in result.findings],
        "warnings": result.warnings,
    }

"""The commands of `vpo analyze`: options in, results out. `vpo.photos.analyze` does the work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.collections.shared import name_argument
from vpo.cli.options.common import json_option, queue_options
from vpo.cli.options.global_options import global_options
from vpo.cli.options.wait import WaitingCommand, wait_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.jobs import human_duration
from vpo.cli.output.progress import TerminalReporter
from vpo.cli.output.streams import echo
from vpo.cli.signals import Signals, show_stopped
from vpo.db.library import Library, open_library
from vpo.jobs import queue
from vpo.jobs.context import Context
from vpo.jobs.purge import auto_purge
from vpo.jobs.stopping import StoppedError
from vpo.photos import analyze as service
from vpo.photos.analyze import AnalysisResult
from vpo.photos.request import AnalysisRequest, Tool

EXIT_ISSUES = 3
"""With `--fail-on-issues`: the analysis found some."""


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that all analyses have."""
    no_scan = click.option(
        "--no-scan", is_flag=True, help="Do not scan first; use what the catalogue has."
    )
    refresh = click.option(
        "--refresh", is_flag=True, help="Scan the place first, even if its listing is new."
    )
    fail = click.option(
        "--fail-on-issues", is_flag=True, help=f"Exit with {EXIT_ISSUES} if there are issues."
    )
    command: Callable[..., Any] = json_option(global_options(click.pass_context(function)))
    return no_scan(refresh(fail(wait_option(queue_options("analysis")(command)))))


@click.command("photostats", cls=WaitingCommand)
@name_argument
@click.option(
    "--xmp", "reads_xmp", is_flag=True, help="Also read the metadata in the XMP sidecars."
)
@_options
def photostats(ctx: click.Context, /, name: str, **options: Any) -> None:
    """Count files, and find missing sidecars and images.

    In the collection NAME, an image without its sidecar counts as an issue if its extension
    is in the setting `require_sidecar`, and so does a sidecar without an image.

    Exit status: 0 done, 2 not done, 3 issues with --fail-on-issues, 75 another job is in the
    way.
    """
    _analyse(ctx, "photostats", name, options)


@click.command("photo-pairing", cls=WaitingCommand)
@name_argument
@_options
def photo_pairing(ctx: click.Context, /, name: str, **options: Any) -> None:
    """Group files to images by name, and find wrong names.

    The files are those of the collection NAME.

    Exit status: 0 done, 2 not done, 3 issues with --fail-on-issues, 75 another job is in the
    way.
    """
    _analyse(ctx, "photo_pairing", name, options)


@click.command("pipeline-validation", cls=WaitingCommand)
@name_argument
@click.option("--pipeline", metavar="NAME", help="Use this pipeline (default: the active one).")
@click.option(
    "--termination",
    "terminations",
    multiple=True,
    metavar="LABEL",
    help="Judge by this end of the pipeline only. Can be repeated.",
)
@_options
def pipeline_validation(ctx: click.Context, /, name: str, **options: Any) -> None:
    """Find out how far images have come along a pipeline.

    Each image of the collection NAME is consistent, partial or inconsistent, and the result
    lists what is missing.

    Exit status: 0 done, 2 not done, 3 issues with --fail-on-issues, 75 another job is in the
    way.
    """
    _analyse(ctx, "pipeline_validation", name, options)


def _analyse(ctx: click.Context, tool: Tool, name: str, options: dict[str, Any]) -> None:
    app = ctx.ensure_object(App)
    as_json, is_queued, priority = (options[key] for key in ("as_json", "enqueue", "priority"))
    if priority is not None and not is_queued:
        raise click.UsageError("--priority can only be used with --enqueue", ctx)
    if is_queued and options["wait"] is not None:
        raise click.UsageError("--enqueue cannot be combined with --wait", ctx)
    if options["no_scan"] and options["refresh"]:
        raise click.UsageError("--no-scan cannot be combined with --refresh", ctx)
    settings = app.settings()
    app.start_logging(settings)
    request = AnalysisRequest(
        tool,
        name,
        pipeline=options.get("pipeline"),
        terminations=options.get("terminations", ()),
        reads_xmp=options.get("reads_xmp", False),
        config_file=None if app.config is None else os.path.abspath(app.config),
        refresh=options["refresh"],
        scan=not options["no_scan"],
    )
    with open_library(app.library_path(settings), "write") as library:
        if is_queued:
            _enqueue(app, library, request, priority, as_json=as_json)
            return
        auto_purge(library, settings.config.jobs)
        try:
            with Signals() as signals, TerminalReporter(app, None) as reporter:
                context = Context(reporter, signals.stop, wait_seconds=options["wait"] or 0.0)
                result = service.run(library, request, context)
        except StoppedError as stopped:
            show_stopped(app, stopped, as_json=as_json, what_of_it="This is recorded.")
            ctx.exit(stopped.exit_status)
        shown = service.recorded_result(library, result)
    if as_json:
        print_json(shown)
    elif not app.quiet:
        for line in _text(shown, result):
            echo(line)
    if options["fail_on_issues"] and shown["issues_found"]:
        ctx.exit(EXIT_ISSUES)


def _enqueue(
    app: App,
    library: Library,
    request: AnalysisRequest,
    priority: int | None,
    *,
    as_json: bool,
) -> None:
    """Puts the analysis into the queue."""
    queued = queue.enqueue(library, service.to_job(library, request), priority=priority)
    if as_json:
        print_json(
            {
                "job_id": queued.id,
                "collection": request.collection,
                "tool": request.tool,
                "status": "queued",
                "is_new": queued.is_new,
            }
        )
    elif not app.quiet:
        text = "Queued" if queued.is_new else "Queued already:"
        tool = request.tool.replace("_", "-")
        echo(f"{text} {tool} of `{display(request.collection)}` (job: {queued.id[:8]})")


def _text(shown: dict[str, Any], result: AnalysisResult) -> Iterator[str]:
    """The outcome for people: what was counted, and where more is to be found."""
    found = shown["results"]
    for label, key in _SHOWN[result.tool]:
        if key in found:
            yield f"  {label + ':':24}{_length(found, key):,}"
    yield ""
    issues = shown["issues_found"] or 0
    noun = "issue" if issues == 1 else "issues"
    seconds = human_duration(shown["duration_seconds"])
    yield f"Found {issues:,} {noun} in {seconds} (result: {result.id}, job: {shown['job_id'][:8]})"


def _length(found: dict[str, Any], key: str) -> int:
    """A count, or the length of a list, of which a result may hold only the beginning."""
    if isinstance(found[key], list):
        return int(found.get("_truncated", {}).get(key, len(found[key])))
    return int(found[key])


_SHOWN: dict[Tool, tuple[tuple[str, str], ...]] = {
    "photostats": (
        ("Files", "total_files"),
        ("Paired", "paired_count"),
        ("Images without sidecar", "orphaned_images"),
        ("Sidecars without image", "orphaned_xmp"),
    ),
    "photo_pairing": (
        ("Groups", "group_count"),
        ("Images", "image_count"),
        ("Files with wrong names", "invalid_files_count"),
    ),
    "pipeline_validation": (("Images", "total_images"), ("Groups", "group_count")),
}

"""`vpo scan`: options in, summary out. `vpo.scanner.scan` does the work."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import click

from vpo.base.errors import VpoError
from vpo.base.paths import display, real_path, to_json, to_stored
from vpo.cli.app import App
from vpo.cli.options.common import json_option, queue_options
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import Duration
from vpo.cli.options.paths import DIRECTORY
from vpo.cli.options.prober import prober_option
from vpo.cli.options.rules import rule_options
from vpo.cli.options.wait import WaitingCommand, wait_option
from vpo.cli.output.failure import print_json
from vpo.cli.output.progress import TerminalReporter
from vpo.cli.output.streams import echo
from vpo.cli.scan.text import Outcomes
from vpo.cli.signals import Signals
from vpo.config.bounds import MAX_THREADS
from vpo.config.load import CONFIG_FILE, DEFAULT, Settings
from vpo.db.library import Library, new_library_in_memory, open_library
from vpo.jobs import queue
from vpo.jobs.context import Context
from vpo.jobs.purge import auto_purge
from vpo.jobs.stopping import CancelledError, StoppedError
from vpo.places import guards
from vpo.places.letter_case import as_written
from vpo.places.patience import answers, no_answer
from vpo.places.rules import RULES, kept_for
from vpo.scanner import scan as service
from vpo.scanner.request import ScanOptions, ScanRequest

# Options of the command that are fields of `ScanOptions`. The others are settings.
_RUN_OPTIONS = (
    "full",
    "retry_errors",
    "verify_hash",
    "prune_after_seconds",
    "forget_excluded",
    "keep_rules",
    "dry_run",
    "allow_mass_removal",
    "new_device",
)


class ScanCommand(WaitingCommand):
    """Takes `--prune` with or without a value, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Gives a bare `--prune` its value, so that it does not take the directory's."""
        end = args.index("--") if "--" in args else len(args)
        # Missing for no matter how long. An age only follows a `=`.
        given = ["--prune=0s" if arg == "--prune" else arg for arg in args[:end]]
        return super().parse_args(ctx, given + args[end:])


@click.command("scan", cls=ScanCommand)
@click.argument(
    "directories",
    metavar="[DIRECTORY]...",
    nargs=-1,
    type=DIRECTORY,
)
@click.option(
    "--full",
    is_flag=True,
    help="Read tracks and tags of every file again, even if it has not changed.",
)
@click.option("--retry-errors", is_flag=True, help="Retry files that could not be read before.")
@click.option(
    "--verify-hash",
    is_flag=True,
    help="Read all files, and decide by their content what has changed.",
)
@click.option(
    "--prune",
    "prune_after_seconds",
    type=Duration(),
    metavar="[=AGE]",
    help="Delete the records of missing files (missing for at least AGE: 30d).",
)
@click.option(
    "--forget-excluded",
    is_flag=True,
    help="Delete the records of files that the rules leave out.",
)
@click.option(
    "--keep-rules", is_flag=True, help="Use these rules in later scans of DIRECTORY, too."
)
@rule_options
@click.option(
    "--threads",
    type=click.IntRange(1, MAX_THREADS),
    help="Make at most N file system requests at the same time (default: depends on how fast"
    " the file system answers).",
)
@click.option(
    "--introspect/--no-introspect",
    default=None,
    help="Read new and changed media (default), or leave that to a later scan.",
)
@prober_option
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option(
    "--allow-mass-removal", is_flag=True, help="Accept that most files of DIRECTORY are gone."
)
@click.option(
    "--new-device", is_flag=True, help="Accept that DIRECTORY is on another file system now."
)
@wait_option
@queue_options("scan")
@json_option
@global_options
@click.pass_context
def scan(ctx: click.Context, /, directories: tuple[bytes, ...], **options: Any) -> None:
    """Scan directories, and record what is there and what changed.

    Directories that have not changed cost next to nothing. In the summary, "Scanned
    (changed)" counts known files that have changed, and "Added (new)" counts new files.

    Exit status: 0 done, 1 some places could not be read, 2 not done, 75 another job is in
    the way.
    """
    app = ctx.ensure_object(App)
    _check(ctx, options)
    as_json = options.pop("as_json")
    wait, is_queued, priority = (options.pop(name) for name in ("wait", "enqueue", "priority"))
    run_options = {name: options.pop(name) for name in _RUN_OPTIONS}
    age = run_options["prune_after_seconds"]
    run_options |= {"prune": age is not None, "prune_after_seconds": age or None}
    settings = _settings(app, options)
    requests = _requests(ctx, directories, settings, run_options)
    with _open(app, settings, requests) as library:
        requests = _settled(library, requests, settings)
        if is_queued:
            _enqueue(app, library, requests, priority, as_json=as_json)
            return
        outcomes = Outcomes(app, as_json, several=len(directories) > 1)
        if not run_options["dry_run"]:
            auto_purge(library, settings.config.jobs)
        print_file = outcomes.print_line if app.verbose and not as_json else None
        with Signals() as signals:
            for number, request in enumerate(requests):
                if not (as_json or app.quiet):
                    root = display(to_stored(request.root))
                    outcomes.print_line(f"{chr(10) if number else ''}Scanning {root}...")
                # The outcome is shown when the progress bar is gone.
                try:
                    with TerminalReporter(app, print_file) as reporter:
                        context = Context(reporter, signals.stop, wait_seconds=wait or 0.0)
                        result = service.run(library, request, context)
                except VpoError as error:
                    outcomes.failed(request.root, error)
                    continue
                except StoppedError as stopped:
                    outcomes.stopped(request.root, stopped)
                    if isinstance(stopped, CancelledError):
                        # Only this scan was cancelled.
                        continue
                    break
                outcomes.done(result)
    ctx.exit(outcomes.finish())


def _check(ctx: click.Context, options: dict[str, Any]) -> None:
    """Refuses options that cannot be combined."""
    if options["verify_hash"] and options["dry_run"]:
        raise click.UsageError(
            "--verify-hash cannot be combined with --dry-run, because it records digests", ctx
        )
    if options["keep_rules"] and options["dry_run"]:
        raise click.UsageError("--keep-rules cannot be combined with --dry-run", ctx)
    if options["enqueue"] and (options["dry_run"] or options["wait"] is not None):
        raise click.UsageError("--enqueue cannot be combined with --dry-run or --wait", ctx)
    if options["priority"] is not None and not options["enqueue"]:
        raise click.UsageError("--priority can only be used with --enqueue", ctx)


def _settings(app: App, options: dict[str, Any]) -> Settings:
    """The settings, with the options of the command over them."""
    prober = options.pop("prober")
    settings = app.settings(
        options={
            ("tools", "prober"): prober,
            **{("scan", name): value for name, value in options.items()},
        }
    )
    app.start_logging(settings)
    return settings


def _requests(
    ctx: click.Context,
    directories: tuple[bytes, ...],
    settings: Settings,
    run_options: dict[str, Any],
) -> list[ScanRequest]:
    """A scan for each directory, but for those that another of the scans covers.

    Finds wrong rules before anything is written.
    """
    directories = directories or tuple(map(os.fsencode, settings.config.scan.directories))
    if not directories:
        raise click.UsageError(
            "No DIRECTORY to scan. Name one, or set `scan.directories` in the configuration or"
            " in a profile",
            ctx,
        )
    if b"" in directories:
        raise click.UsageError(
            "The name of a directory cannot be empty. Write `.` for the current directory"
        )
    options = ScanOptions(
        rules=settings.config.scan,
        prober=settings.config.tools.prober,
        ffprobe=settings.config.tools.ffprobe,
        profile=settings.profile,
        **run_options,
    )
    roots = dict.fromkeys(_resolved(directory) for directory in directories)
    requests = [ScanRequest(root, options) for root in roots]
    for request in requests:
        request.rules()
    return [
        request for request in requests if not any(other.covers(request.root) for other in requests)
    ]


def _open(app: App, settings: Settings, requests: list[ScanRequest]) -> Library:
    """Opens the catalogue. Makes a new one only if there is a directory to scan."""
    path, for_group = app.library_path(settings), settings.config.database_group_access
    is_dry_run = requests[0].options.dry_run
    if not os.path.exists(path):
        problems = [problem for each in requests if (problem := _problem(each.root))]
        if len(problems) == len(requests):
            raise problems[0]
        if is_dry_run:
            return new_library_in_memory()
        app.make_home(path, for_group=for_group)
    return open_library(path, "read" if is_dry_run else "create", for_group=for_group)


def _settled(
    library: Library, requests: list[ScanRequest], settings: Settings
) -> list[ScanRequest]:
    """The requests with the rules that are kept with their roots.

    New roots are spelled as their directories list them.
    """
    # What is said for this scan counts more than what is kept.
    given = {
        name for name in RULES if settings.origin(("scan", name))[0] not in (DEFAULT, CONFIG_FILE)
    }
    found: dict[bytes, ScanRequest] = {}
    with library.reading() as connection:
        for request in requests:
            if not guards.is_known(connection, request.root) and answers(request.root):
                request = replace(request, root=as_written(request.root))
            kept = kept_for(connection, request.root)
            if kept is not None:
                rules = kept.over(request.options.rules, given)
                request = replace(request, options=replace(request.options, rules=rules))
            found[request.root] = request
    return list(found.values())


def _resolved(directory: bytes) -> bytes:
    """The path of a directory without links, if its file system answers."""
    return real_path(directory) if answers(directory) else os.path.abspath(directory)


def _problem(root: bytes) -> VpoError | None:
    if not answers(root):
        return no_answer(root)
    try:
        with os.scandir(root):
            return None
    except OSError as error:
        return guards.unreadable_root(root, error)


def _enqueue(
    app: App,
    library: Library,
    requests: list[ScanRequest],
    priority: int | None,
    *,
    as_json: bool,
) -> None:
    """Puts the scans into the queue."""
    listed: list[dict[str, object]] = []
    for request in requests:
        queued = queue.enqueue(library, request.to_job(), priority=priority)
        root = to_stored(request.root)
        listed.append(
            {
                "job_id": queued.id,
                **to_json(root, "directory"),
                "status": "queued",
                "is_new": queued.is_new,
            }
        )
        if not (as_json or app.quiet):
            text = "Queued a scan of" if queued.is_new else "This scan is queued already:"
            echo(f"{text} {display(root)} (job: {queued.id[:8]})")
    if as_json:
        print_json(listed[0] if len(listed) == 1 else {"scans": listed})

"""`vpo scan`: options in, summary out; the work is in `vpo.scanner.scan`."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any

import click

from vpo.base import times
from vpo.base.errors import (
    EXIT_DONE_WITH_ERRORS,
    EXIT_LOCKED,
    EXIT_NOT_DONE,
    ScanLockedError,
    VpoError,
)
from vpo.base.paths import display, is_within, to_json, to_stored
from vpo.cli.app import App
from vpo.cli.groups import Command
from vpo.cli.options.common import json_option, queue_options
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import SeparatedList, joined
from vpo.cli.options.paths import DIRECTORY
from vpo.cli.output.failure import failure_to_dict, log_failure, print_json, show_failure
from vpo.cli.output.progress import ScanReporter
from vpo.cli.output.streams import echo, silence_stdout
from vpo.cli.signals import Signals, show_stopped, stopped_to_dict
from vpo.config.bounds import MAX_THREADS
from vpo.config.models import KINDS, PROBERS
from vpo.db.library import Library, new_library_in_memory, open_library
from vpo.jobs import queue
from vpo.jobs.control import CancelledError, StoppedError
from vpo.jobs.purge import auto_purge
from vpo.places import guards
from vpo.scanner.models import ScanOptions, ScanResult
from vpo.scanner.scan import make_rules
from vpo.scanner.scan import scan as run_scan

SHOWN_ISSUES = 10
RETRY_LOCK_SECONDS = 0.5


class ScanCommand(Command):
    """Takes `--wait` with or without a number: `--wait DIR` waits for ever."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Gives a bare `--wait` its value, so that it does not take the directory's."""
        given = []
        for position, arg in enumerate(args):
            following = args[position + 1] if position + 1 < len(args) else ""
            bare = arg == "--wait" and not following.replace(".", "", 1).isdigit()
            given.append("--wait=inf" if bare else arg)
        return super().parse_args(ctx, given)


@click.command("scan", cls=ScanCommand)
@click.argument(
    "directories",
    metavar="[DIRECTORY]...",
    nargs=-1,
    type=DIRECTORY,
)
@click.option("--full", is_flag=True, help="Look at every file again, whatever is known.")
@click.option("--retry-errors", is_flag=True, help="Read files again that could not be read.")
@click.option(
    "--verify-hash",
    is_flag=True,
    help="Decide by content what has changed, and read all files for that.",
)
@click.option("--prune", is_flag=True, help="Delete the records of missing files.")
@click.option(
    "--kind",
    "kinds",
    type=SeparatedList(KINDS),
    multiple=True,
    metavar="KIND,...",
    help=f"Only these kinds: {', '.join(KINDS)}.",
)
@click.option(
    "-e",
    "--extensions",
    type=SeparatedList(),
    multiple=True,
    metavar="EXT,...",
    help="Only these extensions (with --kind: these too).",
)
@click.option(
    "--exclude", multiple=True, metavar="GLOB", help="Leave out, as a line of .gitignore would."
)
@click.option("--hidden/--no-hidden", default=None, help="Look at names that begin with a dot.")
@click.option("--follow-symlinks/--no-follow-symlinks", default=None, help="Follow links.")
@click.option(
    "--one-file-system/--no-one-file-system",
    default=None,
    help="Leave out other file systems below a DIRECTORY.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, MAX_THREADS),
    help="Requests in flight (default: chosen by latency).",
)
@click.option(
    "--introspect/--no-introspect",
    default=None,
    help="Read what is in new and changed files (default), or leave it to a later scan.",
)
@click.option(
    "--prober",
    type=click.Choice(PROBERS),
    help="Who reads files: vpo, ffprobe, or both where vpo is not sure (auto).",
)
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
@click.option("--allow-mass-removal", is_flag=True, help="Accept that most of a DIRECTORY is gone.")
@click.option(
    "--new-device", is_flag=True, help="Accept that directories moved to another file system."
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="[SECONDS]",
    help="Wait for another scan, or an action on duplicates, to end.",
)
@queue_options("scan")
@json_option
@global_options
@click.pass_context
def scan(ctx: click.Context, /, directories: tuple[bytes, ...], **options: Any) -> None:
    """Look at directories and record what changed.

    Unchanged directories cost next to nothing. Exit status: 0 done, 1 some
    places could not be looked at, 2 not done, 75 another scan is running.
    """
    app = ctx.ensure_object(App)
    as_json, wait = options.pop("as_json"), options.pop("wait")
    enqueue, priority = options.pop("enqueue"), options.pop("priority")
    run_options = {
        name: options.pop(name)
        for name in (
            "full",
            "retry_errors",
            "verify_hash",
            "prune",
            "dry_run",
            "allow_mass_removal",
            "new_device",
        )
    }
    if run_options["verify_hash"] and run_options["dry_run"]:
        raise click.UsageError(
            "--verify-hash does not go with --dry-run: what was read is to be recorded", ctx
        )
    prober = options.pop("prober")
    scan_settings = {
        **options,
        "kinds": joined(options["kinds"]) or None,
        "extensions": joined(options["extensions"]) or None,
        "exclude": options["exclude"] or None,
    }
    settings = app.settings(
        options={
            ("tools", "prober"): prober,
            **{("scan", name): value for name, value in scan_settings.items()},
        }
    )
    app.start_logging(settings)
    directories = directories or tuple(map(os.fsencode, settings.config.scan.directories))
    if not directories:
        raise click.UsageError(
            "There is no DIRECTORY to scan: name one, or set `scan.directories` in the"
            " configuration or in a profile",
            ctx,
        )
    scan_options = ScanOptions(
        rules=settings.config.scan,
        prober=settings.config.tools.prober,
        ffprobe=settings.config.tools.ffprobe,
        profile=settings.profile,
        **run_options,
    )
    roots = _resolve(directories, scan_options)
    path = app.library_path(settings)
    if enqueue:
        if scan_options.dry_run or wait is not None:
            raise click.UsageError("--enqueue goes neither with --dry-run nor with --wait", ctx)
        with _open(app, path, roots, scan_options) as library:
            _enqueue(app, library, roots, scan_options, priority, as_json=as_json)
        return
    if priority is not None:
        raise click.UsageError("--priority goes with --enqueue", ctx)
    outcomes = _Outcomes(app, as_json, several=len(directories) > 1)
    with _open(app, path, roots, scan_options) as library, Signals() as signals:
        if not scan_options.dry_run:
            auto_purge(library, settings.config.jobs)
        for number, root in enumerate(roots):
            label = display(to_stored(root))
            if not (as_json or app.quiet):
                outcomes.say(f"{chr(10) if number else ''}Scanning {label}...")
            # What became of it is said when the bar is gone.
            try:
                with ScanReporter(
                    app,
                    outcomes.say if app.verbose and not as_json else None,
                ) as reporter:
                    result = _scan_when_free(library, root, scan_options, reporter, signals, wait)
            except VpoError as error:
                outcomes.failed(root, error)
                continue
            except StoppedError as stopped:
                outcomes.stopped(root, stopped)
                if isinstance(stopped, CancelledError):
                    # Of this one alone.
                    continue
                break
            outcomes.done(result)
    ctx.exit(outcomes.finish())


def _enqueue(
    app: App,
    library: Library,
    roots: list[bytes],
    options: ScanOptions,
    priority: int | None,
    *,
    as_json: bool,
) -> None:
    """Puts a scan of each root into the queue."""
    listed: list[dict[str, object]] = []
    for root in roots:
        queued = queue.enqueue(
            library,
            job_type="scan",
            path=to_stored(root),
            configuration_json=options.to_json(),
            priority=queue.DEFAULT_PRIORITY if priority is None else priority,
        )
        listed.append(
            {
                "job_id": queued.id,
                **to_json(to_stored(root), "directory"),
                "status": "queued",
                "is_new": queued.is_new,
            }
        )
        if not (as_json or app.quiet):
            said = "Queued a scan of" if queued.is_new else "There is one in the queue already:"
            echo(f"{said} {display(to_stored(root))} (job: {queued.id[:8]})")
    if as_json:
        print_json(listed[0] if len(listed) == 1 else {"scans": listed})


def _resolve(directories: tuple[bytes, ...], options: ScanOptions) -> list[bytes]:
    """Absolute paths without links; one inside of another is scanned with that.

    Bad rules are found here, before anything is written.
    """
    roots: list[bytes] = []
    for directory in directories:
        if not directory:
            raise click.UsageError("A directory's name cannot be empty; the current one is `.`")
        root = os.path.realpath(directory)
        make_rules(root, options)
        if root not in roots:
            roots.append(root)

    def is_scanned_with(root: bytes, other: bytes) -> bool:
        if root == other or not is_within(root, other):
            return False
        if not os.path.isdir(root):
            return False
        elsewhere = os.stat(root).st_dev != os.stat(other).st_dev
        if options.rules.one_file_system and elsewhere:
            return False
        return make_rules(other, options).enters(root[len(other.rstrip(b"/")) + 1 :])

    return [root for root in roots if not any(is_scanned_with(root, other) for other in roots)]


def _open(app: App, path: str, roots: list[bytes], options: ScanOptions) -> Library:
    """Opens the library; makes a new one only if there is a directory to scan."""
    exists = os.path.exists(path)
    if not exists:
        problems = [problem for root in roots if (problem := _problem(root))]
        if len(problems) == len(roots):
            raise problems[0]
        if options.dry_run:
            return new_library_in_memory()
        app.make_home(path)
    return open_library(path, "read" if options.dry_run else "create")


def _problem(root: bytes) -> VpoError | None:
    try:
        with os.scandir(root):
            return None
    except OSError as error:
        return guards.unreadable_root(root, error)


def _scan_when_free(
    library: Library,
    root: bytes,
    options: ScanOptions,
    reporter: ScanReporter,
    signals: Signals,
    wait: float | None,
) -> ScanResult:
    """Scans; if another scan is in the way, again until `wait` seconds are over."""
    until = time.monotonic() + (wait or 0.0)
    while True:
        try:
            return run_scan(library, root, options, reporter, should_stop=signals.stop)
        except ScanLockedError:
            if wait is None or time.monotonic() >= until:
                raise
        if stopped := signals.stop():
            raise stopped
        time.sleep(RETRY_LOCK_SECONDS)


@dataclass
class _Outcomes:
    """Renders the outcome of each directory, and the exit status of all."""

    app: App
    as_json: bool
    several: bool
    """Whether several directories were given: then JSON has the form for that."""
    results: list[ScanResult] = field(default_factory=list)
    scans: list[dict[str, object]] = field(default_factory=list)
    errors: list[VpoError] = field(default_factory=list)
    stopped_status: int | None = None

    def say(self, line: str) -> None:
        """Prints a line. A reader that left is no reason not to do the work."""
        try:
            echo(line)
        except BrokenPipeError:
            silence_stdout()

    def done(self, result: ScanResult) -> None:
        self.results.append(result)
        self.scans.append(result_to_dict(result))
        if not (self.as_json or self.app.quiet):
            self.say(summary_text(result))
        if not self.as_json:
            self._show_issues(result)

    def _show_issues(self, result: ScanResult) -> None:
        if self.app.logs_to_stderr == "json":
            return
        warning = self.app.paint("Warning:", "yellow", err=True)
        for text in result.warnings:
            echo(f"{warning} {text}", err=True)
        for issue in result.issues[:SHOWN_ISSUES]:
            echo(f"{warning} {issue}", err=True)
        damaged = result.verification.damaged() if result.verification else []
        for finding in damaged[:SHOWN_ISSUES]:
            echo(f"{self.app.paint('Error:', 'red', err=True)} {finding}", err=True)
        more = max(result.errors - SHOWN_ISSUES, 0) + max(len(damaged) - SHOWN_ISSUES, 0)
        if more > 0:
            where = f"; job {result.job_id[:8]} has them" if result.job_id else ""
            echo(f"{warning} and {more:,} more{where}", err=True)

    def failed(self, root: bytes, error: VpoError) -> None:
        self.errors.append(error)
        shown = failure_to_dict(error)
        self.scans.append({**to_json(to_stored(root), "directory"), **shown})
        tell = log_failure if self.as_json else show_failure
        tell(self.app, error)

    def stopped(self, root: bytes, stopped: StoppedError) -> None:
        self.stopped_status = stopped.exit_status
        shown = stopped_to_dict(stopped)
        self.scans.append({**to_json(to_stored(root), "directory"), **shown})
        if not self.as_json:
            show_stopped(self.app, stopped, as_json=False)

    def finish(self) -> int:
        """Prints the JSON, and returns the exit status."""
        if self.as_json:
            self._print_json()
        if self.stopped_status is not None:
            return self.stopped_status
        if self.errors:
            locked = all(error.exit_status == EXIT_LOCKED for error in self.errors)
            return EXIT_LOCKED if locked else EXIT_NOT_DONE
        if not all(result.is_all_well for result in self.results):
            return EXIT_DONE_WITH_ERRORS
        return 0

    def _print_json(self) -> None:
        if not self.several:
            print_json(self.scans[0])
            return
        totals = {
            name: sum(result.counts()[name] for result in self.results)
            for name in ScanResult(b"", times.now()).counts()
        }
        print_json({"scans": self.scans, **totals})


def result_to_dict(result: ScanResult) -> dict[str, object]:
    """A result as the contract's JSON."""
    return {
        "job_id": result.job_id,
        **to_json(to_stored(result.directory), "directory"),
        "started_at": times.to_text(result.started_at),
        "completed_at": times.to_text(result.completed_at) if result.completed_at else None,
        "duration_seconds": round(result.duration_seconds, 3),
        "incremental": result.incremental,
        "dry_run": result.dry_run,
        **result.counts(),
        "pruned": result.pruned,
        "issues": [issue.to_dict() for issue in result.issues],
        "warnings": result.warnings,
        **_verification_to_dict(result),
    }


def _verification_to_dict(result: ScanResult) -> dict[str, object]:
    """What reading all content told, if that was asked for."""
    found = result.verification
    if found is None:
        return {}
    findings = [finding.to_dict() for finding in found.findings]
    return {"verification": {**found.summary(), "findings": findings}}


def summary_text(result: ScanResult) -> str:
    """A result as the contract's text."""
    lines = [
        f"  Discovered: {result.total_discovered:,} files",
        f"  Skipped (unchanged): {result.skipped:,}",
        f"  Scanned (changed): {result.scanned:,}",
        f"  Added (new): {result.added:,}",
        f"  Moved (renamed): {result.moved:,}",
        f"  Removed (missing): {result.removed:,}",
        f"  Errors: {result.errors:,}",
    ]
    if result.verification is not None:
        counts = result.verification.counts
        new, damaged = counts["new"], counts["damaged"]
        lines.append(f"  Verified: {counts['verified']:,}, for the first time {new:,}")
        lines.append(f"  Damaged: {damaged:,}")
    if result.pruned:
        lines.append(f"  Pruned (records deleted): {result.pruned:,}")
    lines.append("")
    took = f"{result.duration_seconds:.1f}s"
    if result.dry_run:
        lines.append(f"Dry run complete in {took}: nothing was written")
    else:
        lines.append(f"Scan complete in {took} (job: {(result.job_id or '')[:8]})")
    return "\n".join(lines)

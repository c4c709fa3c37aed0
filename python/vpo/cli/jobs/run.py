"""`vpo jobs run`: does the jobs of the queue."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import click

from vpo.base.errors import EXIT_DONE_WITH_ERRORS, EXIT_LOCKED
from vpo.base.paths import display, to_json
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.cli.options.parameters import Duration, TimeOfDay
from vpo.cli.output.failure import print_json
from vpo.cli.output.jobs import human_duration
from vpo.cli.output.progress import TerminalReporter
from vpo.cli.output.streams import echo
from vpo.cli.signals import Signals
from vpo.db.library import open_library
from vpo.jobs import purge as purging
from vpo.jobs import worker
from vpo.jobs.job import Job
from vpo.jobs.kinds import JobKind
from vpo.jobs.progress import Reporter
from vpo.jobs.stopping import OutOfTimeError


@command("run")
@click.option("--max-jobs", type=click.IntRange(min=1), metavar="N", help="Do at most N jobs.")
@click.option(
    "--max-duration",
    type=Duration(),
    metavar="TIME",
    help="Stop taking jobs after this time: 30m, 2h.",
)
@click.option(
    "--end-by", type=TimeOfDay(), metavar="HH:MM", help="Stop taking jobs at this time of day."
)
@click.option(
    "--hard-stop",
    is_flag=True,
    help="When the time is over, also stop the running job, and queue it again.",
)
@json_option
@global_options
@click.pass_context
def run(
    ctx: click.Context,
    /,
    max_jobs: int | None,
    max_duration: float | None,
    end_by: datetime | None,
    hard_stop: bool,
    as_json: bool,
) -> None:
    """Run the queued jobs, one after another.

    You can run this command several times at once. If you interrupt it, the running job goes
    back into the queue.

    Exit status: 0 done, 1 some jobs failed or had errors, 75 no job could be run, because
    other jobs are in the way.
    """
    app = ctx.ensure_object(App)
    ends = [time.time() + max_duration] if max_duration is not None else []
    ends += [end_by.timestamp()] if end_by is not None else []
    if hard_stop and not ends:
        raise click.UsageError("--hard-stop can only be used with --max-duration or --end-by", ctx)
    limits = worker.Limits(max_jobs, min(ends, default=None), is_hard=hard_stop)
    settings = app.settings()
    app.start_logging(settings)
    shown = _WorkerText(app, as_json)
    with open_library(app.library_path(settings), "write") as library, Signals() as signals:
        purging.auto_purge(library, settings.config.jobs)
        tally = worker.run(library, limits, shown, signals.stop)
    if as_json:
        print_json({"jobs": shown.ended_jobs, **tally.counts, "held_up": tally.held_up})
    elif not app.quiet:
        echo(_in_words(tally))
    ctx.exit(_status_of(tally))


def _in_words(tally: worker.Tally) -> str:
    names = {"errors": "with errors", "queued": "put back"}
    parts = [f"{count:,} {names.get(name, name)}" for name, count in tally.counts.items() if count]
    text = f"Jobs done: {', '.join(parts)}." if parts else "No jobs were run."
    if tally.held_up:
        text += f" Jobs that stay in the queue because they wait for other jobs: {tally.held_up:,}."
    return text


def _status_of(tally: worker.Tally) -> int:
    stopped = tally.stopped
    if stopped is not None and not isinstance(stopped, OutOfTimeError):
        return stopped.exit_status
    if tally.counts["failed"] or tally.counts["errors"]:
        return EXIT_DONE_WITH_ERRORS
    return EXIT_LOCKED if tally.held_up and not tally.taken else 0


class _WorkerText:
    """Shows what a worker does: lines for people, or a list for JSON."""

    def __init__(self, app: App, as_json: bool) -> None:
        self.app = app
        self.is_silent = as_json or app.quiet
        self.ended_jobs: list[dict[str, object]] = []
        self._began = 0.0

    @contextmanager
    def started(self, job: Job, kind: JobKind) -> Iterator[Reporter]:
        """A job starts."""
        self._began = time.monotonic()
        if not self.is_silent:
            echo(f"{kind.name} {display(job.path)} (job: {job.id[:8]})...")
        with TerminalReporter(self.app) as reporter:
            yield reporter

    def ended(self, job: Job, status: str, outcome: str) -> None:
        """A job ended."""
        seconds = time.monotonic() - self._began
        self.ended_jobs.append(
            {
                "id": job.id,
                **to_json(job.path, "file_path"),
                "status": status,
                "message": outcome,
                "duration_seconds": round(seconds, 3),
            }
        )
        is_wrong = status in ("failed", "errors")
        if not self.is_silent:
            word = {"errors": "completed with errors", "queued": "put back into the queue"}
            echo(f"  {word.get(status, status)} after {human_duration(seconds)}: {outcome}")
        elif is_wrong and self.app.quiet and self.app.logs_to_stderr != "json":
            label = self.app.paint("Warning:", "yellow", err=True)
            echo(f"{label} job {job.id[:8]} ({display(job.path)}): {outcome}", err=True)

"""`vpo jobs run`, `cancel`, `retry` and `purge`: commands that change jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import click

from vpo.base import times
from vpo.base.errors import EXIT_DONE_WITH_ERRORS, EXIT_LOCKED, EXIT_NOT_DONE, VpoError
from vpo.base.paths import display, to_json
from vpo.cli.app import App, echo, global_options
from vpo.cli.jobs.show import complete_job
from vpo.cli.options.common import json_option
from vpo.cli.options.parameters import Duration, TimeOfDay
from vpo.cli.output.failure import failure_to_dict, print_json, show_failure
from vpo.cli.output.jobs import human_duration
from vpo.cli.output.progress import ScanReporter
from vpo.cli.signals import Signals
from vpo.db import job_history
from vpo.db import jobs as job_table
from vpo.db.library import Library, open_library
from vpo.jobs import purge as purging
from vpo.jobs import queue, worker
from vpo.jobs.control import OutOfTimeError, Reporter
from vpo.jobs.lookup import find_job_id
from vpo.jobs.tracking import Job

WAIT_SECONDS = 10.0


def _open(app: App) -> Library:
    settings = app.settings(sections=("database_path", "logging"))
    app.start_logging(settings)
    return open_library(app.library_path(settings), "write")


# -- run -------------------------------------------------------------------------


@click.command("run")
@click.option("--max-jobs", type=click.IntRange(min=1), metavar="N", help="Do at most N jobs.")
@click.option(
    "--max-duration",
    type=Duration(),
    metavar="TIME",
    help="Take no more jobs after this time: 30m, 2h.",
)
@click.option(
    "--end-by", type=TimeOfDay(), metavar="HH:MM", help="Take no more jobs after this time of day."
)
@click.option(
    "--hard-stop",
    is_flag=True,
    help="When the time is over, stop the job that runs, and queue it again.",
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
    """Do the jobs of the queue, one after the other, until it is empty.

    Several can run at once. Interrupted, the job at hand goes back into the
    queue. Exit status: 0 done, 1 some jobs failed or had errors, 75 what is left
    waits for other jobs.
    """
    app = ctx.ensure_object(App)
    ends = [time.time() + max_duration] if max_duration is not None else []
    ends += [end_by.timestamp()] if end_by is not None else []
    if hard_stop and not ends:
        raise click.UsageError("--hard-stop goes with --max-duration or --end-by", ctx)
    limits = worker.Limits(max_jobs, min(ends, default=None), is_hard=hard_stop)
    settings = app.settings()
    app.start_logging(settings)
    said = _WorkerText(app, as_json)
    with open_library(app.library_path(settings), "write") as library, Signals() as signals:
        purging.auto_purge(library, settings.config.jobs)
        tally = worker.run(library, limits, said, signals.stop)
    if as_json:
        print_json({"jobs": said.ended_jobs, **tally.counts, "held_up": tally.held_up})
    elif not app.quiet:
        echo(_in_words(tally))
    ctx.exit(_status_of(tally))


def _in_words(tally: worker.Tally) -> str:
    names = {"errors": "with errors", "queued": "put back"}
    parts = [f"{count:,} {names.get(name, name)}" for name, count in tally.counts.items() if count]
    said = f"Jobs done: {', '.join(parts)}." if parts else "There was nothing to do."
    if tally.held_up:
        said += f" Left in the queue, as others are in the way: {tally.held_up:,}."
    return said


def _status_of(tally: worker.Tally) -> int:
    stopped = tally.stopped
    if stopped is not None and not isinstance(stopped, OutOfTimeError):
        return stopped.exit_status
    if tally.counts["failed"] or tally.counts["errors"]:
        return EXIT_DONE_WITH_ERRORS
    return EXIT_LOCKED if tally.held_up and not tally.taken else 0


class _WorkerText:
    """Says what a worker does: lines for people, or a list for JSON."""

    def __init__(self, app: App, as_json: bool) -> None:
        self.app = app
        self.is_silent = as_json or app.quiet
        self.ended_jobs: list[dict[str, object]] = []
        self._began = 0.0

    @contextmanager
    def started(self, job: Job, job_type: str) -> Iterator[Reporter]:
        """A job begins."""
        self._began = time.monotonic()
        if not self.is_silent:
            echo(f"{job_type} {display(job.path)} (job: {job.id[:8]})...")
        with ScanReporter(self.app, None) as reporter:
            yield reporter

    def ended(self, job: Job, status: str, said: str) -> None:
        """A job ended."""
        seconds = time.monotonic() - self._began
        self.ended_jobs.append(
            {
                "id": job.id,
                **to_json(job.path, "file_path"),
                "status": status,
                "message": said,
                "duration_seconds": round(seconds, 3),
            }
        )
        is_wrong = status in ("failed", "errors")
        if not self.is_silent:
            word = {"errors": "completed with errors", "queued": "put back into the queue"}
            echo(f"  {word.get(status, status)} in {human_duration(seconds)}: {said}")
        elif is_wrong and self.app.quiet and self.app.logs_to_stderr != "json":
            label = self.app.paint("Warning:", "yellow", err=True)
            echo(f"{label} job {job.id[:8]} ({display(job.path)}): {said}", err=True)


# -- cancel, retry -----------------------------------------------------------------


@click.command("cancel")
@click.argument(
    "job_ids", metavar="JOB_ID...", nargs=-1, required=True, shell_complete=complete_job
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=WAIT_SECONDS,
    metavar="SECONDS",
    help=f"How long to wait for a running job to stop ({WAIT_SECONDS:.0f}).",
)
@json_option
@global_options
@click.pass_context
def cancel(ctx: click.Context, /, job_ids: tuple[str, ...], wait: float, as_json: bool) -> None:
    """Cancel jobs that are queued or running.

    A running one is asked to stop at its next safe point; what it did is kept.
    """
    app = ctx.ensure_object(App)

    def cancel_one(library: Library, job_id: str) -> str:
        if queue.cancel(library, job_id, wait_seconds=wait):
            with library.reading() as connection:
                return job_table.status_of(connection, job_id) or "cancelled"
        return "stopping"

    words = {
        "cancelled": "Cancelled job {id}.",
        "stopping": "Job {id} was asked to stop, and has not yet.",
    }
    _each(ctx, app, job_ids, cancel_one, words, as_json=as_json)


@click.command("retry")
@click.argument("job_ids", metavar="[JOB_ID]...", nargs=-1, shell_complete=complete_job)
@click.option("--all-failed", is_flag=True, help="All jobs that failed.")
@json_option
@global_options
@click.pass_context
def retry(ctx: click.Context, /, job_ids: tuple[str, ...], all_failed: bool, as_json: bool) -> None:
    """Queue jobs again that failed or were cancelled; `vpo jobs run` does them."""
    app = ctx.ensure_object(App)
    if not job_ids and not all_failed:
        raise click.UsageError("Name a JOB_ID, or say --all-failed", ctx)

    def retry_one(library: Library, job_id: str) -> str:
        queue.retry(library, job_id)
        return "queued"

    _each(
        ctx,
        app,
        job_ids,
        retry_one,
        {"queued": "Queued job {id} again."},
        as_json=as_json,
        all_failed=all_failed,
    )


def _each(
    ctx: click.Context,
    app: App,
    given: tuple[str, ...],
    act: Callable[[Library, str], str],
    words: dict[str, str],
    *,
    as_json: bool,
    all_failed: bool = False,
) -> None:
    """Does something to each job; one that it cannot be done to is no reason to leave the rest."""
    done: list[dict[str, object]] = []
    errors = 0
    with _open(app) as library:
        names = list(given)
        if all_failed:
            with library.reading() as connection:
                failed = job_history.list_jobs(connection, job_history.JobFilter(status="failed"))
            names += [job.id for job in failed]
        for name in dict.fromkeys(names):
            try:
                with library.reading() as connection:
                    job_id = find_job_id(connection, name)
                status = act(library, job_id)
            except VpoError as error:
                if len(names) == 1:
                    raise
                errors += 1
                shown = failure_to_dict(error.code, error.message, error.hint, error.details)
                done.append({"id": name, **shown})
                if not as_json:
                    show_failure(app, error.code, error.message, error.hint)
                continue
            done.append({"id": job_id, "status": status})
            if not (as_json or app.quiet):
                text = words.get(status, "Job {id} had ended already: " + status + ".")
                echo(text.format(id=job_id[:8]))
    if as_json:
        print_json(done)
    ctx.exit(EXIT_NOT_DONE if errors else 0)


# -- purge -------------------------------------------------------------------------


@click.command("purge")
@click.option(
    "--older-than",
    type=Duration(),
    metavar="AGE",
    help="Jobs that ended longer ago than this: 12h, 30d (default: `jobs.retention_days`).",
)
@click.option(
    "--status",
    type=click.Choice(["completed", "failed", "cancelled"], case_sensitive=False),
    help="Only these.",
)
@click.option("--dry-run", is_flag=True, help="Say how many; delete nothing.")
@json_option
@global_options
@click.pass_context
def purge(
    ctx: click.Context,
    /,
    older_than: float | None,
    status: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Delete the records of jobs that ended long ago, and of the changes they made.

    Jobs that are queued or running are never among them, nor are files touched.
    """
    app = ctx.ensure_object(App)
    settings = app.settings(sections=("database_path", "logging", "jobs"))
    app.start_logging(settings)
    age = timedelta(days=settings.config.jobs.retention_days)
    if older_than is not None:
        age = timedelta(seconds=older_than)
    before = times.now() - age
    with open_library(app.library_path(settings), "read" if dry_run else "write") as library:
        if dry_run:
            with library.reading() as connection:
                count = job_table.count_finished_before(
                    connection, times.to_text(before), status=status
                )
        else:
            count = purging.purge(library, before, status=status)
    if as_json:
        print_json({"purged": count, "before": times.to_text(before), "dry_run": dry_run})
    elif not app.quiet:
        echo(f"{'Would delete' if dry_run else 'Deleted'} {count:,} jobs.")

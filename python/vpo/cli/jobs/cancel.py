"""`vpo jobs cancel`: cancels jobs that are queued or running."""

from __future__ import annotations

import click

from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.jobs.each import Jobs, act_on_each
from vpo.cli.jobs.show import complete_job
from vpo.cli.options.common import json_option
from vpo.cli.options.global_options import global_options
from vpo.db.library import Library
from vpo.jobs import queue

WAIT_SECONDS = 10.0


@command("cancel")
@click.argument(
    "job_ids", metavar="JOB_ID...", nargs=-1, required=True, shell_complete=complete_job
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=WAIT_SECONDS,
    metavar="SECONDS",
    help=f"How long to wait for a running job to stop (default: {WAIT_SECONDS:.0f}).",
)
@json_option
@global_options
@click.pass_context
def cancel(ctx: click.Context, /, job_ids: tuple[str, ...], wait: float, as_json: bool) -> None:
    """Cancel queued or running jobs.

    A running job stops at its next safe point. What it has done is kept.
    """
    app = ctx.ensure_object(App)

    def cancel_one(library: Library, job_id: str) -> str:
        status = queue.cancel(library, job_id, wait_seconds=wait)
        return "stopping" if status == "running" else status

    words = {
        "cancelled": "Cancelled job {id}.",
        "stopping": "Job {id} was asked to stop, but still runs.",
    }
    ctx.exit(act_on_each(app, Jobs(job_ids), cancel_one, words, as_json=as_json))

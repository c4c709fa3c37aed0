"""`vpo jobs retry`: queues jobs again that failed or were cancelled."""

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


@command("retry")
@click.argument("job_ids", metavar="[JOB_ID]...", nargs=-1, shell_complete=complete_job)
@click.option("--all-failed", is_flag=True, help="Queue all jobs that failed.")
@json_option
@global_options
@click.pass_context
def retry(ctx: click.Context, /, job_ids: tuple[str, ...], all_failed: bool, as_json: bool) -> None:
    """Queue failed or cancelled jobs again.

    `vpo jobs run` runs them.
    """
    app = ctx.ensure_object(App)
    if not job_ids and not all_failed:
        raise click.UsageError("Name a JOB_ID, or use --all-failed", ctx)

    def retry_one(library: Library, job_id: str) -> str:
        queue.retry(library, job_id)
        return "queued"

    words = {"queued": "Queued job {id} again."}
    jobs = Jobs(job_ids, all_failed=all_failed)
    ctx.exit(act_on_each(app, jobs, retry_one, words, as_json=as_json))

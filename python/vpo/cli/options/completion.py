"""What shells are offered that only a look at the disk can tell: profiles and jobs."""

from __future__ import annotations

import os

import click
from click.shell_completion import CompletionItem

from vpo.base.errors import VpoError
from vpo.base.paths import display
from vpo.cli.app import App
from vpo.config import profiles

RECENT_JOBS = 100


def profile_names(_ctx: click.Context, incomplete: str) -> list[str]:
    """The profiles whose names begin so; none, if they cannot be listed."""
    try:
        names = profiles.names(os.environ)
    except VpoError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def job_ids(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The IDs of recent jobs that begin so, newest first; none without a library."""
    from vpo.db import job_history
    from vpo.db.library import open_library

    app = ctx.ensure_object(App)
    try:
        with open_library(app.library_path(), "read") as library, library.reading() as db:
            recent = job_history.list_jobs(db, job_history.JobFilter(limit=RECENT_JOBS))
    except VpoError:
        return []
    return [
        CompletionItem(
            job["id"], help=f"{job['job_type']} {job['status']} {display(job['file_path'])}"
        )
        for job in recent
        if job["id"].startswith(incomplete.lower())
    ]

"""Completes words that have to be read from the disk: profiles and jobs."""

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
    """The names of profiles that begin like this; none if vpo cannot list them."""
    try:
        names = profiles.names(os.environ)
    except VpoError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def job_ids(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The IDs of recent jobs that begin like this, newest first; none without a catalogue."""
    from vpo.catalogue.jobs import JobFilter, list_jobs
    from vpo.db.library import open_library

    app = ctx.ensure_object(App)
    try:
        with open_library(app.library_path(), "read") as library:
            recent = list_jobs(library, JobFilter(limit=RECENT_JOBS))
    except VpoError:
        return []
    return [
        CompletionItem(job.id, help=f"{job.job_type} {job.status} {display(job.file_path)}")
        for job in recent
        if job.id.startswith(incomplete.lower())
    ]

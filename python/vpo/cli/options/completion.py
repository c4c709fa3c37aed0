"""What shells offer as values: names of profiles and collections, IDs of jobs, and roots.

The help of every command loads this module, so each function imports what it needs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from vpo.base.errors import VpoError
from vpo.cli.app import App

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

RECENT_JOBS = 100


def complete_profiles(
    _ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """The profiles whose names start with `incomplete`; none if they cannot be listed."""
    from vpo.config import profiles

    try:
        names = profiles.names(os.environ)
    except VpoError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def job_ids(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The IDs of recent jobs that start with `incomplete`, newest first."""
    from click.shell_completion import CompletionItem

    from vpo.base.paths import display
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


def complete_roots(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The roots that start with `incomplete`; with no root like that, directories."""
    from click.shell_completion import CompletionItem

    from vpo.catalogue.roots import root_paths
    from vpo.db.library import open_library

    app = ctx.ensure_object(App)
    try:
        with open_library(app.library_path(), "read") as library:
            paths = [os.fsdecode(path) for path in root_paths(library)]
    except VpoError:
        paths = []
    found = [CompletionItem(path) for path in paths if path.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="dir")]


def complete_pipelines(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """The pipelines whose names start with `incomplete`; none if they cannot be listed."""
    from vpo.db.library import open_library
    from vpo.photos import pipelines

    app = ctx.ensure_object(App)
    try:
        with open_library(app.library_path(), "read") as library:
            found = pipelines.find_all(library)
    except VpoError:
        return []
    return [each.row.name for each in found if each.row.name.startswith(incomplete)]


def complete_starters(
    _ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """The starter pipelines whose names start with `incomplete`."""
    from vpo.photos.pipeline import starters

    return [name for name in starters.names() if name.startswith(incomplete)]


def complete_collections(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The names of collections that start with `incomplete`."""
    from click.shell_completion import CompletionItem

    from vpo.base.paths import display
    from vpo.db.library import open_library
    from vpo.photos.collections import CollectionFilter, find_all

    app = ctx.ensure_object(App)
    try:
        with open_library(app.library_path(), "read") as library:
            found = find_all(library, CollectionFilter())
    except VpoError:
        return []
    return [
        CompletionItem(each.name, help=display(each.row.location))
        for each in found
        if each.name.startswith(incomplete)
    ]

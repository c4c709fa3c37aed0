"""Forgets roots with all that the catalogue has of them. No file is touched."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from vpo.base import times
from vpo.base.paths import display, to_stored
from vpo.db import root_removal as table
from vpo.db.library import Library
from vpo.db.root_removal import Extent
from vpo.jobs.conflicts import JobToRun
from vpo.jobs.context import Context
from vpo.jobs.kinds import KINDS
from vpo.jobs.lifecycle import recorded
from vpo.jobs.running import cancel_queued, check_none_in
from vpo.roots.lookup import extent_of, find_place, roots_above
from vpo.roots.result import RootsResult


@dataclass(frozen=True)
class RemoveRequest:
    """A root to forget."""

    path: bytes
    along: tuple[bytes, ...] = ()
    """Roots that are forgotten together with it: what belongs to them, too, does not stay."""
    dry_run: bool = False


def run(library: Library, request: RemoveRequest, context: Context) -> RootsResult:
    """Forgets a root: its files with digests, history, damage and actions.

    Records that belong to another root, too, stay.

    Raises RootNotFoundError, JobLockedError if a job works there.
    """
    with library.reading() as connection:
        place = find_place(connection, request.path)
    result = RootsResult(action="remove", path=place, dry_run=request.dry_run)
    if request.dry_run:
        with library.snapshot() as connection:
            check_none_in(connection, [place])
            _measure(connection, request, result)
        return result
    to_run = JobToRun(KINDS["roots"], to_stored(place), '{"action": "remove"}')
    with recorded(library, to_run, context, result) as job, library.transaction() as connection:
        check_none_in(connection, [place], own=job.number)
        extent = _measure(connection, request, result)
        if extent.places:
            table.forget(connection, extent)
        table.forget_roots(connection, [place])
        result.counts["cancelled_jobs"] = cancel_queued(connection, extent.places)
        context.check()
        result.completed_at = times.now()
        job.finish(result.record())
    return result


def _measure(connection: sqlite3.Connection, request: RemoveRequest, result: RootsResult) -> Extent:
    extent = extent_of(connection, result.path, request.along)
    found = table.measure(connection, extent)
    result.measured(found)
    if not extent.places:
        above = roots_above(connection, result.path)
        result.warnings.append(
            f"`{display(to_stored(result.path))}` lies in the root `{display(above[0].path)}`,"
            " to which its records belong, too. They stay."
        )
    for inside in extent.without:
        result.warnings.append(
            f"`{display(to_stored(inside))}` is a root of its own. Its records stay."
        )
    return extent

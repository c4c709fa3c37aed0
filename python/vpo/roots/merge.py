"""Makes one root of two that are one tree. No file is touched."""

from __future__ import annotations

from dataclasses import dataclass

from vpo.base import times
from vpo.base.errors import RootOverlapError
from vpo.base.paths import display, is_within
from vpo.db import root_removal as table
from vpo.db.library import Library
from vpo.db.root_removal import Extent
from vpo.jobs.conflicts import JobToRun
from vpo.jobs.context import Context
from vpo.jobs.kinds import KINDS
from vpo.jobs.lifecycle import recorded
from vpo.jobs.running import check_none_in
from vpo.roots import move
from vpo.roots.lookup import find_root
from vpo.roots.move import MoveRequest
from vpo.roots.result import RootsResult


@dataclass(frozen=True)
class MergeRequest:
    """A root, and the root that it becomes a part of."""

    root: bytes
    into: bytes
    dry_run: bool = False


def run(library: Library, request: MergeRequest, context: Context) -> RootsResult:
    """Merges a root into another one, which keeps all records.

    A root inside of the other one is only taken off the list: both have the same records. Of
    two paths to one tree (two mounts, two spellings), the records of one go to the other.

    Raises what `vpo.roots.move.run` raises.
    """
    with library.reading() as connection:
        root = find_root(connection, request.root)
        into = find_root(connection, request.into)
    if root.id == into.id:
        raise RootOverlapError(f"`{display(root.path)}` is one root, not two")
    if is_within(into.place, root.place):
        raise RootOverlapError(
            f"`{display(into.path)}` lies in `{display(root.path)}`",
            hint=f"Merge the inner root into the outer one: `vpo roots merge"
            f" {display(into.path)} {display(root.path)}`.",
        )
    if not is_within(root.place, into.place):
        wanted = MoveRequest(root.place, into.place, "merge", request.dry_run)
        return move.run(library, wanted, context)
    result = RootsResult(
        action="merge", path=root.place, target=into.place, dry_run=request.dry_run
    )
    if request.dry_run:
        with library.reading() as connection:
            check_none_in(connection, [into.place])
        _measure(library, result)
        return result
    to_run = JobToRun(KINDS["roots"], root.path, '{"action": "merge"}')
    with recorded(library, to_run, context, result) as job, library.transaction() as connection:
        check_none_in(connection, [into.place], own=job.number)
        _measure(library, result)
        table.forget_roots(connection, [root.place])
        result.completed_at = times.now()
        job.finish(result.record())
    return result


def _measure(library: Library, result: RootsResult) -> None:
    found = table.measure(library.connection, Extent((result.path,)))
    result.measured(found)

"""Records that a root is at another place now. No file is touched.

The old place need not exist any more, and the new one may be a root already.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import orjson

from vpo.base import times
from vpo.base.errors import RootOverlapError
from vpo.base.paths import display, is_within, real_path, to_json, to_stored
from vpo.db import relocation as table
from vpo.db import root_removal
from vpo.db.library import Library
from vpo.db.root_removal import Extent
from vpo.jobs.conflicts import JobToRun
from vpo.jobs.context import Context
from vpo.jobs.kinds import KINDS
from vpo.jobs.lifecycle import recorded
from vpo.jobs.running import cancel_queued, check_none_in
from vpo.places import guards
from vpo.roots import sample
from vpo.roots.lookup import find_place
from vpo.roots.relocate import Places, Relocation
from vpo.roots.result import RootsResult
from vpo.roots.sample import Comparison


@dataclass(frozen=True)
class MoveRequest:
    """A root, and where it is now."""

    old: bytes
    new: bytes
    action: Literal["move", "merge"] = "move"
    dry_run: bool = False


def run(library: Library, request: MoveRequest, context: Context) -> RootsResult:
    """Gives the records of a root to another place, after comparing a sample of its files.

    Raises RootNotFoundError, RootOverlapError, RootMismatchError if the new place does not hold
    the same files, JobLockedError if a job works in one of the places, VpoError if the new place
    cannot be read, StoppedError.
    """
    with library.reading() as connection:
        old = find_place(connection, request.old)
    new = real_path(request.new)
    try:
        os.scandir(new).close()
    except OSError as error:
        raise guards.unreadable_root(new, error) from error
    check_apart(old, new)
    result = RootsResult(action=request.action, path=old, target=new, dry_run=request.dry_run)
    if request.dry_run:
        with library.reading() as connection:
            check_none_in(connection, [old, new])
            _measure(library, result)
        _compare(library, result, context)
        return result
    configuration = {"action": request.action, **to_json(to_stored(new), "target")}
    to_run = JobToRun(KINDS["roots"], to_stored(old), orjson.dumps(configuration).decode())
    with recorded(library, to_run, context, result) as job:
        found = _compare(library, result, context)
        with library.transaction() as connection:
            check_none_in(connection, [old, new], own=job.number)
            _measure(library, result)
            places = Places(old, new, found.keeps_inodes)
            done = Relocation(connection, places, context).run()
            result.counts |= done.counts()
            result.counts["cancelled_jobs"] = cancel_queued(connection, [old])
            if done.conflicts:
                result.warnings.append(
                    f"{done.conflicts:,} files have another digest in `{display(to_stored(new))}`."
                    f" The digests of `{display(to_stored(old))}` stay. Run `vpo verify"
                    f" {display(to_stored(new))}` to find out which files are damaged."
                )
            result.completed_at = times.now()
            job.finish(result.record())
    return result


def check_apart(old: bytes, new: bytes) -> None:
    """Checks that neither of two places lies in the other one. Raises RootOverlapError."""
    shown_old, shown_new = display(to_stored(old)), display(to_stored(new))
    if old == new:
        raise RootOverlapError(f"`{shown_old}` is at this place already")
    if is_within(new, old) or is_within(old, new):
        inner, outer = (shown_new, shown_old) if is_within(new, old) else (shown_old, shown_new)
        raise RootOverlapError(
            f"`{inner}` lies in `{outer}`",
            hint=f"If files moved within a directory, `vpo scan {outer}` finds them. If both are"
            f" roots, `vpo roots merge {inner} {outer}` makes them one.",
        )


def _compare(library: Library, result: RootsResult, context: Context) -> Comparison:
    assert result.target is not None
    old, new = result.path, result.target
    with library.reading() as connection:
        files = table.sample(connection, old, most=sample.MOST_FILES)
    found = sample.compare(files, old, new, context.check)
    result.comparison = found.counts()
    if found.other_time:
        result.warnings.append(
            f"{found.other_time:,} of {found.checked:,} files have another modification time"
            f" than before. Run `vpo scan --verify-hash {display(to_stored(new))}` as the next"
            " scan, so that their digests are kept."
        )
    if result.action == "move" and _is_still_there(old, new):
        result.warnings.append(
            f"`{display(to_stored(old))}` still exists. If you scan it again, its files become"
            " new records."
        )
    return found


def _is_still_there(old: bytes, new: bytes) -> bool:
    try:
        with os.scandir(old) as entries:
            return next(entries, None) is not None and not os.path.samefile(old, new)
    except OSError:
        return False


def _measure(library: Library, result: RootsResult) -> None:
    found = root_removal.measure(library.connection, Extent((result.path,)))
    result.measured(found)

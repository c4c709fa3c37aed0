"""Finding duplicates, and changing them if asked to: `vpo duplicates`.

A search is a job only if files have to be read: that takes time, and writes digests into the
catalogue. If the catalogue already has the answer, the search is not a job. Actions always are.
"""

from __future__ import annotations

import os

from vpo.base.paths import StoredPath, from_stored, to_stored
from vpo.db import counts
from vpo.db.library import Library
from vpo.duplicates.models import Changes
from vpo.duplicates.request import DuplicatesRequest
from vpo.duplicates.result import DuplicatesResult
from vpo.duplicates.search import DuplicateSearch
from vpo.duplicates.shared_storage import storage_lookup
from vpo.jobs.context import Context
from vpo.jobs.progress import Progress


def run(library: Library, request: DuplicatesRequest, context: Context) -> DuplicatesResult:
    """Finds duplicates, and does the requested action to all copies that are not kept.

    Raises RootOfflineError if none of the selected roots is there, VpoError if the search is
    refused or fails, StoppedError if it is stopped. If there is a job, it says so, and what was
    recorded until then is kept.
    """
    search = DuplicateSearch(library, request)
    result = DuplicatesResult(request, search.found)
    if not (search.has_to_read or request.changes_files):
        search.answer(context.check, storage_lookup())
        _note_offline(library, result)
        return result
    from vpo.jobs.lifecycle import recorded

    to_run = request.to_job(_common_directory(library, request))
    with recorded(library, to_run, context, result) as job:
        if search.has_to_read:
            from vpo.content.hashing import HashingQueue
            from vpo.duplicates.hashing import DigestReader

            with HashingQueue[None](context.check, roots=search.roots) as queue:
                search.read(DigestReader(library, queue, search.found, context), job.number)

        def check() -> None:
            context.check()
            context.beat(lambda: _progress(result))

        search.answer(check, storage_lookup())
        _note_offline(library, result)
        if request.changes_files:
            from vpo.duplicates.actions import Actor

            result.changes = Changes()
            Actor(job, context, result).act()
    return result


def _progress(result: DuplicatesResult) -> Progress:
    """How far the job is when everything is read, and before files are changed."""
    if result.request.changes_files:
        return Progress("act", 0, 1)
    return Progress("read", result.duplicates.files_read, result.duplicates.files_read)


def _common_directory(library: Library, request: DuplicatesRequest) -> StoredPath:
    """The directory that holds all selected files."""
    paths = list(request.selection.places)
    if not paths:
        with library.reading() as connection:
            paths = [from_stored(root.path) for root in counts.list_roots(connection)]
    return to_stored(os.path.commonpath(paths) if paths else b"/")


def _note_offline(library: Library, result: DuplicatesResult) -> None:
    """Notes roots that are not there, if some files were not as the catalogue knows them.

    Raises RootOfflineError if none of the roots is there.
    """
    if not result.duplicates.changed:
        return
    from vpo.duplicates.models import Issue
    from vpo.places.availability import Places

    with library.reading() as connection:
        places = Places(connection, result.request.selection.places)
        errors = places.look()
    if errors and len(errors) == len(places.roots):
        raise errors[0]
    result.duplicates.issues += (
        Issue(each.path, each.message, "offline") for each in places.offline.values()
    )

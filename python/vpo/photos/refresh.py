"""Looks at the files of a collection, so that the catalogue has what is there now."""

from __future__ import annotations

from dataclasses import replace

from vpo.base import times
from vpo.config.models import ScanConfig
from vpo.db.library import Library
from vpo.db.photos import collections as table
from vpo.jobs.context import Context
from vpo.photos.collections import Collection
from vpo.places.rules import kept_for, last_for
from vpo.scanner import scan
from vpo.scanner.request import ScanOptions, ScanRequest


def refresh(library: Library, collection: Collection, context: Context) -> None:
    """Scans the place of a collection, and nothing else, as a job of its own.

    The rules are those of the last scan of the root that it lies in. So the next scan of the root
    does not have to compare everything. What is in new files is left to that scan, because the
    analyses need only names and sizes. Raises VpoError, StoppedError.
    """
    with library.reading() as connection:
        used = kept_for(connection, collection.place) or last_for(connection, collection.place)
    rules = ScanConfig() if used is None else used.over(ScanConfig(), ())
    options = ScanOptions(is_part=True, rules=replace(rules, introspect=False))
    at = times.to_text(times.now())
    # The job of the context is that of the analysis.
    scanning = Context(context.reporter, context.should_stop, wait_seconds=context.wait_seconds)
    scan.run(library, ScanRequest(collection.place, options), scanning)
    with library.transaction() as connection:
        table.update(connection, collection.id, {"listed_at": at})

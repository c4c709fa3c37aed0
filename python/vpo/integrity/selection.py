"""Which files a check is about, as the catalogue knows them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vpo.base import times
from vpo.base.paths import StoredPath, from_stored, real_path, to_stored
from vpo.catalogue import lookup
from vpo.db import counts
from vpo.db.files import knows_files
from vpo.db.library import Library
from vpo.db.selection import Selection
from vpo.db.verification import Due
from vpo.integrity.request import VerifyOptions

# A file that was verified this much later than now was verified while a clock was wrong. The
# span is longer than a check takes, so that a check does not meet its own files again.
CLOCKS_DIFFER = timedelta(days=30)


@dataclass(frozen=True)
class Where:
    """Directories and files that the catalogue knows. None: all of it."""

    directories: tuple[bytes, ...] = ()
    files: Mapping[int, bytes] = field(default_factory=dict)
    """Paths of files by id."""


def find_where(library: Library, paths: Sequence[bytes]) -> Where:
    """Finds directories and files by their paths, as given or without links above them.

    Raises FileNotInLibraryError if the catalogue does not know one of them.
    """
    directories: dict[bytes, None] = {}
    files: dict[int, bytes] = {}
    with library.reading() as connection:
        for path in paths:
            places = [each for each in lookup.places(path) if knows_files(connection, each)]
            directories.update(dict.fromkeys(places))
            if places:
                continue
            file = lookup.find_file(connection, path)
            if file is None:
                raise lookup.unknown_place(path)
            files[file.id] = from_stored(file.path)
    return Where(tuple(directories), files)


def common_directory(library: Library, paths: Sequence[bytes]) -> StoredPath:
    """The directory that holds all paths. For no paths: the one that holds all roots."""
    if paths:
        resolved = [real_path(path) for path in paths]
    else:
        with library.reading() as connection:
            resolved = [from_stored(root.path) for root in counts.list_roots(connection)]
    return to_stored(os.path.commonpath(resolved) if resolved else b"/")


def select(where: Where, options: VerifyOptions, started: datetime) -> Due:
    """The files that a check which started then is to read."""
    older_than = timedelta(seconds=options.older_than_seconds or 0.0)
    return Due(
        Selection(places=where.directories, files=tuple(where.files), kinds=options.kinds),
        only_new=options.only_new,
        verified_before=times.to_text(started - older_than),
        ahead=times.to_text(started + CLOCKS_DIFFER),
        found_before=times.to_text(started),
    )

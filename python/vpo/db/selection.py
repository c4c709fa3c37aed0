"""Which files a query is about: the one place that turns a selection of files into SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from vpo.db.conditions import Condition, all_of, any_of, below, one_of
from vpo.db.media_filter import MediaFilter, media_conditions

STATUSES = ("pending", "ok", "error", "missing")


class Selection(NamedTuple):
    """Selects the files that fit every field.

    A field that is empty fits all files. If a field has several values, one must fit.
    """

    places: tuple[bytes, ...] = ()
    """Directories. A file in one of them, at any depth, fits."""
    files: tuple[int, ...] = ()
    """Ids of files. They fit in addition to the files in `places`."""
    without: tuple[bytes, ...] = ()
    """Directories. A file in one of them, at any depth, does not fit."""
    statuses: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    least_bytes: int = 0
    changed_since: str | None = None
    """Only files whose record was written or that went missing since then. UTC, ISO-8601."""
    media: MediaFilter = MediaFilter()


class Source(NamedTuple):
    """What a query selects files from, and how it finds them."""

    files: str = "f"
    """The alias of `files` or of `library_files` in the query."""
    directory_path: str | None = None
    """The column with the path of a file's directory, to find files by an index on it.

    None: by the ids of their directories.
    """
    keeps_order: bool = False
    """Whether the query goes through all files in an order of its own.

    Then no index on the directory or the kind may lead to another order.
    """


def condition_for(selection: Selection, source: Source) -> Condition:
    """The condition that the selected files fulfil."""
    return all_of(_conditions(selection, source))


def present(source: Source = Source()) -> Condition:  # noqa: B008
    """The files that are not missing."""
    return Condition(f"{source.files}.scan_status <> 'missing'")


def in_places(places: Iterable[bytes], path_column: str) -> Condition:
    """The path in `path_column` is one of these directories, or below one."""
    return any_of(below(place, path_column) for place in places)


def _conditions(selection: Selection, source: Source) -> Iterator[Condition]:
    files = source.files
    # A plus keeps SQLite from using an index on the column.
    plus = "+" if source.keeps_order else ""
    alternatives = []
    if selection.places:
        places = sorted(set(selection.places))
        if source.directory_path is not None:
            alternatives.append(in_places(places, source.directory_path))
        else:
            alternatives.append(_in_directories(f"{plus}{files}.directory_id IN", places))
    if selection.files:
        # As literals: there may be more of them than SQLite allows parameters.
        ids = ", ".join(map(str, selection.files))
        alternatives.append(Condition(f"{files}.id IN ({ids})"))
    if alternatives:
        yield any_of(alternatives)
    if selection.without:
        # There is never an index for NOT IN.
        yield _in_directories(f"+{files}.directory_id NOT IN", selection.without)
    if selection.statuses:
        yield _has_status(f"{files}.scan_status", selection.statuses)
    if selection.kinds:
        yield one_of(f"{plus}{files}.kind", selection.kinds)
    if selection.extensions:
        yield one_of(f"{files}.extension", selection.extensions)
    if selection.least_bytes > 0:
        yield Condition(f"{files}.size_bytes >= ?", (selection.least_bytes,))
    if selection.changed_since is not None:
        since = selection.changed_since
        yield Condition(f"({files}.scanned_at >= ? OR {files}.missing_since >= ?)", (since, since))
    # With places, usually only a few files of the library are selected.
    yield from media_conditions(selection.media, files, of_few=bool(selection.places))


def _in_directories(column_and_operator: str, places: Iterable[bytes]) -> Condition:
    there = in_places(places, "path")
    sql = f"{column_and_operator} (SELECT id FROM directories WHERE {there.sql})"
    return Condition(sql, there.parameters)


def _has_status(column: str, statuses: Sequence[str]) -> Condition:
    # As literals: a query can use the index on one status only if it names that status.
    return any_of(Condition(f"{column} = '{status}'") for status in STATUSES if status in statuses)

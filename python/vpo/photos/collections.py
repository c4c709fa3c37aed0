"""Photo collections: names that photographers give to the places where their photos are."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from vpo.base import times
from vpo.base.errors import (
    CollectionExistsError,
    CollectionInUseError,
    CollectionNotFoundError,
    CollectionUnreachableError,
    CollectionValueError,
)
from vpo.base.paths import display, from_stored, real_path, to_json, to_stored
from vpo.db.library import Library
from vpo.db.photos import collections as table
from vpo.db.photos import listing
from vpo.db.photos.collections import CollectionFilter, CollectionRow, CollectionStats
from vpo.jobs.recovery import settle_dead_jobs
from vpo.places.patience import answers

__all__ = ["MOST_LIFETIME_SECONDS", "STATES", "CollectionFilter", "CollectionStats"]

STATES = ("LIVE", "CLOSED", "ARCHIVED")

# For how long what is known of the files counts as new, where the collection does not say.
_LIFETIMES = {"LIVE": 3600, "CLOSED": 86_400, "ARCHIVED": 604_800}
MOST_LIFETIME_SECONDS = 604_800

_MOST_NAME, _MOST_LOCATION = 255, 1024


class Collection(NamedTuple):
    """A collection, as it is recorded."""

    row: CollectionRow

    @property
    def id(self) -> int:
        """Its number."""
        return self.row.id

    @property
    def name(self) -> str:
        """Its name."""
        return self.row.name

    @property
    def place(self) -> bytes:
        """The directory of a local collection."""
        return from_stored(self.row.location)

    @property
    def lifetime_seconds(self) -> int:
        """How old a listing of its files may be, in seconds, before it is made again."""
        if self.row.cache_ttl is not None:
            return self.row.cache_ttl
        return _LIFETIMES[self.row.state]

    @property
    def is_always_looked_at(self) -> bool:
        """Whether its files are looked at for each analysis.

        On a disk of this machine that costs little, unless the collection is said to rest.
        """
        return self.row.type == "LOCAL" and self.row.state == "LIVE" and self.row.cache_ttl is None

    @property
    def has_fresh_listing(self) -> bool:
        """Whether its files were looked at so recently that they need not be looked at again."""
        if self.row.listed_at is None or self.is_always_looked_at:
            return False
        age = times.now() - times.from_text(self.row.listed_at)
        return 0 <= age.total_seconds() <= self.lifetime_seconds

    def to_dict(self) -> dict[str, Any]:
        """The collection as JSON."""
        shown: dict[str, Any] = self.row._asdict()
        shown |= to_json(shown.pop("location"), "location")
        metadata = shown.pop("metadata_json")
        shown["metadata"] = None if metadata is None else orjson.loads(metadata)
        shown["is_accessible"] = bool(shown["is_accessible"])
        return shown


class NewCollection(NamedTuple):
    """What the user gives to add a collection."""

    name: str
    location: bytes
    state: str = "LIVE"
    cache_ttl: int | None = None
    """In seconds; None: by the state."""


def add(library: Library, new: NewCollection) -> Collection:
    """Adds a collection of files on this machine. It is added even if nothing can be read there.

    Raises CollectionValueError, CollectionExistsError.
    """
    values: dict[str, Any] = {
        "name": _checked_name(new.name),
        "type": "LOCAL",
        "state": new.state,
        "cache_ttl": _checked_lifetime(new.cache_ttl),
        **_at(new.location),
    }
    with library.transaction() as connection:
        _check_name_is_free(connection, new.name)
        table.add(connection, values)
    return find(library, new.name)


def find(library: Library, name: str) -> Collection:
    """The collection with this name or, if none has it, with this id.

    Raises CollectionNotFoundError.
    """
    with library.reading() as connection:
        row = table.find(connection, name)
        if row is not None:
            return Collection(row)
        known = [each.name for each in table.find_all(connection, CollectionFilter())]
    raise CollectionNotFoundError(
        f"There is no collection `{name}`",
        hint=f"The collections are: {', '.join(sorted(known)[:20])}."
        if known
        else "Add one with `vpo collections add NAME DIRECTORY`.",
        collections=sorted(known)[:20],
    )


def find_all(library: Library, wanted: CollectionFilter) -> list[Collection]:
    """The collections that fit, the newest first."""
    with library.reading() as connection:
        return [Collection(row) for row in table.find_all(connection, wanted)]


def update(library: Library, name: str, changes: Mapping[str, Any]) -> Collection:
    """Changes a collection: some of `name`, `location` (bytes), `state` and `cache_ttl`.

    What is known of its files counts as old after a change of state or place.

    Raises CollectionNotFoundError, CollectionValueError, CollectionExistsError.
    """
    collection = find(library, name)
    values: dict[str, Any] = dict(changes)
    if "name" in values:
        _checked_name(values["name"])
    if "cache_ttl" in values:
        _checked_lifetime(values["cache_ttl"])
    if "location" in values:
        values |= _at(values["location"])
    if {"location", "state"} & values.keys():
        values["listed_at"] = None
    if values:
        with library.transaction() as connection:
            if values.get("name", collection.name) != collection.name:
                _check_name_is_free(connection, values["name"])
            table.update(connection, collection.id, values)
    return find(library, str(collection.id) if "name" not in values else values["name"])


def delete(library: Library, name: str, *, force: bool) -> tuple[Collection, int]:
    """Deletes a collection, and with `force` also its results. The files stay as they are.

    Returns what was deleted, and the number of results.

    Raises CollectionNotFoundError, CollectionInUseError.
    """
    collection = find(library, name)
    with library.transaction() as connection:
        for job in settle_dead_jobs(connection):
            if job.job_type == "analyze" and job.file_path == collection.row.location:
                raise CollectionInUseError(
                    f"The collection `{collection.name}` is being analysed (job {job.id[:8]})",
                    hint="Wait until the job has ended, or stop it with `vpo jobs cancel`.",
                )
        results = table.count_results(connection, collection.id)
        if results and not force:
            noun = "result" if results == 1 else "results"
            raise CollectionInUseError(
                f"The collection `{collection.name}` has {results:,} {noun} of analyses",
                hint="`--force` deletes them as well.",
                results=results,
            )
        table.delete(connection, collection.id)
    return collection, results


def test(library: Library, name: str) -> Collection:
    """Looks whether the files of a collection can be reached, and records it.

    Raises CollectionNotFoundError.
    """
    collection = find(library, name)
    problem = _problem_at(collection.place)
    with library.transaction() as connection:
        table.update(
            connection,
            collection.id,
            {"is_accessible": int(problem is None), "last_error": problem},
        )
    return find(library, str(collection.id))


def reachable(library: Library, name: str) -> Collection:
    """The collection, if its files can be reached now.

    Raises CollectionNotFoundError, CollectionUnreachableError.
    """
    collection = test(library, name)
    if collection.row.is_accessible:
        return collection
    raise CollectionUnreachableError(
        f"The files of the collection `{collection.name}` cannot be reached:"
        f" {collection.row.last_error}",
        hint="Connect the disk, or correct the place with"
        f" `vpo collections update {collection.name} --location DIRECTORY`.",
        collection=collection.name,
    )


def known_files(library: Library, collection: Collection) -> int:
    """How many files of a collection the catalogue knows, without missing ones."""
    with library.reading() as connection:
        return listing.count_files(connection, collection.place)


def stats(library: Library) -> CollectionStats:
    """Sums over all collections."""
    with library.reading() as connection:
        return table.stats(connection)


# -- Rules ---------------------------------------------------------------------------------


def _checked_name(name: str) -> str:
    if not 1 <= len(name) <= _MOST_NAME:
        raise CollectionValueError(
            f"The name of a collection has 1 to {_MOST_NAME} characters, and this one {len(name)}"
        )
    if any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in name):
        raise CollectionValueError("The name of a collection has no control characters")
    return name


def _checked_lifetime(seconds: int | None) -> int | None:
    if seconds is not None and not 0 <= seconds <= MOST_LIFETIME_SECONDS:
        raise CollectionValueError(
            f"The lifetime of a listing is 0 to {MOST_LIFETIME_SECONDS:,} seconds, not {seconds:,}"
        )
    return seconds


def _check_name_is_free(connection: sqlite3.Connection, name: str) -> None:
    known = table.find(connection, name)
    if known is not None and known.name == name:
        raise CollectionExistsError(
            f"A collection `{name}` exists already (in `{display(known.location)}`)",
            hint="Choose another name, or change it with `vpo collections update`.",
        )


def _at(location: bytes) -> dict[str, Any]:
    """The columns of a directory, and whether it can be read."""
    place = os.path.expanduser(location)
    place = real_path(place) if answers(place) else os.path.abspath(place)
    stored = to_stored(place)
    if not location or len(stored) > _MOST_LOCATION:
        raise CollectionValueError(
            f"The path of a collection has 1 to {_MOST_LOCATION:,} characters"
        )
    problem = _problem_at(place)
    return {
        "location": stored,
        "is_accessible": int(problem is None),
        "last_error": problem,
    }


def _problem_at(place: bytes) -> str | None:
    """Why the files in a directory cannot be looked at, None if they can."""
    shown = display(to_stored(place))
    if not answers(place):
        return f"`{shown}` does not answer"
    try:
        with os.scandir(place):
            return None
    except FileNotFoundError:
        return f"`{shown}` does not exist"
    except NotADirectoryError:
        return f"`{shown}` is not a directory"
    except OSError as error:
        return f"`{shown}` cannot be read: {error.strerror}"

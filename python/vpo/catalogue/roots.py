"""Roots for people: what the catalogue knows of each, and whether it is there."""

from __future__ import annotations

from dataclasses import dataclass

from vpo.base import times
from vpo.base.paths import StoredPath, is_within, to_json
from vpo.catalogue.status import RootStatus, read_status
from vpo.db.known_roots import KnownRoot, known_roots
from vpo.db.library import Library


@dataclass(frozen=True)
class ListedRoot:
    """A root of a list."""

    known: KnownRoot
    status: RootStatus
    within: StoredPath | None
    """The nearest root that it lies in."""

    @property
    def filesystem(self) -> str | None:
        """The kind of its file system when it was last scanned."""
        identity = self.known.identity
        return None if identity is None else identity.partition(":")[0]

    @property
    def files(self) -> int:
        """The number of its files that are not missing."""
        return sum(count for name, (count, _) in self.status.files.items() if name != "missing")

    @property
    def size_bytes(self) -> int:
        """The bytes of its files that are not missing."""
        return sum(size for name, (_, size) in self.status.files.items() if name != "missing")

    def to_dict(self) -> dict[str, object]:
        """The root as JSON."""
        from vpo.places.rules import from_json

        rules = self.known.rules_json
        within: dict[str, object] = {"within": None}
        if self.within is not None:
            within = {**to_json(self.within, "within")}
        return {
            **to_json(self.known.path),
            "state": self.status.state,
            "is_there": self.status.is_there,
            "files": {name: count for name, (count, _) in self.status.files.items()},
            "bytes": {name: size for name, (_, size) in self.status.files.items()},
            "added_at": times.with_z(self.known.added_at),
            "last_scan_at": times.with_z(self.known.last_scan_at),
            "last_job_id": self.known.last_job_id,
            "filesystem": self.filesystem,
            "filesystem_identity": self.known.identity,
            **within,
            "rules": None if rules is None else from_json(rules),
        }


def list_roots(library: Library) -> list[ListedRoot]:
    """All roots, sorted by path."""
    statuses = {root.path: root for root in read_status(library).roots}
    with library.reading() as connection:
        roots = known_roots(connection)
    return [
        ListedRoot(root, statuses[root.path], _within(root, roots))
        for root in roots
        # Another process may have changed the roots since.
        if root.path in statuses
    ]


def root_paths(library: Library) -> list[bytes]:
    """The paths of all roots."""
    with library.reading() as connection:
        return [root.place for root in known_roots(connection)]


def _within(root: KnownRoot, roots: list[KnownRoot]) -> StoredPath | None:
    above = [
        other for other in roots if other.place != root.place and is_within(root.place, other.place)
    ]
    nearest = max(above, key=lambda other: len(other.place), default=None)
    return None if nearest is None else nearest.path

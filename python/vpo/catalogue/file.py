"""Everything that the catalogue knows of one file."""

from __future__ import annotations

from dataclasses import dataclass

from vpo.base import times
from vpo.catalogue import lookup
from vpo.catalogue.damage import KnownDamage, read_damage
from vpo.catalogue.files import ListedFile
from vpo.catalogue.jobs import FileEvent, event_of
from vpo.catalogue.media import FileMedia, read_media
from vpo.db import files as file_table
from vpo.db import job_history
from vpo.db.library import Library
from vpo.db.stored_stat import inode_of

# Columns that only the view of one file shows.
_MORE_COLUMNS = ("inode", "verified_at")


@dataclass(frozen=True)
class FileDetails:
    """A file with its media, its damage and its history."""

    file: ListedFile
    inode: int | None
    is_symlink: bool
    verified_at: str | None
    damage: KnownDamage | None
    media: FileMedia
    events: list[FileEvent]
    """What jobs did to it, newest first."""

    def to_dict(self) -> dict[str, object]:
        """The file as JSON."""
        return {
            **self.file.to_dict(),
            "inode": self.inode,
            "is_symlink": self.is_symlink,
            "verified_at": self.verified_at,
            "damage": None if self.damage is None else self.damage.to_dict(),
            **self.media.to_dict(),
            "jobs": [event.to_dict() for event in self.events],
        }


def read_file(library: Library, path: bytes) -> FileDetails:
    """Everything about the file at a path.

    Raises FileNotInLibraryError if the catalogue does not know it.
    """
    with library.reading() as connection:
        found = lookup.find_file(connection, path)
        if found is None:
            raise lookup.unknown_file(path)
        *listed, inode, verified_at = file_table.columns_of(
            connection, found.id, (*ListedFile._fields, *_MORE_COLUMNS)
        )
        changes = job_history.changes_of_file(connection, found.id)
        return FileDetails(
            file=ListedFile._make(listed),
            inode=None if inode is None else inode_of(inode),
            is_symlink=found.is_symlink,
            verified_at=times.with_z(verified_at),
            damage=read_damage(connection, found.id),
            media=read_media(connection, found.id),
            events=[event_of(change) for change in changes],
        )

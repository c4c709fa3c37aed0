"""The media of a file (tracks, chapters, photo), for people and as JSON."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from vpo.db import media as media_table
from vpo.db.media import Chapter, Media, Photo, Track

__all__ = ["Chapter", "FileMedia", "Photo", "Track", "as_recorded", "read_media"]


class FileMedia(Media):
    """What is known of the content of a file. If it was never read, everything is empty."""

    __slots__ = ()

    def to_dict(self) -> dict[str, object]:
        """The media as JSON."""
        return {
            "duration_seconds": self.duration_seconds,
            "bit_rate": self.bit_rate,
            "prober": self.prober,
            "tags": self.tags,
            "tracks": [track._asdict() for track in self.tracks],
            "chapters": [chapter._asdict() for chapter in self.chapters],
            "photo": None if self.photo is None else self.photo._asdict(),
            "warnings": self.warnings,
        }


def read_media(connection: sqlite3.Connection, file_id: int) -> FileMedia:
    """What the catalogue knows of the content of a file."""
    return FileMedia(*(media_table.media_of(connection, file_id) or ()))


def as_recorded(media: Mapping[str, Any], prober: str) -> FileMedia:
    """Media (as `vpo.media.model.Media`) as they would be read from the catalogue."""
    return FileMedia(*media_table.as_recorded(media, prober))

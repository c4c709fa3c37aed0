"""Libraries with contents: what introspection finds, recorded without any media."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from support import Tree, Vpo
from vpo.db import file_facts
from vpo.media.model import empty_photo, empty_track


def video(codec: str = "h264", width: int = 1920, height: int = 1080, **facts: Any) -> Any:
    """A video track."""
    track = {**empty_track(0, "video"), "codec": codec, "width": width, "height": height}
    return {**track, "hdr": "SDR", **facts}


def audio(codec: str = "aac", language: str = "und") -> Any:
    """A track of sound."""
    return {**empty_track(0, "audio"), "codec": codec, "language": language}


def subtitle(language: str = "und") -> Any:
    """A track of subtitles."""
    return {**empty_track(0, "subtitle"), "codec": "subrip", "language": language}


def cover() -> Any:
    """A picture that is attached."""
    return {**empty_track(0, "attachment"), "codec": "mjpeg", "width": 1920, "height": 1080}


def film(*tracks: Any, container: str = "matroska", **facts: Any) -> dict[str, Any]:
    """What is in a film or a song."""
    numbered = [{**track, "index": number} for number, track in enumerate(tracks)]
    return {"container": container, "tracks": numbered, **facts}


def photo(container: str = "jpeg", **facts: Any) -> dict[str, Any]:
    """What is in a photo."""
    return {"container": container, "photo": {**empty_photo(), **facts}}


def fill(vpo: Vpo, tree: Tree, contents: Mapping[str, Mapping[str, Any] | None]) -> None:
    """Makes and scans files, each of a size of its own, and records their contents.

    Those with None stay unread.
    """
    for number, name in enumerate(contents):
        tree.write(name, b"x" * (number + 1))
    vpo.scan(tree.root)
    with vpo.sql() as connection:
        ids = dict(connection.execute("SELECT path, id FROM library_files").fetchall())
        file_facts.record_introspected(
            connection,
            [
                file_facts.Introspected(ids[f"{tree.root}/{name}"], found, "native")
                for name, found in contents.items()
                if found is not None
            ],
        )

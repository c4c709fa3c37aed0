"""Cameras that the photos of the library suggest for the settings.

Names of photos begin with the ID of a camera, and the photos say by which camera they are. The
catalogue does not have serial numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from vpo.db.library import Library
from vpo.db.photos import settings as table
from vpo.db.photos.settings import CameraCount
from vpo.photos.settings_rules import MAX_TEXT, SettingKey
from vpo.photos.settings_store import BY_HAND, keep_value, kept_in


class Suggestion(NamedTuple):
    """A camera for an ID."""

    camera_id: str
    name: str
    """Make and model of the camera of most of these photos."""
    files: int
    """The number of these photos."""
    others: list[tuple[str, int]]
    """Other cameras of photos with this ID, and the numbers of their photos."""
    is_set: bool
    """Whether the settings have a camera with this ID already."""

    def to_dict(self) -> dict[str, object]:
        """The suggestion as JSON."""
        return {
            "camera_id": self.camera_id,
            "name": self.name,
            "serial_number": "",
            "files": self.files,
            "others": [{"name": name, "files": files} for name, files in self.others],
            "is_set": self.is_set,
        }


def suggest(library: Library) -> list[Suggestion]:
    """The cameras of all IDs that names of photos begin with, sorted by ID."""
    with library.snapshot() as connection:
        counts = table.cameras_of_names(connection)
        kept = kept_in(connection).values
    return [
        _suggestion(camera_id, cameras, is_set=SettingKey("cameras", camera_id) in kept)
        for camera_id, cameras in groupby(counts, key=lambda each: each.camera_id)
    ]


def save(library: Library, suggestions: Iterable[Suggestion]) -> list[Suggestion]:
    """Sets the cameras that are not set yet, and returns them."""
    with library.transaction() as connection:
        kept = kept_in(connection)
        added = [
            each
            for each in suggestions
            if SettingKey("cameras", each.camera_id) not in kept.values
            and ("cameras", each.camera_id) not in kept.problems
        ]
        for each in added:
            camera = {"name": each.name, "serial_number": ""}
            keep_value(connection, SettingKey("cameras", each.camera_id), camera, BY_HAND)
    return added


def _suggestion(camera_id: str, cameras: Iterable[CameraCount], *, is_set: bool) -> Suggestion:
    names: dict[str, int] = {}
    for each in cameras:
        name = _name(each.make, each.model)
        names[name] = names.get(name, 0) + each.files
    (name, files), *others = sorted(names.items(), key=lambda item: (-item[1], item[0]))
    return Suggestion(camera_id, name, files, others, is_set)


def _name(make: str, model: str) -> str:
    """Make and model as one name. Many models begin with the make."""
    make, model = " ".join(make.split()), " ".join(model.split())
    brand = make.partition(" ")[0].lower()
    if make and not model.lower().startswith(brand):
        model = f"{make} {model}"
    return model.strip()[:MAX_TEXT] or "Unknown camera"

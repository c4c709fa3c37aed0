"""What the analyses of photo collections share: the files, the settings, the findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from vpo.base.paths import StoredPath

Tell = Callable[[str, float, int], None]
"""Told by an analysis as it goes on: its stage, the percentage done, the files so far."""


class FilesOfDirectory(NamedTuple):
    """The files of one directory, in the byte order of their names."""

    directory: int
    """Its place in `Listing.directories`."""
    names: Sequence[StoredPath]
    sizes: Sequence[int]
    """In bytes, in the order of the names."""


class Listing(Protocol):
    """The files of a collection, directory by directory. It can be iterated several times."""

    @property
    def directories(self) -> Sequence[StoredPath]:
        """The directories in byte order, relative to the collection, which itself is `""`."""

    @property
    def files(self) -> int:
        """About the number of files, to tell how far the work is."""

    def __iter__(self) -> Iterator[FilesOfDirectory]:
        """The directories that have files."""


class Camera(NamedTuple):
    """A camera in the settings."""

    name: str
    serial_number: str = ""


@dataclass(frozen=True)
class PhotoSettings:
    """The settings that an analysis needs.

    Extensions are in lower case and begin with a dot.
    """

    photo_extensions: tuple[str, ...] = (".dng", ".tiff", ".tif", ".cr3")
    metadata_extensions: tuple[str, ...] = (".xmp",)
    require_sidecar: tuple[str, ...] = (".cr3",)
    """The extensions of images that must have a sidecar."""
    cameras: Mapping[str, Camera] = field(default_factory=dict)
    """By the four characters that file names begin with."""
    processing_methods: Mapping[str, str] = field(default_factory=dict)
    """The description of each method, by its code in file names."""


class Statistics(NamedTuple):
    """What an analysis finds out about a collection. None: this analysis does not say."""

    storage_used: int | None = None
    """In bytes."""
    file_count: int | None = None
    image_group_count: int | None = None
    image_count: int | None = None


class Findings(NamedTuple):
    """What an analysis found."""

    results: dict[str, Any]
    """As JSON. Lists may be long."""
    files_scanned: int
    issues_found: int
    statistics: Statistics

"""photostats: how many files of each type a collection has, and which lack their counterpart."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any

from vpo.base.paths import StoredPath, join, text, to_json
from vpo.photos.model import FilesOfDirectory, Findings, Listing, PhotoSettings, Statistics, Tell
from vpo.photos.sidecars import comparable, images_of_sidecars

if TYPE_CHECKING:
    from vpo.photos.xmp import Reads

ORPHANED_SIDECARS = "orphaned_sidecars"
"""The key in `storage_by_type` of the sidecars without an image."""

_XMP = ".xmp"

_TOLD_EVERY = 20_000
"""Files from one report of progress to the next."""

_READ_AT_ONCE = 512
"""Sidecars. Ctrl-C has an effect after so many."""

_SHARE_OF_LISTING = 10.0
"""Percent of the work, if sidecars are read as well."""


def analyse(
    listing: Listing,
    settings: PhotoSettings,
    tell: Tell,
    *,
    reads: Reads | None = None,
    unreadable: int = 0,
) -> Findings:
    """Counts the files of a collection and looks for images and sidecars that lack each other.

    `reads` reads XMP sidecars; None: their metadata are left out. `unreadable` is the number of
    files and directories that the listing lacks because they could not be read.
    """
    begin = time.perf_counter()
    count = _Count(settings, keeps_sidecars=reads is not None)
    share = _SHARE_OF_LISTING if reads else 100.0
    seen = told = 0
    for files in listing:
        count.add(listing.directories[files.directory], files)
        seen += len(files.names)
        if seen - told >= _TOLD_EVERY:
            told = seen
            tell("analyzing", share * seen / max(listing.files, seen), seen)
    results = count.results()
    if reads:
        metadata, damaged, failed = _read(count.sidecars, reads, tell, seen)
        unreadable += failed
        results |= {"xmp_metadata": metadata, "xmp_unreadable": damaged}
    tell("analyzing", 100.0, seen)
    results |= {"unreadable": unreadable, "scan_time": round(time.perf_counter() - begin, 3)}
    files_counted, size = results["total_files"], results["total_size"]
    return Findings(
        results=results,
        files_scanned=files_counted,
        issues_found=len(count.orphaned_images) + len(count.orphaned_sidecars),
        statistics=Statistics(storage_used=size, file_count=files_counted),
    )


@dataclass(eq=False, slots=True)
class _Type:
    """Files with the same extension."""

    extension: str
    is_sidecar: bool
    needs_sidecar: bool
    rank: int
    """The image of lowest rank gets the bytes of a sidecar that several images share."""
    files: int = 0
    size: int = 0
    size_of_sidecars: int = 0


@dataclass(slots=True)
class _Count:
    """What is counted, one directory after the other."""

    settings: PhotoSettings
    keeps_sidecars: bool
    types: dict[str, _Type] = field(default_factory=dict)
    """By extension, as it stands in names."""
    orphaned_images: list[str] = field(default_factory=list)
    orphaned_sidecars: list[str] = field(default_factory=list)
    orphaned_size: int = 0
    pairs: int = 0
    sidecars: list[StoredPath] = field(default_factory=list)

    def __post_init__(self) -> None:
        needing = {extension.lower() for extension in self.settings.require_sidecar}
        photos = dict.fromkeys(it.lower() for it in self.settings.photo_extensions)
        for place, extension in enumerate(photos):
            needs = extension in needing
            rank = place if needs else place + len(photos)
            self.types[extension] = _Type(extension, False, needs, rank)
        for extension in dict.fromkeys(it.lower() for it in self.settings.metadata_extensions):
            self.types[extension] = _Type(extension, True, False, 2 * len(photos))

    def add(self, directory: StoredPath, files: FilesOfDirectory) -> None:
        """Counts the files of a directory."""
        names = comparable(files.names)
        sizes = files.sizes
        known = self.types.get
        images: list[int] = []
        image_types: list[_Type] = []
        sidecars: list[int] = []
        for place, name in enumerate(names):
            kind = known(name[name.rfind(".") :])
            if kind is None or name[0] == ".":
                kind = self._type_of(name)
                if kind is None:
                    continue
            kind.files += 1
            kind.size += sizes[place]
            if kind.is_sidecar:
                sidecars.append(place)
            else:
                images.append(place)
                image_types.append(kind)
        self._pair(directory, files, (images, image_types, sidecars), names)

    def _type_of(self, name: str) -> _Type | None:
        """The type of any file. The dots at the beginning of a name begin no extension."""
        _, dot, extension = name.lstrip(".").rpartition(".")
        if not dot:
            return None
        extension = dot + extension
        kind = self.types.get(extension) or self.types.get(extension.lower())
        if kind is not None:
            self.types[extension] = kind
        return kind

    def _pair(
        self,
        directory: StoredPath,
        files: FilesOfDirectory,
        places: tuple[list[int], list[_Type], list[int]],
        names: Sequence[str],
    ) -> None:
        images, types, sidecars = places
        image_names = [names[place] for place in images]
        has_sidecar = bytearray(len(images))
        owned = images_of_sidecars(image_names, [names[place] for place in sidecars])
        for place, owners in zip(sidecars, owned, strict=True):
            size = files.sizes[place]
            if not owners:
                self.orphaned_size += size
                self.orphaned_sidecars.append(text(join(directory, files.names[place])))
                continue
            for owner in owners:
                has_sidecar[owner] = 1
            first = types[owners[0]]
            for owner in owners:
                if types[owner].rank < first.rank:
                    first = types[owner]
            first.size_of_sidecars += size
        paired = compress(image_names, has_sidecar)
        self.pairs += len({name[: name.rfind(".")] for name in paired})
        for place, kind, has_one in zip(images, types, has_sidecar, strict=True):
            if kind.needs_sidecar and not has_one:
                self.orphaned_images.append(text(join(directory, files.names[place])))
        if self.keeps_sidecars:
            self.sidecars += [
                join(directory, files.names[place])
                for place in sidecars
                if names[place][-len(_XMP) :].lower() == _XMP
            ]

    def results(self) -> dict[str, Any]:
        """The counts under their keys."""
        # Several ways to write an extension share one type.
        types = list({id(kind): kind for kind in self.types.values()}.values())
        counted = [kind for kind in types if kind.files]
        storage = {
            kind.extension: kind.size + kind.size_of_sidecars
            for kind in counted
            if not kind.is_sidecar
        }
        return {
            "total_size": sum(kind.size for kind in counted),
            "total_files": sum(kind.files for kind in counted),
            "file_counts": {
                kind.extension: kind.files
                for kind in sorted(counted, key=lambda kind: kind.extension)
            },
            "orphaned_images": self.orphaned_images,
            "orphaned_xmp": self.orphaned_sidecars,
            "paired_count": self.pairs,
            "storage_by_type": storage | {ORPHANED_SIDECARS: self.orphaned_size},
        }


def _read(
    sidecars: Sequence[StoredPath], reads: Reads, tell: Tell, seen: int
) -> tuple[list[dict[str, Any]], int, int]:
    """The metadata of sidecars; how many contain none that is valid, and cannot be read."""
    metadata: list[dict[str, Any]] = []
    damaged = failed = 0
    for chunk, part in _chunks(sidecars):
        for result in reads(chunk):
            if result.tags is not None:
                metadata.append({**to_json(result.path, "file"), **result.tags})
            elif result.problem == "unreadable":
                failed += 1
            else:
                damaged += 1
        tell("analyzing", _SHARE_OF_LISTING + (100.0 - _SHARE_OF_LISTING) * part, seen)
    return metadata, damaged, failed


def _chunks(sidecars: Sequence[StoredPath]) -> Iterator[tuple[Sequence[StoredPath], float]]:
    """Parts of a sequence, each with the share of the whole that ends with it."""
    for begin in range(0, len(sidecars), _READ_AT_ONCE):
        chunk = sidecars[begin : begin + _READ_AT_ONCE]
        yield chunk, (begin + len(chunk)) / len(sidecars)

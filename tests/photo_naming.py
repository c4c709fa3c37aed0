"""A slow and obvious model of the rule for the names of photos, and of pairing; and listings."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vpo.base.paths import StoredPath, from_stored, to_stored
from vpo.photos.model import FilesOfDirectory, PhotoSettings

_UPPER = string.ascii_uppercase + string.digits
_ALNUM = string.ascii_letters + string.digits

# -- One name --------------------------------------------------------------------


def parts_of(name: str) -> tuple[str, str, str, tuple[str, ...], str] | None:
    """Camera, counter, separate image, methods in order, extension. None: not valid."""
    match = re.fullmatch(
        r"([A-Z0-9]{4})([0-9]{4})((?:-[A-Za-z0-9 _]+)*)(\.[A-Za-z0-9]+)", name, re.ASCII
    )
    if match is None or match[2] == "0000":
        return None
    properties = re.findall("-([^-]*)", match[3])
    if any(not each.strip() for each in properties):
        return None
    numbers = [at for at, each in enumerate(properties) if re.fullmatch("[0-9]+", each)]
    image = properties.pop(numbers[0]) if numbers else ""
    return match[1], match[2], image, tuple(properties), match[4]


def category_of(name: str) -> str | None:
    """Goes down the table of categories. None: valid."""
    stem = name[: name.rindex(".")] if "." in name else name
    camera, counter, rest = stem[:4], stem[4:8], stem[8:]
    checks = {
        "too_short": len(stem) < 4,
        "camera_case": any(each.islower() for each in camera),
        "camera_chars": any(each not in _UPPER for each in camera),
        "counter_digits": len(stem) < 8 or not all(each.isdigit() for each in counter),
        "counter_zero": counter == "0000",
        "counter_range": any(each not in string.digits for each in counter),
        "empty_property": "--" in stem or stem[-1:] == "-",
        "property_chars": rest != "" and not all(map(_is_property, _after_dashes(rest))),
        "extension": name == stem
        or not name[len(stem) + 1 :]
        or any(each not in _ALNUM for each in name[len(stem) + 1 :]),
    }
    return next((category for category, applies in checks.items() if applies), None)


def _after_dashes(rest: str) -> list[str]:
    return rest[1:].split("-") if rest[0] == "-" else [""]


def _is_property(text: str) -> bool:
    return text.strip() != "" and all(each in _ALNUM + " _" for each in text)


# -- A collection ----------------------------------------------------------------


class Files:
    """A listing of files that are given as paths."""

    def __init__(self, *paths: str | bytes) -> None:
        self._files: dict[bytes, list[bytes]] = {}
        for path in sorted({each.encode() if isinstance(each, str) else each for each in paths}):
            directory, _, name = path.rpartition(b"/")
            self._files.setdefault(directory, []).append(name)
        self.directories: Sequence[StoredPath] = [to_stored(each) for each in sorted(self._files)]
        self.files = sum(map(len, self._files.values()))

    def __iter__(self) -> Iterator[FilesOfDirectory]:
        for index, directory in enumerate(self.directories):
            names = [to_stored(each) for each in sorted(self._files[from_stored(directory)])]
            yield FilesOfDirectory(index, names, [1] * len(names))


def images_of(files: Files, settings: PhotoSettings) -> dict[tuple[str, str], dict[str, set[Any]]]:
    """By group and separate image: the photos, the sidecars, the others, each as path, methods
    and extension. Images without photos are among them.
    """
    images: dict[tuple[str, str], dict[str, set[Any]]] = {}
    for path, name in paths_of(files):
        if isinstance(name, bytes):
            continue
        parts = parts_of(name)
        kind = kind_of(name, settings)
        extension = name[name.rindex(".") :] if "." in name else ""
        if parts is None and kind == "sidecar":
            parts = parts_of(name[: -len(extension)])
        if parts is not None:
            camera, counter, image, methods, _ = parts
            kinds: dict[str, set[Any]] = {"photo": set(), "sidecar": set(), "other": set()}
            found = images.setdefault((camera + counter, image), kinds)
            found[kind].add((path, methods, extension))
    return images


def paths_of(files: Files) -> list[tuple[bytes, StoredPath]]:
    """The path and the name of each file."""
    return [
        (b"/".join(filter(None, map(from_stored, (files.directories[at], name)))), name)
        for at, names, _ in files
        for name in names
    ]


def kind_of(name: StoredPath, settings: PhotoSettings) -> str:
    """Whether a file is a photo, a sidecar or another file."""
    text = name if isinstance(name, str) else name.decode(errors="surrogateescape")
    extension = text[text.rindex(".") :].lower() if "." in text else None
    if extension in settings.photo_extensions:
        return "photo"
    return "sidecar" if extension in settings.metadata_extensions else "other"


def numbers_of(files: Files, settings: PhotoSettings) -> Mapping[str, Any]:
    """What pairing counts."""
    images = images_of(files, settings)
    real = {image: kinds for image, kinds in images.items() if kinds["photo"]}
    groups = {group for group, _ in real}
    photos_of = {
        group: sum(len(kinds["photo"]) for (each, _), kinds in real.items() if each == group)
        for group in groups
    }
    methods = {
        image: {each for _, of_file, _ in kinds["photo"] for each in of_file}
        for image, kinds in real.items()
    }
    return {
        "group_count": len(groups),
        "image_count": len(real),
        "cameras": {
            camera: (
                sum(group[:4] == camera for group, _ in real),
                sum(group[:4] == camera for group in groups),
            )
            for camera in {group[:4] for group in groups}
        },
        "methods": {
            method: sum(method in of_image for of_image in methods.values())
            for method in set().union(*methods.values())
        },
        "invalid": sorted(
            (path, category)
            for path, name in paths_of(files)
            if kind_of(name, settings) == "photo"
            and (category := category_of(_text(name))) is not None
        ),
        "most": max(photos_of.values(), default=0),
        "photos": sum(photos_of.values()),
        "sidecars": sum(len(kinds["sidecar"]) for kinds in real.values()),
        "unattached": sorted(
            path
            for kinds in images.values()
            if not kinds["photo"]
            for path, _, _ in kinds["sidecar"]
        ),
    }


def _text(name: StoredPath) -> str:
    return name if isinstance(name, str) else name.decode(errors="surrogateescape")

"""The analysis `photo_pairing`: which photos belong together, and which names break the rule.

`docs/photos/pairing.md` explains the rule and what is counted. The lists `invalid_files`,
`unattached_sidecars` and `groups` of the results are sequences that make their elements when
asked for (`Items`), because a large collection has hundreds of thousands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from vpo.base import paths
from vpo.base.paths import StoredPath
from vpo.photos import groups as grouping
from vpo.photos import names
from vpo.photos.groups import FileList, Form, Group, Groups, Kind
from vpo.photos.items import Items
from vpo.photos.model import Findings, Listing, PhotoSettings, Statistics, Tell

_STAGE = "analyzing"
# Reading the names takes most of the time.
_GROUPED_PERCENT = 80.0

_FEW_INVALID = 10
_NAMED_IN_WARNINGS = 5


def analyse(listing: Listing, settings: PhotoSettings, tell: Tell) -> Findings:
    """Groups the photos of a collection and counts."""

    def grouped(files: int) -> None:
        tell(_STAGE, _GROUPED_PERCENT * files / max(listing.files, 1), files)

    groups = grouping.group(listing, settings, grouped)
    tally = _Tally(groups)
    tell(_STAGE, 100.0, groups.files)
    return Findings(
        results=_results(listing, settings, groups, tally),
        files_scanned=groups.files,
        issues_found=len(groups.invalid),
        statistics=Statistics(
            image_group_count=len(groups.ids), image_count=tally.images_of_cameras.total()
        ),
    )


class _Tally:
    """What is counted, form by form."""

    def __init__(self, groups: Groups) -> None:
        self.groups_of_cameras: Counter[str] = Counter()
        self.images_of_cameras: Counter[str] = Counter()
        self.images_of_methods: Counter[str] = Counter()
        self.photos = 0
        self.most_photos = 0
        self.sidecars = 0
        self.unattached_sidecars = FileList()
        self.similar_images: list[str] = []
        """Groups with images such as `2` and `02`."""
        # Neighbours often have the same form.
        for (camera, form), run in groupby(groups.forms(), _camera_and_form):
            ids = [group_id for group_id, _ in run]
            if form.images:
                self._add(camera, form, ids)
            if form.unattached:
                for group_id in ids:
                    self._add_unattached(groups[group_id])

    def _add(self, camera: str, form: Form, ids: Sequence[str]) -> None:
        """Counts groups of one form."""
        number = len(ids)
        self.groups_of_cameras[camera] += number
        self.images_of_cameras[camera] += number * len(form.images)
        for image in form.images:
            for method in image.methods:
                self.images_of_methods[method] += number
        self.photos += number * form.photos
        self.most_photos = max(self.most_photos, form.photos)
        self.sidecars += number * form.sidecars
        if _has_similar_images(form):
            self.similar_images += ids

    def _add_unattached(self, group: Group) -> None:
        for file in group.form.unattached:
            if file.kind is Kind.SIDECAR:
                directory = group.directories[file.place]
                self.unattached_sidecars.append(directory, group.id + file.tail)


def _camera_and_form(group: tuple[str, Form]) -> tuple[str, Form]:
    group_id, form = group
    return group_id[: names.CAMERA_LENGTH], form


def _has_similar_images(form: Form) -> bool:
    """Whether two IDs are the same number with different zeros before it."""
    numbers = [image.id.lstrip("0") for image in form.images if image.id]
    return len(set(numbers)) < len(numbers)


def _results(
    listing: Listing, settings: PhotoSettings, groups: Groups, tally: _Tally
) -> dict[str, Any]:
    unknown_cameras = sorted(tally.groups_of_cameras.keys() - settings.cameras.keys())
    unknown_methods = sorted(tally.images_of_methods.keys() - settings.processing_methods.keys())
    group_count = len(groups.ids)
    return {
        "group_count": group_count,
        "image_count": tally.images_of_cameras.total(),
        "valid_files_count": tally.photos,
        "max_files_per_group": tally.most_photos,
        "avg_files_per_group": round(tally.photos / group_count, 2) if group_count else 0.0,
        "camera_usage": _camera_usage(settings, tally),
        "unknown_cameras": unknown_cameras,
        "method_usage": {
            method: {
                "description": settings.processing_methods.get(method, f"Unknown Method {method}"),
                "image_count": count,
            }
            for method, count in sorted(tally.images_of_methods.items())
        },
        "unknown_methods": unknown_methods,
        "invalid_files_count": len(groups.invalid),
        "invalid_by_category": _by_category(groups.invalid),
        "invalid_files": invalid_files(listing, groups),
        "sidecars": tally.sidecars,
        "unattached_sidecars": Items(
            len(tally.unattached_sidecars),
            lambda index: paths.to_json(_path(listing, *tally.unattached_sidecars[index])),
        ),
        "groups": Items(group_count, lambda index: _group(groups[groups.ids[index]])),
        "warnings": list(_warnings(groups, tally, unknown_cameras, unknown_methods)),
    }


def _camera_usage(settings: PhotoSettings, tally: _Tally) -> dict[str, Any]:
    usage = {}
    for camera, group_count in sorted(tally.groups_of_cameras.items()):
        known = settings.cameras.get(camera)
        usage[camera] = {
            "name": known.name if known else f"Unknown Camera {camera}",
            "serial_number": known.serial_number if known else "",
            "image_count": tally.images_of_cameras[camera],
            "group_count": group_count,
        }
    return usage


def _by_category(invalid: FileList) -> dict[str, int]:
    """How many files each category has, in the order of the categories."""
    counts = Counter(map(names.category_of, invalid.names))
    return {category: counts[category] for category in names.CATEGORIES if counts[category]}


def _path(listing: Listing, directory: int, name: StoredPath) -> StoredPath:
    return paths.join(listing.directories[directory], name)


def invalid_files(listing: Listing, groups: Groups) -> Items:
    """The photos whose names break the rule, with the reasons."""
    return Items(len(groups.invalid), lambda index: _invalid_file(listing, *groups.invalid[index]))


def _invalid_file(listing: Listing, directory: int, name: StoredPath) -> dict[str, Any]:
    rejected = names.parse(name)
    assert isinstance(rejected, names.Rejected)
    path = paths.to_json(_path(listing, directory, name))
    return {**path, "category": rejected.category, "reason": rejected.reason}


def _group(group: Group) -> dict[str, Any]:
    images = []
    for image in group.form.images:
        kinds = Counter(file.kind for file in image.files)
        images.append(
            {
                "image_id": image.id,
                "file_count": kinds[Kind.PHOTO],
                "sidecars": kinds[Kind.SIDECAR],
                "methods": list(image.methods),
            }
        )
    return {
        "group_id": group.id,
        "camera_id": group.id[: names.CAMERA_LENGTH],
        "counter": group.id[names.CAMERA_LENGTH :],
        "file_count": group.form.photos,
        "images": images,
    }


# -- Warnings --------------------------------------------------------------------


def _warnings(
    groups: Groups, tally: _Tally, unknown_cameras: Sequence[str], unknown_methods: Sequence[str]
) -> Iterable[dict[str, Any]]:
    """What a person should look at; each with a code, a level, a message and a number."""
    invalid = len(groups.invalid)
    if invalid:
        level = "high" if invalid > _FEW_INVALID else "low"
        yield _warning("invalid_names", invalid, "Photos whose names break the rule", level)
    if unknown_cameras:
        yield _warning(
            "unknown_cameras",
            len(unknown_cameras),
            f"Cameras that the settings do not describe: {_some(unknown_cameras)}",
        )
    if unknown_methods:
        yield _warning(
            "unknown_methods",
            len(unknown_methods),
            f"Processing methods that the settings do not describe: {_some(unknown_methods)}",
        )
    numbers = sorted(each for each in tally.images_of_methods if each.isdigit())
    if numbers:
        yield _warning(
            "numeric_methods",
            len(numbers),
            "Numbers that count as processing methods, because another number stands before them"
            f" in the name: {_some(numbers)}",
        )
    similar = _similar_methods(tally.images_of_methods)
    if similar:
        yield _warning(
            "similar_methods",
            len(similar),
            f"Processing methods that differ only in case, spaces or underscores: {_some(similar)}",
        )
    if tally.similar_images:
        yield _warning(
            "similar_images",
            len(tally.similar_images),
            "Groups with separate images that are the same number with different zeros, such as"
            f" 2 and 02: {_some(tally.similar_images)}",
        )
    if tally.unattached_sidecars:
        yield _warning(
            "unattached_sidecars",
            len(tally.unattached_sidecars),
            "Sidecars of images that have no photo",
        )


def _warning(code: str, count: int, message: str, level: str = "low") -> dict[str, Any]:
    return {"code": code, "level": level, "message": f"{message} ({count})", "count": count}


def _similar_methods(methods: Iterable[str]) -> list[str]:
    """Methods that look alike to people, such as `HDR / hdr`."""
    alike: dict[str, list[str]] = {}
    for method in sorted(methods):
        key = method.lower().replace(" ", "").replace("_", "")
        alike.setdefault(key or method, []).append(method)
    return [" / ".join(each) for each in alike.values() if len(each) > 1]


def _some(texts: Sequence[str]) -> str:
    """The first few of a list."""
    left = len(texts) - _NAMED_IN_WARNINGS
    shown = ", ".join(f"`{text}`" for text in texts[:_NAMED_IN_WARNINGS])
    return f"{shown} and {left} more" if left > 0 else shown

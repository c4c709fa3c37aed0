"""The elements of lists in results: which image or file each is about, and its status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STATUSES = ("CONSISTENT", "CONSISTENT-WITH-WARNING", "PARTIAL", "INCONSISTENT")
"""Of an image in a pipeline, the best first."""

_NAMES = ("image", "name", "id", "image_id")


def name_of(element: Any) -> str:
    """The path of the file, or the image, that an element is about."""
    if not isinstance(element, Mapping):
        return str(element)
    if "path" in element:
        return str(element["path"])
    if "group_id" in element and "image" not in element:
        # The ID of the first image of a group is empty.
        separate = element.get("image_id")
        return f"{element['group_id']}-{separate}" if separate else str(element["group_id"])
    return str(next((element[key] for key in _NAMES if key in element), ""))


def key_of(element: Any) -> str:
    """What tells an element from all others: its name, or bytes of a path that is not UTF-8."""
    if isinstance(element, Mapping) and "path_b64" in element:
        return str(element["path_b64"])
    return name_of(element)


def status_of(element: Any) -> str | None:
    """The status of an image, None if the element has none."""
    if not isinstance(element, Mapping):
        return None
    status = element.get("overall_status", element.get("status"))
    return None if status is None else str(status)


def texts_of(element: Any, key: str) -> list[str]:
    """The names in a list of an element."""
    found = element.get(key) if isinstance(element, Mapping) else None
    return [name_of(each) for each in found] if isinstance(found, list) else []

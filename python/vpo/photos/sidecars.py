"""Which images a sidecar belongs to. `docs/photos/photostats.md` describes the rule.

Both are in the same directory. `IMG_1.xmp` belongs to all images `IMG_1.*`, and `IMG_1.CR3.xmp`
to the image `IMG_1.CR3`. Images and sidecars that this leaves over are compared once more, without
regard to case.
"""

from __future__ import annotations

from collections.abc import Sequence

from vpo.base.paths import StoredPath

_NONE: tuple[int, ...] = ()


def comparable(names: Sequence[StoredPath]) -> Sequence[str]:
    """Names as `str`. Bytes that are not UTF-8 become lone surrogates, so names stay different."""
    if bytes not in set(map(type, names)):
        return names  # type: ignore[return-value]
    return [
        name if isinstance(name, str) else name.decode(errors="surrogateescape") for name in names
    ]


def images_of_sidecars(images: Sequence[str], sidecars: Sequence[str]) -> list[Sequence[int]]:
    """For each sidecar, the places of its images in `images`; nothing if it has none.

    All names are those of one directory, and have an extension.
    """
    found = _exactly(images, sidecars)
    lonely = [place for place, owned in enumerate(found) if not owned]
    if not lonely:
        return found
    taken = {image for owned in found for image in owned}
    if len(taken) == len(images):
        return found
    free = [place for place in range(len(images)) if place not in taken]
    again = _exactly(
        [images[place].casefold() for place in free],
        [sidecars[place].casefold() for place in lonely],
    )
    for place, owned in zip(lonely, again, strict=True):
        found[place] = [free[image] for image in owned]
    return found


def _exactly(images: Sequence[str], sidecars: Sequence[str]) -> list[Sequence[int]]:
    by_stem: dict[str, list[int]] = {}
    for place, name in enumerate(images):
        key = name[: name.rfind(".")]
        if key in by_stem:
            by_stem[key].append(place)
        else:
            by_stem[key] = [place]
    keys = [name[: name.rfind(".")] for name in sidecars]
    found: list[Sequence[int]] = [by_stem.get(key, _NONE) for key in keys]
    by_name: dict[str, list[int]] = {}
    if any("." in key for key in keys):
        for place, name in enumerate(images):
            by_name.setdefault(name, []).append(place)
    for place, key in enumerate(keys) if by_name else ():
        if key in by_name:
            found[place] = [*by_name[key], *found[place]]
    return found

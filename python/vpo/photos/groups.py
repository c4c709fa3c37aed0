"""The groups of a collection's photos, and the separate images of each group.

`group(listing, settings)` goes through a listing once and returns `Groups`. They give, in the
order of their ids, a `Group` for each camera and counter that has a photo:

    for group in groups:
        for image in group.form.images:                   # Image: id, methods, files
            for file in image.files:                      # File: kind, methods, extension
                directory = group.directories[file.place] # an index of listing.directories
                name = group.id + file.tail

A `Form` is a group without its id and its directories. Most groups of a collection have one of
a few forms. Evaluate each form once and remember the answer: forms are compared by identity.
If a collection has thousands of forms, a form may come again as another object.

Sidecars and other files belong to the image that their name says, and `NAME.EXT.xmp` belongs to
the image of `NAME.EXT`. If that image has no photo, they are in `Form.unattached`; go through
`Groups.including_unattached()` to find them all. Photos whose names break the rule are in
`Groups.invalid`. All other files are ignored.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import NamedTuple, overload

from vpo.base.paths import StoredPath
from vpo.photos import names
from vpo.photos.model import Listing, PhotoSettings

# If a collection has more of these, they are computed again.
_PROPERTIES_KEPT = 4_000
_KINDS_KEPT = 4_000
_FORMS_KEPT = 4_000

# Names of a directory that are taken apart together.
_BATCH = 10_000

_DIRECTORY_BITS = 32
_DIRECTORY = (1 << _DIRECTORY_BITS) - 1

# These take the names of a directory apart in C.
_head_of = itemgetter(slice(None, names.HEAD_LENGTH))
_tail_of = itemgetter(slice(names.HEAD_LENGTH, None))


class Kind(Enum):
    """What a file is, by its extension and the settings."""

    PHOTO = "photo"
    SIDECAR = "sidecar"
    """A metadata file."""
    OTHER = "other"
    """A file with any other extension whose name obeys the rule."""


class File(NamedTuple):
    """A file of a group, without the id of the group."""

    place: int
    """An index of `Group.directories`."""
    tail: str
    """The name behind camera and counter."""
    kind: Kind
    methods: tuple[str, ...]
    """In the order of the name, with repetitions."""
    extension: str
    """With its dot, in the case of the name. That of `NAME.EXT.xmp` is `.xmp`."""


class Image(NamedTuple):
    """A separate image: the files of a group that have the same ID. At least one is a photo."""

    id: str
    """Digits, or `""` for the base image."""
    methods: tuple[str, ...]
    """The methods of the photos, sorted, each once."""
    files: tuple[File, ...]
    """By place, then in the order of the listing."""


@dataclass(frozen=True, eq=False, slots=True)
class Form:
    """A group without its id and its directories. Forms are compared by identity."""

    images: tuple[Image, ...]
    """The base image first, then by number. None if the group has no photo."""
    unattached: tuple[File, ...]
    """Sidecars and other files of images without a photo."""
    photos: int
    """The number of photos in the group."""
    sidecars: int
    """The number of sidecars of its images."""


class Group(NamedTuple):
    """A group: the files that have a camera and a counter in common."""

    id: str
    """Camera and counter."""
    directories: tuple[int, ...]
    """Where its files are, as indexes of `Listing.directories`."""
    form: Form


class FileList(Sequence[tuple[int, StoredPath]]):
    """Files as directory (an index of `Listing.directories`) and name, held compactly."""

    def __init__(self) -> None:
        self._directories = array("L")
        self._names: list[StoredPath] = []

    def append(self, directory: int, name: StoredPath) -> None:
        """Adds a file."""
        self._directories.append(directory)
        self._names.append(name)

    @property
    def names(self) -> Sequence[StoredPath]:
        """The names without their directories."""
        return self._names

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> tuple[int, StoredPath]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[int, StoredPath]]: ...
    def __getitem__(
        self, index: int | slice
    ) -> tuple[int, StoredPath] | list[tuple[int, StoredPath]]:
        if isinstance(index, slice):
            return list(zip(self._directories[index], self._names[index], strict=True))
        return self._directories[index], self._names[index]

    def __iter__(self) -> Iterator[tuple[int, StoredPath]]:
        return zip(self._directories, self._names, strict=True)


class _Part(NamedTuple):
    """The files of a group in one directory, as tails of their names."""

    tails: tuple[str, ...]
    """Those that obey the rule."""
    photos: int
    invalid: tuple[str, ...]
    """Photos that do not."""


class Groups:
    """The groups of a collection, in the order of their ids. They can be gone through again."""

    def __init__(self, settings: PhotoSettings) -> None:
        self._settings = settings
        self._properties = lru_cache(_PROPERTIES_KEPT)(names.parse_properties)
        self._kind = lru_cache(_KINDS_KEPT)(self._kind_of)
        self._form = lru_cache(_FORMS_KEPT)(self._make_form)
        # Equal parts are held once.
        self._numbers: dict[tuple[str, ...], int] = {}
        self._parts: list[_Part] = []
        # Where a group is: the number of a part and a directory, in one integer. Few groups are
        # in several directories.
        self._places: dict[str, int] = {}
        self._more_places: dict[str, list[int]] = {}
        self._ids: list[str] | None = None
        self.invalid = FileList()
        """Photos whose names break the naming rule, in the order of the listing."""
        self.files = 0
        """The number of files that were looked at, of whatever kind."""

    @property
    def ids(self) -> Sequence[str]:
        """The ids of the groups that have a photo, sorted."""
        if self._ids is None:
            photos = [part.photos > 0 for part in self._parts]
            self._ids = [
                each
                for each, place in sorted(self._places.items())
                if photos[place >> _DIRECTORY_BITS]
                or any(photos[n >> _DIRECTORY_BITS] for n in self._more_places.get(each, ()))
            ]
        return self._ids

    def __iter__(self) -> Iterator[Group]:
        return map(self.__getitem__, self.ids)

    def __getitem__(self, group_id: str) -> Group:
        """A group by its id. Raises KeyError if no file belongs to it."""
        place = self._places[group_id]
        more = self._more_places.get(group_id)
        if more is None:
            form = self._form((place >> _DIRECTORY_BITS,))
            return Group(group_id, (place & _DIRECTORY,), form)
        places = (place, *more)
        form = self._form(tuple(each >> _DIRECTORY_BITS for each in places))
        return Group(group_id, tuple(each & _DIRECTORY for each in places), form)

    def including_unattached(self) -> Iterator[Group]:
        """The groups, and those that have sidecars or other files but no photo."""
        return map(self.__getitem__, sorted(self._places))

    def forms(self) -> Iterator[tuple[str, Form]]:
        """The ids and forms of what `including_unattached` gives, at less cost."""
        more_places = self._more_places
        for group_id, place in sorted(self._places.items()):
            parts: tuple[int, ...] = (place >> _DIRECTORY_BITS,)
            if group_id in more_places:
                parts += tuple([each >> _DIRECTORY_BITS for each in more_places[group_id]])
            yield group_id, self._form(parts)

    def add(self, directory: int, files: Sequence[StoredPath]) -> None:
        """Adds the files of a directory."""
        self._ids = None
        self.files += len(files)
        places, more_places = self._places, self._more_places
        numbers, parts = self._numbers, self._parts
        for start in range(0, len(files), _BATCH):
            batch = files[start : start + _BATCH]
            heads = list(map(_head_of, batch))
            tails = list(map(_tail_of, batch))
            heads.append("")
            # In byte order, the files of a group are neighbours.
            first = 0
            head = heads[0]
            for index, each in enumerate(heads):
                if each == head:
                    continue
                # Bytes, which are not UTF-8, are neither.
                if head in places or names.is_head(head):
                    run = tuple(tails[first:index])
                    number = numbers.get(run)
                    if number is None:
                        number = self._learn(run)
                    part = parts[number]
                    for tail in part.invalid:
                        self.invalid.append(directory, head + tail)
                    if part.tails:
                        place = number << _DIRECTORY_BITS | directory
                        # If the group is new, this is the same object.
                        if places.setdefault(head, place) is not place:
                            if head in more_places:
                                more_places[head].append(place)
                            else:
                                more_places[head] = [place]
                else:
                    self._add_without_group(directory, batch[first:index])
                first = index
                head = each

    def _add_without_group(self, directory: int, files: Sequence[StoredPath]) -> None:
        """Adds files whose names do not begin with camera and counter, or are not UTF-8."""
        for name in files:
            text = names.as_text(name)
            if self._kind(text[text.rfind(".") :]) is Kind.PHOTO:
                self.invalid.append(directory, name)

    def _learn(self, tails: tuple[str, ...]) -> int:
        """The number of a part that was not seen before."""
        valid = []
        invalid = []
        photos = 0
        for tail in tails:
            kind = self._kind(tail[tail.rfind(".") :])
            if names.is_tail(tail):
                valid.append(tail)
                photos += kind is Kind.PHOTO
            elif kind is Kind.PHOTO:
                invalid.append(tail)
            elif kind is Kind.SIDECAR and names.is_tail(tail[: tail.rindex(".")]):
                valid.append(tail)
        number = self._numbers[tails] = len(self._parts)
        kept = tails if len(valid) == len(tails) else tuple(valid)
        self._parts.append(_Part(kept, photos, tuple(invalid)))
        return number

    def _make_form(self, numbers: tuple[int, ...]) -> Form:
        """The form of a group that consists of these parts."""
        of_image: dict[str, list[File]] = {}
        for place, number in enumerate(numbers):
            for tail in self._parts[number].tails:
                properties, _, extension = tail.rpartition(".")
                # `NAME.EXT.xmp` belongs to NAME.
                image, methods = self._properties(properties.partition(".")[0])
                extension = f".{extension}"
                file = File(place, tail, self._kind(extension), methods, extension)
                of_image.setdefault(image, []).append(file)
        images = []
        unattached: list[File] = []
        for image in sorted(of_image, key=_by_number) if len(of_image) > 1 else of_image:
            files = of_image[image]
            photos = [file.methods for file in files if file.kind is Kind.PHOTO]
            if photos:
                methods = tuple(sorted(set(chain.from_iterable(photos))))
                images.append(Image(image, methods, tuple(files)))
            else:
                unattached += files
        return Form(
            tuple(images),
            tuple(unattached),
            sum(self._parts[number].photos for number in numbers),
            sum(file.kind is Kind.SIDECAR for image in images for file in image.files),
        )

    def _kind_of(self, extension: str) -> Kind:
        """The kind of a file. A text that does not begin with a dot is no extension."""
        lowered = extension.lower()
        if lowered in self._settings.photo_extensions:
            return Kind.PHOTO
        return Kind.SIDECAR if lowered in self._settings.metadata_extensions else Kind.OTHER


def group(
    listing: Listing, settings: PhotoSettings, progress: Callable[[int], None] = lambda _: None
) -> Groups:
    """The groups of a collection's photos. `progress` gets the number of files so far."""
    groups = Groups(settings)
    step = max(listing.files // 100, 1)
    due = step
    for directory, files, _ in listing:
        groups.add(directory, files)
        if groups.files >= due:
            progress(groups.files)
            due = groups.files + step
    return groups


def _by_number(image: str) -> tuple[int, str, str]:
    """The order of images: by number, however many digits it has. `2` comes after `02`."""
    number = image.lstrip("0")
    return len(number), number, image

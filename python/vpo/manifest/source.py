"""What an import reads: a manifest file, or the manifests of a bag."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from vpo._engine import Roots
from vpo.base.errors import DirectoryNotFoundError, ManifestError, UsageError
from vpo.base.paths import absolute, display, real_path, to_stored
from vpo.manifest.bag import DECLARATION, Bag, is_bag, open_bag
from vpo.manifest.detection import format_by_files, possible_formats
from vpo.manifest.formats import BAGIT, FORMATS
from vpo.manifest.lines import ManifestLines
from vpo.manifest.reader import ListedFile, ManifestReader
from vpo.manifest.request import ImportOptions


@dataclass
class ManifestSource:
    """A manifest file, or the manifests of a bag's payload."""

    format: str
    manifests: list[ManifestReader]
    bag: Bag | None = None


def locate(manifest: bytes, directory: bytes | None, options: ImportOptions) -> tuple[bytes, bytes]:
    """The absolute path of a manifest, and the directory that its names are relative to.

    A bag is given by its directory or its `bagit.txt`. Raises ManifestError, UsageError or
    DirectoryNotFoundError if the arguments do not fit together.
    """
    manifest = absolute(manifest)
    if os.path.basename(manifest) == DECLARATION and not os.path.isdir(manifest):
        manifest = os.path.dirname(manifest)
    shown = display(to_stored(manifest))
    as_bag = os.path.isdir(manifest)
    if as_bag and not is_bag(manifest):
        raise ManifestError(
            f"`{shown}` is a directory, but not a BagIt bag",
            hint="Name a manifest file, or a directory that contains a `bagit.txt`.",
        )
    if as_bag and options.format not in (None, BAGIT):
        raise ManifestError(
            f"`{shown}` is a BagIt bag, so its format cannot be {options.format}",
            hint="Leave out `--format`.",
        )
    if not as_bag and options.format == BAGIT:
        raise ManifestError(
            f"`{shown}` is not a BagIt bag",
            hint="Name the directory of the bag, or choose another `--format`.",
        )
    if directory is None:
        return manifest, manifest if as_bag else os.path.dirname(manifest)
    if not os.path.isdir(directory):
        raise DirectoryNotFoundError(
            f"There is no directory `{display(to_stored(directory))}`",
            hint="`--root` takes the directory that the names in the manifest are relative to.",
        )
    if not as_bag:
        return manifest, absolute(directory)
    if real_path(directory) != real_path(manifest):
        raise UsageError(
            f"The names in a bag are relative to the bag itself, `{shown}`; leave out `--root`"
        )
    return manifest, manifest


@contextmanager
def open_source(
    manifest: bytes,
    directory: bytes,
    options: ImportOptions,
    roots: Roots,
    check_stop: Callable[[], None],
) -> Iterator[ManifestSource]:
    """Opens what `locate` returned. `roots` is where the files that it lists are opened.

    Raises ManifestError if it cannot be read, and what `check_stop` raises.
    """
    with ExitStack() as closing:
        if os.path.isdir(manifest):
            bag = open_bag(manifest, roots, options.encoding)
            closing.callback(bag.close)
            yield ManifestSource(BAGIT, bag.payload, bag)
            return
        lines = ManifestLines(manifest, options.encoding)
        closing.callback(lines.close)
        form = options.format or _detected_format(lines, directory, roots, check_stop)
        reader = ManifestReader(lines, FORMATS[form].new_parser)
        reader.backslashes_separate = options.backslashes == "separator" or (
            options.backslashes == "auto"
            and lines.contains(b"\\")
            and reader.has_windows_separators(directory)
        )
        yield ManifestSource(form, [reader])


def _detected_format(
    lines: ManifestLines, directory: bytes, roots: Roots, check_stop: Callable[[], None]
) -> str:
    formats = possible_formats((line for _, _, line in lines.numbered()), lines.path)
    if len(formats) == 1:
        return formats[0]
    entries = ManifestReader(lines, FORMATS[formats[0]].new_parser).entries()
    listed = (item for item in entries if isinstance(item, ListedFile))
    found = format_by_files(formats, listed, directory, roots, check_stop)
    if found is None:
        raise ManifestError(
            f"Cannot tell whether `{display(to_stored(lines.path))}` has the format"
            f" {' or '.join(formats)}: the digests look the same, and none of the files that vpo"
            " tried matches",
            hint=f"Choose with {' or '.join(f'`--format {name}`' for name in formats)}.",
        )
    return found

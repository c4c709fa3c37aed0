"""Finds the files that a manifest should list and does not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vpo._engine import Roots
from vpo.base.paths import display, to_stored
from vpo.manifest.bag import INFO, PAYLOAD, Bag
from vpo.manifest.results import ImportResult, ManifestMismatch
from vpo.manifest.source import ManifestSource


def note_unlisted_files(
    source: ManifestSource, result: ImportResult, roots: Roots, check_stop: Callable[[], None]
) -> None:
    """Notes the files below the directory (of a bag: in its payload) that are not listed.

    Of a bag, the number and the size of all files are compared with its `Payload-Oxum`.
    """
    bag, root = source.bag, result.directory
    directory = root if bag is None else os.path.join(root, PAYLOAD.rstrip(b"/"))
    size_bytes = count = 0
    for name, size in _files_below(directory, root, roots, result):
        size_bytes += size
        count += 1
        check_stop()
        if bag is not None:
            missing_from = bag.manifests_without(name)
        elif os.path.join(root, name) == result.manifest or source.manifests[0].finds_any(name):
            continue
        else:
            missing_from = [b"the manifest"]
        if missing_from:
            where = ", ".join(display(to_stored(each)) for each in missing_from)
            path = to_stored(os.path.join(root, name))
            result.note(ManifestMismatch(path, "extra", f"is not in {where}"))
    if bag is not None:
        _compare_oxum(bag, (size_bytes, count), result)


def _compare_oxum(bag: Bag, found: tuple[int, int], result: ImportResult) -> None:
    if bag.oxum is None or bag.oxum == found:
        return
    message = (
        f"differs: its Payload-Oxum is {bag.oxum[0]:,} bytes in {bag.oxum[1]:,} files,"
        f" but `data/` holds {found[0]:,} bytes in {found[1]:,} files"
    )
    path = to_stored(os.path.join(bag.path, INFO))
    result.note(ManifestMismatch(path, "differing", message))


def _files_below(
    directory: bytes, root: bytes, roots: Roots, result: ImportResult
) -> Iterator[tuple[bytes, int]]:
    """The name relative to `root`, and the size in bytes, of each file below `directory`.

    Links to directories are not followed. Directories that cannot be listed are noted.
    """

    def note(path: bytes, error: OSError) -> None:
        message = f"cannot be examined: {error.strerror}"
        result.note(ManifestMismatch(to_stored(path), "unreadable", message, None, error.errno))

    waiting = [directory]
    while waiting:
        current = waiting.pop()
        below = []
        try:
            with _listed(current, roots) as found:
                for entry in found:
                    path = os.path.join(current, os.fsencode(entry.name))
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            below.append(path)
                        elif entry.is_file():
                            yield path[len(root.rstrip(b"/")) + 1 :], entry.stat().st_size
                    except OSError as error:
                        note(path, error)
        except OSError as error:
            note(current, error)
        waiting += reversed(below)


@contextmanager
def _listed(directory: bytes, roots: Roots) -> Iterator[list[os.DirEntry[str]]]:
    """The entries of a directory by name. They can be looked at until it is closed."""
    descriptor = roots.open_directory(directory)
    try:
        with os.scandir(descriptor) as entries:
            found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        yield found
    finally:
        os.close(descriptor)

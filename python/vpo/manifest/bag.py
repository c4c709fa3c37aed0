"""A BagIt bag on disk: its manifests, and what must agree with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from vpo._engine import Roots
from vpo.base.errors import ManifestError
from vpo.base.paths import display, to_stored
from vpo.manifest import bagit_text
from vpo.manifest.bagit_text import ALGORITHM_OF_NAME, BagManifestParser, FetchParser
from vpo.manifest.entries import LineError, shortened
from vpo.manifest.lines import ManifestLines
from vpo.manifest.reader import ManifestReader, RefusedLine
from vpo.manifest.results import ManifestMismatch

DECLARATION = b"bagit.txt"
INFO = b"bag-info.txt"
FETCH = b"fetch.txt"
PAYLOAD = b"data/"

_VERSIONS = ("0.93", "0.94", "0.95", "0.96", "0.97", "1.0")


@dataclass
class Bag:
    """An open bag. Close it."""

    path: bytes
    roots: Roots
    """Where its files are opened."""
    version: str = "1.0"
    payload: list[ManifestReader] = field(default_factory=list)
    """The manifests of the files below `data/`."""
    tags: list[ManifestReader] = field(default_factory=list)
    """The manifests of the other files."""
    fetch: ManifestReader | None = None
    """The list of files that are to be downloaded."""
    oxum: tuple[int, int] | None = None
    """The bytes and files of the payload, according to `bag-info.txt`."""
    mismatches: list[ManifestMismatch] = field(default_factory=list)
    """What is wrong with the bag itself, before its files are checked."""
    warnings: list[str] = field(default_factory=list)

    def _readers(self) -> list[ManifestReader]:
        return [*self.payload, *self.tags, *([self.fetch] if self.fetch else [])]

    def close(self) -> None:
        """Closes its files."""
        for reader in self._readers():
            reader.close()

    def read(self, check_stop: Callable[[], None]) -> None:
        """Reads all manifests once."""
        for reader in self._readers():
            reader.read(check_stop)
        if self.fetch is not None:
            for item in self.fetch.entries():
                if isinstance(item, RefusedLine):
                    self._refuse(self.fetch, item.line, item.message)
                elif not any(each.find(item.name) for each in self.payload):
                    shown = display(to_stored(item.name))
                    self._refuse(self.fetch, item.line, f"`{shown}` is not in any manifest")

    def _refuse(self, reader: ManifestReader, line: int, message: str) -> None:
        self.mismatches.append(ManifestMismatch(to_stored(reader.path), "refused", message, line))

    def is_to_be_fetched(self, name: bytes) -> bool:
        """Whether `fetch.txt` lists a file."""
        return self.fetch is not None and self.fetch.find(name) is not None

    def manifests_without(self, name: bytes) -> list[bytes]:
        """The names of the manifests that should list a file of the payload, and do not."""
        # Programs that do not encode `%` write a name that means another one.
        names = name, bagit_text.decoded_name(name)
        without = [
            os.path.basename(each.path) for each in self.payload if not each.finds_any(*names)
        ]
        # Before version 1.0, one of the manifests was enough.
        is_enough = self.version.startswith("0.") and len(without) < len(self.payload)
        return [] if is_enough else without


def is_bag(path: bytes) -> bool:
    """Whether a directory is a bag."""
    return os.path.isfile(os.path.join(path, DECLARATION))


def open_bag(path: bytes, roots: Roots, encoding: str | None = None) -> Bag:
    """Opens a bag, without reading its manifests yet.

    Raises ManifestError if the bag cannot be read, or has no manifest that vpo can check.
    """
    bag = Bag(path, roots)
    try:
        encoding = encoding or _declared_encoding(bag)
        _open_manifests(bag, encoding)
        fetch = os.path.join(path, FETCH)
        if os.path.isfile(fetch):
            lines = ManifestLines(fetch, encoding, roots)
            bag.fetch = ManifestReader(lines, FetchParser, check_name=_check_payload)
        _read_info(bag, encoding)
    except OSError as error:
        bag.close()
        raise ManifestError(
            f"The bag `{display(to_stored(path))}` cannot be read: {error.strerror}"
        ) from error
    except BaseException:
        bag.close()
        raise
    if not bag.payload:
        raise ManifestError(
            f"The bag `{display(to_stored(path))}` has no manifest that vpo can check",
            hint="vpo reads `manifest-ALGORITHM.txt`, where ALGORITHM is one of"
            f" {', '.join(ALGORITHM_OF_NAME)}.",
        )
    return bag


def _open_manifests(bag: Bag, encoding: str | None) -> None:
    manifests = []
    for name in sorted(os.listdir(bag.path)):
        kind = bagit_text.parse_manifest_name(os.fsdecode(name))
        if kind is not None:
            manifests.append((name, *kind))
    for name, is_tag, algorithm_name in manifests:
        algorithm = ALGORITHM_OF_NAME.get(algorithm_name)
        if algorithm is None:
            bag.warnings.append(
                f"{os.fsdecode(name)} is not checked: vpo does not know the algorithm"
                f" {algorithm_name}"
            )
            continue
        lines = ManifestLines(os.path.join(bag.path, name), encoding, bag.roots)
        check_name = _check_tag if is_tag else _check_payload
        new_parser = partial(BagManifestParser, algorithm)
        reader = ManifestReader(lines, new_parser, check_name=check_name)
        (bag.tags if is_tag else bag.payload).append(reader)


def _check_payload(name: bytes) -> None:
    if not name.startswith(PAYLOAD):
        raise LineError(f"`{display(to_stored(name))}` is not below `data/`")


def _check_tag(name: bytes) -> None:
    if name.startswith(PAYLOAD):
        raise LineError(f"`{display(to_stored(name))}` is below `data/`, so it is not a tag file")


def _tags(bag: Bag, name: bytes, encoding: str | None) -> Iterator[tuple[str, str]]:
    lines = ManifestLines(os.path.join(bag.path, name), encoding, bag.roots)
    try:
        yield from bagit_text.tags(line.decode(errors="replace") for line in lines)
    finally:
        lines.close()


def _declared_encoding(bag: Bag) -> str | None:
    """The encoding that `bagit.txt` declares; None for UTF-8. Also notes the bag's version."""
    path = to_stored(os.path.join(bag.path, DECLARATION))

    def note(message: str) -> None:
        bag.mismatches.append(ManifestMismatch(path, "refused", message))

    wanted = ("bagit-version", "tag-file-character-encoding")
    declared = {label: value for label, value in _tags(bag, DECLARATION, None) if label in wanted}
    version = declared.get("bagit-version")
    if version is None:
        note("has no BagIt-Version")
    elif version not in _VERSIONS:
        note(f"has the unknown BagIt-Version `{shortened(version)}`")
    bag.version = version or "1.0"
    encoding = declared.get("tag-file-character-encoding")
    if encoding is None:
        note("has no Tag-File-Character-Encoding; vpo assumes UTF-8")
        return None
    if not bagit_text.is_encoding(encoding):
        raise ManifestError(
            f"The bag `{display(to_stored(bag.path))}` declares an unknown encoding,"
            f" `{shortened(encoding)}`",
            hint="Name its encoding with `--encoding`.",
        )
    return encoding


def _read_info(bag: Bag, encoding: str | None) -> None:
    path = os.path.join(bag.path, INFO)
    if not os.path.isfile(path):
        return
    for label, value in _tags(bag, INFO, encoding):
        if label == "payload-oxum":
            bag.oxum = bagit_text.oxum(value)
            if bag.oxum is None:
                message = f"has an invalid Payload-Oxum: `{shortened(value)}`"
                bag.mismatches.append(ManifestMismatch(to_stored(path), "refused", message))

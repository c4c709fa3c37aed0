"""A BagIt bag on disk: its manifests, and what they must agree with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial

from vpo.base.errors import ManifestError
from vpo.base.paths import display, to_stored
from vpo.manifest import bagit, names
from vpo.manifest.bagit import BagManifestParser
from vpo.manifest.models import Entry, LineError, shortened
from vpo.manifest.reader import Lines, Listed, ManifestFile, Refused
from vpo.manifest.results import Finding

DECLARATION = b"bagit.txt"
PAYLOAD = b"data/"


@dataclass
class Bag:
    """An open bag. Close it."""

    path: bytes
    version: str = "1.0"
    payload: list[ManifestFile] = field(default_factory=list)
    tags: list[ManifestFile] = field(default_factory=list)
    fetch: ManifestFile | None = None
    oxum: tuple[int, int] | None = None
    """Bytes and files of the payload, as `bag-info.txt` has it."""
    findings: list[Finding] = field(default_factory=list)
    """What is wrong with the bag before any file of it was looked at."""
    warnings: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Closes its files."""
        for file in (*self.payload, *self.tags, *([self.fetch] if self.fetch else [])):
            file.close()

    def read(self, should_go_on: Callable[[], None]) -> None:
        """Reads all manifests once."""
        for file in (*self.payload, *self.tags, *([self.fetch] if self.fetch else [])):
            file.read(should_go_on)
        if self.fetch is not None:
            for item in self.fetch.entries():
                if isinstance(item, Refused):
                    self._refuse(self.fetch, item.line, item.message)
                elif not any(each.find(item.name) for each in self.payload):
                    shown = display(to_stored(item.name))
                    self._refuse(self.fetch, item.line, f"`{shown}` is in no manifest")

    def _refuse(self, file: ManifestFile, line: int, message: str) -> None:
        self.findings.append(Finding(to_stored(file.path), "refused", message, line))

    def unlisted(self, name: bytes) -> list[bytes]:
        """The names of the manifests that a file of the payload should be in, and is not."""
        without = [
            os.path.basename(each.path)
            for each in self.payload
            if not is_listed(each, name, in_bag=True)
        ]
        # Before version 1.0 one of the manifests was enough.
        is_enough = self.version.startswith("0.") and len(without) < len(self.payload)
        return [] if is_enough else without


def is_bag(path: bytes) -> bool:
    """Whether a directory is a bag."""
    return os.path.isfile(os.path.join(path, DECLARATION))


def open_bag(path: bytes, encoding: str | None = None) -> Bag:
    """Opens a bag, without reading its manifests yet.

    Raises ManifestError if it cannot be told what is in it.
    """
    bag = Bag(path)
    try:
        encoding = encoding or _declared(bag)
        manifests = []
        for name in sorted(os.listdir(path)):
            kind = bagit.manifest_algorithm(os.fsdecode(name))
            if kind is not None:
                manifests.append((name, *kind))
        for name, is_tag, algorithm in manifests:
            if not bagit.is_known(algorithm):
                bag.warnings.append(
                    f"{os.fsdecode(name)} is not checked: {algorithm} is not known here"
                )
                continue
            lines = Lines(os.path.join(path, name), encoding)
            check = _check_tag if is_tag else _check_payload
            file = ManifestFile(lines, partial(BagManifestParser, algorithm), check=check)
            (bag.tags if is_tag else bag.payload).append(file)
        fetch = os.path.join(path, b"fetch.txt")
        if os.path.isfile(fetch):
            bag.fetch = ManifestFile(Lines(fetch, encoding), _FetchParser, check=_check_payload)
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
            f"The bag `{display(to_stored(path))}` has no manifest that can be checked",
            hint="A bag has a file `manifest-sha512.txt`, or one of sha256, sha1 or md5.",
        )
    return bag


class _FetchParser:
    """Reads the lines of `fetch.txt`."""

    def parse(self, line: bytes) -> Entry | None:
        name = bagit.fetched_name(line)
        return None if name is None else Entry(name, {})


def _check_payload(name: bytes) -> None:
    if not name.startswith(PAYLOAD):
        raise LineError(f"`{display(to_stored(name))}` is not in `data`")


def _check_tag(name: bytes) -> None:
    if name.startswith(PAYLOAD):
        raise LineError(f"`{display(to_stored(name))}` is no tag file: it is in `data`")


def _tags(bag: Bag, name: bytes, encoding: str | None) -> Iterator[tuple[str, str]]:
    lines = Lines(os.path.join(bag.path, name), encoding)
    try:
        yield from bagit.tags(line.decode(errors="replace") for line in lines)
    finally:
        lines.close()


def _declared(bag: Bag) -> str | None:
    """The encoding that `bagit.txt` declares; None for UTF-8."""
    path = to_stored(os.path.join(bag.path, DECLARATION))

    def wrong(message: str) -> None:
        bag.findings.append(Finding(path, "refused", message))

    wanted = ("bagit-version", "tag-file-character-encoding")
    declared = {label: value for label, value in _tags(bag, DECLARATION, None) if label in wanted}
    version = declared.get("bagit-version")
    if version is None:
        wrong("has no BagIt-Version")
    elif version not in ("0.93", "0.94", "0.95", "0.96", "0.97", "1.0"):
        wrong(f"is of version `{shortened(version)}` of BagIt, which is not known here")
    bag.version = version or "1.0"
    encoding = declared.get("tag-file-character-encoding")
    if encoding is None:
        wrong("has no Tag-File-Character-Encoding; it is taken for UTF-8")
        return None
    if not bagit.is_encoding(encoding):
        raise ManifestError(
            f"The bag `{display(to_stored(bag.path))}` is in an encoding that is not known,"
            f" `{shortened(encoding)}`",
            hint="`--encoding` says which it is in.",
        )
    return encoding


def _read_info(bag: Bag, encoding: str | None) -> None:
    name = b"bag-info.txt"
    if not os.path.isfile(os.path.join(bag.path, name)):
        return
    for label, value in _tags(bag, name, encoding):
        if label == "payload-oxum":
            bag.oxum = bagit.oxum(value)
            if bag.oxum is None:
                path = to_stored(os.path.join(bag.path, name))
                message = f"has a Payload-Oxum that is none: `{shortened(value)}`"
                bag.findings.append(Finding(path, "refused", message))


def entries_of(files: list[ManifestFile]) -> Iterator[tuple[ManifestFile, Listed | Refused]]:
    """Every file that any of the manifests has, once, with its digests of all of them."""
    for number, file in enumerate(files):
        for item in file.entries():
            if isinstance(item, Listed) and len(files) > 1:
                if any(before.find(item.name) for before in files[:number]):
                    continue
                digests: Mapping[str, str] = item.entry.digests
                for after in files[number + 1 :]:
                    if (other := after.find(item.name)) is not None:
                        digests = {**digests, **other.digests}
                item = item._replace(entry=item.entry._replace(digests=digests))
            yield file, item


def is_listed(file: ManifestFile, name: bytes, *, in_bag: bool = False) -> bool:
    """Whether a manifest has a file, or one that people take for it."""
    others = [name, *names.spellings(name)]
    if in_bag:
        # As a program has it that does not encode `%`: then its line means another name.
        others += [bagit.decoded_name(name)]
    return any(file.find(each) is not None for each in others)


def leads_out(root: bytes, name: bytes) -> bool:
    """Whether a link in the bag at `root` leads to a file elsewhere: no content of the bag."""
    path = os.path.join(root, name)
    directory = _real(os.path.dirname(path))
    place = os.path.realpath(path) if os.path.islink(path) else directory
    real_root = _real(root)
    return place != real_root and not place.startswith(real_root.rstrip(b"/") + b"/")


# Of a directory, without links: asked for each file, and mostly for the same.
_real = lru_cache(maxsize=1024)(os.path.realpath)


def walk(
    directory: bytes, root: bytes, on_error: Callable[[bytes, OSError], None]
) -> Iterator[tuple[bytes, int]]:
    """Name relative to `root`, and size in bytes, of each file below `directory`.

    Links to directories are not followed. `on_error` is told what cannot be listed.
    """
    waiting = [directory]
    while waiting:
        current = waiting.pop()
        try:
            with os.scandir(current) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            on_error(current, error)
            continue
        below = []
        for entry in found:
            try:
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.path)
                elif entry.is_file():
                    size = entry.stat().st_size
                    yield entry.path[len(root.rstrip(b"/")) + 1 :], size
            except OSError as error:
                on_error(entry.path, error)
        waiting += reversed(below)

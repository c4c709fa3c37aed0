"""The text in BagIt's files (RFC 8493). `vpo.manifest.bag` knows where these files are."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

from vpo.content.algorithms import ALGORITHMS
from vpo.manifest.entries import Entry, LineError, UnwritableNameError, checked_digest

# No value that vpo uses is longer; the rest is ignored.
MOST_VALUE = 64 * 1024

DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

_LINE = re.compile(rb"[ \t]*([0-9a-fA-F]+)[ \t]+\*?(.+)", re.DOTALL)
_MANIFEST = re.compile(r"(tag)?manifest-([a-z0-9-]+)\.txt")
_ENCODED = re.compile(rb"%(0[aAdD]|25)")
_DECODED = {b"0a": b"\n", b"0d": b"\r", b"25": b"%"}
_FETCH = re.compile(rb"(\S+)[ \t]+([0-9]{1,19}|-)[ \t]+(.+)", re.DOTALL)
_OXUM = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})")

ALGORITHM_OF_NAME = {each.bagit_name: each.name for each in ALGORITHMS if each.bagit_name}
"""The algorithms that bags can use, by NAME in `manifest-NAME.txt`."""

_NAME_OF_ALGORITHM = {algorithm: name for name, algorithm in ALGORITHM_OF_NAME.items()}


class BagManifestParser:
    """Reads the lines of `manifest-NAME.txt` or `tagmanifest-NAME.txt`."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm

    def parse(self, line: bytes) -> Entry | None:
        """See `Parser.parse`."""
        if not line.strip() or line.startswith(b"#"):
            return None
        found = _LINE.fullmatch(line)
        if found is None:
            raise LineError("not a digest followed by a file name")
        return Entry(
            decoded_name(found[2]), {self.algorithm: checked_digest(self.algorithm, found[1])}
        )


class FetchParser:
    """Reads the lines of `fetch.txt`, which lists files to download. Entries have no digests."""

    def parse(self, line: bytes) -> Entry | None:
        """See `Parser.parse`."""
        if not line.strip():
            return None
        found = _FETCH.fullmatch(line)
        if found is None:
            raise LineError("not a URL, a length and a file name")
        return Entry(decoded_name(found[3]), {})


def manifest_name(algorithm: str) -> str:
    """The name of the manifest with digests of an algorithm."""
    return f"manifest-{_NAME_OF_ALGORITHM[algorithm]}.txt"


def tag_manifest_name(algorithm: str) -> str:
    """The name of the manifest of the files beside the payload."""
    return f"tag{manifest_name(algorithm)}"


def parse_manifest_name(name: str) -> tuple[bool, str] | None:
    """Whether a file is a tag manifest, and NAME; None if it is not a manifest."""
    found = _MANIFEST.fullmatch(name)
    return (bool(found[1]), found[2]) if found else None


def encoded_name(name: bytes) -> bytes:
    """A name as a bag's manifests write it."""
    return name.replace(b"%", b"%25").replace(b"\n", b"%0A").replace(b"\r", b"%0D")


def decoded_name(name: bytes) -> bytes:
    """The name that a bag's manifest means.

    `bagit.py` does not encode `%`: the name that it means by `%25` is `encoded_name` of the
    decoded name.
    """
    return _ENCODED.sub(lambda found: _DECODED[found[1].lower()], name)


def manifest_line(name: bytes, digest: str) -> bytes:
    """A line with its line end. Raises UnwritableNameError for a name that is not UTF-8."""
    try:
        name.decode()
    except UnicodeDecodeError as error:
        raise UnwritableNameError("a bag cannot hold names that are not UTF-8") from error
    return b"%b  %b\n" % (digest.encode(), encoded_name(name))


def tags(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The labels (in lower case) and values (unfolded) of `bagit.txt` or `bag-info.txt`."""
    label, value = "", ""
    for line in lines:
        line = line.rstrip("\r\n")
        if line[:1] in (" ", "\t"):
            if len(value) < MOST_VALUE:
                value += " " + line.strip()
            continue
        if label:
            yield label, value.strip()
        label, colon, value = line.partition(":")
        label = label.strip().lower() if colon else ""
    if label:
        yield label, value.strip()


def oxum(value: str) -> tuple[int, int] | None:
    """The bytes and files of a `Payload-Oxum`; None if the value is invalid."""
    found = _OXUM.fullmatch(value)
    return (int(found[1]), int(found[2])) if found else None


def is_encoding(name: str) -> bool:
    """Whether Python knows a text encoding of that name."""
    try:
        return codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        return False

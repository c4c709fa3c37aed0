"""The text of BagIt's files (RFC 8493); `vpo.manifest.bag` knows where they are."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

from vpo.manifest.models import DIGITS, Entry, LineError, UnwritableNameError, checked_digest

# What follows is of no use here.
MOST_VALUE = 64 * 1024

DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

_LINE = re.compile(rb"[ \t]*([0-9a-fA-F]+)[ \t]+\*?(.+)", re.DOTALL)
_MANIFEST = re.compile(r"(tag)?manifest-([a-z0-9-]+)\.txt")
_ENCODED = re.compile(rb"%(0[aAdD]|25)")
_DECODED = {b"0a": b"\n", b"0d": b"\r", b"25": b"%"}
_FETCH = re.compile(rb"(\S+)[ \t]+([0-9]{1,19}|-)[ \t]+(.+)", re.DOTALL)
_OXUM = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})")


class BagManifestParser:
    """Reads the lines of `manifest-ALGORITHM.txt` or `tagmanifest-ALGORITHM.txt`."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm

    def parse(self, line: bytes) -> Entry | None:
        """As `Parser.parse`."""
        if not line.strip() or line.startswith(b"#"):
            return None
        found = _LINE.fullmatch(line)
        if found is None:
            raise LineError("it is no digest with a name")
        return Entry(
            decoded_name(found[2]), {self.algorithm: checked_digest(self.algorithm, found[1])}
        )


def manifest_algorithm(name: str) -> tuple[bool, str] | None:
    """Whether a file of the bag is a tagmanifest, and its algorithm; None if it is no manifest."""
    found = _MANIFEST.fullmatch(name)
    return (bool(found[1]), found[2]) if found else None


def is_known(algorithm: str) -> bool:
    """Whether digests of an algorithm can be checked; CRC32 is none for a bag."""
    return algorithm in DIGITS and algorithm != "crc32"


def encoded_name(name: bytes) -> bytes:
    """A name as manifests have it."""
    return name.replace(b"%", b"%25").replace(b"\n", b"%0A").replace(b"\r", b"%0D")


def decoded_name(name: bytes) -> bytes:
    """The name that a manifest means.

    `bagit.py` writes `%` as it is: what it means by `%25` is `encoded_name` of this.
    """
    return _ENCODED.sub(lambda found: _DECODED[found[1].lower()], name)


def manifest_line(name: bytes, digest: str) -> bytes:
    """A line with its end. Raises UnwritableNameError for a name that is not UTF-8."""
    try:
        name.decode()
    except UnicodeDecodeError as error:
        raise UnwritableNameError("a bag takes no name that is not UTF-8") from error
    return b"%b  %b\n" % (digest.encode(), encoded_name(name))


def tags(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Labels, in lower case, and values (unfolded) of `bagit.txt` or `bag-info.txt`."""
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
    """Bytes and files that a `Payload-Oxum` tells; None if it is none."""
    found = _OXUM.fullmatch(value)
    return (int(found[1]), int(found[2])) if found else None


def is_encoding(name: str) -> bool:
    """Whether it is an encoding of text that is known."""
    try:
        return codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        return False


def fetched_name(line: bytes) -> bytes | None:
    """The name of a file that is to be fetched; None for an empty line.

    Raises LineError for a line that is none of `fetch.txt`.
    """
    if not line.strip():
        return None
    found = _FETCH.fullmatch(line)
    if found is None:
        raise LineError("it is not URL, length and name")
    return decoded_name(found[3])

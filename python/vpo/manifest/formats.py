"""The formats of manifests: what vpo writes in each, and how its lines are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from vpo.content.algorithms import ALGORITHMS, CRC32, MD5, RECORDED, SHA256, SHA512, Algorithm
from vpo.manifest.checksums import ChecksumParser, checksum_line
from vpo.manifest.entries import Parser
from vpo.manifest.hashdeep import HashdeepParser, hashdeep_header, hashdeep_line
from vpo.manifest.sfv import SfvParser, sfv_line

LineWriter = Callable[[bytes, int, Mapping[str, str]], bytes]
"""Takes the name of a file, its size in bytes, and its digests; returns its line.

Raises UnwritableNameError for a name that the format cannot hold.
"""


class Format(NamedTuple):
    """A format whose manifests are single files."""

    algorithms: tuple[str, ...]
    """The digests that vpo writes. Manifests of other programs may have others."""
    new_parser: Callable[[], Parser]
    line: LineWriter
    header: bytes = b""
    """What comes before the first file."""


def _checksums(algorithm: Algorithm) -> Format:
    name = algorithm.name

    def line(path: bytes, _size_bytes: int, digests: Mapping[str, str]) -> bytes:
        return checksum_line(name, path, digests[name])

    return Format((name,), partial(ChecksumParser, name), line)


def _hashdeep(*algorithms: str) -> Format:
    def line(path: bytes, size_bytes: int, digests: Mapping[str, str]) -> bytes:
        return hashdeep_line(path, size_bytes, {name: digests[name] for name in algorithms})

    return Format(algorithms, HashdeepParser, line, hashdeep_header(algorithms))


def _sfv_line(path: bytes, _size_bytes: int, digests: Mapping[str, str]) -> bytes:
    return sfv_line(path, digests[CRC32.name])


HASHDEEP = "hashdeep"
SFV = "sfv"

FORMATS: Mapping[str, Format] = {
    **{each.checksum_format: _checksums(each) for each in ALGORITHMS if each.checksum_format},
    HASHDEEP: _hashdeep(MD5.name, SHA256.name),
    SFV: Format((CRC32.name,), SfvParser, _sfv_line),
}
"""The formats of single files, by name."""

BAGIT = "bagit"
"""The format of bags, which are directories: see `vpo.manifest.bag`."""

BAG_ALGORITHM = SHA512.name
"""The digests that vpo writes in bags."""

FORMAT_NAMES = (*FORMATS, BAGIT)

DEFAULT_FORMAT = RECORDED.checksum_format
"""The format that needs no other digests than the recorded ones."""

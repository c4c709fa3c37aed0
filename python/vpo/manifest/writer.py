"""The lines of each format."""

from __future__ import annotations

from collections.abc import Mapping

from vpo.manifest.checksums import checksum_line
from vpo.manifest.hashdeep import hashdeep_head, hashdeep_line
from vpo.manifest.models import CHECKSUM_FORMATS, FORMAT_ALGORITHMS
from vpo.manifest.sfv import sfv_line


def head_of(form: str) -> bytes:
    """What comes before the lines of files."""
    return hashdeep_head(FORMAT_ALGORITHMS[form]) if form == "hashdeep" else b""


def line_of(form: str, name: bytes, size_bytes: int, digests: Mapping[str, str]) -> bytes:
    """The line of a file, with its end.

    Raises UnwritableNameError for a name that the format cannot have.
    """
    if form in CHECKSUM_FORMATS:
        algorithm = CHECKSUM_FORMATS[form]
        return checksum_line(algorithm, name, digests[algorithm])
    if form == "sfv":
        return sfv_line(name, digests["crc32"])
    wanted = {algorithm: digests[algorithm] for algorithm in FORMAT_ALGORITHMS[form]}
    return hashdeep_line(name, size_bytes, wanted)

"""What a manifest is made of, and the formats there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from vpo.base.paths import StoredPath, display

SHOWN_CHARACTERS = 200

DIGITS: Mapping[str, int] = {
    "blake3": 64,
    "sha256": 64,
    "sha512": 128,
    "sha1": 40,
    "md5": 32,
    "crc32": 8,
}
"""The algorithms that manifests can have, and how many hexadecimal digits a digest has."""

CHECKSUM_FORMATS: Mapping[str, str] = {
    "b3sum": "blake3",
    "sha256sum": "sha256",
    "sha512sum": "sha512",
    "sha1sum": "sha1",
    "md5sum": "md5",
}
"""Formats of a line a file with one digest, and its algorithm."""

FORMAT_ALGORITHMS: Mapping[str, tuple[str, ...]] = {
    **{name: (algorithm,) for name, algorithm in CHECKSUM_FORMATS.items()},
    "hashdeep": ("md5", "sha256"),
    "sfv": ("crc32",),
    "bagit": ("sha512",),
}
"""All formats, and the digests that are written in each."""

FORMATS = tuple(FORMAT_ALGORITHMS)


class Entry(NamedTuple):
    """A file, as a manifest has it."""

    name: bytes
    """As it is written there, without escapes; not looked at yet (`vpo.manifest.names`)."""
    digests: Mapping[str, str]
    """Algorithm and lower-case hexadecimal digest."""
    size_bytes: int | None = None


class LineError(ValueError):
    """A line of a manifest that is none, or that is refused; the message says why."""


class UnwritableNameError(ValueError):
    """A name that cannot be written in a format; the message says why."""


class Parser(Protocol):
    """Reads the lines of one manifest."""

    def parse(self, line: bytes) -> Entry | None:
        """The entry of a line, given without its end; None for a comment and the like.

        Raises LineError for a line that is none.
        """


def shortened(text: StoredPath) -> str:
    """Something out of a manifest for people: harmless, and not longer than a line."""
    shown = display(text)
    return shown if len(shown) <= SHOWN_CHARACTERS else shown[: SHOWN_CHARACTERS - 1] + "…"


def checked_digest(algorithm: str, digits: bytes) -> str:
    """A digest in lower case. Raises LineError if it has not the length of its algorithm."""
    if len(digits) != DIGITS[algorithm]:
        raise LineError(
            f"the digest has {len(digits)} digits, and {algorithm} has {DIGITS[algorithm]}"
        )
    return digits.decode().lower()

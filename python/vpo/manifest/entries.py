"""What manifests list: files, with their digests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from vpo.base.paths import StoredPath, display
from vpo.content.algorithms import BY_NAME

SHOWN_CHARACTERS = 200

_DIGITS = {name: algorithm.digits for name, algorithm in BY_NAME.items()}


class Entry(NamedTuple):
    """A file as a manifest lists it."""

    name: bytes
    """The name as the manifest has it, without escapes. `vpo.manifest.names` checks it."""
    digests: Mapping[str, str]
    """Lower-case hexadecimal digests by the name of the algorithm."""
    size_bytes: int | None = None


class LineError(ValueError):
    """A line of a manifest cannot be read, or is refused; the message says why."""


class UnwritableNameError(ValueError):
    """A format cannot hold a file's name; the message says why."""


class Parser(Protocol):
    """Reads the lines of one manifest, in their order."""

    def parse(self, line: bytes) -> Entry | None:
        """Returns the entry of a line (without its line end); None for a comment or a header.

        Raises LineError for a line that cannot be read.
        """


def shortened(text: StoredPath) -> str:
    """A piece of a manifest for people: without control characters, and at most a line long."""
    shown = display(text)
    return shown if len(shown) <= SHOWN_CHARACTERS else shown[: SHOWN_CHARACTERS - 1] + "…"


def checked_digest(algorithm: str, digits: bytes) -> str:
    """A digest in lower case. Raises LineError if it has the wrong length."""
    if len(digits) != _DIGITS[algorithm]:
        raise LineError(
            f"the digest has {len(digits)} digits, but {algorithm} digests have"
            f" {_DIGITS[algorithm]}"
        )
    return digits.decode().lower()

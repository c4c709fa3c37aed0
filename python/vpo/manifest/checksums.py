r"""The lines that `sha256sum`, `b3sum` and similar programs write.

`HEX  name` and `HEX *name`, with a backslash in front if the name has escapes;
`SHA256 (name) = HEX`, as `--tag` and BSD write it; `HEX name`, as BSD's `-r` writes it.
"""

from __future__ import annotations

import re

from vpo.base.paths import display, to_stored
from vpo.content.algorithms import ALGORITHMS, BLAKE3
from vpo.manifest.entries import Entry, LineError, UnwritableNameError, checked_digest, shortened

# Names can contain any byte.
_PLAIN = re.compile(rb"[ \t]*(\\?)([0-9a-fA-F]{8,})[ \t](.+)", re.DOTALL)
_TAGGED = re.compile(
    rb"[ \t]*(\\?)([A-Za-z][A-Za-z0-9/-]*) {0,4}\((.+)\) ?= ?([0-9a-fA-F]+)", re.DOTALL
)
_ESCAPE = re.compile(rb"\\(.?)", re.DOTALL)
_ESCAPED = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}

_ALGORITHM_OF_TAG = {tag: algorithm.name for algorithm in ALGORITHMS for tag in algorithm.tags}


class ChecksumParser:
    """Reads these lines. The digests of lines without a tag are of `algorithm`."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self._has_one_space: bool | None = None

    def parse(self, line: bytes) -> Entry | None:
        """See `Parser.parse`."""
        if not line or line.startswith(b"#"):
            return None
        if plain := _PLAIN.fullmatch(line):
            backslash, digits, rest = plain.groups()
            # The first line decides, as it does for `sha256sum`: if it is `HEX  name`, the
            # second space is never a part of a name.
            if self._has_one_space is None:
                self._has_one_space = rest[:1] not in (b" ", b"*")
            name = rest if self._has_one_space else rest[1:]
            if not name or not (self._has_one_space or rest[:1] in (b" ", b"*")):
                raise LineError("two spaces, or a space and a `*`, must come before the name")
            algorithm = self.algorithm
        elif tagged := _TAGGED.fullmatch(line):
            backslash, tag, name, digits = tagged.groups()
            algorithm = _algorithm_of_tag(tag)
        else:
            raise LineError("not a digest followed by a file name")
        digest = checked_digest(algorithm, digits)
        return Entry(_unescaped(name) if backslash else name, {algorithm: digest})


def _algorithm_of_tag(tag: bytes) -> str:
    name = tag.decode()
    algorithm = _ALGORITHM_OF_TAG.get(name.upper())
    if algorithm is None:
        raise LineError(f"vpo does not know the algorithm {shortened(name)}")
    return algorithm


def possible_algorithms(line: bytes) -> tuple[str, ...]:
    """The algorithms that the digest of a line may be of; empty if it is not such a line.

    Raises LineError for an unknown tag.
    """
    if plain := _PLAIN.fullmatch(line):
        digits = len(plain[2])
        possible = [each for each in ALGORITHMS if each.checksum_format and each.digits == digits]
        # Most programs write others than vpo's own.
        possible.sort(key=lambda algorithm: algorithm is BLAKE3)
        return tuple(algorithm.name for algorithm in possible)
    if tagged := _TAGGED.fullmatch(line):
        return (_algorithm_of_tag(tagged[2]),)
    return ()


def _unescaped(name: bytes) -> bytes:
    def meaning(escape: re.Match[bytes]) -> bytes:
        if escape[1] not in _ESCAPED:
            raise LineError(f"`{display(to_stored(escape[0]))}` is not a valid escape")
        return _ESCAPED[escape[1]]

    return _ESCAPE.sub(meaning, name)


def checksum_line(algorithm: str, name: bytes, digest: str) -> bytes:
    """A line, with its line end, that the program of the algorithm can read.

    Raises UnwritableNameError for a name that `b3sum` cannot read.
    """
    escapes = [(b"\\", b"\\\\"), (b"\n", b"\\n")]
    if algorithm == BLAKE3.name:
        try:
            text = name.decode()
        except UnicodeDecodeError as error:
            raise UnwritableNameError("b3sum cannot read names that are not UTF-8") from error
        if "\ufffd" in text:
            raise UnwritableNameError("b3sum cannot read names that contain U+FFFD")
        # Versions of b3sum before 1.5 do not know `\r`; all versions read the character itself.
    else:
        escapes.append((b"\r", b"\\r"))
    escaped = name
    for character, escape in escapes:
        escaped = escaped.replace(character, escape)
    backslash = b"\\" if escaped != name else b""
    return b"%b%b  %b\n" % (backslash, digest.encode(), escaped)

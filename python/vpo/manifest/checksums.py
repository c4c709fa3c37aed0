r"""Lines as `sha256sum`, `b3sum` and their kin have them.

`HEX  name` and `HEX *name`, with a backslash before them if there are escapes in the
name; `SHA256 (name) = HEX`, as `--tag` and BSD have it; `HEX name`, as BSD's `-r` has it.
"""

from __future__ import annotations

import re

from vpo.base.paths import display, to_stored
from vpo.manifest.models import Entry, LineError, UnwritableNameError, checked_digest, shortened

# Names may hold any byte.
_PLAIN = re.compile(rb"[ \t]*(\\?)([0-9a-fA-F]{8,})[ \t](.+)", re.DOTALL)
_TAGGED = re.compile(
    rb"[ \t]*(\\?)([A-Za-z][A-Za-z0-9/-]*) {0,4}\((.+)\) ?= ?([0-9a-fA-F]+)", re.DOTALL
)
_ESCAPE = re.compile(rb"\\(.?)", re.DOTALL)
_ESCAPED = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}

_TAGS = {
    "BLAKE3": "blake3",
    "CRC32": "crc32",
    "MD5": "md5",
    "SHA1": "sha1",
    "SHA-1": "sha1",
    "SHA256": "sha256",
    "SHA-256": "sha256",
    "SHA2-256": "sha256",
    "SHA512": "sha512",
    "SHA-512": "sha512",
    "SHA2-512": "sha512",
}


class ChecksumParser:
    """Reads such lines; those without a tag have digests of `algorithm`."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self._has_one_space: bool | None = None

    def parse(self, line: bytes) -> Entry | None:
        """As `Parser.parse`."""
        if not line or line.startswith(b"#"):
            return None
        if plain := _PLAIN.fullmatch(line):
            backslash, digits, rest = plain.groups()
            # The first line tells, as for `sha256sum`: in `HEX  name` the second space is
            # no part of the name.
            if self._has_one_space is None:
                self._has_one_space = rest[:1] not in (b" ", b"*")
            name = rest if self._has_one_space else rest[1:]
            if not name or not (self._has_one_space or rest[:1] in (b" ", b"*")):
                raise LineError("there are not two spaces, or a space and a `*`, before the name")
            algorithm = self.algorithm
        elif tagged := _TAGGED.fullmatch(line):
            backslash, tag, name, digits = tagged.groups()
            algorithm = algorithm_of_tag(tag)
        else:
            raise LineError("it is no digest with a name")
        digest = checked_digest(algorithm, digits)
        return Entry(_unescaped(name) if backslash else name, {algorithm: digest})


def algorithm_of_tag(tag: bytes) -> str:
    """The algorithm that a line is tagged with. Raises LineError for one that is not known."""
    name = tag.decode()
    algorithm = _TAGS.get(name.upper())
    if algorithm is None:
        raise LineError(f"digests of {shortened(name)} are not known here")
    return algorithm


def algorithm_of(line: bytes) -> tuple[str, ...] | None:
    """The algorithms that the digest of a line may be of; None if it is no such line.

    Raises LineError for a tag that is not known.
    """
    if plain := _PLAIN.fullmatch(line):
        lengths = {32: ("md5",), 40: ("sha1",), 64: ("sha256", "blake3"), 128: ("sha512",)}
        return lengths.get(len(plain[2]))
    if tagged := _TAGGED.fullmatch(line):
        return (algorithm_of_tag(tagged[2]),)
    return None


def _unescaped(name: bytes) -> bytes:
    def meant(escape: re.Match[bytes]) -> bytes:
        if escape[1] not in _ESCAPED:
            raise LineError(f"`{display(to_stored(escape[0]))}` is no escape that there is")
        return _ESCAPED[escape[1]]

    return _ESCAPE.sub(meant, name)


def checksum_line(algorithm: str, name: bytes, digest: str) -> bytes:
    """A line, with its end, as the program of the algorithm takes it.

    Raises UnwritableNameError for a name that `b3sum` does not take.
    """
    escapes = [(b"\\", b"\\\\"), (b"\n", b"\\n")]
    if algorithm == "blake3":
        try:
            text = name.decode()
        except UnicodeDecodeError as error:
            raise UnwritableNameError("b3sum takes no name that is not UTF-8") from error
        if "\ufffd" in text:
            raise UnwritableNameError("b3sum takes no name with U+FFFD in it")
        # b3sum before 1.5 does not know `\r`; all take it as it is.
    else:
        escapes.append((b"\r", b"\\r"))
    escaped = name
    for character, escape in escapes:
        escaped = escaped.replace(character, escape)
    backslash = b"\\" if escaped != name else b""
    return b"%b%b  %b\n" % (backslash, digest.encode(), escaped)

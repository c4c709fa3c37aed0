"""The table of digest algorithms. Every list of algorithms in the program is derived from it.

To add an algorithm, add an entry here and one in `rust/engine/src/digest/algorithm.rs`.
"""

from __future__ import annotations

from typing import NamedTuple


class Algorithm(NamedTuple):
    """A digest algorithm, and what it is called in each place."""

    name: str
    """The name that the engine knows. A stored digest is this name, a colon, and the value."""
    digits: int = 0
    """The number of hexadecimal digits of a digest. 0: a digest has a form of its own."""
    is_stored: bool = True
    """Whether a catalogue can hold digests of this algorithm."""
    covers_all_content: bool = True
    """Whether a digest is of the whole file, so that equal digests mean equal content."""
    tags: tuple[str, ...] = ()
    """Its names in tagged lines of manifests, in capitals: `SHA256 (name) = …`."""
    checksum_format: str = ""
    """The manifest format whose lines have this digest: `sha256sum`. Empty: there is none."""
    manifest_name: str = ""
    """A regular expression for names of manifests with this algorithm, in lower case."""
    hashdeep_column: str = ""
    """The name of its column in hashdeep's format. Empty: there is none."""
    bagit_name: str = ""
    """NAME in a bag's `manifest-NAME.txt`. Empty: bags cannot use it."""

    @property
    def prefix(self) -> str:
        """The beginning of every stored digest of this algorithm."""
        return f"{self.name}:"

    @property
    def is_comparable(self) -> bool:
        """Whether a stored digest can prove that content is the same."""
        return self.is_stored and self.covers_all_content


BLAKE3 = Algorithm(
    "blake3",
    64,
    tags=("BLAKE3",),
    checksum_format="b3sum",
    manifest_name=r"blake3|b3sum|(?<![a-z0-9])b3(?![a-z0-9])",
    hashdeep_column="blake3",
    bagit_name="blake3",
)
SHA256 = Algorithm(
    "sha256",
    64,
    tags=("SHA256", "SHA-256", "SHA2-256"),
    checksum_format="sha256sum",
    manifest_name=r"sha-?(2-)?256",
    hashdeep_column="sha256",
    bagit_name="sha256",
)
SHA512 = Algorithm(
    "sha512",
    128,
    tags=("SHA512", "SHA-512", "SHA2-512"),
    checksum_format="sha512sum",
    manifest_name=r"sha-?(2-)?512",
    hashdeep_column="sha512",
    bagit_name="sha512",
)
SHA1 = Algorithm(
    "sha1",
    40,
    tags=("SHA1", "SHA-1"),
    checksum_format="sha1sum",
    manifest_name=r"sha-?1(?![0-9])",
    hashdeep_column="sha1",
    bagit_name="sha1",
)
MD5 = Algorithm(
    "md5",
    32,
    tags=("MD5",),
    checksum_format="md5sum",
    manifest_name="md5",
    hashdeep_column="md5",
    bagit_name="md5",
)
# Too short to identify content: it is read and written in manifests, and never stored.
CRC32 = Algorithm("crc32", 8, is_stored=False, tags=("CRC32",), hashdeep_column="crc32")
# An earlier program stored it. It covers the two ends of a file: `HEAD:TAIL:SIZE`.
XXH64 = Algorithm("xxh64", covers_all_content=False)

ALGORITHMS = (
    BLAKE3,
    SHA256,
    SHA512,
    SHA1,
    MD5,
    CRC32,
    XXH64,
)

RECORDED = BLAKE3
"""The algorithm whose digests vpo stores."""

RECORDED_PREFIX = RECORDED.prefix
"""For loops over many files, where `RECORDED.prefix` would take too long."""

BY_NAME = {algorithm.name: algorithm for algorithm in ALGORITHMS}

# The engine also has two digests of parts of a file. They only serve to find files that may be
# equal, have columns of their own, and are not digests of content.
HEAD = "head"
"""XXH3-64 of the first 4 KiB."""
QUICK = "quick"
"""XXH3-128 of the first and the last 64 KiB."""

"""Which format the content of a file is of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from vpo.base.errors import ManifestError
from vpo.base.paths import display, to_stored
from vpo.manifest import hashdeep
from vpo.manifest.checksums import ChecksumParser, algorithm_of
from vpo.manifest.hashdeep import HashdeepParser
from vpo.manifest.models import CHECKSUM_FORMATS, LineError, Parser, shortened
from vpo.manifest.sfv import SfvParser, is_sfv_line

# Comments may come first, but not without an end.
LOOKED_AT_LINES = 10_000

_BLAKE3 = re.compile(rb"blake3|b3sum|(?<![a-z0-9])b3(?![a-z0-9])")
_SHA256 = re.compile(rb"sha-?(2-)?256")

_FORMAT_OF = {algorithm: name for name, algorithm in CHECKSUM_FORMATS.items()}


def formats_of(lines: Iterable[bytes], path: bytes) -> Sequence[str]:
    """The formats that a manifest can be of, by its lines: one, or two that look the same.

    What `b3sum` and `sha256sum` write looks the same; then the name of the file may tell.
    Raises ManifestError if it is none that is known.
    """
    number = 0
    for number, line in zip(range(1, LOOKED_AT_LINES + 1), lines, strict=False):
        if number == 1 and line.startswith(b"%%%% HASHDEEP-"):
            if line.rstrip() != hashdeep.HEAD:
                raise _unknown(path, f"its version of hashdeep's format, `{_shown(line[5:])}`,")
            return ("hashdeep",)
        if not line.strip() or line.startswith((b"#", b";")):
            continue
        try:
            algorithms = algorithm_of(line)
        except LineError as error:
            raise ManifestError(f"`{display(to_stored(path))}`, line {number}: {error}") from error
        if algorithms == ("crc32",):
            # Lines of BSD's form, which a .sfv has not: any format of them reads it.
            return ("md5sum",)
        if algorithms is not None:
            named = os.path.basename(path).lower()
            if len(algorithms) > 1:
                if _BLAKE3.search(named):
                    algorithms = ("blake3",)
                elif _SHA256.search(named):
                    algorithms = ("sha256",)
            return tuple(_FORMAT_OF[algorithm] for algorithm in algorithms)
        if is_sfv_line(line):
            return ("sfv",)
        raise _unknown(path, f"line {number}, `{_shown(line)}`,")
    shown = display(to_stored(path))
    if not number:
        raise ManifestError(f"`{shown}` is empty, and no manifest")
    raise ManifestError(
        f"`{shown}` is no manifest: no line of it names a file",
        hint="If it is one of no files, say of which format, with `--format`.",
    )


def parser_of(form: str) -> Parser:
    """A new parser of a format, but for that of bags."""
    if form == "hashdeep":
        return HashdeepParser()
    if form == "sfv":
        return SfvParser()
    return ChecksumParser(CHECKSUM_FORMATS[form])


def _shown(line: bytes) -> str:
    return shortened(to_stored(line[:60]))


def _unknown(path: bytes, what: str) -> ManifestError:
    return ManifestError(
        f"`{display(to_stored(path))}` is of no format that is known: {what} is not",
        hint="Known are b3sum, sha256sum, sha512sum, sha1sum, md5sum, hashdeep, sfv and BagIt;"
        " `--format` says which it is.",
    )

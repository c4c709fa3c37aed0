"""Which format a manifest has, by its content, its name, and the files that it lists."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from vpo._engine import Roots
from vpo.base.errors import ManifestError
from vpo.base.paths import display, to_stored
from vpo.content.algorithms import BY_NAME, CRC32, MD5
from vpo.content.hashing import FileToRead, HashingQueue
from vpo.manifest import hashdeep
from vpo.manifest.checksums import possible_algorithms
from vpo.manifest.entries import LineError, shortened
from vpo.manifest.formats import FORMAT_NAMES, FORMATS, HASHDEEP, SFV
from vpo.manifest.lines import MOST_LINE_BYTES
from vpo.manifest.reader import ListedFile
from vpo.manifest.sfv import is_sfv_line

# Comments may come first, but not without end.
LINES_TO_TRY = 10_000

# Where the digests of several algorithms look the same, the smallest of the first files that
# the manifest lists are read.
FILES_TO_CONSIDER = 1000
FILES_TO_READ = 3


def possible_formats(lines: Iterable[bytes | None], path: bytes) -> tuple[str, ...]:
    """The formats that a manifest can have: one, or several whose digests look the same.

    `b3sum` and `sha256sum` write lines that look the same. The name of the manifest may
    decide then. A line that is too long to be read is None.

    Raises ManifestError if no known format fits.
    """
    number = too_long = 0
    for number, line in zip(range(1, LINES_TO_TRY + 1), lines, strict=False):
        if line is None:
            too_long = too_long or number
            continue
        if number == 1 and line.startswith(b"%%%% HASHDEEP-"):
            if line.rstrip() != hashdeep.HEADER:
                version = _shown(line[len(b"%%%% ") :])
                raise _unknown(path, f"`{version}` is not a version of hashdeep that vpo reads")
            return (HASHDEEP,)
        if not line.strip() or line.startswith((b"#", b";")):
            continue
        try:
            algorithms = possible_algorithms(line)
        except LineError as error:
            raise ManifestError(f"`{display(to_stored(path))}`, line {number}: {error}") from error
        if algorithms:
            return _checksum_formats(algorithms, path)
        if is_sfv_line(line):
            return (SFV,)
        raise _unknown(path, f"line {number} (`{_shown(line)}`) fits none")
    if too_long:
        raise _unknown(path, f"line {too_long} is longer than {MOST_LINE_BYTES:,} bytes")
    shown = display(to_stored(path))
    if not number:
        raise ManifestError(f"`{shown}` is empty, so it is not a manifest")
    raise ManifestError(
        f"`{shown}` does not name any file",
        hint="If the manifest lists no files, name its format with `--format`.",
    )


def _checksum_formats(algorithms: Sequence[str], path: bytes) -> tuple[str, ...]:
    if algorithms == (CRC32.name,):
        # A tagged line, which an .sfv file cannot have. All formats of such lines read it.
        return (MD5.checksum_format,)
    if len(algorithms) > 1:
        name = os.fsdecode(os.path.basename(path)).lower()
        for algorithm in BY_NAME.values():
            if algorithm.name in algorithms and re.search(algorithm.manifest_name, name):
                return (algorithm.checksum_format,)
    return tuple(BY_NAME[algorithm].checksum_format for algorithm in algorithms)


def format_by_files(
    formats: Sequence[str],
    listed: Iterable[ListedFile],
    directory: bytes,
    roots: Roots,
    check_stop: Callable[[], None],
) -> str | None:
    """Which of several formats fits the files that a manifest lists; None if none of them does.

    The files are opened beneath `roots`. If none of them exists, the format does not
    matter: the first one.
    """
    candidates = []
    for item in islice(listed, FILES_TO_CONSIDER):
        path = os.path.join(directory, item.name)
        try:
            size = os.stat(path).st_size
        except OSError:
            # The import itself reports missing files.
            continue
        candidates += [(size, path, digest) for digest in item.entry.digests.values()]
    if not candidates:
        return formats[0]
    format_of = {algorithm: name for name in formats for algorithm in FORMATS[name].algorithms}
    work = (
        (digest, FileToRead(path, tuple(format_of)))
        for _, path, digest in sorted(candidates)[:FILES_TO_READ]
    )
    with HashingQueue[str](check_stop, roots=roots) as queue:
        for answers in queue.answers(work):
            for digest, answer in answers:
                for algorithm, found in (answer.digests or {}).items():
                    if found == digest:
                        return format_of[algorithm]
    return None


def _shown(line: bytes) -> str:
    return shortened(to_stored(line[:60]))


def _unknown(path: bytes, why: str) -> ManifestError:
    return ManifestError(
        f"`{display(to_stored(path))}` has no format that vpo knows: {why}",
        hint=f"vpo reads {', '.join(FORMAT_NAMES)}. Name the format with `--format`.",
    )

"""The lines of a manifest file, in UTF-8 whatever its encoding is."""

from __future__ import annotations

import codecs
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from vpo._engine import Roots
from vpo.base.errors import ManifestError
from vpo.base.paths import display, to_stored

# Longer than any line that names a path: 4096 bytes, each escaped, and all digests.
MOST_LINE_BYTES = 32 * 1024

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class ManifestLines:
    """The lines of a file, without their line ends. They can be read any number of times."""

    def __init__(
        self, path: bytes, encoding: str | None = None, roots: Roots | None = None
    ) -> None:
        """Opens the file; beneath `roots`, if it belongs to a bag.

        Without `encoding`, a byte-order mark decides; without a mark, the bytes are used as
        they are.

        Raises ManifestError if the file cannot be read.
        """
        self.path = path
        try:
            self._file = _open_as_utf8(path, encoding, roots)
            beginning = self._file.read(MOST_LINE_BYTES)
        except OSError as error:
            raise ManifestError(
                f"The manifest `{display(to_stored(path))}` cannot be read: {error.strerror}"
            ) from error
        except (UnicodeError, LookupError) as error:
            raise ManifestError(
                f"The manifest `{display(to_stored(path))}` cannot be decoded: {error}",
                hint="Name its encoding with `--encoding`.",
            ) from error
        self._start = len(codecs.BOM_UTF8) if beginning.startswith(codecs.BOM_UTF8) else 0
        self._drops_cr = beginning.partition(b"\n")[0].endswith(b"\r")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        for _, _, line in self.numbered():
            if line is not None:
                yield line

    def numbered(self) -> Iterator[tuple[int, int, bytes | None]]:
        """The number, the offset and the content of each line; no content if it is too long."""
        self._file.seek(self._start)
        offset, number = self._start, 0
        while line := self._file.readline(MOST_LINE_BYTES):
            number += 1
            length = len(line)
            content: bytes | None = self._without_end(line)
            if length == MOST_LINE_BYTES and not line.endswith(b"\n"):
                content = None
                while (more := self._file.readline(MOST_LINE_BYTES)) and not more.endswith(b"\n"):
                    length += len(more)
                length += len(more)
            yield number, offset, content
            offset += length

    def at(self, offset: int) -> bytes:
        """The line at an offset. An iteration that is under way is not disturbed."""
        before = self._file.tell()
        self._file.seek(offset)
        line = self._file.readline(MOST_LINE_BYTES)
        self._file.seek(before)
        return self._without_end(line)

    def _without_end(self, line: bytes) -> bytes:
        if line.endswith(b"\n"):
            line = line[:-1]
        return line[:-1] if self._drops_cr and line.endswith(b"\r") else line

    def contains(self, byte: bytes) -> bool:
        """Whether a byte occurs anywhere in the file."""
        self._file.seek(self._start)
        while chunk := self._file.read(1 << 20):
            if byte in chunk:
                return True
        return False


def _open_as_utf8(path: bytes, encoding: str | None, roots: Roots | None) -> BinaryIO:
    """Opens the file itself, or a copy in UTF-8 that disappears when it is closed."""
    if roots is not None:
        descriptor = roots.open_file(path)
    else:
        # Opening a FIFO without O_NONBLOCK would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file: BinaryIO = open(descriptor, "rb")  # noqa: SIM115
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ManifestError(f"The manifest `{display(to_stored(path))}` is not a regular file")
        beginning = file.read(MOST_LINE_BYTES)
        file.seek(0)
        if encoding is None:
            marks = (name for mark, name in _BYTE_ORDER_MARKS if beginning.startswith(mark))
            encoding = next(marks, "utf-8")
        is_utf8 = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")
        # Lines may end in a single CR, as on old Macs.
        if is_utf8 and (b"\n" in beginning or b"\r" not in beginning):
            return file
        copy: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            errors = "surrogateescape" if is_utf8 else "strict"
            with io.TextIOWrapper(file, encoding, errors, newline=None) as text:
                wrapped = io.TextIOWrapper(copy, "utf-8", errors, newline="\n")
                shutil.copyfileobj(text, wrapped, 1 << 20)
                wrapped.detach()
            copy.seek(0)
        except BaseException:
            copy.close()
            raise
        return copy
    except BaseException:
        file.close()
        raise

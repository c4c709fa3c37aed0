"""Where records go: a file that processes share and rotate, and stderr.

concurrent-log-handler does the first as well, but takes 70 ms to import, which
is most of a rescan.
"""

from __future__ import annotations

import errno
import fcntl
import io
import logging
import os
import stat
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TextIO

# Others hold the lock for the time of a write; beyond this one of them hangs.
LOCK_SECONDS = 5.0


class SharedFile:
    """A file to which several processes append whole lines, and which any of them rotates.

    The lock is on the file itself (flock(2)). Who holds it and finds the file
    still at its path may rename it; the others find then that it is not, and
    open the new one. A pipe, a terminal, or what is our stdout or stderr anyway
    is written to and no more.
    """

    def __init__(self, path: str, *, max_bytes: int, backup_count: int) -> None:
        """Opens the file, making it if there is none. Raises OSError."""
        self.path = path
        self.max_bytes = max_bytes
        self.backup_count = backup_count
        self._own_end = 0
        stream = _own_stream(path)
        self._is_rotated = stream is None and _is_regular(path)
        if stream is not None:
            # Opened once more it would have another position, where both overwrite each other.
            self._descriptor = os.dup(stream)
            return
        if self._is_rotated:
            # A link stays one: what it leads to is rotated.
            self.path = os.path.realpath(path)
        self._descriptor = self._open(0o666)

    def _open(self, mode: int) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(self.path, flags, mode)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)

    def append(self, line: bytes) -> None:
        """Appends a line, whole. Raises OSError, and then nothing of it is in the file."""
        if not self._is_rotated:
            _write(self._descriptor, line)
            return
        try:
            size = self._lock_current()
            while self.max_bytes and size and size + len(line) > self.max_bytes:
                size = self._rotate()
            if self._has_half_line(size):
                line = b"\n" + line
            try:
                _write(self._descriptor, line)
            except OSError:
                # The disk is full. Half a line would spoil the next one, too.
                with suppress(OSError):
                    os.ftruncate(self._descriptor, size)
                raise
            self._own_end = size + len(line)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _has_half_line(self, size: int) -> bool:
        """Whether the file ends within a line: one who wrote it was killed, or the machine died."""
        if size in (0, self._own_end):
            return False
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            # A file that may be written, and not read.
            return False
        try:
            return os.pread(descriptor, 1, size - 1) != b"\n"
        finally:
            os.close(descriptor)

    def _lock_current(self) -> int:
        """Locks the file that is at the path now, and returns its size."""
        until = time.monotonic() + LOCK_SECONDS
        while True:
            self._lock(until)
            opened = os.fstat(self._descriptor)
            try:
                there = os.stat(self.path)
            except FileNotFoundError:
                there = None
            if there is not None and os.path.samestat(opened, there):
                return opened.st_size
            if time.monotonic() > until:
                # A file system that numbers a file anew at each look.
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
            self._reopen(stat.S_IMODE(opened.st_mode))

    def _lock(self, until: float) -> None:
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > until:
                    raise OSError(error.errno, "another process keeps it locked") from error
                time.sleep(0.001)
            else:
                return

    def _reopen(self, mode: int) -> None:
        descriptor = self._open(mode)
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._own_end = 0

    def _rotate(self) -> int:
        """Gives the full file the first number, begins another, and returns its size.

        Called with the lock, and returns with that of the new file. Who is not
        of us may have moved files meanwhile, and that is as good.
        """
        if self.backup_count == 0:
            os.ftruncate(self._descriptor, 0)
            return 0
        for number in range(self.backup_count - 1, -1, -1):
            older = f"{self.path}.{number}" if number else self.path
            with suppress(FileNotFoundError):
                os.replace(older, f"{self.path}.{number + 1}")
        full = os.fstat(self._descriptor)
        self._reopen(stat.S_IMODE(full.st_mode))
        size = self._lock_current()
        self._resemble(full)
        return size

    def _resemble(self, full: os.stat_result) -> None:
        """Gives the new file owner and mode of the full one: who could write still can."""
        new = os.fstat(self._descriptor)
        with suppress(OSError):
            if (new.st_uid, new.st_gid) != (full.st_uid, full.st_gid):
                os.fchown(self._descriptor, full.st_uid, full.st_gid)
            if new.st_mode != full.st_mode:
                os.fchmod(self._descriptor, stat.S_IMODE(full.st_mode))


def _own_stream(path: str) -> int | None:
    """The descriptor of our stdout or stderr if that is what is at the path."""
    try:
        there = os.stat(path)
        streams = (2, 1)
        return next((each for each in streams if os.path.samestat(os.fstat(each), there)), None)
    except OSError:
        return None


def _is_regular(path: str) -> bool:
    """Whether a file is at the path, or nothing yet. `/dev/fd/N` has no other path for a pipe."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[TextIO]
else:
    # Python 3.10's is not generic.
    _StreamHandler = logging.StreamHandler


class StderrHandler(_StreamHandler):
    """Logs to whatever is stderr at the time: a progress bar puts itself in its place."""

    def __init__(self, *, form: Literal["text", "json"]) -> None:
        super().__init__(sys.stderr)
        self.form = form

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record, unless its reader is told in other words."""
        if self.form == "text" and getattr(record, "is_shown", False):
            return
        self.stream = sys.stderr
        if self.form == "json" and isinstance(self.stream, io.TextIOWrapper):
            _make_utf8(self.stream)
        super().emit(record)


def _make_utf8(stream: io.TextIOWrapper) -> None:
    """JSON is UTF-8, whatever the locale."""
    if stream.encoding != "utf-8":
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")


class FileHandler(logging.Handler):
    """Logs to a shared file; once that fails, to stderr, and says so."""

    def __init__(self, file: SharedFile, fallback: StderrHandler) -> None:
        super().__init__()
        self._file: SharedFile | None = file
        self._fallback = fallback

    def emit(self, record: logging.LogRecord) -> None:
        """Appends the record. An error here never ends the work that is logged."""
        if self._file is None:
            return
        try:
            line = self.format(record) + "\n"
            self._file.append(line.encode(errors="backslashreplace"))
        except OSError as error:
            file, self._file = self._file, None
            with suppress(OSError):
                file.close()
            fall_back(self._fallback, file.path, error)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()


def fall_back(handler: StderrHandler, path: str, error: OSError) -> None:
    """Makes `handler` the last of the root logger's, and has it say why.

    A record that is on its way through these comes to it next.
    """
    root = logging.getLogger()
    if handler not in root.handlers:
        root.addHandler(handler)
    handler.handle(
        logging.LogRecord(
            "vpo.logging",
            logging.WARNING,
            __file__,
            0,
            "The log file `%s` cannot be written (%s): logging to stderr from now on",
            (path, error.strerror or error),
            None,
        )
    )

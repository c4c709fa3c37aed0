"""Where records go: a file that processes share and rotate, and stderr.

concurrent-log-handler does the first as well, but takes 70 ms to import, which
is most of a rescan.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
import sys
import time
from typing import TextIO

# Others hold the lock for the time of a write; beyond this one of them hangs.
LOCK_SECONDS = 5.0


class SharedFile:
    """A file to which several processes append whole lines, and which any of them rotates.

    The lock is on the file itself (flock(2)). Who holds it and finds the file
    still at its path may rename it; the others find then that it is not, and
    open the new one.
    """

    def __init__(self, path: str, *, max_bytes: int, backup_count: int) -> None:
        """Opens the file, making it if there is none. Raises OSError."""
        # A link stays one: what it leads to is rotated.
        self.path = os.path.realpath(path)
        self.max_bytes = max_bytes
        self.backup_count = backup_count
        self._descriptor = self._open(0o666)

    def _open(self, mode: int) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(self.path, flags, mode)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)

    def append(self, line: bytes) -> None:
        """Appends a line, whole. Raises OSError, and then nothing of it is in the file."""
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            # A terminal, a pipe: there is nothing to rotate.
            os.write(self._descriptor, line)
            return
        size = self._lock_current()
        try:
            if self.max_bytes and size and size + len(line) > self.max_bytes:
                self._rotate()
                size = os.fstat(self._descriptor).st_size
            written = os.write(self._descriptor, line)
            if written < len(line):
                # The disk is full. Half a line would spoil the next one, too.
                os.ftruncate(self._descriptor, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _lock_current(self) -> int:
        """Locks the file that is at the path now, and returns its size."""
        while True:
            self._lock()
            opened = os.fstat(self._descriptor)
            try:
                there = os.stat(self.path)
            except FileNotFoundError:
                there = None
            if there is not None and os.path.samestat(opened, there):
                return opened.st_size
            self._reopen(stat.S_IMODE(opened.st_mode))

    def _lock(self) -> None:
        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.001)
            else:
                return

    def _reopen(self, mode: int) -> None:
        descriptor = self._open(mode)
        os.close(self._descriptor)
        self._descriptor = descriptor

    def _rotate(self) -> None:
        """Gives the full file the first number, and begins another. Called with the lock."""
        if self.backup_count == 0:
            os.ftruncate(self._descriptor, 0)
            return
        for number in range(self.backup_count - 1, 0, -1):
            older = f"{self.path}.{number}"
            if os.path.exists(older):
                os.replace(older, f"{self.path}.{number + 1}")
        mode = stat.S_IMODE(os.fstat(self._descriptor).st_mode)
        os.replace(self.path, f"{self.path}.1")
        self._reopen(mode)
        self._lock_current()


class StderrHandler(logging.StreamHandler[TextIO]):
    """Logs to whatever is stderr at the time: a progress bar puts itself in its place."""

    def __init__(self, *, skip_shown: bool) -> None:
        super().__init__(sys.stderr)
        self.skip_shown = skip_shown

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record, unless its reader is told in other words."""
        if self.skip_shown and getattr(record, "is_shown", False):
            return
        self.stream = sys.stderr
        super().emit(record)


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
            path, self._file = self._file.path, None
            fall_back(self._fallback, path, error)
            self._fallback.handle(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()


def fall_back(handler: StderrHandler, path: str, error: OSError) -> None:
    """Makes `handler` one of the root logger's, and has it say why."""
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
            (path, error.strerror),
            None,
        )
    )

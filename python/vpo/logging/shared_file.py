"""A log file that several processes append to and rotate.

The package concurrent-log-handler can do this too, but it takes 70 ms to import, which is
longer than most rescans.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import suppress

# Other processes hold the lock only while they write. A longer wait means that one hangs.
LOCK_SECONDS = 5.0


class SharedFile:
    """A file to which several processes append whole lines. Any of them may rotate it.

    The lock is on the file itself (flock(2)). A process that holds the lock, and finds the
    file still at its path, may rename it. The others then see that the file has moved, and
    open the new one. Pipes, terminals and our own stdout and stderr are never rotated.
    """

    def __init__(self, path: str, *, max_bytes: int, backup_count: int) -> None:
        """Opens the file, or creates it. Raises OSError."""
        self.path = path
        self.max_bytes = max_bytes
        self.backup_count = backup_count
        self._own_end = 0
        stream = _own_stream(path)
        self._is_rotated = stream is None and _is_regular(path)
        if stream is not None:
            # Opening it again would give a second position, and both would overwrite each other.
            self._descriptor = os.dup(stream)
            return
        if self._is_rotated:
            # Rotate the target of a link, and keep the link.
            self.path = os.path.realpath(path)
        self._descriptor = self._open(0o666)

    def _open(self, mode: int) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(self.path, flags, mode)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)

    def append(self, line: bytes) -> None:
        """Appends a whole line. If it raises OSError, no part of the line is in the file."""
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
                # The disk is full. Half a line would also spoil the next line.
                with suppress(OSError):
                    os.ftruncate(self._descriptor, size)
                raise
            self._own_end = size + len(line)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _has_half_line(self, size: int) -> bool:
        """Whether the file ends inside a line: a writer was killed, or the power failed."""
        if size in (0, self._own_end):
            return False
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            # We may write the file but not read it.
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
                # This file system reports another inode number at every look.
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
        """Renames the full file to number 1, starts a new one, and returns its size.

        The caller holds the lock of the full file, and afterwards that of the new file.
        Other programs may have moved files in the meantime, which does no harm.
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
        """Gives the new file the owner and mode of the full one, so that writers keep access."""
        new = os.fstat(self._descriptor)
        with suppress(OSError):
            if (new.st_uid, new.st_gid) != (full.st_uid, full.st_gid):
                os.fchown(self._descriptor, full.st_uid, full.st_gid)
            if new.st_mode != full.st_mode:
                os.fchmod(self._descriptor, stat.S_IMODE(full.st_mode))


def _own_stream(path: str) -> int | None:
    """The descriptor of our stdout or stderr, if the path leads to it."""
    try:
        there = os.stat(path)
        streams = (2, 1)
        return next((each for each in streams if os.path.samestat(os.fstat(each), there)), None)
    except OSError:
        return None


def _is_regular(path: str) -> bool:
    """Whether a regular file is at the path, or nothing yet."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]

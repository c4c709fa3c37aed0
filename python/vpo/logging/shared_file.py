"""A log file that several processes append to and rotate.

The package concurrent-log-handler can do this too, but it takes 70 ms to import, which is
longer than most rescans.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import time
from contextlib import suppress

from vpo.base.trusted_path import TrustedPath, resolve

# Other processes hold the lock only while they write. A longer wait means that one hangs.
LOCK_SECONDS = 5.0

# How long to wait for the program that reads a pipe.
PIPE_SECONDS = 5.0


class SharedFile:
    """A file to which several processes append whole lines. Any of them may rotate it.

    The lock is on the file itself (flock(2)). A process that holds the lock, and finds the
    file still at its path, may rename it. The others then see that the file has moved, and
    open the new one. Pipes, terminals and our own stdout and stderr are never rotated.

    Another user may be able to write to the directory. Then neither links nor files that have
    several names are accepted: they could lead to a file that the other user may not write.
    """

    def __init__(self, path: str, *, max_bytes: int, backup_count: int) -> None:
        """Opens the file. Creates it and its directory if they are missing. Raises OSError."""
        self.path = path
        self.max_bytes = max_bytes
        self.backup_count = backup_count
        self._own_end = 0
        self._place: TrustedPath | None = None
        """Where the file is, if it is one that is rotated."""
        self._is_created = False
        stream = _own_stream(path)
        if stream is not None:
            # Opening it again would give a second position, and both would overwrite each other.
            self._descriptor = os.dup(stream)
            return
        self._place = resolve(path, create_directories=True)
        try:
            self._descriptor, _ = self._open(self._place, 0o666)
        except OSError:
            self._place.close()
            raise
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            self._place.close()
            self._place = None

    def _open(self, place: TrustedPath, mode: int) -> tuple[int, bool]:
        """Opens the file; returns the descriptor, and whether this process created the file."""
        until = time.monotonic() + PIPE_SECONDS
        while True:
            try:
                # Opening a named pipe would wait for a reader, and there may never be one.
                descriptor = place.open(os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
            except FileNotFoundError:
                with suppress(FileExistsError):
                    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
                    return place.open(flags, mode & 0o666), True
                if time.monotonic() > until:
                    raise
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise OSError(errno.ELOOP, "it is a link") from error
                if error.errno != errno.ENXIO:
                    raise
                if time.monotonic() > until:
                    raise OSError(errno.ENXIO, "no program reads from it") from error
                time.sleep(0.01)
            else:
                try:
                    _check(os.fstat(descriptor), place)
                    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                        os.set_blocking(descriptor, True)
                except BaseException:
                    os.close(descriptor)
                    raise
                return descriptor, False

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)
        if self._place is not None:
            self._place.close()
            self._place = None

    def append(self, line: bytes) -> None:
        """Appends a whole line. If it raises OSError, no part of the line is in the file."""
        if self._place is None:
            _write(self._descriptor, line)
            return
        try:
            size = self._lock_current()
            while self.max_bytes and size and size + len(line) > self.max_bytes:
                size = self._rotate(self._place)
            if self._has_half_line(self._place, size):
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

    def _has_half_line(self, place: TrustedPath, size: int) -> bool:
        """Whether the file ends inside a line: a writer was killed, or the power failed."""
        if size in (0, self._own_end):
            return False
        try:
            descriptor = place.open(os.O_RDONLY | os.O_NONBLOCK)
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
            self._reopen(opened.st_mode)

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
        place = resolve(self.path)
        try:
            descriptor, is_created = self._open(place, mode)
        except OSError:
            place.close()
            raise
        self.close()
        self._descriptor, self._place, self._is_created = descriptor, place, is_created
        self._own_end = 0

    def _rotate(self, place: TrustedPath) -> int:
        """Renames the full file to number 1, starts a new one, and returns its size.

        The caller holds the lock of the full file, and afterwards that of the new file.
        Other programs may have moved files in the meantime, which does no harm.
        """
        if self.backup_count == 0:
            os.ftruncate(self._descriptor, 0)
            return 0
        for number in range(self.backup_count - 1, -1, -1):
            older = f"{place.name}.{number}" if number else place.name
            with suppress(FileNotFoundError):
                place.replace(older, f"{place.name}.{number + 1}")
        full = os.fstat(self._descriptor)
        self._reopen(full.st_mode)
        size = self._lock_current()
        if self._is_created:
            self._resemble(full)
        return size

    def _resemble(self, full: os.stat_result) -> None:
        """Gives the new file the owner and mode of the full one, so that writers keep access.

        Only a file that this process created is given away. Another one at this path could be a
        file of ours that someone put there.
        """
        new = os.fstat(self._descriptor)
        with suppress(OSError):
            if (new.st_uid, new.st_gid) != (full.st_uid, full.st_gid):
                os.fchown(self._descriptor, full.st_uid, full.st_gid)
            if new.st_mode != full.st_mode:
                os.fchmod(self._descriptor, full.st_mode & 0o666)


def _own_stream(path: str) -> int | None:
    """The descriptor of our stdout or stderr, if the path leads to it."""
    try:
        there = os.stat(path)
        streams = (2, 1)
        return next((each for each in streams if os.path.samestat(os.fstat(each), there)), None)
    except OSError:
        return None


def _check(found: os.stat_result, place: TrustedPath) -> None:
    """Raises OSError if another user could have put the file there to have it written."""
    if place.is_exclusive:
        return
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISFIFO(found.st_mode)):
        raise OSError(errno.EPERM, "it is not a regular file, in a directory that others can write")
    if found.st_nlink > 1:
        raise OSError(errno.EMLINK, "it has several names, in a directory that others can write")
    directory = os.fstat(place.directory)
    # As Linux does with fs.protected_regular (proc_sys_fs(5)).
    if directory.st_mode & stat.S_IWOTH and found.st_uid not in (
        0,
        os.geteuid(),
        directory.st_uid,
    ):
        raise OSError(errno.EPERM, "another user created it, in a directory that all can write")


def _write(descriptor: int, line: bytes) -> None:
    while line:
        try:
            line = line[os.write(descriptor, line) :]
        except BlockingIOError as error:
            if not _becomes_writable(descriptor):
                raise OSError(error.errno, "the program that reads it does not read") from error


def _becomes_writable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(PIPE_SECONDS * 1000))

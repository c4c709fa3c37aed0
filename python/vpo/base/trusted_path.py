"""Finding a place on disk without following links that another user could have put there.

Root's cron jobs work in directories of other users. Whoever can write to a directory can
replace a name in it by a link at any moment, even between a check and its use. So the path is
walked from `/` one name at a time, each opened beneath the descriptor of the one before.
Links are followed only while no other user can write to any directory on the way.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass

from vpo.base.paths import display, to_stored

# As many links as Linux follows (path_resolution(7)).
MAX_LINKS = 40

# With O_PATH, a directory need not be readable. Only Linux has it.
_DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass
class TrustedPath:
    """A name in an open directory. The name leads to no link, or to nothing yet."""

    directory: int
    """The descriptor of the directory."""
    name: str
    is_exclusive: bool
    """Whether only this user and root can change what the path leads to."""
    is_magic: bool = False
    """Whether the name is a link in /proc that leads to a pipe. Only opening it follows it."""

    def open(self, flags: int, mode: int = 0o666) -> int:
        """Opens or creates what is at the name, and returns the descriptor. Raises OSError."""
        flags |= os.O_CLOEXEC | (0 if self.is_magic else os.O_NOFOLLOW)
        return os.open(self.name, flags, mode, dir_fd=self.directory)

    def replace(self, name: str, new_name: str) -> None:
        """Renames a file in the directory. Raises OSError."""
        os.replace(name, new_name, src_dir_fd=self.directory, dst_dir_fd=self.directory)

    def close(self) -> None:
        """Closes the directory."""
        os.close(self.directory)


def resolve(path: str, *, create_directories: bool = False) -> TrustedPath:
    """Walks to a path and opens its directory.

    With `create_directories`, directories that are missing on the way are created.

    Raises OSError: ELOOP if there is a link that another user could have put there.
    """
    walk = _Walk(create_directories)
    try:
        return walk.to(os.path.abspath(path))
    except BaseException:
        walk.close()
        raise


class _Walk:
    def __init__(self, create_directories: bool) -> None:
        self.create_directories = create_directories
        self.links = 0
        self.is_safe = True
        """Whether no other user can replace the directory that is open now by another."""
        self.directory = os.open("/", _DIRECTORY)

    def close(self) -> None:
        os.close(self.directory)

    def to(self, path: str) -> TrustedPath:
        # The parts of the path that are still ahead; the next one is last.
        ahead = _parts(path)
        while ahead:
            name = ahead.pop()
            target = self._target_of(name)
            is_magic = target is not None and self._is_magic(target)
            if target is None or is_magic:
                if not ahead:
                    is_exclusive = self.is_safe and _is_ours(os.fstat(self.directory))
                    return TrustedPath(self.directory, name, is_exclusive, is_magic)
                self._enter(name)
                continue
            if target.startswith("/"):
                self._change_to(os.open("/", _DIRECTORY), is_safe=True)
            ahead += _parts(target)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))

    def _target_of(self, name: str) -> str | None:
        """The target of a link that may be followed, or None if the name is not a link."""
        try:
            target = os.readlink(name, dir_fd=self.directory)
        except OSError:
            # Whatever it is, it is not a link. Opening it gives the error.
            return None
        if not self._is_kept(os.stat(name, dir_fd=self.directory, follow_symlinks=False)):
            shown = display(to_stored(os.fsencode(name)))
            raise OSError(errno.ELOOP, f"`{shown}` is a link in a directory that others can write")
        self.links += 1
        if self.links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return target

    def _is_kept(self, entry: os.stat_result) -> bool:
        """Whether no other user can replace an entry of the directory that is open now."""
        here = os.fstat(self.directory)
        return self.is_safe and (_is_ours(here) or _is_kept_by_sticky_bit(here, entry))

    def _is_magic(self, target: str) -> bool:
        """Whether the link is one in /proc that leads to a pipe, as `pipe:[4711]`."""
        if target.startswith("/") or ":" not in target:
            return False
        with suppress(OSError):
            return os.fstat(self.directory).st_dev == os.stat("/proc/self").st_dev
        return False

    def _enter(self, name: str) -> None:
        try:
            descriptor = os.open(name, _DIRECTORY, dir_fd=self.directory)
        except FileNotFoundError:
            if not self.create_directories:
                raise
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=self.directory)
            descriptor = os.open(name, _DIRECTORY, dir_fd=self.directory)
        self._change_to(descriptor, is_safe=self._is_kept(os.fstat(descriptor)))

    def _change_to(self, descriptor: int, *, is_safe: bool) -> None:
        os.close(self.directory)
        self.directory, self.is_safe = descriptor, is_safe


def _parts(path: str) -> list[str]:
    """The names in a path, the last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _is_ours(directory: os.stat_result) -> bool:
    """Whether only this user and root can change the names in a directory."""
    if directory.st_uid not in (0, os.geteuid()):
        return False
    if directory.st_mode & stat.S_IWOTH:
        return False
    return not directory.st_mode & stat.S_IWGRP or _is_private_group(directory.st_gid)


def _is_private_group(gid: int) -> bool:
    """Whether nobody else is in a group. With umask 002, users have such a group of their own."""
    import grp
    import pwd

    if gid != os.getegid():
        return False
    try:
        user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(gid)
    except KeyError:
        return False
    return group.gr_name == user and set(group.gr_mem) <= {user}


def _is_kept_by_sticky_bit(directory: os.stat_result, entry: os.stat_result) -> bool:
    """Whether others cannot replace an entry, though they can write to its directory."""
    trusted = (0, os.geteuid())
    return bool(
        directory.st_mode & stat.S_ISVTX and directory.st_uid in trusted and entry.st_uid in trusted
    )

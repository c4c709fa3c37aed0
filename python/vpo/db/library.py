"""Opening a library, transactions, and SQLite's errors in plain words."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from vpo.base.errors import (
    DiskFullError,
    LibraryBusyError,
    LibraryDamagedError,
    LibraryError,
    LibraryNotFoundError,
    LibraryTooNewError,
    LibraryTooOldError,
    LibraryUnreadableError,
    LibraryUnwritableError,
    NotALibraryError,
)
from vpo.base.paths import display
from vpo.db import migrations

BUSY_TIMEOUT_SECONDS = 30.0

# The default of 1000 pages makes a first scan write each page of the file about
# twice more: 32 MiB lets a batch settle before it is copied into the library.
CHECKPOINT_PAGES = 8192

# Enough for the inner pages of the indexes of some million files, so that
# writing does not read. SQLite takes it only as it needs it.
CACHE_KIB = 48 * 1024

# What `sqlite3` does with values of these types for want of an adapter, which is to
# look for a protocol, takes longer than to store them; most columns of a track are empty.
_NOTHING: dict[None, None] = {}
sqlite3.register_adapter(type(None), _NOTHING.get)
sqlite3.register_adapter(bool, int)

Mode = Literal["create", "write", "read"]


class Library:
    """An open library. Use it as a context manager, or close it."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self.connection = connection
        self.path = path

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the library; the last one to do so folds the WAL into it."""
        with plain_errors(self.path):
            self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything done inside is kept together, or not at all."""
        with plain_errors(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors (disk full).
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Queries, with SQLite's errors in plain words."""
        with plain_errors(self.path):
            yield self.connection


def open_library(path: str, mode: Mode) -> Library:
    """Opens the library at `path`; upgrades an older one unless only reading.

    `create` makes a new one where there is none. `read` never writes: an older
    library is upgraded in memory.

    Raises LibraryError, or the kind of it that says what is wrong.
    """
    if mode != "create" and not _is_there(path):
        raise LibraryNotFoundError(
            f"There is no library at `{display(path)}`",
            hint="Make one with `vpo scan DIRECTORY`, or name another with `--db PATH`.",
            path=path,
        )
    if mode != "read" and os.path.exists(path) and not _is_writable(path):
        # SQLite would open it all the same, to read, and leave files beside it
        # that nobody can write.
        raise _unopened(path, "permission denied", LibraryUnwritableError)
    if _has_no_room(path, 4 * _PAGE_BYTES, block_bytes=_PAGE_BYTES):
        # SQLite writes one byte of each page of the WAL's index, and maps them: where a page
        # takes several blocks, there may be no room for the others, and SIGBUS ends it all.
        raise _full(path)
    with plain_errors(path, reads=mode == "read"):
        connection = _connect(path, mode)
        try:
            version = _check(connection, path)
            if version == 0 and mode != "create":
                raise NotALibraryError(
                    f"`{display(path)}` is an empty file, not a library",
                    hint="Make a library with `vpo scan DIRECTORY`.",
                    path=path,
                )
            if mode == "read":
                if version != migrations.LATEST:
                    connection = _upgraded_in_memory(connection)
                connection.execute("PRAGMA query_only = ON")
            else:
                connection.execute("PRAGMA journal_mode = WAL")
                migrations.upgrade(connection, path)
        except BaseException:
            connection.close()
            raise
        return Library(connection, path)


def new_library_in_memory() -> Library:
    """An empty library that is never written anywhere."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrations.upgrade(connection, None)
    return Library(connection, ":memory:")


def _connect(path: str, mode: Mode) -> sqlite3.Connection:
    uri = "file:" + _uri_quote(os.path.abspath(path))
    if mode == "read":
        # SQLite needs to write beside the library even to read it (the WAL's
        # index), unless nobody can: then nobody is writing either.
        if _is_writable(path):
            uri += "?mode=rw"
        elif os.path.exists(path + "-wal"):
            uri += "?mode=ro"
        else:
            uri += "?mode=ro&immutable=1"
    else:
        uri += "?mode=rwc" if mode == "create" else "?mode=rw"
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
        cached_statements=256,
        check_same_thread=False,
    )
    connection.execute("PRAGMA foreign_keys = ON")
    if mode != "read":
        # A commit that was reported is on the disk, whatever happens to the power.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection


def _is_there(path: str) -> bool:
    try:
        os.stat(path)
    except PermissionError as error:
        # A directory on the way to it keeps it from being seen.
        raise _unopened(path, "permission denied", LibraryUnreadableError) from error
    except (OSError, ValueError):
        return False
    return True


def _is_writable(path: str) -> bool:
    """Whether SQLite can write the library, which takes files beside it."""
    directory = os.path.dirname(os.path.abspath(path))
    return os.access(path, os.W_OK) and os.access(directory, os.W_OK)


def _uri_quote(path: str) -> str:
    """Percent-encodes what has a meaning in SQLite's URIs, bytes included."""
    safe = b"/-._~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(chr(byte) if byte in safe else f"%{byte:02X}" for byte in os.fsencode(path))


def _check(connection: sqlite3.Connection, path: str) -> int:
    """The library's version, 0 for an empty file. Raises if it cannot be used."""
    version = migrations.version_of(connection)
    if version is None:
        raise NotALibraryError(
            f"`{display(path)}` is a database, but not a vpo library",
            hint="Name the library with `--db PATH`.",
            path=path,
        )
    if version > migrations.LATEST:
        raise LibraryTooNewError(
            f"The library `{display(path)}` has version {version}; "
            f"this vpo knows versions up to {migrations.LATEST}",
            hint="Upgrade vpo. Nothing was changed.",
            version=version,
            latest=migrations.LATEST,
        )
    if 0 < version < migrations.OLDEST:
        raise LibraryTooOldError(
            f"The library `{display(path)}` has version {version}; "
            f"versions from {migrations.OLDEST} on can be upgraded",
            hint="Nothing was changed.",
            version=version,
            oldest=migrations.OLDEST,
        )
    return version


def _upgraded_in_memory(connection: sqlite3.Connection) -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.backup(memory)
    connection.close()
    migrations.upgrade(memory, None)
    return memory


@contextmanager
def plain_errors(path: str, *, reads: bool = False) -> Iterator[None]:
    """Turns SQLite's errors into ones that say what to do; `reads`: nothing is to be written."""
    try:
        yield
    except UnicodeDecodeError as error:
        # From the sqlite3 module, about a message that quotes what it found.
        raise _damaged(path, "text in it is not text") from error
    except sqlite3.Error as error:
        if expected := _explain(error, path, reads=reads):
            raise expected from error
        raise


# A WAL's index grows by so much at a time (https://sqlite.org/walformat.html#wal_index).
_WAL_INDEX_BYTES = 32 * 1024
_PAGE_BYTES = 4096

# A table or column that is not there, or text that is not text: the file was
# changed by something else.
_DAMAGE = ("malformed", "corrupt", "no such table", "no such column", "decode to UTF-8")


def _explain(error: sqlite3.Error, path: str, *, reads: bool) -> LibraryError | None:
    # By message, as Python 3.10 does not give SQLite's error codes; the texts
    # are part of SQLite's interface (sqlite3_errstr) and have not changed.
    said = str(error)
    shown = display(path)
    if "locked" in said or "busy" in said:
        return LibraryBusyError(
            f"The library `{shown}` is in use by another process",
            hint="Try again when it is done.",
            path=path,
        )
    is_of_the_disk = isinstance(error, sqlite3.OperationalError) and "disk I/O error" in said
    # The file that a WAL's readers share is mapped: no room for it is an I/O error.
    if "database or disk is full" in said or (
        is_of_the_disk and _has_no_room(path, _WAL_INDEX_BYTES)
    ):
        return _full(path)
    if "not a database" in said or (reads and os.path.isdir(path)):
        return NotALibraryError(
            f"`{shown}` is not a vpo library",
            hint="Name the library with `--db PATH`.",
            path=path,
        )
    if any(sign in said for sign in _DAMAGE):
        return _damaged(path, said)
    if "readonly" in said or "read-only" in said or "unable to open" in said:
        return _unopened(path, said, LibraryUnreadableError if reads else LibraryUnwritableError)
    if is_of_the_disk:
        return LibraryError(
            f"The disk failed under the library `{shown}`: {said}",
            hint="Check the disk (`dmesg` says more) before you run vpo again.",
            path=path,
        )
    return None


def _full(path: str) -> DiskFullError:
    return DiskFullError(
        f"There is no room left to write the library `{display(path)}`",
        hint="Free some space and run the command again: what was committed is kept.",
        path=path,
    )


def _has_no_room(path: str, least: int, *, block_bytes: int = sys.maxsize) -> bool:
    """Whether a file system has less room than that, and blocks smaller than these."""
    try:
        found = os.statvfs(os.path.dirname(os.path.abspath(path)))
    except OSError:
        return False
    return found.f_frsize < block_bytes and found.f_bavail * found.f_frsize < least


def _damaged(path: str, said: str) -> LibraryDamagedError:
    return LibraryDamagedError(
        f"The library `{display(path)}` is damaged: {said}",
        hint="Put a backup in its place, or move it away and scan anew.",
        path=path,
    )


def _unopened(path: str, said: str, kind: type[LibraryError]) -> LibraryError:
    what = "reading" if kind is LibraryUnreadableError else "writing"
    return kind(
        f"The library `{display(path)}` cannot be opened for {what}: {_why_unopened(path, said)}",
        hint="Check its permissions, or name another with `--db PATH`.",
        path=path,
    )


def _why_unopened(path: str, said: str) -> str:
    directory = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path):
        return "it is a directory"
    if not os.path.isdir(directory):
        return "its directory does not exist"
    if not os.path.exists(path) and not os.access(directory, os.W_OK):
        return "its directory is not writable"
    if os.path.exists(path) and not os.access(path, os.R_OK):
        return "permission denied"
    return said

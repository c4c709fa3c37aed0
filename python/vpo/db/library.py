"""Opens the catalogue, the SQLite file `library.db`, and provides transactions."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Literal, NamedTuple

from vpo.base.errors import (
    EXIT_NOT_DONE,
    LibraryBusyError,
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
from vpo.db.compacting import compact
from vpo.db.failures import disk_full, has_no_room, not_opened, plain_errors
from vpo.db.precautions import check_schema, take_precautions

BUSY_TIMEOUT_SECONDS = 30.0

# SQLite's default of 1000 pages makes a first scan write each page of the file about twice
# more. With 32 MiB, a batch is complete before SQLite copies it from the WAL into the file.
CHECKPOINT_PAGES = 8192

# Large enough for the inner pages of the indexes of several million files, so that writing
# does not have to read. SQLite allocates it only as needed.
CACHE_KIB = 48 * 1024

_PAGE_BYTES = 4096

# A catalogue that is read without a lock is copied into memory up to this size, and so often.
MOST_COPIED_BYTES = 256 << 20
MOST_COPIES = 10

# Without an adapter for these types, `sqlite3` looks for a protocol, which takes longer than
# storing the value. Most columns of a track are empty.
_NOTHING: dict[None, None] = {}
sqlite3.register_adapter(type(None), _NOTHING.get)
sqlite3.register_adapter(bool, int)

Mode = Literal["create", "write", "read"]


class Library:
    """An open catalogue. Use it as a context manager, or close it."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: str,
        unlocked: _FileState | None = None,
        *,
        is_written: bool = False,
    ) -> None:
        """`unlocked`: the state of a file that is read without a lock, so that others may write.

        `is_written`: the catalogue was opened to be written.
        """
        self.connection = connection
        self.path = path
        self._unlocked = unlocked
        self._is_written = is_written

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Closes the catalogue. If it was opened to be written, unused space is given back first.

        Raises LibraryBusyError if it was read without a lock and another process has written it:
        what was read may be old, or look damaged.
        """
        if error is None and self._is_written:
            compact(self.connection, self.path, BUSY_TIMEOUT_SECONDS)
        self.close()
        before, explains = self._unlocked, error is None or isinstance(error, LibraryError)
        if before is not None and explains and _state_of(self.path) != before:
            raise _changed_meanwhile(self.path) from error

    def close(self) -> None:
        """Closes the catalogue. The last process to close it merges the WAL into the file."""
        with plain_errors(self.path):
            self.connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Runs queries; SQLite's errors are raised in plain English."""
        with plain_errors(self.path):
            yield self.connection

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Runs queries that all see the same state, even if another process writes."""
        with plain_errors(self.path):
            self.connection.execute("BEGIN")
            try:
                yield self.connection
            finally:
                self.rollback()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Keeps everything that is written inside, or nothing if an error is raised."""
        with plain_errors(self.path):
            self.begin()
            try:
                yield self.connection
                self.commit()
            except BaseException:
                self.rollback()
                raise

    # For work that lasts longer than one `with` block. The caller turns SQLite's errors into
    # plain English (`plain_errors`), for all of the work at once.

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self.connection.in_transaction

    def begin(self) -> None:
        """Begins a transaction that writes; waits for other writers."""
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Commits the open transaction, if there is one."""
        if self.in_transaction:
            self.connection.execute("COMMIT")

    def rollback(self) -> None:
        """Discards the open transaction, if there is one.

        After some errors, such as a full disk, SQLite has rolled back already.
        """
        if self.in_transaction:
            self.connection.execute("ROLLBACK")


class BatchTransaction:
    """A transaction for a long series of writes; it is committed in batches.

    Call `begin` before each group of writes and `wrote` after it. When `is_due`, call
    `commit`, so that a crash loses little and other processes can write.
    """

    def __init__(self, library: Library, *, most_rows: int, most_seconds: float) -> None:
        """A batch is due after `most_rows` rows or `most_seconds` seconds."""
        self._library = library
        self._most_rows = most_rows
        self._most_seconds = most_seconds
        self._rows = 0
        self._began = 0.0

    def begin(self) -> None:
        """Begins a batch, unless one is open."""
        if not self._library.in_transaction:
            self._library.begin()
            self._began = time.monotonic()
            self._rows = 0

    def wrote(self, rows: int) -> None:
        """Counts rows that were written in the open batch."""
        self._rows += rows

    @property
    def is_due(self) -> bool:
        """Whether a batch is open that should be committed now."""
        return self._library.in_transaction and (
            self._rows >= self._most_rows or time.monotonic() - self._began >= self._most_seconds
        )

    def commit(self) -> None:
        """Commits the open batch, if there is one."""
        self._library.commit()

    def rollback(self) -> None:
        """Discards the open batch, if there is one."""
        self._library.rollback()


def open_library(path: str, mode: Mode, *, for_group: bool = False) -> Library:
    """Opens the catalogue at `path`, and upgrades an older one.

    `create` creates the catalogue if it does not exist; with `for_group`, its group can use it
    as far as the umask allows. `read` never writes: an older catalogue is upgraded in memory.

    Raises LibraryError, or the subclass that says what is wrong.
    """
    if mode != "create" and not _exists(path):
        raise LibraryNotFoundError(
            f"There is no catalogue at `{display(path)}`",
            hint="If you have a catalogue elsewhere, move it to this path or name it with"
            " `--db PATH`. Otherwise, create one with `vpo scan DIRECTORY`.",
            path=path,
        )
    if mode != "read" and os.path.exists(path) and not _is_writable(path):
        # SQLite would open the file read-only, and create files beside it that nobody can
        # write.
        raise not_opened(path, "permission denied", LibraryUnwritableError)
    if has_no_room(path, 4 * _PAGE_BYTES, block_bytes=_PAGE_BYTES):
        # SQLite maps the index of the WAL after writing one byte of each page. If a page takes
        # several blocks, there may be no room for the others, and SIGBUS kills the process.
        raise disk_full(path)
    if mode != "read":
        _explain_bus_errors(path)
    unlocked = None
    with plain_errors(path, reads=mode == "read"):
        if mode == "read" and not _is_writable(path):
            connection, unlocked = _connect_without_writing(path)
        else:
            if mode == "create":
                _create_file(path, 0o660 if for_group else 0o600)
            connection = _connect(path, mode)
        try:
            version = _check(connection, path)
            if version == 0 and mode != "create":
                raise NotALibraryError(
                    f"`{display(path)}` is an empty file, not a catalogue",
                    hint="Create a catalogue with `vpo scan DIRECTORY`.",
                    path=path,
                )
            if mode == "read":
                if version != migrations.LATEST:
                    connection = _upgraded_in_memory(connection)
                connection.execute("PRAGMA query_only = ON")
            else:
                connection.execute("PRAGMA journal_mode = WAL")
                migrations.upgrade(connection, path)
        except BaseException as error:
            connection.close()
            is_read = unlocked is not None and isinstance(error, sqlite3.Error)
            if is_read and _state_of(path) != unlocked:
                raise _changed_meanwhile(path) from error
            raise
        return Library(connection, path, unlocked, is_written=mode != "read")


def new_library_in_memory() -> Library:
    """Creates an empty catalogue that exists in memory only."""
    connection = _connect_to_memory()
    migrations.upgrade(connection, None)
    return Library(connection, ":memory:")


class _FileState(NamedTuple):
    """What changes in the files of a catalogue when it is written."""

    inode: int
    size_bytes: int
    mtime_ns: int
    has_wal: bool
    """Whether a process that can write has it open."""


def _state_of(path: str) -> _FileState:
    # SQLite puts the WAL beside the file that a link leads to.
    file = os.path.realpath(path)
    try:
        found = os.stat(file)
    except FileNotFoundError:
        return _FileState(0, 0, 0, has_wal=False)
    has_wal = os.path.exists(f"{file}-wal")
    return _FileState(found.st_ino, found.st_size, found.st_mtime_ns, has_wal)


def _connect_without_writing(path: str) -> tuple[sqlite3.Connection, _FileState | None]:
    """Connects to a catalogue beside which this process cannot write, to read it.

    SQLite writes the index of the WAL beside the file even to read. While a WAL is there, its
    index is as well, and can be used. Otherwise nobody has the catalogue open, and the file
    alone is all of it. SQLite reads that without a lock, and another process may begin to write
    at any moment. So the file is copied into memory, and was not written meanwhile. A large one
    is read in place. Its state is returned then, to be compared when it has been read.

    Raises LibraryBusyError if others write each time.
    """
    for _ in range(MOST_COPIES):
        before = _state_of(path)
        if before.has_wal:
            return _connect(path, "read", "?mode=ro"), None
        connection = _connect(path, "read", "?mode=ro&immutable=1")
        if not _is_copied(before.size_bytes):
            return connection, before
        memory = _connect_to_memory()
        try:
            connection.backup(memory)
        except sqlite3.Error:
            memory.close()
            if _state_of(path) == before:
                raise
            continue
        finally:
            connection.close()
        if _state_of(path) == before:
            return memory, None
        memory.close()
    raise _changed_meanwhile(path)


def _is_copied(size_bytes: int) -> bool:
    return size_bytes <= MOST_COPIED_BYTES


def _changed_meanwhile(path: str) -> LibraryBusyError:
    return LibraryBusyError(
        f"Another process wrote the catalogue `{display(path)}` while vpo read it",
        hint="Run the command again.",
        path=path,
    )


def _connect_to_memory() -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    take_precautions(memory)
    return memory


def _connect(path: str, mode: Mode, how: str | None = None) -> sqlite3.Connection:
    """Connects to a catalogue. `how` are the parameters of the URI, by default those of `mode`."""
    uri = "file:" + _uri_quote(os.path.abspath(path))
    uri += how or ("?mode=rwc" if mode == "create" else "?mode=rw")
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
        cached_statements=256,
        check_same_thread=False,
    )
    take_precautions(connection)
    connection.execute("PRAGMA foreign_keys = ON")
    if mode != "read":
        # A reported commit is on the disk, even if the power fails.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection


def _explain_bus_errors(path: str) -> None:
    """Has the process end with a message if a page of the index of the WAL cannot be written.

    All processes map that file. On btrfs, a page that is there can still lack room when it is
    written, as each change takes new blocks. The catalogue stays as it was at the last commit.
    """
    from vpo._engine import end_on_bus_error

    message = (
        f"\nError: The system cannot provide the memory that it shares for the catalogue"
        f" `{display(path)}` (SIGBUS).\n\nThe disk or the quota may be full, or the disk may have"
        " failed. Free some space and run the command again. What was recorded before is kept.\n"
    )
    with suppress(OSError):
        end_on_bus_error(message.encode(errors="backslashreplace"), EXIT_NOT_DONE)


def _create_file(path: str, mode: int) -> None:
    """Creates an empty file, unless there is one. SQLite would let everybody read it.

    SQLite gives the files beside it the same mode.
    """
    # SQLite creates the file that a link leads to. It also reports why it cannot create one.
    with suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        os.close(os.open(os.path.realpath(path), flags, mode))


def _exists(path: str) -> bool:
    """Whether the file exists. Raises LibraryUnreadableError if permissions hide it."""
    try:
        os.stat(path)
    except PermissionError as error:
        raise not_opened(path, "permission denied", LibraryUnreadableError) from error
    except (OSError, ValueError):
        return False
    return True


def _is_writable(path: str) -> bool:
    """Whether SQLite can write the catalogue, for which it creates files beside it."""
    directory = os.path.dirname(os.path.realpath(path))
    return os.access(path, os.W_OK) and os.access(directory, os.W_OK)


def _uri_quote(path: str) -> str:
    """Percent-encodes characters that have a meaning in SQLite's URIs, and bytes."""
    safe = b"/-._~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(chr(byte) if byte in safe else f"%{byte:02X}" for byte in os.fsencode(path))


def _check(connection: sqlite3.Connection, path: str) -> int:
    """Returns the version of the catalogue, 0 for an empty file.

    Raises a LibraryError if vpo cannot use the file.
    """
    version = migrations.version_of(connection)
    if version is None:
        raise NotALibraryError(
            f"`{display(path)}` is a database, but not a vpo catalogue",
            hint="Name the catalogue with `--db PATH`.",
            path=path,
        )
    if version > migrations.LATEST:
        raise LibraryTooNewError(
            f"The catalogue `{display(path)}` has version {version}; "
            f"this vpo supports versions up to {migrations.LATEST}",
            hint="Upgrade vpo. Nothing was changed.",
            version=version,
            latest=migrations.LATEST,
        )
    if 0 < version < migrations.OLDEST:
        raise LibraryTooOldError(
            f"The catalogue `{display(path)}` has version {version}; "
            f"vpo can upgrade version {migrations.OLDEST} and later",
            hint="Nothing was changed. Move this file away and scan again.",
            version=version,
            oldest=migrations.OLDEST,
        )
    if version:
        check_schema(connection, path, version)
    return version


def _upgraded_in_memory(connection: sqlite3.Connection) -> sqlite3.Connection:
    memory = _connect_to_memory()
    connection.backup(memory)
    connection.close()
    migrations.upgrade(memory, None)
    return memory

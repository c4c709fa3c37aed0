"""The engine: walks, stats, fingerprints, probes and digests files in parallel.

It returns names and paths as `str` if their bytes are valid UTF-8, and as `bytes` otherwise.
The catalogue stores them in the same way, as TEXT or BLOB.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, Protocol, final, type_check_only

__all__ = [
    "ALGORITHMS",
    "KINDS",
    "RACY_WINDOW_NS",
    "SYSTEM_NAMES",
    "Batch",
    "Digested",
    "Digester",
    "Directory",
    "Failure",
    "MediaRows",
    "ProbeResult",
    "Prober",
    "Progress",
    "Roots",
    "Rules",
    "Tally",
    "UnvisitedDirectory",
    "Walk",
    "__version__",
    "birth_time",
    "end_on_bus_error",
    "language_code",
    "look_at",
    "open_beneath",
    "open_trusted",
    "read_sidecars",
    "set_idle_io",
    "stat_afresh",
    "storage_of",
]

__version__: Final[str]

KINDS: Final[dict[str, tuple[str, ...]]]
"""Each kind of media with its extensions, in lower case and without the dot."""

SYSTEM_NAMES: Final[dict[str, tuple[str, ...]]]
"""Names that scans skip in any case, by what creates them. A `*` at the end stands for anything."""

ALGORITHMS: Final[tuple[str, ...]]
"""The names of the digest algorithms, in a fixed order.

Most of them digest the whole content of a file. "head" is XXH3-64 of the first 4 KiB, "quick"
is XXH3-128 of the first and the last 64 KiB, and "xxh64" is `HEAD:TAIL:SIZE`, as catalogues of
version 6 have it.
"""

RACY_WINDOW_NS: Final[int]
"""How long after its mtime a file can change again without a trace, in nanoseconds.

The file keeps its size, and the change falls within the same tick of the file system's clock.
git calls a file that was read earlier than this "racy". The engine reports no fingerprint of a
directory with such a file.
"""

@type_check_only
class Selection(Protocol):
    """What a scan selects: any object with these attributes."""

    @property
    def kinds(self) -> Sequence[str]:
        """Names of kinds of media. With neither kinds nor extensions, all known media."""

    @property
    def extensions(self) -> Sequence[str]:
        """Extensions to select in addition, in any case, with or without the dot."""

    @property
    def exclude(self) -> Sequence[str]:
        """What to skip: lines of a .gitignore file in the root."""

    @property
    def hidden(self) -> bool:
        """Whether to include names that begin with a dot."""

    @property
    def follow_symlinks(self) -> bool: ...
    @property
    def one_file_system(self) -> bool:
        """Whether to skip other file systems below the root."""

    @property
    def skip_names(self) -> Sequence[str]:
        """Names to skip wherever they are, in any case. A `*` at the end stands for anything."""

    @property
    def system_names(self) -> bool:
        """Whether to look at the names in `SYSTEM_NAMES`, too."""

    @property
    def ignore_inodes(self) -> bool:
        """Whether to leave inode numbers out of the comparison."""

@final
class Rules:
    """Which directories a scan enters and which files it selects."""

    def __new__(cls, root: bytes, selection: Selection | None = None) -> Rules:
        """Rules for a scan of `root`; without a selection, for all known media.

        Raises ValueError, with a message for the user, if a kind is unknown, a glob is not
        valid or an extension contains characters that no extension can contain.
        """

    def enters(self, relative: bytes) -> bool:
        """Whether a walk enters the directory at this path relative to the root."""

    def selects(self, relative: bytes) -> bool:
        """Whether a walk selects the file at this path relative to the root.

        Only the name of the file and the globs count, not whether the walk enters the
        directories above the file.
        """

@final
class Walk:
    """A walk in progress, in threads of its own. Dropping it cancels it."""

    def __new__(
        cls,
        root: bytes,
        rules: Rules,
        known: Iterable[tuple[str | bytes, bytes | None, int]],
        *,
        threads: int = 0,
    ) -> Walk:
        """Starts to walk `root`, an absolute path without links in it.

        `known` are the directories of the last scan. Each has a path, a fingerprint (16
        bytes, or None to report the directory in any case) and an id. With `threads` 0 their
        number is chosen by latency.

        Raises OSError if the root cannot be opened as a directory.
        """

    def next_batch(self, timeout: float) -> Batch | None:
        """Waits up to `timeout` seconds for directories that differ.

        Returns None if there were none in this time, or if there will be no more; see
        `finished`.
        """

    @property
    def finished(self) -> bool:
        """Whether `next_batch` has reported that there will be no more batches."""

    def cancel(self) -> None:
        """Stops the walk at once."""

    def progress(self) -> Progress:
        """The counts so far."""

    def unvisited(self) -> list[UnvisitedDirectory]:
        """The known directories that a finished walk did not visit.

        Raises ValueError if the walk has not finished.
        """

    @property
    def root_device(self) -> int:
        """The `st_dev` of the root."""

@final
class Progress:
    """How far a walk has come."""

    @property
    def directories(self) -> int: ...
    @property
    def files(self) -> int: ...
    @property
    def unchanged_files(self) -> int:
        """Files in directories that have not changed."""

    @property
    def failures(self) -> int: ...
    @property
    def threads(self) -> int: ...

@final
class Batch:
    """Directories that differ, and their files in columns of equal length.

    Each method creates its list when it is called: call it only once.
    """

    def __len__(self) -> int: ...
    def directories(self) -> list[Directory]: ...
    def names(self) -> list[str | bytes]: ...
    def sizes(self) -> list[int]:
        """In bytes."""

    def mtimes(self) -> list[int]:
        """In nanoseconds since 1970, clamped to 64 bits."""

    def inodes(self) -> list[int | None]:
        """As signed 64-bit numbers; None where the file system does not keep them."""

    def extensions(self) -> list[str]: ...
    def kinds(self) -> list[str]: ...
    def symlinks(self) -> list[bool]:
        """Whether each file was reached through a symbolic link."""

    def failures(self) -> list[Failure]: ...

@final
class Directory:
    """A directory that differs. Its files are the rows from `start` up to `stop`."""

    @property
    def path(self) -> str | bytes: ...
    @property
    def known_id(self) -> int | None:
        """Its id in `known`; None if it is new."""

    @property
    def fingerprint(self) -> bytes | None:
        """None if the directory must be compared again next time."""

    @property
    def complete(self) -> bool:
        """Whether every name in it was read."""

    @property
    def device(self) -> int:
        """Its `st_dev`."""

    @property
    def via_symlink(self) -> bool: ...
    @property
    def start(self) -> int: ...
    @property
    def stop(self) -> int: ...

@final
class Failure:
    """A file or directory that could not be read."""

    @property
    def directory(self) -> str | bytes: ...
    @property
    def name(self) -> str | bytes | None:
        """The file in the directory; None if the directory itself failed."""

    @property
    def operation(self) -> Literal["open", "read", "stat"]: ...
    @property
    def errno(self) -> int: ...

@final
class UnvisitedDirectory:
    """A known directory that a walk did not visit, and what happened to it."""

    @property
    def known_id(self) -> int:
        """Its id in `known`."""

    @property
    def status(self) -> Literal["removed", "present", "not_selected", "unreachable"]: ...
    @property
    def device(self) -> int | None:
        """For "removed": the `st_dev` of the nearest parent directory that exists."""

    @property
    def errno(self) -> int | None:
        """For "unreachable"."""

@final
class Roots:
    """The directories beneath which files are opened.

    What is beneath a root may belong to other users, who can swap names for links at any moment.
    So each root is opened once, and everything else relative to it, without links on the way.
    A path that is beneath no root is opened as roots are: see `open_trusted`.
    """

    def __new__(
        cls,
        paths: Iterable[str | bytes] | None = None,
        linked: Iterable[str | bytes] | None = None,
        *,
        opened: tuple[str | bytes, int, bool] | None = None,
    ) -> Roots:
        """Roots at absolute paths.

        `linked` are the directories below them that a scan has reached through links. They are
        opened by their paths. `opened` is a root that is open already: its path, its descriptor,
        of which this makes a copy, and whether links are followed that stay beneath it.

        Raises OSError if the descriptor cannot be copied.
        """

    def add_linked(self, directory: str | bytes) -> None:
        """Notes that a scan has reached a directory through a link."""

    def open_directory(self, path: str | bytes) -> int:
        """Opens a directory to read it. Returns a descriptor, which the caller closes.

        Raises OSError: ELOOP for a link on the way, EXDEV for one that leads out of the root.
        """

    def open_file(self, path: str | bytes, follow: bool = False, inode: int | None = None) -> int:
        """Opens a file to read it. Returns a descriptor, which the caller closes.

        It does not wait for a pipe that has no writer. With `follow`, a link at the last name is
        followed. Raises OSError, as `open_directory`; and with ESTALE if the file has another
        inode number than `inode`, on a file system that keeps these numbers.
        """

@final
class Tally:
    """Sums over many rows, by the values of several columns at once."""

    def __new__(cls, columns: int) -> Tally: ...
    def add(self, rows: list[tuple[object, ...]]) -> None:
        """Adds rows: the values of the columns, an integer, and a float. What is no number adds 0.

        Raises ValueError if a row has another number of values.
        """

    def sums(self, column: int) -> list[tuple[str | int | None, int, int, float]]:
        """For each value of a column, the number of rows that have it, and their sums.

        Raises ValueError if the column does not exist.
        """

@final
class Prober:
    """Threads that probe media files. Dropping it stops them."""

    def __new__(cls, *, threads: int = 0, roots: Roots | None = None, rows: bool = False) -> Prober:
        """A prober whose threads start with the first file.

        With `threads` 0 their number is chosen by latency. Files are opened beneath `roots`.
        With `rows`, files of which it is sure come as `MediaRows`, and only the others as
        `ProbeResult`.
        """

    def submit(
        self, files: Iterable[tuple[int, str | bytes, bool, tuple[int, int] | None]]
    ) -> None:
        """Queues files: a key of the caller's, an absolute path, whether to follow a link, and
        the expected size in bytes and mtime in ns. A file that has others is not read. None: they
        do not matter.

        Raises OSError if no thread can be started.
        """

    def take(self, timeout: float, at_least: int = 1) -> tuple[MediaRows | None, list[ProbeResult]]:
        """All results that there are; waits up to `timeout` seconds for `at_least` so many, or
        for all if fewer are `outstanding`.
        """

    @property
    def completed(self) -> int:
        """The number of results that can be taken at once."""

    @property
    def queued(self) -> int:
        """The number of files that no thread has begun."""

    @property
    def outstanding(self) -> int:
        """The number of files whose results are still to be taken."""

@final
class MediaRows:
    """What files hold, as values that can be bound to statements.

    A table has its rows in groups: the names of the fields; how many rows a statement takes; and
    for each statement, the values of its rows, one row after the other. The rows have a value of
    each of these fields and of no others. The names are those of `vpo.media.model`. `number`
    counts chapters from 1; `tags`, `warnings` and `keywords` are JSON. Fields that are false are
    left out, except `flash`.
    """

    def __len__(self) -> int:
        """The number of files."""

    @property
    def keys(self) -> list[int]:
        """The keys of the files."""

    @property
    def first_free_indexes(self) -> list[tuple[int, int]]:
        """The key of each file, and the first track index that it does not have."""

    @property
    def files(self) -> list[tuple[tuple[str, ...], int, list[tuple[object, ...]]]]:
        """`container` and `quick_hash`, one row per statement. It ends with the key of the file."""

    @property
    def media(self) -> list[tuple[tuple[str, ...], int, list[tuple[object, ...]]]]:
        """One row per file, which begins with its key."""

    @property
    def tracks(self) -> list[tuple[tuple[str, ...], int, list[tuple[object, ...]]]]:
        """A row begins with the key of the file."""

    @property
    def chapters(self) -> list[tuple[tuple[str, ...], int, list[tuple[object, ...]]]]:
        """A row begins with the key of the file."""

    @property
    def photos(self) -> list[tuple[tuple[str, ...], int, list[tuple[object, ...]]]]:
        """A row begins with the key of the file."""

@final
class ProbeResult:
    """The result of probing one file."""

    @property
    def key(self) -> int: ...
    @property
    def media(self) -> bytes | None:
        """The file's properties as JSON (`vpo.media.model.Media`); None if `problem` is set."""

    @property
    def problem(
        self,
    ) -> (
        Literal[
            "unreadable", "final", "unknown", "damaged", "unsupported", "limit", "changed", "panic"
        ]
        | None
    ): ...
    @property
    def message(self) -> str | None:
        """A description of the problem, for people."""

    @property
    def errno(self) -> int | None:
        """The system's error number, for "unreadable"."""

    @property
    def size_bytes(self) -> int | None:
        """The size of the file when it was opened; None if it was not."""

    @property
    def mtime_ns(self) -> int | None:
        """The mtime of the file when it was opened, clamped to 64 bits; None if it was not."""

    @property
    def quick_hash(self) -> bytes | None:
        """XXH3-128 of the first and the last 64 KiB; None if they could not be read."""

@final
class Digester:
    """Threads that read files and digest their content. Dropping it stops them."""

    def __new__(
        cls,
        *,
        threads: int = 0,
        max_rate: int | None = None,
        leave_cache: bool = False,
        roots: Roots | None = None,
    ) -> Digester:
        """A digester whose threads start with the first file.

        With `threads` 0 their number is chosen by device: one for a rotating disk, whose
        files are read in the order in which they are stored, and one per core for others.
        `max_rate` is in bytes per second. With `leave_cache`, pages that were not in the
        page cache are removed from it again. Files are opened beneath `roots`.
        """

    def submit(
        self,
        files: Iterable[
            tuple[int, str | bytes, int | None, int | None, object]
            | tuple[int, str | bytes, int | None, int | None, object, int | None]
        ],
        algorithms: Sequence[str],
    ) -> None:
        """Queues files. Each is read once for all of the `algorithms` (see `ALGORITHMS`).

        A file has a key of the caller's, an absolute path, its expected size in bytes and
        its expected mtime in ns (None: any), and whether to follow a link at the path (by
        its truth value). It may have its expected inode number (None: any), which counts only
        on file systems that keep these numbers.

        Raises ValueError for an unknown algorithm, OSError if no thread can be started.
        """

    def submit_alike(
        self,
        groups: Iterable[
            Iterable[
                tuple[int, str | bytes, int | None, int | None, object]
                | tuple[int, str | bytes, int | None, int | None, object, int | None]
            ]
        ],
        algorithms: Sequence[str],
    ) -> None:
        """Queues groups of files that probably have the same content, as `submit` does.

        Files of a group are compared, which takes less time than digesting each. There is a
        result for each file, whether or not they are equal.
        """

    def take(self, timeout: float) -> list[Digested]:
        """All results that there are; waits up to `timeout` seconds for the first.

        Empty when the time is up, or at once when none is `outstanding`.
        """

    def take_rows(self, timeout: float) -> tuple[list[tuple[int, str, str, int]], list[Digested]]:
        """As `take`, but faster for many files.

        Returns rows of the files that were digested, and the results of all others. There is
        a row for each file and algorithm: key, algorithm, hexadecimal digits, ctime in ns. The
        rows of a file follow each other.
        """

    def stop(self) -> None:
        """Stops the threads. Files that no thread has begun are dropped without a result."""

    @property
    def queued(self) -> int:
        """The number of files that no thread has begun."""

    @property
    def outstanding(self) -> int:
        """The number of files whose results are still to be taken."""

    @property
    def bytes_read(self) -> int:
        """The bytes read so far from all files."""

@final
class Digested:
    """The result of digesting one file."""

    @property
    def key(self) -> int: ...
    @property
    def digests(self) -> dict[str, str] | None:
        """Lower-case hexadecimal digits by algorithm; None if `problem` is set."""

    @property
    def problem(
        self,
    ) -> (
        Literal["gone", "changed", "changing", "not_regular", "unreadable", "stopped", "panic"]
        | None
    ):
        """Why the file was not digested.

        `changed`: its size or mtime is not the expected one, so it was not read.
        `changing`: it changed each time while it was read.
        """

    @property
    def message(self) -> str | None:
        """A description of the problem, for people."""

    @property
    def errno(self) -> int | None:
        """For "unreadable"."""

    @property
    def offset(self) -> int | None:
        """For "unreadable": the byte that could not be read; None if opening failed."""

    @property
    def size_bytes(self) -> int | None:
        """The size of the file when it was opened; None if it was not."""

    @property
    def mtime_ns(self) -> int | None:
        """The mtime of the file when it was opened, clamped to 64 bits; None if it was not."""

    @property
    def ctime_ns(self) -> int | None:
        """The ctime of the file when it was opened, clamped to 64 bits; None if it was not."""

    @property
    def inode(self) -> int | None:
        """Its inode as a signed 64-bit number; None if it was not opened."""

    @property
    def device(self) -> int | None:
        """Its `st_dev`; None if it was not opened."""

def birth_time(path: str | bytes, follow: bool) -> int | None:
    """When a file was created, in ns since 1970; with `follow`, the target of a link.

    A rename keeps the birth time. A new file with a reused inode number has a different one.
    None if the file system does not record it, or if the file cannot be accessed.
    """

def look_at(
    paths: Sequence[str | bytes],
) -> list[tuple[int, int, int, int, int] | None]:
    """Looks at many files, in parallel. Links are not followed.

    Returns device, inode, size in bytes, mtime in ns (limited to 64 bits) and the number of names
    of each. None: it is gone, cannot be looked at, or is not a regular file.
    """

def stat_afresh(directory: int, name: bytes) -> tuple[int, int, int, int, int, int | None, int]:
    """The status of a name in an open directory, as its file system has it now.

    A share, or a program behind FUSE, is asked, even if the kernel remembers an answer. A link
    is not followed. Returns device, inode, size in bytes, mtime, ctime, birth time (None if the
    file system does not tell) and the number of names. Times are in ns since 1970.

    Raises OSError, ValueError for a name with NUL in it.
    """

def language_code(code: str) -> str:
    """A language as ISO 639-2/B code, or `und` if `code` is not a language.

    `code` is an ISO 639-1, 639-2/B, 639-2/T or 639-3 code, a BCP 47 tag (of which the
    primary subtag counts), or an English name.
    """

def storage_of(path: str | bytes, roots: Roots | None = None) -> bytes | None:
    """An identifier of the place where a file's content is stored.

    Two files of one file system have the same identifier if and only if they have the same
    size and share all of their extents (reflinks). Removing one of them then frees no space.
    It does not prove that their contents are equal: the system does not report which part of
    a compressed extent a file uses.

    None if it is unknown, if the file has storage of its own, or if it is not a regular
    file. Content that is still in memory is written to the disk first.

    Raises OSError if the file cannot be opened beneath `roots`; a link is not followed.
    """

def open_beneath(
    directory: int,
    path: str | bytes,
    flags: int,
    mode: int = 0o600,
    *,
    follows_inner: bool = False,
) -> int:
    """Opens a file by a relative path beneath an open directory. Returns a descriptor.

    `flags` and `mode` are those of open(2). No link on the way is followed, nor at the last name;
    with `follows_inner`, those are that stay beneath the directory. See openat2(2).

    Raises OSError: ELOOP for a link that is refused, EXDEV if the path leads out of the directory.
    """

def open_trusted(path: str | bytes, flags: int) -> int:
    """Opens a file. Links are followed if they belong to root or to the user of this process.

    Other users could change a link of theirs to lead anywhere. Returns a descriptor.

    Raises OSError: ELOOP for a link of another user.
    """

def read_sidecars(
    roots: Roots, paths: Iterable[str | bytes]
) -> list[tuple[dict[str, str | list[str]] | None, str | None, str | None]]:
    """The metadata of XMP sidecars at absolute paths beneath `roots`, in the order of the paths.

    For each file: the values by `prefix:Name` or `prefix:Name@attribute`, or else None, the code
    of a problem (those of `ProbeResult.problem`), and its description for people. The prefixes
    are `rdf`, `dc`, `xmp`, `tiff`, `exif` and `photoshop`. Links are not followed.

    Of a file with more than 8 MiB, more than 256 KiB of metadata or more XML than any editor
    writes, the problem is `limit`. 1000 values of a list are kept, and 32 KiB of a value. The
    files are read in parallel, by threads that end before this returns.
    """

def end_on_bus_error(message: bytes, status: int) -> None:
    """Makes SIGBUS end the process with a message on stderr and this exit status.

    SQLite maps a file that all processes share, and the system sends SIGBUS if it cannot provide
    a page of it. The first message counts. Nothing happens if SIGBUS is handled already, or where
    the system is not Linux. Raises OSError if it fails.
    """

def set_idle_io() -> bool:
    """Makes the disk serve this thread only when no other program uses it.

    This also applies to all threads that this thread starts later, so call it before any are
    started. Returns False if the system does not support this. Raises OSError if it fails.
    """

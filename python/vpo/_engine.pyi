"""The engine: walks, stats, fingerprints and probes files in parallel.

Names and paths that come out are `str` where their bytes are UTF-8, else
`bytes`: as the catalogue stores them (TEXT or BLOB).
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, final

__all__ = [
    "KINDS",
    "Answer",
    "Batch",
    "Digested",
    "Digester",
    "Directory",
    "Failure",
    "Prober",
    "Progress",
    "Rules",
    "Unseen",
    "Walk",
    "__version__",
    "born",
    "language_code",
    "set_idle_io",
    "storage_of",
]

__version__: Final[str]

KINDS: Final[dict[str, tuple[str, ...]]]
"""Each kind of media and its extensions (lower case, without the dot)."""

@final
class Rules:
    """Which files a scan selects, made ready to be asked."""

    def __new__(
        cls,
        root: bytes,
        *,
        kinds: Sequence[str] = ...,
        extensions: Sequence[str] = ...,
        excludes: Sequence[str] = ...,
        hidden: bool = False,
        follow_symlinks: bool = False,
        one_file_system: bool = False,
    ) -> Rules:
        """Rules for a scan of `root`.

        With neither kinds nor extensions all known media are selected; with
        both, what either names. `excludes` are lines of a .gitignore at the root.

        Raises ValueError, with a message for the user, for an unknown kind, a
        glob that is not valid or an extension that cannot be one.
        """

    def enters(self, relative: bytes) -> bool:
        """Whether a walk enters the directory at this path from the root."""

    def selects(self, relative: bytes) -> bool:
        """Whether a walk that lists a file's directory selects the file.

        `relative` is the file's path from the root.
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

        `known` are the directories of the last scan: path, fingerprint (16
        bytes, or None for one to be reported whatever it is), and an id to call
        it by. `threads` 0 chooses by latency.

        Raises OSError if the root cannot be opened as a directory.
        """

    def next_batch(self, timeout: float) -> Batch | None:
        """Waits up to `timeout` seconds for directories that differ.

        None if there was nothing yet, or nothing more: see `finished`.
        """

    @property
    def finished(self) -> bool:
        """Whether `next_batch` has said that nothing more comes."""

    def cancel(self) -> None:
        """Stops the walk at once."""

    def progress(self) -> Progress:
        """The counts so far."""

    def unseen(self) -> list[Unseen]:
        """Of a finished walk, the known directories that it did not come by.

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
        """Files in directories that are as they were known."""

    @property
    def failures(self) -> int: ...
    @property
    def threads(self) -> int: ...

@final
class Batch:
    """Directories that differ, with their files in columns of equal length.

    Each method makes its list anew: call it once.
    """

    def __len__(self) -> int: ...
    def directories(self) -> list[Directory]: ...
    def names(self) -> list[str | bytes]: ...
    def sizes(self) -> list[int]:
        """In bytes."""

    def mtimes(self) -> list[int]:
        """In nanoseconds since 1970, clamped to 64 bits."""

    def inodes(self) -> list[int | None]:
        """As signed 64-bit numbers; None where the file system makes them up."""

    def extensions(self) -> list[str]: ...
    def kinds(self) -> list[str]: ...
    def symlinks(self) -> list[bool]:
        """Whether a symbolic link led to the file."""

    def failures(self) -> list[Failure]: ...

@final
class Directory:
    """A directory that differs; its files are the rows `start` to `stop`."""

    @property
    def path(self) -> str | bytes: ...
    @property
    def known(self) -> int | None:
        """The id it is known by; None for a new one."""

    @property
    def fingerprint(self) -> bytes | None:
        """None where this look cannot settle the directory."""

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
    """A place that could not be looked at."""

    @property
    def directory(self) -> str | bytes: ...
    @property
    def name(self) -> str | bytes | None:
        """The file in it, if it was not the directory itself."""

    @property
    def operation(self) -> Literal["open", "read", "stat"]: ...
    @property
    def errno(self) -> int: ...

@final
class Unseen:
    """A known directory that a walk did not come by, and what became of it."""

    @property
    def known(self) -> int: ...
    @property
    def presence(self) -> Literal["gone", "there", "not_selected", "unreachable"]: ...
    @property
    def device(self) -> int | None:
        """For "gone": the `st_dev` of the nearest directory above that is there."""

    @property
    def errno(self) -> int | None:
        """For "unreachable"."""

@final
class Prober:
    """Threads that probe files: tell what is in them. Dropping it ends them."""

    def __new__(cls, *, threads: int = 0) -> Prober:
        """`threads` 0 chooses by latency. They start with the first file."""

    def submit(self, files: Iterable[tuple[int, str | bytes]]) -> None:
        """Queues files: a key of the caller's, and an absolute path.

        Raises OSError if not one thread can be started.
        """

    def take(self, timeout: float) -> list[Answer]:
        """The answers there are; waits up to `timeout` seconds for the first.

        Empty if there is none yet, or none is `outstanding`.
        """

    @property
    def queued(self) -> int:
        """Files that no thread has begun with yet."""

    @property
    def outstanding(self) -> int:
        """Files whose answers are still to be taken."""

@final
class Answer:
    """What became of one file."""

    @property
    def key(self) -> int: ...
    @property
    def media(self) -> bytes | None:
        """What is in the file, as JSON (`vpo.media.model.Media`); None if `problem` says why."""

    @property
    def problem(
        self,
    ) -> Literal["unreadable", "unknown", "damaged", "unsupported", "limit", "panic"] | None: ...
    @property
    def message(self) -> str | None:
        """The problem in words."""

    @property
    def size_bytes(self) -> int | None:
        """Of the file as it was opened; None if it was not."""

    @property
    def mtime_ns(self) -> int | None:
        """Of the file as it was opened, clamped to 64 bits; None if it was not."""

    @property
    def quick_hash(self) -> bytes | None:
        """XXH3-128 of the first and the last 64 KiB; None if they could not be read."""

@final
class Digester:
    """Threads that read files and digest their content. Dropping it ends them."""

    def __new__(
        cls, *, threads: int = 0, max_rate: int | None = None, leave_cache: bool = False
    ) -> Digester:
        """A digester; its threads start with the first file.

        `threads` 0 chooses by device: one for a rotating disk, whose files are
        read in the order in which they lie on it, and one a core elsewhere.
        `max_rate` is in bytes a second. With `leave_cache` what was not in the
        page cache is not there afterwards either.
        """

    def submit(
        self,
        files: Iterable[tuple[int, str | bytes, int | None, int | None, object]],
        algorithms: Sequence[str],
    ) -> None:
        """Queues files.

        Each is a key of the caller's, an absolute path, the size in bytes and the
        mtime in ns that it is expected to have (None: any), and whether (by its
        truth) a link in its place is followed. `algorithms` are of "head" (XXH3-64 of the first
        4 KiB), "quick", "blake3", "xxh64" (as libraries of version 6 have it:
        "HEAD:TAIL:SIZE"), "sha256", "sha512", "sha1", "md5" and "crc32"; several
        come from one reading.

        Raises ValueError for another algorithm, OSError if not one thread can be
        started.
        """

    def take(self, timeout: float) -> list[Digested]:
        """The answers there are; waits up to `timeout` seconds for the first.

        Empty if there is none yet, or none is `outstanding`.
        """

    def take_rows(self, timeout: float) -> tuple[list[tuple[int, str, str, int]], list[Digested]]:
        """As `take`, for many files: rows of those that were digested, and the others.

        A row a file and algorithm: key, algorithm, hexadecimal digits, ctime in ns.
        """

    def stop(self) -> None:
        """Ends it at the next chunk; what was not begun has no answer."""

    @property
    def queued(self) -> int:
        """Files that no thread has begun with yet."""

    @property
    def outstanding(self) -> int:
        """Files whose answers are still to be taken."""

    @property
    def bytes_read(self) -> int:
        """Bytes read so far, of all files."""

@final
class Digested:
    """What became of one file."""

    @property
    def key(self) -> int: ...
    @property
    def digests(self) -> dict[str, str] | None:
        """Lower-case hexadecimal digits by algorithm; None if `problem` says why."""

    @property
    def problem(
        self,
    ) -> (
        Literal["gone", "changed", "changing", "not_regular", "unreadable", "stopped", "panic"]
        | None
    ):
        """Why there are none.

        `changed`: it is not as expected, and was not read. `changing`: it changed
        each time while it was read.
        """

    @property
    def message(self) -> str | None:
        """The problem in words."""

    @property
    def errno(self) -> int | None:
        """For "unreadable"."""

    @property
    def offset(self) -> int | None:
        """For "unreadable": at which byte; None if it could not be opened."""

    @property
    def size_bytes(self) -> int | None:
        """Of the file as it was opened; None if it was not."""

    @property
    def mtime_ns(self) -> int | None:
        """Likewise, clamped to 64 bits."""

    @property
    def ctime_ns(self) -> int | None: ...
    @property
    def inode(self) -> int | None:
        """As a signed 64-bit number."""

    @property
    def device(self) -> int | None:
        """Its `st_dev`."""

def born(path: str | bytes, follow: bool) -> int | None:
    """When a file came into being, in ns since 1970; with `follow`, what a link leads to.

    A rename does not change it, and an inode that is used again has another one. None
    where the file system does not tell, or the file cannot be looked at.
    """

def language_code(code: str) -> str:
    """A language as ISO 639-2/B, `und` if it is none.

    From ISO 639-1, 639-2/B, 639-2/T, 639-3, the primary subtag of BCP 47, or an
    English name.
    """

def storage_of(path: str | bytes) -> bytes | None:
    """What tells where the content of a file is stored.

    Equal for two files of one file system exactly if they have the same size and share
    all of their extents (reflinks): removing one of them frees nothing. No proof of
    equal content: of compressed extents it is not told which part is used.

    None where it cannot be told, where the file has some storage of its own, and for
    anything but a regular file. What of the file was not written yet is written.

    Raises OSError if it cannot be opened; a link is not followed.
    """

def set_idle_io() -> bool:
    """Has the disk serve this thread only while nobody else wants it.

    So it is with the threads that this one starts from then on; to be called before
    any are. False where there is no such thing. Raises OSError if it is refused.
    """

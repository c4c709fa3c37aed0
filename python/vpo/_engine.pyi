"""The engine: walks, stats and fingerprints directory trees in parallel.

Names and paths that come out are `str` where their bytes are UTF-8, else
`bytes`: as the catalogue stores them (TEXT or BLOB).
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, final

__all__ = [
    "KINDS",
    "Batch",
    "Directory",
    "Failure",
    "Progress",
    "Rules",
    "Unseen",
    "Walk",
    "__version__",
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

"""The queue of files that the engine reads and digests.

The engine's threads read the files. The queue gives them work, returns each answer with the
caller's item for that file, checks whether the work is to stop, and stops the engine at the end.

`vpo.integrity.run` feeds the engine without this queue, because its budget counts the bytes of
the files that it hands over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, islice
from types import TracebackType
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeAlias, TypeVar

from vpo._engine import Digested, Digester, Roots
from vpo.base.paths import StoredPath

if TYPE_CHECKING:
    from typing_extensions import Self

# How long the queue waits for the first answer. A request to stop is noticed in that time.
POLL_SECONDS = 0.05

# Files that the engine holds at a time. With so many, its threads never run out of work, and it
# can sort the files of a rotating disk by their place on it, which it does 4096 at a time.
MOST_OUTSTANDING = 8192
SUBMITTED_AT_A_TIME = 256

# The same for `rows`, where each file is small or the caller takes long for many answers at once.
MOST_OUTSTANDING_ROWS = 2 * MOST_OUTSTANDING

# While more files than this are outstanding, the queue waits a moment before it takes the
# answers. Each time this thread wakes, it takes a core from the threads that read.
MANY_OUTSTANDING = 64
COLLECT_SECONDS = 0.01

Item = TypeVar("Item")
Work = TypeVar("Work")

EngineFile: TypeAlias = (
    "tuple[int, StoredPath, int | None, int | None, object]"
    " | tuple[int, StoredPath, int | None, int | None, object, int | None]"
)
"""A file as the engine takes it: see `Digester.submit`."""

Row = tuple[int, str, str, int]
"""A digest as the engine returns it for many files: see `Digester.take_rows`."""


class FileToRead(NamedTuple):
    """A file to be read, and what to make of its content."""

    path: StoredPath
    algorithms: tuple[str, ...]
    size_bytes: int | None = None
    """The expected size; None: any. A file of another size is not read."""
    mtime_ns: int | None = None
    """The expected mtime; None: any."""
    follows_link: object = False
    """True or 1: if the path is a symbolic link, the file that it leads to is read."""
    inode: int | None = None
    """The expected inode of a file that a link leads to; None: any."""


def why_unreadable(answer: Digested) -> str:
    """Where and why a file could not be read. The text belongs after `cannot be read`."""
    where = "" if answer.offset is None else f" at byte {answer.offset:,}"
    # The engine's own message has the offset in it.
    why = answer.message if answer.errno is None else os.strerror(answer.errno)
    return f"{where}: {why}"


class HashingQueue(Generic[Item]):
    """Files that the engine reads, each with an item by which the caller recognises it.

    A context manager: the engine is stopped at the end. Threads start with the first file.
    """

    def __init__(
        self,
        check_stop: Callable[[], None] = lambda: None,
        *,
        threads: int = 0,
        leave_cache: bool = False,
        roots: Roots | None = None,
    ) -> None:
        """`check_stop` is called several times a second, and raises an error to stop the work.

        The other arguments are those of the `Digester`.
        """
        self._check_stop = check_stop
        self._digester = Digester(threads=threads, leave_cache=leave_cache, roots=roots)
        self._keys = count()
        self._items: dict[int, Item] = {}
        self._to_submit: dict[tuple[str, ...], list[EngineFile]] = {}
        self._waiting = 0
        """Files in `_to_submit`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._digester.stop()

    @property
    def outstanding(self) -> int:
        """The number of files that were added and not taken yet."""
        return len(self._items)

    @property
    def bytes_read(self) -> int:
        """The number of bytes that were read so far, of all files."""
        return self._digester.bytes_read

    def add(self, item: Item, file: FileToRead) -> None:
        """Adds a file. The engine gets it together with others, at the latest in `take`."""
        key = next(self._keys)
        self._items[key] = item
        path, algorithms, size_bytes, mtime_ns, follows_link, inode = file
        self._to_submit.setdefault(algorithms, []).append(
            (key, path, size_bytes, mtime_ns, follows_link, inode)
        )
        self._waiting += 1
        if self._waiting >= SUBMITTED_AT_A_TIME:
            self._submit()

    def _submit(self) -> None:
        for algorithms, files in self._to_submit.items():
            self._digester.submit(files, algorithms)
        self._to_submit.clear()
        self._waiting = 0

    def take(self) -> list[tuple[Item, Digested]]:
        """Returns the answers that are there. Waits up to `POLL_SECONDS` for the first.

        Raises what `check_stop` raises.
        """
        self._submit()
        self._wait()
        pop = self._items.pop
        return [(pop(answer.key), answer) for answer in self._digester.take(POLL_SECONDS)]

    def _wait(self) -> None:
        self._check_stop()
        if self._digester.outstanding > MANY_OUTSTANDING:
            time.sleep(COLLECT_SECONDS)

    def answers(
        self, work: Iterable[tuple[Item, FileToRead]]
    ) -> Iterator[list[tuple[Item, Digested]]]:
        """Reads files, and yields the answers as they come, until every file has one.

        No more work is taken than the engine needs. The caller can `add` files between two
        lists. A list may be empty: it gives the caller a chance to report progress.
        """
        files = iter(work)
        is_more = True
        while True:
            while is_more and len(self._items) < MOST_OUTSTANDING:
                is_more = False
                for item, file in islice(files, SUBMITTED_AT_A_TIME):
                    self.add(item, file)
                    is_more = True
                self._check_stop()
            if not self._items:
                return
            yield self.take()

    def rows(
        self, files: Iterable[EngineFile], algorithms: Sequence[str]
    ) -> Iterator[tuple[list[Row], list[Digested]]]:
        """Like `answers`, but faster, for a great many files and the same algorithms.

        The caller chooses the keys of the files. Yields the rows of the files that could be
        read, and the answers for the others. Must not be used while added files are
        outstanding.
        """
        return self._rows(files, lambda some: self._digester.submit(some, algorithms))

    def rows_of_alike(
        self, groups: Iterable[Sequence[EngineFile]], algorithms: Sequence[str]
    ) -> Iterator[tuple[list[Row], list[Digested]]]:
        """Like `rows`, for groups of files that probably have the same content.

        The engine compares the files of a group, which is faster than to digest each.
        """
        return self._rows(groups, lambda some: self._digester.submit_alike(some, algorithms))

    def _rows(
        self, work: Iterable[Work], submit: Callable[[list[Work]], None]
    ) -> Iterator[tuple[list[Row], list[Digested]]]:
        assert not self._items
        remaining = iter(work)
        taken: tuple[list[Row], list[Digested]] = [], []
        is_more = True
        while True:
            while is_more and self._digester.outstanding < MOST_OUTSTANDING_ROWS:
                some = list(islice(remaining, MOST_OUTSTANDING))
                is_more = bool(some)
                submit(some)
            # The engine goes on while the caller looks at what was taken.
            yield taken
            if not self._digester.outstanding:
                return
            self._wait()
            taken = self._digester.take_rows(POLL_SECONDS)

"""Exports a BagIt bag: copies of files, each read again and compared with the original.

Originals are only read. The bag is made beside its place, and moved there when it is complete.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from vpo import __version__
from vpo._engine import Digested
from vpo.base import times
from vpo.base.atomic_file import sync_directory, umask
from vpo.base.errors import OutputError, OutputExistsError, UsageError
from vpo.base.paths import absolute, display, is_within, to_stored
from vpo.content.algorithms import RECORDED
from vpo.content.hashing import FileToRead, HashingQueue
from vpo.manifest import bagit_text
from vpo.manifest.bag import DECLARATION, INFO, PAYLOAD
from vpo.manifest.entries import UnwritableNameError
from vpo.manifest.exporting import Export, check_any
from vpo.manifest.file_digests import FileWithDigests, files_with_digests
from vpo.manifest.formats import BAG_ALGORITHM

if TYPE_CHECKING:
    from typing_extensions import Self

# <linux/fs.h>: makes a file share the content of another one.
_FICLONE = 0x40049409

COPY_BYTES = 8 << 20
# Copies that are read again together.
COPIED_AT_A_TIME = 64


def check_place(directory: bytes, place: bytes) -> None:
    """Raises an error if no bag of `directory` can be made at `place`."""
    shown = display(to_stored(place))
    if os.path.lexists(place):
        raise OutputExistsError(
            f"`{shown}` exists already", hint="Name a directory that does not exist yet."
        )
    if is_within(os.path.realpath(place), os.path.realpath(directory)):
        raise UsageError(
            f"The bag `{shown}` would be inside the directory that it is made from",
            hint="Name a place outside that directory.",
        )


def export_bag(export: Export, place: bytes) -> None:
    """Makes a bag of the catalogue's files below a directory, and fills in the result.

    A file whose copy differs from the original is left out. Raises the errors of
    `files_with_digests` and `check_any`, OutputError if the bag cannot be written, and
    StoppedError if the work is stopped; nothing of the bag remains then.
    """
    place = absolute(place)
    result = export.result
    check_place(result.directory, place)
    try:
        # The copies are compared with the recorded digests.
        algorithms = (RECORDED.name,)
        with _new_directory(place) as root, files_with_digests(export, algorithms) as files:
            with _BagWriter(root, export) as writer:
                writer.write(files)
                check_any(result)
                writer.finish()
            _sync_directories(root)
            check_place(result.directory, place)
            os.rename(root, place)
            sync_directory(os.path.dirname(place))
    except OSError as error:
        shown = display(to_stored(place))
        raise OutputError(f"The bag `{shown}` cannot be written: {error.strerror}") from error


@contextmanager
def _new_directory(place: bytes) -> Iterator[bytes]:
    """A directory beside `place`. It is removed at the end, unless it was renamed."""
    directory, name = os.path.split(place)
    root = tempfile.mkdtemp(b".tmp", b"." + name[:200] + b".", directory)
    try:
        yield root
    finally:
        if os.path.isdir(root):
            shutil.rmtree(root)


class _BagWriter:
    """Fills the directory of a bag."""

    def __init__(self, root: bytes, export: Export) -> None:
        self._root = root
        self._result = export.result
        self._check_stop = export.context.check
        self._queue = HashingQueue[int](export.context.check, threads=export.request.threads)
        os.chmod(root, 0o777 & ~umask())
        os.mkdir(os.path.join(root, PAYLOAD))
        self._manifest = self._new_file(bagit_text.manifest_name(BAG_ALGORITHM))

    def _new_file(self, name: str) -> BinaryIO:
        return open(os.path.join(self._root, name.encode()), "xb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        type_: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._queue.__exit__(type_, value, trace)
        self._manifest.close()

    def write(self, files: Iterator[FileWithDigests]) -> None:
        """Copies files and writes the manifest, in the given order."""
        copies: list[tuple[FileWithDigests, bytes]] = []
        for file in files:
            copy = self._copy(file)
            if copy is not None:
                copies.append((file, copy))
            if len(copies) == COPIED_AT_A_TIME:
                self._list(copies)
                copies = []
        self._list(copies)

    def _copy(self, file: FileWithDigests) -> bytes | None:
        """Copies a file into the bag and returns the copy's path; None if it is left out."""
        copy = os.path.join(self._root, PAYLOAD, file.name)
        try:
            bagit_text.manifest_line(PAYLOAD + file.name, "")
        except UnwritableNameError as error:
            self._result.leave_out(file.path, f"is left out: {error}")
            return None
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        # Something else may have taken the place of the file since its digest was determined.
        # A link is only followed if the catalogue has one there, and devices and pipes are
        # never read.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        try:
            source = os.open(file.path, flags if file.is_symlink else flags | os.O_NOFOLLOW)
        except OSError as error:
            self._result.leave_out(file.path, f"cannot be read: {error.strerror}", error.errno)
            return None
        with open(source, "rb", buffering=0) as original:
            found = os.fstat(source)
            if not stat.S_ISREG(found.st_mode):
                self._result.leave_out(file.path, "cannot be read: it is not a regular file")
                return None
            if (found.st_size, found.st_mtime_ns) != (file.size_bytes, file.mtime_ns):
                self._result.leave_out(file.path, "is left out: it changed during the export")
                return None
            return self._copy_of(file, original, found, copy)

    def _copy_of(
        self, file: FileWithDigests, original: BinaryIO, found: os.stat_result, copy: bytes
    ) -> bytes | None:
        """Makes a copy with the times of the original; None if the original cannot be read."""
        with open(copy, "xb", buffering=0) as target:
            try:
                self._copy_content(original, target)
            except _ReadError as error:
                os.unlink(copy)
                self._result.leave_out(file.path, f"cannot be read: {error}", error.errno)
                return None
            os.utime(target.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))
            os.fsync(target.fileno())
        return copy

    def _copy_content(self, original: BinaryIO, target: BinaryIO) -> None:
        """Makes the copy share the original's content, or copies it."""
        if _clone(original.fileno(), target.fileno()):
            return
        while True:
            self._check_stop()
            try:
                chunk = original.read(COPY_BYTES)
            except OSError as error:
                raise _ReadError(error.errno, error.strerror) from error
            if not chunk:
                return
            view = memoryview(chunk)
            while view:
                view = view[target.write(view) :]

    def _list(self, copies: Sequence[tuple[FileWithDigests, bytes]]) -> None:
        """Reads copies, and lists those that have the content of the originals."""
        answers = self._read([copy for _, copy in copies], (RECORDED.name, BAG_ALGORITHM))
        for (file, copy), answer in zip(copies, answers, strict=True):
            digests = answer.digests
            if digests is None or digests[RECORDED.name] != file.digests[RECORDED.name]:
                os.unlink(copy)
                why = answer.message if digests is None else "the original changed"
                self._result.leave_out(
                    file.path, f"is left out: its copy differs from the original ({why})"
                )
                continue
            line = bagit_text.manifest_line(PAYLOAD + file.name, digests[BAG_ALGORITHM])
            self._manifest.write(line)
            self._result.files += 1
            self._result.size_bytes += file.size_bytes

    def _read(self, paths: Sequence[bytes], algorithms: tuple[str, ...]) -> list[Digested]:
        """Reads files of the bag; the answers are in the order of the paths."""
        work = ((place, FileToRead(path, algorithms)) for place, path in enumerate(paths))
        answers: dict[int, Digested] = {}
        for some in self._queue.answers(work):
            answers.update(some)
        return [answers[place] for place in range(len(paths))]

    def finish(self) -> None:
        """Writes the files that are not in the payload."""
        self._manifest.close()
        now = times.to_text(times.now())
        info = (
            f"Bagging-Date: {now[:10]}\n"
            f"Bag-Software-Agent: vpo {__version__}\n"
            f"Payload-Oxum: {self._result.size_bytes}.{self._result.files}\n"
        )
        for tag_file, content in ((DECLARATION, bagit_text.DECLARATION), (INFO, info.encode())):
            with self._new_file(os.fsdecode(tag_file)) as file:
                file.write(content)
        names = sorted(name for name in os.listdir(self._root) if name.endswith(b".txt"))
        answers = self._read([os.path.join(self._root, name) for name in names], (BAG_ALGORITHM,))
        with self._new_file(bagit_text.tag_manifest_name(BAG_ALGORITHM)) as file:
            for name, answer in zip(names, answers, strict=True):
                if answer.digests is None:
                    raise OSError(answer.errno or errno.EIO, answer.message or "")
                file.write(bagit_text.manifest_line(name, answer.digests[BAG_ALGORITHM]))


class _ReadError(OSError):
    """The original cannot be read. Any other OSError means that the copy cannot be written."""

    def __str__(self) -> str:
        return self.strerror or ""


def _clone(source: int, target: int) -> bool:
    """Makes a file share the content of another one; False if their file system cannot."""
    try:
        import fcntl

        fcntl.ioctl(target, _FICLONE, source)
    except (ImportError, OSError):
        # Also if they are on different file systems.
        return False
    return True


def _sync_directories(root: bytes) -> None:
    for directory, _, names in os.walk(root):
        if directory == root:
            for name in names:
                descriptor = os.open(os.path.join(root, name), os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        sync_directory(directory)

"""The export of a BagIt bag: copies of files, each read again and held against the original.

Originals are only read. The bag is made beside its place, and is there when it is whole.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from vpo import __version__
from vpo._engine import Digested, Digester
from vpo.base import times
from vpo.base.atomic_file import sync_directory, umask
from vpo.base.errors import OutputError, OutputExistsError, UsageError
from vpo.base.paths import absolute, display, is_within, to_stored
from vpo.manifest import bagit
from vpo.manifest.exporting import Export, Exported, check_any, files_with_digests
from vpo.manifest.models import FORMAT_ALGORITHMS, UnwritableNameError

# <linux/fs.h>: has a file share what another one holds.
_FICLONE = 0x40049409

COPY_BYTES = 8 << 20
# So many copies are made before they are read again, together.
COPIED_AT_A_TIME = 64
TAKE_SECONDS = 0.05

_ALGORITHM = FORMAT_ALGORITHMS["bagit"][0]


def check_place(directory: bytes, place: bytes) -> None:
    """Raises an error if no bag of `directory` can be made at `place`."""
    shown = display(to_stored(place))
    if os.path.lexists(place):
        raise OutputExistsError(
            f"There is something at `{shown}` already", hint="Name a directory that is to be made."
        )
    if is_within(os.path.realpath(place), os.path.realpath(directory)):
        raise UsageError(
            f"The bag `{shown}` would be in the directory that goes into it",
            hint="Name a place outside of it.",
        )


def export_bag(export: Export, place: bytes) -> None:
    """Makes a bag of the known files below a directory at `place`; the result says how it went.

    A file whose copy is not what the original is, is left out and noted. Raises as
    `files_with_digests` and `check_any`, OutputError if the bag cannot be written,
    StoppedError where it is stopped; then nothing is left of it.
    """
    place = absolute(place)
    result = export.result
    check_place(result.directory, place)
    try:
        # What the digest of a copy is held against: of the original, recorded or read now.
        with _new_directory(place) as root, files_with_digests(export, ("blake3",)) as files:
            writer = _BagWriter(root, export)
            try:
                writer.write(files)
            finally:
                writer.close()
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
    """A directory beside `place` that is gone in the end, unless it was renamed."""
    directory, name = os.path.split(place)
    root = tempfile.mkdtemp(b".tmp", b"." + name[:200] + b".", directory)
    try:
        yield root
    finally:
        if os.path.isdir(root):
            shutil.rmtree(root)


class _BagWriter:
    def __init__(self, root: bytes, export: Export) -> None:
        self._root = root
        self._result = export.result
        self._should_stop = export.should_stop
        self._digester = Digester(threads=export.threads)
        os.chmod(root, 0o777 & ~umask())
        os.mkdir(os.path.join(root, b"data"))
        self._manifest = self._open(f"manifest-{_ALGORITHM}.txt")

    def _open(self, name: str) -> BinaryIO:
        return open(os.path.join(self._root, name.encode()), "xb")

    def close(self) -> None:
        """Ends the reading, and closes the manifest."""
        self._digester.stop()
        self._manifest.close()

    def write(self, files: Iterator[Exported]) -> None:
        """Copies files and writes the manifest, in the order given."""
        some: list[tuple[Exported, bytes]] = []
        for file in files:
            copy = self._copy(file)
            if copy is not None:
                some.append((file, copy))
            if len(some) == COPIED_AT_A_TIME:
                self._list(some)
                some = []
        self._list(some)

    def _copy(self, file: Exported) -> bytes | None:
        """Copies a file into the bag and returns where to; None if it cannot be read."""
        copy = os.path.join(self._root, b"data", file.name)
        try:
            bagit.manifest_line(b"data/" + file.name, "")
        except UnwritableNameError as error:
            self._result.leave_out(file.path, f"is left out: {error}")
            return None
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        # Something else can be in its place since its digest was taken: no link is followed
        # but one that the library knows it by, and no device or pipe is read.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        try:
            source = os.open(file.path, flags if file.is_symlink else flags | os.O_NOFOLLOW)
        except OSError as error:
            self._result.leave_out(file.path, f"cannot be read: {error.strerror}", error.errno)
            return None
        with open(source, "rb", buffering=0) as original:
            seen = os.fstat(source)
            if not stat.S_ISREG(seen.st_mode):
                self._result.leave_out(file.path, "cannot be read: it is not a regular file")
                return None
            if (seen.st_size, seen.st_mtime_ns) != (file.size_bytes, file.mtime_ns):
                self._result.leave_out(file.path, "is left out: it changed meanwhile")
                return None
            return self._copy_of(file, original, seen, copy)

    def _copy_of(
        self, file: Exported, original: BinaryIO, seen: os.stat_result, copy: bytes
    ) -> bytes | None:
        """Makes a copy with the times of the original; None if that cannot be read."""
        with open(copy, "xb", buffering=0) as target:
            try:
                self._copy_content(original, target)
            except _ReadError as error:
                os.unlink(copy)
                self._result.leave_out(file.path, f"cannot be read: {error}", error.errno)
                return None
            os.utime(target.fileno(), ns=(seen.st_atime_ns, seen.st_mtime_ns))
            os.fsync(target.fileno())
        return copy

    def _copy_content(self, original: BinaryIO, target: BinaryIO) -> None:
        """Has the copy share what the original holds, or copies it."""
        if _clone(original.fileno(), target.fileno()):
            return
        while True:
            if stopped := self._should_stop():
                raise stopped
            try:
                chunk = original.read(COPY_BYTES)
            except OSError as error:
                raise _ReadError(error.errno, error.strerror) from error
            if not chunk:
                return
            view = memoryview(chunk)
            while view:
                view = view[target.write(view) :]

    def _list(self, copies: list[tuple[Exported, bytes]]) -> None:
        """Reads copies, and lists those that are what the originals are."""
        self._digester.submit(
            [(number, copy, None, None, False) for number, (_, copy) in enumerate(copies)],
            ("blake3", _ALGORITHM),
        )
        answers: dict[int, Digested] = {}
        while len(answers) < len(copies):
            answers.update((each.key, each) for each in self._digester.take(TAKE_SECONDS))
            if stopped := self._should_stop():
                raise stopped
        for number, (file, copy) in enumerate(copies):
            digests = answers[number].digests
            if digests is None or digests["blake3"] != file.digests["blake3"]:
                os.unlink(copy)
                said = answers[number].message if digests is None else "it changed meanwhile"
                self._result.leave_out(
                    file.path, f"is left out: its copy is not what it is ({said})"
                )
                continue
            name = b"data/" + file.name
            self._manifest.write(bagit.manifest_line(name, digests[_ALGORITHM]))
            self._result.files += 1
            self._result.size_bytes += file.size_bytes

    def finish(self) -> None:
        """Writes the files beside the payload."""
        now = times.to_text(times.now())
        info = (
            f"Bagging-Date: {now[:10]}\n"
            f"Bag-Software-Agent: vpo {__version__}\n"
            f"Payload-Oxum: {self._result.size_bytes}.{self._result.files}\n"
        )
        for tag_file, content in (
            ("bagit.txt", bagit.DECLARATION),
            ("bag-info.txt", info.encode()),
        ):
            with self._open(tag_file) as file:
                file.write(content)
        names = sorted(name for name in os.listdir(self._root) if name.endswith(b".txt"))
        self._digester = Digester()
        self._digester.submit(
            [
                (number, os.path.join(self._root, name), None, None, False)
                for number, name in enumerate(names)
            ],
            (_ALGORITHM,),
        )
        found: dict[bytes, str] = {}
        while len(found) < len(names):
            for each in self._digester.take(TAKE_SECONDS):
                if each.digests is None:
                    raise OSError(each.errno or errno.EIO, each.message or "")
                found[names[each.key]] = each.digests[_ALGORITHM]
        with self._open(f"tagmanifest-{_ALGORITHM}.txt") as file:
            for name in names:
                file.write(bagit.manifest_line(name, found[name]))


class _ReadError(OSError):
    """The original cannot be read, and not: the copy cannot be written."""

    def __str__(self) -> str:
        return self.strerror or ""


def _clone(source: int, target: int) -> bool:
    """Whether the file system could have a copy share what the original holds."""
    try:
        import fcntl

        fcntl.ioctl(target, _FICLONE, source)
    except (ImportError, OSError):
        # Not one that can, or not the same one: then it is copied.
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

"""Exports a BagIt bag: copies of files, each read again and compared with the original.

Originals are only read. The bag is made beside its place, and moved there when it is complete.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from vpo import __version__
from vpo._engine import Digested, Roots
from vpo.base import times
from vpo.base.atomic_file import output_error, umask
from vpo.base.errors import OutputError, OutputExistsError, UsageError
from vpo.base.new_directory import NewDirectory, make_directories, set_mode
from vpo.base.paths import absolute, display, is_within, real_path, to_stored
from vpo.content.algorithms import RECORDED
from vpo.content.hashing import FileToRead, HashingQueue
from vpo.manifest import bagit_text
from vpo.manifest.bag import DECLARATION, INFO, PAYLOAD
from vpo.manifest.entries import UnwritableNameError
from vpo.manifest.exporting import Export, check_any
from vpo.manifest.file_digests import FileWithDigests, files_with_digests
from vpo.manifest.formats import BAG_ALGORITHM
from vpo.places.beneath import mode_of_directory

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
    if is_within(real_path(place), real_path(directory)):
        raise UsageError(
            f"The bag `{shown}` would be inside the directory that it is made from",
            hint="Name a place outside that directory.",
        )


def export_bag(export: Export, place: bytes) -> None:
    """Makes a bag of the catalogue's files below a directory, and fills in the result.

    A file whose copy differs from the original is left out. Copies keep the permissions of the
    originals within the umask, and nobody else can read anything before the bag is complete.

    Raises the errors of `files_with_digests` and `check_any`, OutputError if the bag cannot be
    written, and StoppedError if the work is stopped; nothing of the bag remains then.
    """
    place = absolute(place)
    result = export.result
    check_place(result.directory, place)
    try:
        # The copies are compared with the recorded digests.
        algorithms = (RECORDED.name,)
        with NewDirectory(place) as bag, files_with_digests(export, algorithms) as files:
            with _BagWriter(bag, export) as writer:
                writer.write(files)
                check_any(result)
                writer.finish()
            _sync(bag.descriptor)
            _set_modes(bag.descriptor, export)
            check_place(result.directory, place)
            bag.finish()
    except OSError as error:
        shown = display(to_stored(place))
        if error.errno == errno.ELOOP:
            raise output_error(place, error) from error
        raise OutputError(f"The bag `{shown}` cannot be written: {error.strerror}") from error


class _BagWriter:
    """Fills the directory of a bag."""

    def __init__(self, bag: NewDirectory, export: Export) -> None:
        self._root = bag.descriptor
        self._path = bag.path
        self._export = export
        self._result = export.result
        self._check_stop = export.context.check
        self._queue = HashingQueue[int](
            export.context.check,
            threads=export.request.threads,
            roots=Roots(opened=(bag.path, bag.descriptor, False)),
        )
        self._mask = umask()
        os.mkdir(PAYLOAD, 0o700, dir_fd=self._root)
        self._manifest = self._new_file(bagit_text.manifest_name(BAG_ALGORITHM))

    def _new_file(self, name: str) -> BinaryIO:
        return open(self._create(name.encode(), 0o666), "wb")

    def _create(self, name: bytes, mode: int) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, mode, dir_fd=self._root)

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
        """Copies a file into the bag. Returns the copy's name; None if it is left out."""
        copy = PAYLOAD + file.name
        try:
            bagit_text.manifest_line(copy, "")
        except UnwritableNameError as error:
            self._result.leave_out(file.path, f"is left out: {error}")
            return None
        make_directories(self._root, os.path.dirname(copy))
        # Something else may have taken the place of the file since its digest was determined.
        # A link is only followed if the catalogue has one there, and devices and pipes are
        # never read.
        try:
            source = self._export.roots.open_file(file.path, file.is_symlink, file.linked_inode)
        except OSError as error:
            if error.errno == errno.ESTALE and file.linked_inode is not None:
                self._result.leave_out(file.path, "is left out: it changed during the export")
                return None
            why = (
                "a symbolic link has taken its place, or that of a directory above it"
                if error.errno in (errno.ELOOP, errno.EXDEV)
                else error.strerror
            )
            self._result.leave_out(file.path, f"cannot be read: {why}", error.errno)
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
        """Makes a copy with the times and the permissions of the original.

        None if the original cannot be read.
        """
        with open(self._create(copy, 0o600), "wb", buffering=0) as target:
            try:
                self._copy_content(original, target)
            except _ReadError as error:
                os.unlink(copy, dir_fd=self._root)
                self._result.leave_out(file.path, f"cannot be read: {error}", error.errno)
                return None
            # The copy is read again, so its owner can read it in any case.
            set_mode(target.fileno(), found.st_mode & 0o777 & ~self._mask | stat.S_IRUSR)
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
                os.unlink(copy, dir_fd=self._root)
                why = answer.message if digests is None else "the original changed"
                self._result.leave_out(
                    file.path, f"is left out: its copy differs from the original ({why})"
                )
                continue
            line = bagit_text.manifest_line(copy, digests[BAG_ALGORITHM])
            self._manifest.write(line)
            self._result.files += 1
            self._result.size_bytes += file.size_bytes

    def _read(self, names: Sequence[bytes], algorithms: tuple[str, ...]) -> list[Digested]:
        """Reads files of the bag; the answers are in the order of the names."""
        work = (
            (place, FileToRead(os.path.join(self._path, name), algorithms))
            for place, name in enumerate(names)
        )
        answers: dict[int, Digested] = {}
        for some in self._queue.answers(work):
            answers.update(some)
        return [answers[place] for place in range(len(names))]

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
        listed = map(os.fsencode, os.listdir(self._root))
        names = sorted(name for name in listed if name.endswith(b".txt"))
        answers = self._read(names, (BAG_ALGORITHM,))
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


def _sync(root: int) -> None:
    """Writes the tag files and all directories of a bag to the disk."""
    for directory, _, names, descriptor in os.fwalk(b".", dir_fd=root):
        for name in names if directory == b"." else ():
            file = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=descriptor)
            try:
                os.fsync(file)
            finally:
                os.close(file)
        os.fsync(descriptor)


def _set_modes(root: int, export: Export) -> None:
    """Gives the directories of a bag the permissions of the originals, within the umask.

    The directory of the bag itself comes last: until then, nobody else can look into it.
    """
    mask = umask()

    def set_mode_of(descriptor: int, name: bytes) -> None:
        original = os.path.join(export.result.directory, name) if name else export.result.directory
        try:
            mode = mode_of_directory(export.roots, original)
        except OSError:
            # It is gone, or cannot be looked at.
            mode = 0
        set_mode(descriptor, mode & 0o777 & ~mask | stat.S_IRWXU)

    for directory, _, _, descriptor in os.fwalk(PAYLOAD.rstrip(b"/"), topdown=False, dir_fd=root):
        set_mode_of(descriptor, directory[len(PAYLOAD) :])
    set_mode_of(root, b"")

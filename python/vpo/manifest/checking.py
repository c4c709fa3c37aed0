"""Compares files with a manifest and with the catalogue, and records those that match."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from vpo._engine import Digested
from vpo.base import times
from vpo.base.paths import StoredPath, display, real_path, to_stored
from vpo.content.algorithms import CRC32
from vpo.content.digests import algorithms_for, is_same_content, recorded_digest, union
from vpo.content.hashing import FileToRead, HashingQueue, why_unreadable
from vpo.db import file_facts
from vpo.db import manifests as manifest_table
from vpo.db.file_facts import Verified
from vpo.db.library import Library
from vpo.db.manifests import Content
from vpo.manifest import bagit_text
from vpo.manifest.entries import Entry
from vpo.manifest.formats import BAGIT
from vpo.manifest.names import unicode_variants
from vpo.manifest.results import ImportResult, ManifestMismatch, Problem

# Verified files are recorded when there are so many of them, or after so long.
RECORDED_AT_A_TIME = 2000
RECORD_SECONDS = 5.0


@dataclass
class FileToCheck:
    """A file that a manifest lists."""

    name: bytes
    """The path relative to the directory."""
    entry: Entry
    line: int
    manifest: bytes
    """The path of that manifest."""
    is_tag_file: bool = False
    """Whether it is a file of a bag that is not in the payload."""
    note: str = ""
    """What to add to the message if the file is missing."""
    other_names: list[bytes] | None = None
    """Names to try if the file is missing; None: not determined yet."""
    known: Content | None = None
    """Its record in the catalogue."""


class ManifestChecker:
    """Decides for each file whether it matches, and records the ones that do."""

    def __init__(
        self,
        library: Library,
        directory: bytes,
        result: ImportResult,
        queue: HashingQueue[FileToCheck],
    ) -> None:
        self.library = library
        self.directory = directory
        self.result = result
        self.queue = queue
        self.done = 0
        """The number of files that were decided."""
        self._verified: list[Verified] = []
        self._last_recording = time.monotonic()
        self._now = ""
        # The path of a directory without links. It is needed for each file, and mostly the same.
        self._real_path = lru_cache(maxsize=1024)(real_path)

    def to_read(self, file: FileToCheck) -> tuple[FileToCheck, FileToRead]:
        """Looks a file up in the catalogue, and says how it is to be read."""
        file.known = None if file.is_tag_file else self._find(file.name)
        algorithms = tuple(file.entry.digests)
        if file.known is not None:
            algorithms = union(algorithms, algorithms_for(file.known.content_hash))
        path = os.path.join(self.directory, file.name)
        # Other links are followed only if they stay beneath the directory.
        follows = file.known is not None and file.known.is_symlink
        return file, FileToRead(path, algorithms, file.entry.size_bytes, None, follows)

    def _find(self, name: bytes) -> Content | None:
        directory, base = os.path.split(os.path.join(self.directory, name))
        for each in dict.fromkeys((directory, self._real_path(directory))):
            known = manifest_table.find_content(
                self.library.connection, to_stored(each), to_stored(base)
            )
            if known is not None:
                return known
        return None

    def check(self, answers: Iterable[tuple[FileToCheck, Digested]]) -> None:
        """Decides files that were read. Missing ones are tried again by their other names."""
        self._now = times.to_text(times.now())
        for file, answer in answers:
            if answer.problem == "gone" and (other := _next_name(file)) is not None:
                file.name = other
                self.queue.add(*self.to_read(file))
                continue
            self.done += 1
            if answer.digests is None:
                self._note_unread(file, answer)
            else:
                self._check_content(file, answer, answer.digests)

    def _check_content(self, file: FileToCheck, answer: Digested, digests: dict[str, str]) -> None:
        assert answer.size_bytes is not None
        self.result.size_bytes += answer.size_bytes
        known = file.known
        is_as_scanned = (
            known is not None
            and (known.size_bytes, known.mtime_ns) == (answer.size_bytes, answer.mtime_ns)
            and known.linked_inode in (None, answer.inode)
        )
        is_same = None if known is None else is_same_content(known.content_hash, digests)
        for algorithm, digest in file.entry.digests.items():
            if digests[algorithm] != digest:
                message = f"differs: its {algorithm} is {digests[algorithm]}, not {digest}"
                if is_as_scanned and is_same:
                    message += "; the file matches the digest in the catalogue"
                elif is_as_scanned and is_same is False:
                    message += "; the catalogue has recorded yet another digest"
                self._note(file, "differing", message)
                return
        if known is not None and known.is_damaged:
            self._note(
                file,
                "damaged",
                "matches the manifest, but is recorded as damaged; check it with `vpo verify`",
            )
            return
        if is_as_scanned and is_same is False:
            self._note(
                file,
                "damaged",
                "matches the manifest, but not the digest in the catalogue, although size and"
                " mtime are unchanged; check it with `vpo verify`",
            )
            return
        self.result.matched += 1
        if file.is_tag_file:
            self.result.tag_files += 1
        elif known is None:
            self.result.unknown += 1
        elif not is_as_scanned:
            self.result.outdated += 1
        else:
            self._verify(file, known, answer, digests)

    def _verify(
        self, file: FileToCheck, known: Content, answer: Digested, digests: dict[str, str]
    ) -> None:
        assert answer.ctime_ns is not None
        verified = Verified(
            known.id,
            recorded_digest(digests),
            known.size_bytes,
            known.mtime_ns,
            answer.ctime_ns,
            self._now,
        )
        self._verified.append(verified)
        self.result.recorded += 1
        self.result.affected.add(self._path(file))

    def _note_unread(self, file: FileToCheck, answer: Digested) -> None:
        size = file.entry.size_bytes
        if answer.problem == "gone":
            self._note(file, "missing", f"is missing{file.note}")
        elif answer.problem == "changed" and size != answer.size_bytes:
            message = f"differs: its size is {answer.size_bytes:,} bytes, not {size:,}"
            self._note(file, "differing", message)
        elif answer.problem in ("changed", "changing"):
            self._note(file, "changing", "was written to while vpo read it")
        elif answer.errno == errno.EXDEV:
            where = "bag" if self.result.format == BAGIT else "directory"
            message = f"`{display(to_stored(file.name))}` leads outside the {where} through a link"
            self.result.entries -= 1
            self.result.note(
                ManifestMismatch(to_stored(file.manifest), "refused", message, file.line)
            )
        else:
            message = f"cannot be read{why_unreadable(answer)}"
            self._note(file, "unreadable", message, answer.errno)

    def _path(self, file: FileToCheck) -> StoredPath:
        return to_stored(os.path.join(self.directory, file.name))

    def _note(
        self, file: FileToCheck, problem: Problem, message: str, errno: int | None = None
    ) -> None:
        path = self._path(file)
        self.result.note(ManifestMismatch(path, problem, message, file.line, errno))

    @property
    def has_verified(self) -> bool:
        """Whether there is anything to `record`."""
        return bool(self._verified)

    @property
    def is_recording_due(self) -> bool:
        """Whether it is time to `record`."""
        return self.has_verified and (
            len(self._verified) >= RECORDED_AT_A_TIME
            or time.monotonic() - self._last_recording > RECORD_SECONDS
        )

    def record(self) -> None:
        """Records the verified files, in the caller's transaction."""
        done = file_facts.record_verified(self.library.connection, self._verified)
        self.result.recording_lost(len(self._verified) - done)
        self._verified = []
        self._last_recording = time.monotonic()


def _next_name(file: FileToCheck) -> bytes | None:
    """The next name that the manifest may mean; None if all were tried."""
    if file.other_names is None:
        name = file.name
        others = [*unicode_variants(name)]
        if set(file.entry.digests) == {CRC32.name}:
            # Some programs align the digests of an .sfv file with spaces.
            others.append(name.rstrip(b" \t"))
        if name.startswith(b"data/"):
            others.append(bagit_text.encoded_name(name))
        file.other_names = [each for each in dict.fromkeys(others) if each and each != name]
    return file.other_names.pop(0) if file.other_names else None

"""Files held against what a manifest says of them, each read once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

from vpo._engine import Digested, Digester
from vpo.base import times
from vpo.base.paths import to_stored
from vpo.db import file_facts
from vpo.db import manifests as manifest_table
from vpo.db.file_facts import Verified
from vpo.db.library import Library
from vpo.db.manifests import Content
from vpo.manifest import bagit, names
from vpo.manifest.models import Entry
from vpo.manifest.results import Finding, ImportResult, Problem, unread

# So many files wait for the digester at a time: enough for it to put them in the order in
# which a disk has them, and little to hold.
MOST_WAITING = 4096

# What was verified is recorded when it is so much, or so long ago.
RECORDED_AT_A_TIME = 2000
RECORD_SECONDS = 5.0


@dataclass
class Target:
    """A file that a manifest names."""

    name: bytes
    """Relative to the directory."""
    entry: Entry
    line: int
    is_tag_file: bool = False
    """Whether it is one of a bag, beside its payload."""
    note: str = ""
    """What to add if it is missing."""
    others: list[bytes] | None = None
    """Names to try if there is no file of this one; None: those are still to be found."""
    known: Content | None = None


class Checker:
    """Reads files, compares them with manifest and library, and records what is verified."""

    def __init__(
        self, library: Library, digester: Digester, directory: bytes, result: ImportResult
    ) -> None:
        self.library = library
        self.digester = digester
        self.directory = directory
        self.result = result
        self.done = 0
        """Files that there is an answer for."""
        self._keys = count()
        self._waiting: dict[int, Target] = {}
        self._verified: list[Verified] = []
        self._recorded = time.monotonic()
        self._now = ""
        # Of a directory, without links in it: asked for each file, and mostly for the same.
        self._real = lru_cache(maxsize=1024)(os.path.realpath)

    @property
    def is_full(self) -> bool:
        """Whether answers are to be taken before more is submitted."""
        return len(self._waiting) >= MOST_WAITING

    @property
    def is_done(self) -> bool:
        """Whether there is an answer for everything that was submitted."""
        return not self._waiting

    def submit(self, targets: Iterable[Target]) -> None:
        """Has files read."""
        groups: dict[tuple[str, ...], list[tuple[int, bytes, int | None, int | None, bool]]] = {}
        for target in targets:
            target.known = None if target.is_tag_file else self._find(target.name)
            algorithms = set(target.entry.digests)
            if target.known is not None:
                algorithms.add("blake3")
                if (target.known.content_hash or "").startswith("xxh64:"):
                    algorithms.add("xxh64")
            key = next(self._keys)
            self._waiting[key] = target
            path = os.path.join(self.directory, target.name)
            file = (key, path, target.entry.size_bytes, None, True)
            groups.setdefault(tuple(sorted(algorithms)), []).append(file)
        for group, files in groups.items():
            self.digester.submit(files, group)

    def _find(self, name: bytes) -> Content | None:
        directory, base = os.path.split(os.path.join(self.directory, name))
        for each in dict.fromkeys((directory, self._real(directory))):
            known = manifest_table.find_content(
                self.library.connection, to_stored(each), to_stored(base)
            )
            if known is not None:
                return known
        return None

    def take(self, timeout: float) -> None:
        """Takes the answers there are; waits up to `timeout` seconds for the first."""
        again = []
        answers = self.digester.take(timeout)
        self._now = times.to_text(times.now())
        for digested in answers:
            target = self._waiting.pop(digested.key)
            if digested.problem == "gone" and (other := _other_name(target)) is not None:
                target.name = other
                again.append(target)
                continue
            self.done += 1
            self._judge(target, digested)
        if again:
            self.submit(again)

    def _judge(self, target: Target, digested: Digested) -> None:
        digests = digested.digests
        if digests is None:
            self._note_unread(target, digested)
            return
        assert digested.size_bytes is not None
        self.result.size_bytes += digested.size_bytes
        known = target.known
        is_as_recorded = known is not None and (known.size_bytes, known.mtime_ns) == (
            digested.size_bytes,
            digested.mtime_ns,
        )
        is_same = None if known is None else _is_same(known.content_hash, digests)
        for algorithm, digest in target.entry.digests.items():
            if digests[algorithm] != digest:
                message = f"differs: its {algorithm} is {digests[algorithm]}, not {digest}"
                if is_as_recorded and is_same:
                    message += "; it is what the library has recorded"
                elif is_as_recorded and is_same is False:
                    message += "; the library has another digest, too"
                self._note(target, "differing", message)
                return
        if known is not None and (known.is_damaged or (is_as_recorded and is_same is False)):
            said = (
                "is recorded as damaged, though it is as the manifest has it"
                if known.is_damaged
                else "is as the manifest has it, but not what the library has recorded for the"
                " same size and mtime"
            )
            self._note(target, "damaged", f"{said}; `vpo verify` looks into that")
            return
        self.result.matched += 1
        if target.is_tag_file:
            self.result.tag_files += 1
        elif known is None:
            self.result.unknown += 1
        elif not is_as_recorded:
            self.result.outdated += 1
        else:
            self._verify(target, known, digested, digests["blake3"])

    def _verify(self, target: Target, known: Content, digested: Digested, blake3: str) -> None:
        assert digested.ctime_ns is not None
        verified = Verified(
            known.id,
            f"blake3:{blake3}",
            known.size_bytes,
            known.mtime_ns,
            digested.ctime_ns,
            self._now,
        )
        self._verified.append(verified)
        self.result.recorded += 1
        self.result.affected.add(self._path(target))

    def _note_unread(self, target: Target, digested: Digested) -> None:
        size = target.entry.size_bytes
        if digested.problem == "gone":
            self._note(target, "missing", f"is missing{target.note}")
        elif digested.problem == "changed" and size != digested.size_bytes:
            said = f"differs: its size is {digested.size_bytes:,} bytes, not {size:,}"
            self._note(target, "differing", said)
        elif digested.problem in ("changed", "changing"):
            self._note(target, "changing", "was being written while it was read")
        else:
            said = unread(digested)
            self._note(target, "unreadable", said, digested.errno)

    def _path(self, target: Target) -> str | bytes:
        return to_stored(os.path.join(self.directory, target.name))

    def _note(
        self, target: Target, problem: Problem, message: str, errno: int | None = None
    ) -> None:
        self.result.note(Finding(self._path(target), problem, message, target.line, errno))

    @property
    def has_verified(self) -> bool:
        """Whether there is anything to `record`."""
        return bool(self._verified)

    @property
    def has_much_to_record(self) -> bool:
        """Whether it is time for `record`."""
        return self.has_verified and (
            len(self._verified) >= RECORDED_AT_A_TIME
            or time.monotonic() - self._recorded > RECORD_SECONDS
        )

    def record(self) -> None:
        """Records what was verified, in the caller's transaction."""
        done = file_facts.record_verified(self.library.connection, self._verified)
        # A scan has meanwhile recorded another state of the others.
        lost = len(self._verified) - done
        self.result.recorded -= lost
        self.result.outdated += lost
        self.result.affected.count -= lost
        self._verified = []
        self._recorded = time.monotonic()


def _is_same(content_hash: str | None, digests: dict[str, str]) -> bool | None:
    """Whether content is what is recorded of it; None if nothing is, or nothing known here."""
    if content_hash is None:
        return None
    algorithm, _, digest = content_hash.partition(":")
    found = digests.get(algorithm)
    return None if found is None else found == digest


def _other_name(target: Target) -> bytes | None:
    """The next name that the manifest may mean."""
    if target.others is None:
        name = target.name
        others = [*names.spellings(name)]
        if set(target.entry.digests) == {"crc32"}:
            # Some programs line up the digests of a .sfv.
            others.append(name.rstrip(b" \t"))
        if name.startswith(b"data/"):
            others.append(bagit.encoded_name(name))
        target.others = [each for each in dict.fromkeys(others) if each and each != name]
    return target.others.pop(0) if target.others else None

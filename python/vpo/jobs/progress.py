"""How far a job is, and who is shown that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, Protocol

from vpo.base.paths import StoredPath

Phase = Literal[
    "walk",  # directories are listed
    "read",  # media are read
    "check",  # content is read and compared with recorded digests
    "compare",  # content is compared with a manifest
    "accept",  # damaged files are accepted
    "decide",  # content decides whether files have changed
    "match",  # moved files are found by their content
    "act",  # files are changed
    "analyze",  # a photo collection is analysed
    "relocate",  # records are given to another place
]


class Progress(NamedTuple):
    """How far a job is. Sizes are in bytes; None: not known."""

    phase: Phase
    files: int = 0
    files_expected: int | None = None
    directories: int = 0
    size_bytes: int = 0
    size_bytes_expected: int | None = None
    files_read: int = 0
    """While directories are walked: media that were read already."""
    files_to_read: int | None = None
    """While directories are walked: media that were found so far and are to be read."""
    slow: StoredPath | None = None
    """A file that takes long."""

    @property
    def percent(self) -> float:
        """The share that is done, by bytes where they are counted, else by files."""
        if self.size_bytes_expected is not None:
            return min(100.0, 100 * self.size_bytes / max(1, self.size_bytes_expected))
        if self.files_expected is not None:
            return min(100.0, 100 * self.files / max(1, self.files_expected))
        return 0.0

    def to_dict(self) -> dict[str, object]:
        """The progress as the job's record has it: each phase under its own keys."""
        values = self._asdict()
        recorded = {key: values[name] for key, name in _RECORDED[self.phase].items()}
        if self.files_to_read is not None:
            recorded |= {"files_read": self.files_read, "files_to_read": self.files_to_read}
        return recorded


_RECORDED: Mapping[Phase, Mapping[str, str]] = {
    "walk": {"files": "files", "directories": "directories", "expected": "files_expected"},
    "read": {"files_read": "files", "files_to_read": "files_expected"},
    "check": {
        "files": "files",
        "files_selected": "files_expected",
        "bytes": "size_bytes",
        "bytes_to_read": "size_bytes_expected",
    },
    "compare": {"files": "files", "of": "files_expected"},
    "accept": {"files": "files"},
    "decide": {"files_to_decide": "files_expected"},
    "match": {"phase": "phase"},
    "act": {},
    "analyze": {"files": "files", "of": "files_expected"},
    "relocate": {"directories": "files", "of": "files_expected"},
}

ReadProgress = Callable[[], Progress]
"""Looks how far the work is. Called only when somebody wants to know."""


class Reporter(Protocol):
    """Shows people what a job is doing."""

    wants_files: bool
    """Whether `file` is to be called at all: most runs show no single files."""

    def progress(self, read: ReadProgress) -> None:
        """Called about twenty times per second."""

    def file(self, event: str, path: StoredPath, before: StoredPath | None = None) -> None:
        """Called for each file that something happened to; `before` is where it was before."""


class Silent:
    """Shows nothing."""

    wants_files = False

    def progress(self, read: ReadProgress) -> None:
        """Shows nothing."""

    def file(self, event: str, path: StoredPath, before: StoredPath | None = None) -> None:
        """Shows nothing."""

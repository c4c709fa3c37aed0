"""The state of a scan while it runs: what it was asked, what it found, what its steps hand on."""

from __future__ import annotations

from vpo._engine import Rules
from vpo.base import times
from vpo.base.paths import StoredPath, from_stored, join, to_stored
from vpo.db import directories as directory_table
from vpo.db import media as media_table
from vpo.db import roots as root_table
from vpo.db.library import Library
from vpo.jobs.context import Context
from vpo.jobs.job import Job
from vpo.places.beneath import roots_of
from vpo.places.directories import topmost_on_device
from vpo.places.filesystems import identity
from vpo.places.recognition import is_same_filesystem
from vpo.scanner.compare import Undecided
from vpo.scanner.introspection_queue import IntrospectionQueue
from vpo.scanner.request import ScanRequest
from vpo.scanner.result import Change, ScanResult


class ScanState:
    """One scan of one directory."""

    def __init__(
        self, library: Library, request: ScanRequest, context: Context, result: ScanResult
    ) -> None:
        self.library = library
        self.connection = library.connection
        self.root = request.root
        self.options = request.options
        self.rules: Rules = request.rules()
        self.roots = roots_of(self.connection, also=[request.root])
        """Where files are opened."""
        self.context = context
        self.result = result
        self.introspection: IntrospectionQueue | None = None
        """Where media are handed to that are to be read. None: this scan reads none."""

        # Never later than the look at a file, so that a young file does not pass for an old one.
        self.scanned_at = times.to_seconds_text(result.started_at)
        self.knows_files = bool(media_table.newest_file(self.connection))
        """Whether the catalogue had any files before this scan."""
        self.unread = ("pending", "error") if self.options.retry_errors else ("pending",)
        """Statuses of files that are to be read though they have not changed."""

        self.inodes_changed = False
        """Whether the file system gave its files other inode numbers when it was mounted."""
        self.gone_directories: dict[StoredPath, int] = {}
        """Ids of directories that were gone before and still have records."""
        self.moved_directories: set[int] = set()
        """Ids of directories that were found at another path."""
        self.moved_files: set[int] = set()
        """Ids of files that were found at another path."""
        self.missing: dict[int, tuple[StoredPath, StoredPath]] = {}
        """Directory and name, by id, of files that are gone but not marked yet."""
        self.unsettled: list[tuple[bytes, int]] = []
        """Fingerprints and ids of directories that wait until their missing files are marked."""
        self.undecided: list[Undecided] = []
        """Files that look changed, whose content is to decide."""
        self.compared_directories: set[int] = set()
        """Ids of directories that are new, or were compared with their records."""
        self._filesystems: dict[int, int | None] = {}

    @property
    def job(self) -> Job:
        """The job that records the scan. A dry run has none."""
        assert self.context.job is not None
        return self.context.job

    def filesystem(self, path: StoredPath, device: int) -> int | None:
        """The id of the file system at a path with this `st_dev`. Looked up once per device."""
        if device not in self._filesystems:
            self._filesystems[device] = self._find_filesystem(from_stored(path), device)
        return self._filesystems[device]

    def _find_filesystem(self, path: bytes, device: int) -> int | None:
        name = identity(path, device)
        if name is None:
            return None
        found = root_table.find_filesystem(self.connection, name)
        top = topmost_on_device(path, device, self.root)
        known = directory_table.find_directory(self.connection, to_stored(top))
        before = None if known is None else known.filesystem_id
        is_renamed = before not in (None, found) and not self.options.new_device
        if before is not None and is_renamed:
            is_renamed = is_same_filesystem(self.connection, top, before, name)
        if self.options.dry_run:
            return before if is_renamed else found
        if found is None:
            found = root_table.filesystem_id(self.connection, name)
        if before is not None and is_renamed:
            # It has got a name that says more, or is sure.
            root_table.change_filesystem(self.connection, top, before, found)
        return found

    def affect(
        self,
        change: Change,
        directory: StoredPath,
        name: StoredPath,
        before: StoredPath | None = None,
    ) -> None:
        """Notes that something happened to a file. `before`: where it was before."""
        path = join(directory, name)
        self.result.affected[change].add(path, before)
        if self.context.reporter.wants_files:
            self.context.reporter.file(change, path, before)

    def lists(self, change: Change) -> bool:
        """Whether anybody sees the paths of more files that this happened to.

        If not, counting them is enough: whole folders come by the thousand.
        """
        return self.context.reporter.wants_files or self.result.affected[change].has_room()

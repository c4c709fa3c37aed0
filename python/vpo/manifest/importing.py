"""Imports a manifest as a job: files are checked, and those that match are recorded."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack

from vpo._engine import Roots
from vpo.base.paths import display, from_stored, to_stored
from vpo.content.hashing import POLL_SECONDS, HashingQueue
from vpo.db import directories as directory_table
from vpo.db.failures import plain_errors
from vpo.db.library import Library
from vpo.jobs.conflicts import JobToRun
from vpo.jobs.context import Context
from vpo.jobs.job import Job
from vpo.jobs.kinds import KINDS
from vpo.jobs.lifecycle import recorded
from vpo.jobs.progress import Progress
from vpo.logging import shown
from vpo.manifest.checking import FileToCheck, ManifestChecker
from vpo.manifest.completeness import note_unlisted_files
from vpo.manifest.reader import ManifestReader, RefusedLine, merged_entries
from vpo.manifest.request import ImportOptions, ImportRequest
from vpo.manifest.results import ImportResult, ManifestMismatch
from vpo.manifest.source import ManifestSource, locate, open_source
from vpo.places import guards

logger = logging.getLogger(__name__)

# Of so many names, if no file is found, vpo looks whether they exist below another directory.
NAMES_TO_TRY = 100


def request_of(job: Job) -> ImportRequest:
    """The request of a job from the queue. Raises JobConfigurationError."""
    return ImportRequest.from_json(from_stored(job.path), job.configuration_json)


def run(library: Library, request: ImportRequest, context: Context) -> ImportResult:
    """Checks the files that a manifest lists, and records the matching ones as verified.

    Raises ManifestError if the manifest cannot be read, DirectoryNotFoundError, and
    StoppedError if the work is stopped. What was recorded until then is kept.
    """
    manifest, directory = locate(request.manifest, request.directory, request.options)
    result = ImportResult(manifest=manifest, directory=directory)
    with plain_errors(library.path), ExitStack() as closing:
        roots = _roots(library, directory)
        source = closing.enter_context(
            open_source(manifest, directory, request.options, roots, context.check)
        )
        result.format = source.format
        to_run = JobToRun(KINDS["import"], to_stored(manifest), request.to_json(directory))
        shown_path = to_stored(manifest)
        with recorded(library, to_run, context, result, manifest=shown_path):
            _Import(library, request.options, context, result).run(source, roots)
            _log(result)
    return result


def _roots(library: Library, directory: bytes) -> Roots:
    """Where the files of a manifest are opened: beneath the directory that their names are
    relative to, also through links that stay there.

    Raises DirectoryUnreadableError if it cannot be opened.
    """
    flags = os.O_DIRECTORY | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
    try:
        # Whoever names it means the directory that its path leads to.
        descriptor = os.open(directory, flags)
    except OSError as error:
        raise guards.unreadable_root(directory, error) from error
    try:
        linked = directory_table.linked_directories(library.connection)
        return Roots(linked=linked, opened=(directory, descriptor, True))
    finally:
        os.close(descriptor)


def _log(result: ImportResult) -> None:
    for warning in result.warnings:
        logger.warning("%s", warning)
    for mismatch in result.mismatches:
        logger.error("%s", mismatch, extra=shown(**mismatch.to_dict()))


class _Import:
    """An import while it runs."""

    def __init__(
        self, library: Library, options: ImportOptions, context: Context, result: ImportResult
    ) -> None:
        self.library = library
        self.options = options
        self.context = context
        self.result = result
        self._checker: ManifestChecker | None = None
        self._last_report = 0.0
        self._first_names: list[bytes] = []
        self._expected = 0
        """The number of files that the manifest lists, as far as it is known."""

    def run(self, source: ManifestSource, roots: Roots) -> None:
        """Checks all files. They are opened beneath `roots`."""
        self._read_manifests(source)
        threads = self.options.threads
        with HashingQueue[FileToCheck](self._report, threads=threads, roots=roots) as queue:
            checker = ManifestChecker(self.library, self.result.directory, self.result, queue)
            self._checker = checker
            try:
                for answers in queue.answers(map(checker.to_read, self._files(source))):
                    checker.check(answers)
                    if checker.is_recording_due:
                        with self.library.transaction():
                            checker.record()
                if source.bag is not None or self.options.complete:
                    note_unlisted_files(source, self.result, roots, self._report)
            finally:
                if checker.has_verified:
                    with self.library.transaction():
                        checker.record()
        if source.bag is None and 0 < self.result.entries == self.result.problems["missing"]:
            self.result.warnings.append(self._wrong_directory())

    def _wrong_directory(self) -> str:
        """What to do if no file exists: the names may be relative to another directory."""
        directory = self.result.directory
        place = display(to_stored(directory))
        parent = directory
        while parent != b"/":
            parent = os.path.dirname(parent)
            if any(os.path.lexists(os.path.join(parent, name)) for name in self._first_names):
                fits = display(to_stored(parent))
                return f"No file of the manifest exists below `{place}`; `--root {fits}` fits"
        return (
            f"No file of the manifest exists below `{place}`; if its names are relative to another"
            " directory, name that with `--root DIR`"
        )

    def _read_manifests(self, source: ManifestSource) -> None:
        bag = source.bag
        if bag is None:
            (reader,) = source.manifests
            reader.read(self._report)
            self._expected = reader.count
            if reader.backslashes_separate:
                self.result.warnings.append(
                    "Backslashes in the manifest are read as directory separators"
                )
            return
        bag.read(self._report)
        self._expected = sum(each.count for each in (*bag.payload[:1], *bag.tags[:1]))
        self.result.warnings += bag.warnings
        for mismatch in bag.mismatches:
            self.result.note(mismatch)

    def _report(self) -> None:
        """Reports progress, at most twenty times a second. Raises to stop the work."""
        now = time.monotonic()
        if now - self._last_report < POLL_SECONDS:
            return
        self._last_report = now
        done = self._checker.done if self._checker is not None else 0
        self.context.report(lambda: Progress("compare", done, max(self._expected, done)))

    def _files(self, source: ManifestSource) -> Iterator[FileToCheck]:
        """The files to check. Refused lines are noted on the way."""
        bag = source.bag
        groups = [(source.manifests, False)]
        if bag is not None:
            groups.append((bag.tags, True))
        for manifests, is_tag_file in groups:
            for reader, item in merged_entries(manifests):
                if isinstance(item, RefusedLine):
                    self._refuse(reader, item.line, item.message)
                    continue
                note = ""
                if bag is not None and bag.is_to_be_fetched(item.name):
                    note = ": `fetch.txt` lists it as a file to download"
                elif b"\\" in item.name:
                    note = "; `--backslashes separator` reads its backslashes as separators"
                self.result.entries += 1
                if len(self._first_names) < NAMES_TO_TRY:
                    self._first_names.append(item.name)
                yield FileToCheck(item.name, item.entry, item.line, reader.path, is_tag_file, note)

    def _refuse(self, reader: ManifestReader, line: int, message: str) -> None:
        self.result.note(ManifestMismatch(to_stored(reader.path), "refused", message, line))

"""Imports a manifest as a job: files are checked, and those that match are recorded."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

from vpo.base import times
from vpo.base.errors import VpoError
from vpo.base.paths import display, from_stored, to_stored
from vpo.content.hashing import POLL_SECONDS, HashingQueue
from vpo.db.library import Library, plain_errors
from vpo.jobs import tracking
from vpo.jobs.control import Reporter, ShouldStop, StoppedError
from vpo.jobs.outcome import end_recorded
from vpo.logging import bound, facts, shown
from vpo.manifest.bag import leads_outside
from vpo.manifest.checking import FileToCheck, ManifestChecker
from vpo.manifest.completeness import note_unlisted_files
from vpo.manifest.options import ImportOptions
from vpo.manifest.reader import ManifestReader, RefusedLine, merged_entries
from vpo.manifest.results import ImportResult, ManifestMismatch
from vpo.manifest.source import ManifestSource, locate, open_source

logger = logging.getLogger(__name__)


def import_manifest(
    library: Library,
    manifest: bytes,
    directory: bytes | None,
    options: ImportOptions,
    reporter: Reporter,
    *,
    should_stop: ShouldStop = lambda: None,
) -> ImportResult:
    """Checks the files that a manifest lists, and records the matching ones as verified.

    `manifest` is a file, or the directory of a BagIt bag. Its names are relative to
    `directory`; None: the directory that the manifest is in.

    Raises ManifestError if the manifest cannot be read, DirectoryNotFoundError, and
    StoppedError if the work is stopped. What was recorded until then is kept.
    """
    manifest, directory = locate(manifest, directory, options)
    result = ImportResult(manifest, directory, times.now())
    check_stop = _raising(should_stop)
    with ExitStack() as closing, plain_errors(library.path):
        source = closing.enter_context(open_source(manifest, directory, options, check_stop))
        job = tracking.start_job(
            library,
            job_type="import",
            path=to_stored(manifest),
            configuration_json=options.to_json(directory),
        )
        _import_as_job(_Import(job, result, options, reporter, check_stop), source)
    return result


def import_from_queue(
    job: tracking.Job, reporter: Reporter, should_stop: ShouldStop
) -> tuple[str, bool]:
    """Runs an import that was queued again, with its recorded options.

    Returns the counts in words, and whether everything matches. Raises the errors of
    `import_manifest`.
    """
    library = job.library
    check_stop = _raising(should_stop)
    with ExitStack() as closing, plain_errors(library.path):
        try:
            options, directory = ImportOptions.from_json(job.configuration_json)
            manifest, directory = locate(from_stored(job.path), directory, options)
            result = ImportResult(manifest, directory, times.now())
            source = closing.enter_context(open_source(manifest, directory, options, check_stop))
        except VpoError as error:
            with library.transaction():
                job.end("failed", error_message=error.message)
            raise
        except StoppedError as stopped:
            with library.transaction():
                job.stop(stopped)
            raise
        _import_as_job(_Import(job, result, options, reporter, check_stop), source)
    failure = result.failure()
    return failure or f"{result.matched:,} matching", failure is None


def _raising(should_stop: ShouldStop) -> Callable[[], None]:
    def check_stop() -> None:
        if stopped := should_stop():
            raise stopped

    return check_stop


class _Import:
    """An import while it runs."""

    def __init__(
        self,
        job: tracking.Job,
        result: ImportResult,
        options: ImportOptions,
        reporter: Reporter,
        check_stop: Callable[[], None],
    ) -> None:
        self.job = job
        self.library = job.library
        self.result = result
        self.options = options
        self._reporter = reporter
        self._check_stop = check_stop
        self._checker: ManifestChecker | None = None
        self._last_report = 0.0
        self._expected = 0
        """The number of files that the manifest lists, as far as it is known."""

    def run(self, source: ManifestSource) -> None:
        """Checks all files, and ends the job."""
        self._read_manifests(source)
        with HashingQueue[FileToCheck](self._report, threads=self.options.threads) as queue:
            checker = ManifestChecker(self.library, self.result.directory, self.result, queue)
            self._checker = checker
            try:
                for answers in queue.answers(map(checker.to_read, self._files(source))):
                    checker.check(answers)
                    if checker.is_recording_due:
                        with self.library.transaction():
                            checker.record()
                if source.bag is not None or self.options.complete:
                    note_unlisted_files(source, self.result, self._report)
            finally:
                if checker.has_verified:
                    with self.library.transaction():
                        checker.record()
        self.result.completed_at = times.now()
        failure = self.result.failure()
        with self.library.transaction():
            self.job.end(
                "completed" if failure is None else "failed",
                error_message=failure and f"Files do not match the manifest: {failure}",
                **self.record(),
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

    def record(self, failure: Mapping[str, object] | None = None) -> dict[str, str | None]:
        """The columns of the job's record that hold the result."""
        return {
            "summary_json": self.result.to_summary_json(),
            "files_affected_json": self.result.to_affected_json(),
            "errors_json": self.result.to_errors_json(failure),
        }

    def _report(self) -> None:
        """Reports progress, at most twenty times a second. Raises to stop the work."""
        now = time.monotonic()
        if now - self._last_report < POLL_SECONDS:
            return
        self._last_report = now
        done = self._checker.done if self._checker is not None else 0
        expected = max(self._expected, done)
        self.job.beat(lambda: (100.0 * done / max(expected, 1), {"files": done, "of": expected}))
        self._reporter.reading(done, expected)
        self._check_stop()

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
                if bag is not None and leads_outside(bag.path, item.name):
                    shown = display(to_stored(item.name))
                    message = f"`{shown}` leads outside the bag through a link"
                    self._refuse(reader, item.line, message)
                    continue
                note = ""
                if bag is not None and bag.is_to_be_fetched(item.name):
                    note = ": `fetch.txt` lists it as a file to download"
                elif b"\\" in item.name:
                    note = "; `--backslashes separator` reads its backslashes as separators"
                self.result.entries += 1
                yield FileToCheck(item.name, item.entry, item.line, is_tag_file, note)

    def _refuse(self, reader: ManifestReader, line: int, message: str) -> None:
        self.result.note(ManifestMismatch(to_stored(reader.path), "refused", message, line))


def _import_as_job(work: _Import, source: ManifestSource) -> None:
    """Imports, and ends the job's record whatever happens."""
    result = work.result
    result.job_id = work.job.id
    result.format = source.format

    def columns(failure: Mapping[str, object] | None) -> Mapping[str, str | None]:
        result.completed_at = times.now()
        return work.record(failure)

    with bound(job_id=work.job.id, directory=to_stored(result.directory)):
        logger.info("Import started", extra=facts(manifest=to_stored(result.manifest)))
        with end_recorded(work.job, "Import", logger, counts=result.counts, columns=columns):
            work.run(source)
        for warning in result.warnings:
            logger.warning("%s", warning)
        for mismatch in result.mismatches:
            logger.error("%s", mismatch, extra=shown(**mismatch.to_dict()))
        took = round(result.duration_seconds, 3)
        logger.info("Import completed", extra=facts(**result.counts(), duration_seconds=took))

"""The import of a manifest as a job: files are checked, and what is right is recorded."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import islice

from vpo._engine import Digester
from vpo.base import times
from vpo.base.errors import VpoError
from vpo.base.paths import display, from_stored, to_stored
from vpo.db.failures import plain_errors
from vpo.db.library import Library
from vpo.jobs import tracking
from vpo.jobs.control import Reporter, ShouldStop, StoppedError
from vpo.jobs.outcome import end_recorded
from vpo.logging import bound, facts, shown
from vpo.manifest import bag as bags
from vpo.manifest.bag import entries_of, is_listed, walk
from vpo.manifest.checking import Checker, Target
from vpo.manifest.reader import Refused
from vpo.manifest.results import Finding, ImportOptions, ImportResult
from vpo.manifest.source import Source, opened, resolve

logger = logging.getLogger(__name__)

# Between a look at the answers and the next one; also how soon a wish to stop is heard.
TAKE_SECONDS = 0.05
SUBMITTED_AT_A_TIME = 256


def import_manifest(
    library: Library,
    manifest: bytes,
    directory: bytes | None,
    options: ImportOptions,
    reporter: Reporter,
    *,
    should_stop: ShouldStop = lambda: None,
) -> ImportResult:
    """Checks the files of a manifest, and records those that are as it has them as verified.

    `manifest` is a file, or a BagIt bag's directory; its names are relative to
    `directory` (None: where it is).

    Raises ManifestError if it cannot be read, DirectoryNotFoundError, StoppedError where
    it is stopped; what was recorded until then is kept.
    """
    manifest, directory = resolve(manifest, directory, options)
    result = ImportResult(manifest, directory, times.now())
    with ExitStack() as closing, plain_errors(library.path):
        source = closing.enter_context(opened(manifest, directory, options, should_stop))
        job = tracking.start_job(
            library,
            job_type="import",
            path=to_stored(manifest),
            configuration_json=options.to_json(directory),
        )
        work = _Import(library, job, result, options, reporter, should_stop)
        _import_as_job(work, source)
    return result


def import_from_queue(
    job: tracking.Job, reporter: Reporter, should_stop: ShouldStop
) -> tuple[str, bool]:
    """Does an import that is to be tried again, with the options that it had.

    Returns the counts in words, and whether all is as the manifest says. Raises as
    `import_manifest`.
    """
    library = job.library
    with ExitStack() as closing, plain_errors(library.path):
        try:
            options, directory = ImportOptions.from_json(job.configuration_json)
            manifest, directory = resolve(from_stored(job.path), directory, options)
            result = ImportResult(manifest, directory, times.now())
            source = closing.enter_context(opened(manifest, directory, options, should_stop))
        except VpoError as error:
            with library.transaction():
                job.end("failed", error_message=error.message)
            raise
        except StoppedError as stopped:
            with library.transaction():
                job.stop(stopped)
            raise
        _import_as_job(_Import(library, job, result, options, reporter, should_stop), source)
    failure = result.failure()
    return failure or f"{result.matched:,} matching", failure is None


def _import_as_job(work: _Import, source: Source) -> None:
    work.result.job_id = work.job.id
    work.result.format = source.format
    with bound(job_id=work.job.id, directory=to_stored(work.result.directory)):
        _import_and_log(work, source)


class _Import:
    """One import at work."""

    def __init__(
        self,
        library: Library,
        job: tracking.Job,
        result: ImportResult,
        options: ImportOptions,
        reporter: Reporter,
        should_stop: ShouldStop,
    ) -> None:
        self.library = library
        self.job = job
        self.result = result
        self.options = options
        self._reporter = reporter
        self._should_stop = should_stop
        self._checker: Checker | None = None
        self._looked = 0.0
        self._expected = 0

    def run(self, source: Source) -> None:
        """Checks everything, and ends the job."""
        bag = source.bag
        tag_files = bag.tags if bag is not None else []
        if bag is None:
            for file in source.files:
                file.read(self._look)
        else:
            bag.read(self._look)
        for finding in bag.findings if bag is not None else ():
            self.result.note(finding)
        self.result.warnings += _warnings(source)
        self._expected = sum(file.count for file in (*source.files[:1], *tag_files[:1]))
        digester = Digester(threads=self.options.threads)
        self._checker = Checker(self.library, digester, self.result.directory, self.result)
        try:
            self._check(self._checker, self._targets(source))
            self._look_for_more(source)
        finally:
            digester.stop()
            if self._checker.has_verified:
                with self.library.transaction():
                    self._checker.record()
        self.result.completed_at = times.now()
        failure = self.result.failure()
        with self.library.transaction():
            self.job.end(
                "completed" if failure is None else "failed",
                error_message=failure and f"The manifest does not agree: {failure}",
                **self.record(),
            )

    def record(self, failure: Mapping[str, object] | None = None) -> dict[str, str | None]:
        """What the job's record has of the result."""
        return {
            "summary_json": self.result.to_summary_json(),
            "files_affected_json": self.result.to_affected_json(),
            "errors_json": self.result.to_errors_json(failure),
        }

    def _look(self) -> None:
        """Shows signs of life; raises where the work is to stop."""
        now = time.monotonic()
        if now - self._looked < TAKE_SECONDS:
            return
        self._looked = now
        done = self._checker.done if self._checker is not None else 0
        expected = max(self._expected, done)
        self.job.beat(lambda: (100.0 * done / max(expected, 1), {"files": done, "of": expected}))
        self._reporter.reading(done, expected)
        if stopped := self._should_stop():
            raise stopped

    def _check(self, checker: Checker, targets: Iterator[Target]) -> None:
        while some := list(islice(targets, SUBMITTED_AT_A_TIME)):
            checker.submit(some)
            while checker.is_full:
                self._take(checker)
            self._look()
        while not checker.is_done:
            self._take(checker)

    def _take(self, checker: Checker) -> None:
        checker.take(TAKE_SECONDS)
        if checker.has_much_to_record:
            with self.library.transaction():
                checker.record()
        self._look()

    def _targets(self, source: Source) -> Iterator[Target]:
        """The files to be read. What is refused is noted on the way."""
        bag = source.bag
        files = [(source.files, False)]
        if bag is not None:
            files.append((bag.tags, True))
        for manifests, is_tag_file in files:
            for file, item in entries_of(manifests):
                if isinstance(item, Refused):
                    self.result.note(
                        Finding(to_stored(file.path), "refused", item.message, item.line)
                    )
                    continue
                if bag is not None and bags.leads_out(bag.path, item.name):
                    said = f"`{display(to_stored(item.name))}` leads out of the bag, by a link"
                    self.result.note(Finding(to_stored(file.path), "refused", said, item.line))
                    continue
                self.result.entries += 1
                note = ""
                if bag is not None and bag.fetch is not None and bag.fetch.find(item.name):
                    note = ": it is one to be fetched, says `fetch.txt`"
                elif b"\\" in item.name:
                    note = "; `--backslashes separator` takes its backslashes for separators"
                yield Target(item.name, item.entry, item.line, is_tag_file, note)

    def _look_for_more(self, source: Source) -> None:
        """Looks for files that should be in the manifest, and compares their sum."""
        bag, root = source.bag, self.result.directory
        if bag is None and not self.options.complete:
            return
        directory = root if bag is None else os.path.join(root, bags.PAYLOAD.rstrip(b"/"))
        total, number = 0, 0
        for name, size in walk(directory, root, self._note_unreadable):
            total += size
            number += 1
            self._look()
            if bag is not None:
                without = bag.unlisted(name)
            elif os.path.join(root, name) == self.result.manifest:
                without = []
            else:
                without = [] if is_listed(source.files[0], name) else [b"the manifest"]
            if without:
                where = ", ".join(display(to_stored(each)) for each in without)
                path = to_stored(os.path.join(root, name))
                self.result.note(Finding(path, "extra", f"is not in {where}"))
        if bag is not None and bag.oxum not in (None, (total, number)):
            assert bag.oxum is not None
            message = (
                f"differs: its Payload-Oxum says {bag.oxum[0]:,} bytes in {bag.oxum[1]:,} files,"
                f" and there are {total:,} in {number:,}"
            )
            path = to_stored(os.path.join(root, b"bag-info.txt"))
            self.result.note(Finding(path, "differing", message))

    def _note_unreadable(self, path: bytes, error: OSError) -> None:
        message = f"cannot be looked at: {error.strerror}"
        self.result.note(Finding(to_stored(path), "unreadable", message, None, error.errno))


def _warnings(source: Source) -> list[str]:
    warnings = list(source.bag.warnings) if source.bag is not None else []
    if any(file.backslashes_separate for file in source.files):
        warnings.append("Backslashes in the manifest are taken for separators of directories")
    return warnings


def _import_and_log(work: _Import, source: Source) -> None:
    """Imports, with the job's record ended whatever happens."""
    result = work.result
    logger.info("Import started", extra=facts(manifest=to_stored(result.manifest)))

    def columns(failure: Mapping[str, object] | None) -> Mapping[str, str | None]:
        result.completed_at = times.now()
        return work.record(failure)

    with end_recorded(work.job, "Import", logger, counts=result.counts, columns=columns):
        work.run(source)
    for warning in result.warnings:
        logger.warning("%s", warning)
    for finding in result.findings:
        logger.error("%s", finding, extra=shown(**finding.to_dict()))
    took = round(result.duration_seconds, 3)
    logger.info("Import completed", extra=facts(**result.counts(), duration_seconds=took))

"""An analysis of a collection as a job: the files are looked at, analysed, and the result kept."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import orjson

from vpo.base import times
from vpo.base.errors import CollectionUnreachableError, VpoError
from vpo.db.failures import plain_errors
from vpo.db.library import Library
from vpo.db.photos import collections as collection_table
from vpo.db.photos import listing as listing_table
from vpo.db.photos import results as result_table
from vpo.jobs.conflicts import JobToRun
from vpo.jobs.context import Context
from vpo.jobs.job import Job
from vpo.jobs.kinds import KINDS
from vpo.jobs.lifecycle import recorded
from vpo.jobs.progress import Progress
from vpo.jobs.record import JobRecord, JobResult
from vpo.jobs.stopping import StoppedError
from vpo.photos import collections
from vpo.photos.collections import Collection
from vpo.photos.listing import CatalogueListing
from vpo.photos.model import Findings, PhotoSettings, Tell
from vpo.photos.refresh import refresh
from vpo.photos.request import AnalysisRequest, Tool
from vpo.photos.settings import effective
from vpo.places.beneath import roots_of

logger = logging.getLogger(__name__)

Analysis = Callable[[CatalogueListing, PhotoSettings, Tell], Findings]


@dataclass(kw_only=True)
class AnalysisResult(JobResult):
    """The outcome of an analysis."""

    tool: Tool
    collection: Collection
    id: int | None = None
    """The number of the result, when it is recorded."""
    findings: Findings | None = None

    @property
    def is_all_well(self) -> bool:
        """Always: issues are what an analysis is there to find."""
        return True

    def in_words(self) -> str:
        """What was found, in one line."""
        if self.findings is None:
            return "nothing was analysed"
        issues = self.findings.issues_found
        noun = "issue" if issues == 1 else "issues"
        return f"{self.findings.files_scanned:,} files, {issues:,} {noun}"

    def record(self) -> JobRecord:
        """The result as the job's record has it."""
        summary: dict[str, object] = {"tool": self.tool, "collection": self.collection.name}
        if self.findings is not None:
            summary |= {
                "result_id": self.id,
                "files_scanned": self.findings.files_scanned,
                "issues_found": self.findings.issues_found,
            }
        return JobRecord(summary)

    def to_dict(self) -> dict[str, object]:
        """The result as the command-line contract has it."""
        return {"id": self.id, "job_id": self.job_id, **self.record().summary}


class _Prepared(NamedTuple):
    """An analysis that nothing speaks against."""

    request: AnalysisRequest
    collection: Collection
    analyse: Analysis
    pipeline_id: int | None = None
    pipeline_version: int | None = None


def request_of(job: Job) -> AnalysisRequest:
    """The request of a job from the queue. Raises JobConfigurationError."""
    return AnalysisRequest.from_json(job.configuration_json)


def to_job(library: Library, request: AnalysisRequest) -> JobToRun:
    """The job that records an analysis. Raises CollectionNotFoundError."""
    collection = collections.find(library, request.collection)
    return JobToRun(KINDS["analyze"], collection.row.location, request.to_json())


def run(library: Library, request: AnalysisRequest, context: Context) -> AnalysisResult:
    """Analyses a collection and records that as a job.

    The result and the statistics of the collection are written together. A failed or stopped
    analysis leaves a result that says so, and the statistics as they were.

    Raises VpoError if the analysis is refused or fails, StoppedError if it is stopped.
    """
    prepared = _prepare(library, request)
    collection = prepared.collection
    result = AnalysisResult(tool=request.tool, collection=collection)
    if request.scan and (request.refresh or not collection.has_fresh_listing):
        refresh(library, collection, context)
    elif not request.scan:
        _check_has_records(library, collection)
    job = to_job(library, request)
    with recorded(library, job, context, result, tool=request.tool, collection=collection.name):
        with _failures_kept(library, prepared, result):
            result.findings = _analyse(library, prepared, context)
        _complete(library, prepared, result, context)
    return result


def recorded_result(library: Library, result: AnalysisResult) -> dict[str, Any]:
    """The recorded result, as JSON. Its lists may go on beyond what is shown."""
    assert result.id is not None
    with library.reading() as connection:
        record = result_table.get(connection, result.id)
    assert record is not None
    return {
        **record.row._asdict(),
        "error_message": record.error_message,
        "results": orjson.loads(record.results_json),
    }


def _check_has_records(library: Library, collection: Collection) -> None:
    with library.reading() as connection:
        if listing_table.has_records(connection, collection.place):
            return
    raise CollectionUnreachableError(
        f"The catalogue has no records of the collection `{collection.name}`",
        hint="Run the command without `--no-scan`.",
        collection=collection.name,
    )


# -- The tools -----------------------------------------------------------------------------


def _prepare(library: Library, request: AnalysisRequest) -> _Prepared:
    """Finds what the analysis needs. Raises VpoError if something speaks against it."""
    if request.scan:
        collection = collections.reachable(library, request.collection)
    else:
        collection = collections.find(library, request.collection)
    return _TOOLS[request.tool](library, request, collection)


def _photostats(library: Library, request: AnalysisRequest, collection: Collection) -> _Prepared:
    from vpo.photos import photostats, xmp

    reads = None
    if request.reads_xmp:
        with library.reading() as connection:
            roots = roots_of(connection, also=[collection.place])
        reads = xmp.reader(roots, collection.row.location)
    return _Prepared(request, collection, partial(photostats.analyse, reads=reads))


def _photo_pairing(
    _library: Library, request: AnalysisRequest, collection: Collection
) -> _Prepared:
    from vpo.photos import pairing

    return _Prepared(request, collection, pairing.analyse)


def _pipeline_validation(
    library: Library, request: AnalysisRequest, collection: Collection
) -> _Prepared:
    from vpo.photos import pipelines
    from vpo.photos.pipeline import validation

    stored = pipelines.find_usable(library, request.pipeline)
    chosen = validation.ChosenPipeline(
        stored.pipeline, stored.row.id, stored.row.version, request.terminations
    )

    def analyse(listing: CatalogueListing, settings: PhotoSettings, tell: Tell) -> Findings:
        return validation.analyse(listing, settings, chosen, tell)

    return _Prepared(request, collection, analyse, stored.row.id, stored.row.version)


_TOOLS: dict[str, Callable[[Library, AnalysisRequest, Collection], _Prepared]] = {
    "photostats": _photostats,
    "photo_pairing": _photo_pairing,
    "pipeline_validation": _pipeline_validation,
}


def _analyse(library: Library, prepared: _Prepared, context: Context) -> Findings:
    used = effective(library, prepared.request.config_file)
    for warning in used.warnings:
        logger.warning("%s.", warning)
    with library.snapshot() as connection:
        listing = CatalogueListing(connection, prepared.collection.place)

        def tell(_stage: str, _percentage: float, files: int) -> None:
            context.check()
            progress = Progress("analyze", files, listing.files)
            context.reporter.progress(lambda: progress)

        return prepared.analyse(listing, used.settings, tell)


# -- The record ----------------------------------------------------------------------------


def _complete(
    library: Library, prepared: _Prepared, result: AnalysisResult, context: Context
) -> None:
    """Writes the result, the statistics and the end of the job, in one transaction."""
    assert result.findings is not None
    assert context.job is not None
    # Only a success has a report, and its templates take time to load.
    from vpo.photos.reports.render import render

    result.completed_at = times.now()
    statistics = {
        column: value
        for column, value in result.findings.statistics._asdict().items()
        if value is not None
    }
    with library.transaction() as connection:
        result.id = result_table.insert(
            connection,
            _row(
                prepared,
                result,
                "COMPLETED",
                results=result.findings.results,
                files_scanned=result.findings.files_scanned,
                issues_found=result.findings.issues_found,
            ),
        )
        if statistics and not _is_outranked(connection, prepared, result):
            now = times.to_text(result.completed_at)
            collection_table.update(
                connection,
                prepared.collection.id,
                {**statistics, "last_stats_update": now},
            )
        record = result_table.get(connection, result.id)
        assert record is not None
        result_table.set_report(connection, result.id, render(result.tool, record))
        context.job.finish(result.record())


def _is_outranked(
    connection: sqlite3.Connection, prepared: _Prepared, result: AnalysisResult
) -> bool:
    """Whether a pipeline validation has counted the same images before."""
    listed_at = prepared.collection.row.listed_at
    return (
        result.tool == "photo_pairing"
        and listed_at is not None
        and not prepared.collection.is_always_looked_at
        and collection_table.has_result_of(
            connection, prepared.collection.id, "pipeline_validation", listed_at
        )
    )


@contextmanager
def _failures_kept(library: Library, prepared: _Prepared, result: AnalysisResult) -> Iterator[None]:
    """Keeps a result of an analysis that fails or is stopped, and lets the exception through."""
    try:
        with plain_errors(library.path):
            yield
    except (StoppedError, KeyboardInterrupt):
        _keep(library, _row(prepared, result, "CANCELLED"))
        raise
    except VpoError as error:
        _keep(library, _row(prepared, result, "FAILED", error_message=error.message))
        raise
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        _keep(library, _row(prepared, result, "FAILED", error_message=message))
        raise


def _keep(library: Library, row: result_table.NewResult) -> None:
    with library.transaction() as connection:
        result_table.insert(connection, row)


def _row(
    prepared: _Prepared, result: AnalysisResult, status: str, **more: Any
) -> result_table.NewResult:
    completed_at = result.completed_at or times.now()
    return result_table.NewResult(
        collection_id=prepared.collection.id,
        tool=result.tool,
        status=status,
        started_at=times.to_text(result.started_at),
        completed_at=times.to_text(completed_at),
        duration_seconds=max(0.0, (completed_at - result.started_at).total_seconds()),
        pipeline_id=prepared.pipeline_id,
        pipeline_version=prepared.pipeline_version,
        job_id=result.job_id,
        **more,
    )

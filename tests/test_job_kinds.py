"""The registry of job kinds: what follows from an entry, and which jobs wait for which."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType

import pytest

from support import Tree, Vpo
from vpo.base.paths import StoredPath
from vpo.db.jobs import RunningJob
from vpo.db.library import Library, open_library
from vpo.jobs import kinds, queue, worker
from vpo.jobs.conflicts import JobToRun, find_conflict
from vpo.jobs.context import Context
from vpo.jobs.job import Job
from vpo.jobs.kinds import KINDS, JobKind
from vpo.jobs.lifecycle import recorded
from vpo.jobs.record import JobRecord, JobResult

ACTION = '{"action": "trash"}'
NO_ACTION = '{"action": null}'


def running(kind: str, path: StoredPath, configuration: str = "{}") -> RunningJob:
    """A job that is at work."""
    nobody = (None, None, None, None, None)
    return RunningJob(1, "0" * 36, kind, path, configuration, *nobody, 1, None)


@pytest.mark.parametrize(
    ("kind", "configuration", "other", "waits"),
    [
        ("scan", "{}", running("scan", "/a/b"), True),
        ("scan", "{}", running("scan", "/"), True),
        ("scan", "{}", running("scan", "/ab"), False),
        ("scan", "{}", running("verify", "/a"), False),
        ("scan", "{}", running("undo", "/a/b"), True),
        ("scan", "{}", running("undo", "/b"), False),
        ("scan", "{}", running("duplicates", "/a", ACTION), True),
        ("scan", "{}", running("duplicates", "/a", NO_ACTION), False),
        ("scan", "{}", running("move", "/a"), True),
        ("scan", "{}", running("from a newer vpo", "/a"), False),
        ("verify", "{}", running("verify", "/a"), True),
        ("verify", "{}", running("scan", "/a"), False),
        ("import", "{}", running("import", "/a"), False),
        ("duplicates", NO_ACTION, running("duplicates", "/b"), True),
        ("duplicates", NO_ACTION, running("scan", "/a"), False),
        ("duplicates", ACTION, running("scan", "/b"), True),
        ("duplicates", ACTION, running("move", "/a/b"), True),
        ("duplicates", "no JSON", running("scan", "/a"), False),
        ("undo", "{}", running("scan", "/a"), True),
        ("undo", "{}", running("transcode", "/a"), True),
        ("move", "{}", running("transcode", "/a"), True),
        ("move", "{}", running("transcode", "/b"), False),
    ],
)
def test_a_job_waits_for_those_that_work_on_the_same_files(
    kind: str, configuration: str, other: RunningJob, waits: bool
) -> None:
    job = JobToRun(KINDS[kind], "/a", configuration)
    assert (find_conflict(job, [other]) is not None) is waits


def test_kinds_are_known_by_their_names() -> None:
    assert {name: kind.name for name, kind in KINDS.items()} == {name: name for name in KINDS}
    assert all(kind.excludes <= set(KINDS) for kind in KINDS.values())


@dataclass
class Counted(JobResult):
    """The result of the kind that this test adds."""

    number: int

    @property
    def is_all_well(self) -> bool:
        """Always."""
        return True

    def record(self) -> JobRecord:
        """The number, as the job's record has it."""
        return JobRecord({"number": self.number})

    def in_words(self) -> str:
        """The number, in a sentence."""
        return f"counted to {self.number}"

    def to_dict(self) -> dict[str, object]:
        """The number, as JSON has it."""
        return {"number": self.number}


def test_a_new_kind_of_job_is_one_entry_and_its_service(
    vpo: Vpo, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = JobKind("count", "Count", service="counting_service")
    service = ModuleType("counting_service")

    def request_of(job: Job) -> int:
        return int(job.configuration_json)

    def run(library: Library, request: int, context: Context) -> Counted:
        result = Counted(number=request)
        with recorded(library, JobToRun(kind, "/", str(request)), context, result):
            pass
        return result

    monkeypatch.setattr(service, "request_of", request_of, raising=False)
    monkeypatch.setattr(service, "run", run, raising=False)
    monkeypatch.setitem(sys.modules, "counting_service", service)
    monkeypatch.setattr(kinds, "KINDS", {**KINDS, "count": kind})
    monkeypatch.setattr(queue, "KINDS", kinds.KINDS)
    vpo.scan(tree.root)

    class Silent:
        ended_as = ""

        def started(self, _job: Job, _kind: JobKind) -> NullReporter:
            return NullReporter()

        def ended(self, _job: Job, status: str, outcome: str) -> None:
            self.ended_as = f"{status}: {outcome}"

    with open_library(str(vpo.database), "write") as library:
        queue.enqueue(library, JobToRun(kind, "/", "3"))
        reporter = Silent()
        worker.run(library, worker.Limits(), reporter, lambda: None)
    assert reporter.ended_as == "completed: counted to 3"
    (job,) = vpo.ok("jobs", "list", "--json", "--limit", "1").json
    assert (job["type"], job["status"]) == ("count", "completed")


class NullReporter:
    """Shows nothing, as a context manager."""

    wants_files = False

    def __enter__(self) -> NullReporter:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def progress(self, _read: object) -> None:
        """Shows nothing."""

    def file(self, *_: object) -> None:
        """Shows nothing."""

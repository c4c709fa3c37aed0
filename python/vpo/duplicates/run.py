"""`vpo duplicates` as a service: found, and something done about them if that is asked for.

Finding is a job only if files have to be read: that takes its time, writes digests into
the library, and is shown and cancelled like other work. An answer out of what the library
knows already is a question like any other, and leaves no trace. Actions are always a job.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vpo.base.paths import StoredPath, from_stored, to_json, to_stored
from vpo.db.library import Library
from vpo.db.selection import Selection
from vpo.duplicates.keep_rules import Keeping
from vpo.duplicates.models import Action, Findings
from vpo.duplicates.search import Finding
from vpo.jobs.control import ShouldStop

if TYPE_CHECKING:
    # Imported when there is something to do: most answers are in the library.
    from vpo.duplicates.actions import ActionResult
    from vpo.duplicates.hashing import Progress
    from vpo.jobs.tracking import Job

# File systems whose files can share storage. On others nobody needs to be asked.
_SHARING = (b"btrfs", b"xfs", b"bcachefs", b"ocfs2", b"zfs", b"overlay")


@dataclass
class Outcome:
    """What was found, and what was done about it."""

    findings: Findings
    job_id: str | None = None
    actions: ActionResult | None = None
    """None: nothing was to be done."""

    @property
    def issues(self) -> list[dict[str, object]]:
        """What went wrong, for the job's record."""
        listed = [{**each.to_dict(), "operation": "read"} for each in self.findings.problems]
        if self.actions is not None:
            listed += [{**each.to_dict(), "operation": "act on"} for each in self.actions.issues]
        return listed

    def counts(self) -> dict[str, object]:
        """The counts, for the job's record."""
        done = self.actions.counts() if self.actions is not None else {}
        return {**self.findings.counts(), **done}


def find_duplicates(
    library: Library,
    wanted: Selection,
    keeping: Keeping,
    progress: Progress,
    *,
    action: Action | None = None,
    before_job: Callable[[Outcome], None] = lambda _outcome: None,
    should_stop: ShouldStop = lambda: None,
) -> Outcome:
    """Finds duplicates, and does `action` to all but the kept ones.

    `before_job` is called if it takes a job, before that is started, with what will be
    filled in as it goes on.

    Raises RootOfflineError if no root of what is wanted is there, VpoError where it is refused
    or fails, StoppedError where it is stopped; the job says so, if there is one. What was
    recorded until then is kept.
    """
    finding = Finding(library, wanted, keeping)
    outcome = Outcome(finding.findings)

    def check() -> None:
        if stopped := should_stop():
            raise stopped

    if action is None and not finding.reads:
        finding.answer(check, _who_shares())
        _note_offline(library, wanted, outcome.findings)
        return outcome
    from vpo.duplicates import job as jobs

    before_job(outcome)
    job = jobs.start(
        library,
        job_type="duplicates",
        path=jobs.common_place(library, wanted.places),
        configuration=_configuration(wanted, keeping, action),
        changes_files=action is not None,
    )
    outcome.job_id = job.id
    with jobs.running(job, lambda: (outcome.counts(), outcome.issues)):
        work = _Work(job, check, progress)
        if finding.reads:
            from vpo._engine import Digester
            from vpo.duplicates.hashing import Reader

            reader = Reader(library, Digester(), finding.findings, progress, work.go_on)
            finding.read(reader, job.number)
        finding.answer(lambda: work.go_on(100.0 if action is None else 0.0), _who_shares())
        _note_offline(library, wanted, outcome.findings)
        if action is not None:
            _act(outcome, library, work, action, keeping)
    return outcome


def _note_offline(library: Library, wanted: Selection, findings: Findings) -> None:
    """Says which places are not there, where files were not as they are known."""
    if not findings.changed:
        return
    from vpo.duplicates.models import Problem
    from vpo.places.availability import Places

    with library.reading() as connection:
        found = Places(connection, wanted.places)
        errors = found.look()
    if errors and len(errors) == len(found.roots):
        raise errors[0]
    findings.problems += (
        Problem(each.path, each.message, "offline") for each in found.offline.values()
    )


def _act(outcome: Outcome, library: Library, work: _Work, action: Action, keeping: Keeping) -> None:
    from vpo.duplicates.actions import Actor

    actor = Actor(library, work.job, action, work.go_on_acting)
    outcome.actions = work.actions = actor.result
    groups = outcome.findings.groups
    work.expected = sum(len(copy.names) for group in groups for copy in keeping.doomed(group))
    actor.act(groups, keeping)


@dataclass
class _Work:
    """The job while it runs: looks whether it is to stop, and tells how far it is."""

    job: Job
    check: Callable[[], None]
    progress: Progress
    expected: int = 0
    actions: ActionResult | None = None

    def go_on(self, percent: float) -> None:
        """Raises StoppedError if it is to stop."""
        self.check()
        self.job.beat(lambda: (percent, {}))

    def go_on_acting(self) -> None:
        """As `go_on`, between the files that something is done about."""
        assert self.actions is not None
        done = self.actions.done + len(self.actions.issues)
        self.go_on(100 * done / max(1, self.expected))
        self.progress.reading(done, self.expected)


def _configuration(wanted: Selection, keeping: Keeping, action: Action | None) -> dict[str, object]:
    return {
        "under": [_listed(directory) for directory in wanted.places],
        "kinds": wanted.kinds,
        "min_size": wanted.least_bytes,
        "action": action,
        "keep": [_listed(directory) for directory in keeping.directories],
        "prefer": keeping.prefer,
    }


def _listed(directory: bytes) -> object:
    stored = to_stored(directory)
    return stored if isinstance(stored, str) else to_json(stored)


def _who_shares() -> Callable[[StoredPath, int], bytes | None] | None:
    """What tells where a file is stored; None if no file system here shares storage."""
    try:
        with open("/proc/self/mountinfo", "rb") as mounts:
            table = mounts.read()
    except OSError:
        # Not said: then files are asked.
        return _storage_of
    return _storage_of if any(b" - " + kind in table for kind in _SHARING) else None


def _storage_of(path: StoredPath, device: int) -> bytes | None:
    if not _shares(device, os.path.dirname(from_stored(path))):
        return None
    from vpo._engine import storage_of

    try:
        return storage_of(path)
    except OSError:
        # Gone by now, or not to be opened: then it is not known to share any.
        return None


_known: dict[int, bool] = {}


def _shares(device: int, directory: bytes) -> bool:
    """Whether files of that `st_dev` may share storage."""
    if device not in _known:
        from vpo.places.filesystems import identity

        name = identity(directory, device)
        _known[device] = name is None or name.encode().startswith(_SHARING)
    return _known[device]

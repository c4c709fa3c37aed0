"""The states of a job, and which can follow which. A trigger in the catalogue holds the same.

queued -> running -> completed | failed
queued, running -> cancelled
running -> queued               stopped before its end, or its worker died
failed, cancelled -> queued     tried again
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from vpo.base.errors import JobStateError

Status = Literal["queued", "running", "completed", "failed", "cancelled"]

TRANSITIONS: Mapping[str, frozenset[str]] = {
    "queued": frozenset({"running", "cancelled"}),
    "running": frozenset({"completed", "failed", "cancelled", "queued"}),
    "completed": frozenset(),
    "failed": frozenset({"queued"}),
    "cancelled": frozenset({"queued"}),
}

_HINTS = {
    "cancelled": "Jobs that are queued or running can be cancelled.",
    "queued": "Jobs that failed or were cancelled can be queued again.",
}


def check(job_id: str, before: str, after: Status) -> None:
    """Raises JobStateError if a job that is `before` cannot become `after`."""
    if after not in TRANSITIONS[before]:
        raise JobStateError(
            f"Job {job_id[:8]} is {before}, so it cannot be {after}",
            hint=_HINTS.get(after),
            job_id=job_id,
            status=before,
        )

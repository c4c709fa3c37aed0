"""What does the jobs of each type. A new kind of job is one line here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol

from vpo.jobs.control import Reporter, ShouldStop
from vpo.jobs.tracking import Job

# Type of job: module and function. Imported when there is such a job to do.
HANDLERS: Mapping[str, tuple[str, str]] = {
    "import": ("vpo.manifest.importing", "import_from_queue"),
    "scan": ("vpo.scanner.scan", "scan_from_queue"),
    "verify": ("vpo.integrity.verify", "verify_from_queue"),
}


class Handler(Protocol):
    """Does a job that was taken from the queue, and records how it ended.

    Returns what there is to say of it in a line, and whether all went well.
    Raises VpoError where it fails, StoppedError where it is stopped.
    """

    def __call__(
        self, job: Job, reporter: Reporter, should_stop: ShouldStop
    ) -> tuple[str, bool]: ...


def handler_of(job_type: str) -> Handler:
    """The handler of a type that is in `HANDLERS`."""
    module, name = HANDLERS[job_type]
    handler: Handler = getattr(import_module(module), name)
    return handler

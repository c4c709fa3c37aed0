"""How a failure is shown: as text on stderr, or as one JSON object on stdout."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from vpo.base.errors import (
    AmbiguousJobError,
    DuplicatesLockedError,
    JobNotFoundError,
    JobStateError,
    ScanLockedError,
    VerifyLockedError,
    VpoError,
    as_utf8,
    error_to_dict,
)
from vpo.cli.app import App
from vpo.cli.output.streams import echo, json_encoder, silence_stdout

# The `job_id` in the details of these is the job that holds a lock, or the one that the
# user named. In all other errors it is the job that failed, which has logged its failure.
_NAMES_OTHER_JOB = (
    ScanLockedError,
    VerifyLockedError,
    DuplicatesLockedError,
    JobNotFoundError,
    AmbiguousJobError,
    JobStateError,
)


@dataclass(frozen=True)
class Failure:
    """A failure that no service raised: it has the same facts as a `VpoError`."""

    code: str
    message: str
    hint: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


def show_failure(app: App, failure: VpoError | Failure, *, on_stdout: bool = True) -> None:
    """Logs a failure, and shows what happened and what to do.

    With `--json` it goes to stdout, unless `on_stdout` is False because stdout is what
    failed. Never raises OSError: if a failure cannot be shown, the exit status still
    reports it.
    """
    log_failure(app, failure)
    # Click's own result cannot be used: a usage error may come before `--json` is parsed.
    if on_stdout and "--json" in sys.argv[1:]:
        try:
            print_json(failure_to_dict(failure))
            return
        except OSError:
            # stdout cannot be written, so show text on stderr.
            silence_stdout()
    if app.logs_to_stderr == "json":
        # Every line on stderr must then be JSON, and the failure is logged already.
        return
    message = as_utf8(failure.message)
    full_stop = "" if message.endswith((".", "?", "!")) else "."
    echo(f"{app.paint('Error:', 'red', err=True)} {message}{full_stop}", err=True)
    if failure.hint:
        echo(f"\n{as_utf8(failure.hint)}", err=True)


def log_failure(app: App, failure: VpoError | Failure) -> None:
    """Logs a failure, unless a job has logged it already."""
    is_of_job = "job_id" in failure.details and not isinstance(failure, _NAMES_OTHER_JOB)
    if not app.is_logging or is_of_job:
        return
    import logging

    facts: dict[str, object] = {**failure.details, "code": failure.code}
    if failure.hint:
        facts["hint"] = as_utf8(failure.hint)
    logging.getLogger("vpo").error(
        "%s", as_utf8(failure.message), extra={"context": facts, "is_shown": True}
    )


def failure_to_dict(failure: VpoError | Failure) -> dict[str, object]:
    """A failure as JSON."""
    return error_to_dict(failure.code, failure.message, failure.hint, failure.details)


def print_json(document: object) -> None:
    """Prints one JSON document on a line."""
    sys.stdout.flush()
    sys.stdout.buffer.write(json_encoder()(document) + b"\n")
    sys.stdout.buffer.flush()

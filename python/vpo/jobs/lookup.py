"""Finding a job by what people type: an ID or the beginning of one."""

from __future__ import annotations

import re
import sqlite3

from vpo.base.errors import AmbiguousJobError, JobNotFoundError
from vpo.base.paths import display
from vpo.db import job_history

LEAST_CHARACTERS = 4
SHOWN_MATCHES = 5

_PREFIX = re.compile(r"[0-9a-f-]+")


def is_text(given: str) -> bool:
    """Whether what was typed is text at all: bytes that are none are an ID of nothing."""
    try:
        given.encode()
    except UnicodeEncodeError:
        return False
    return True


def find_job_id(connection: sqlite3.Connection, given: str) -> str:
    """The full ID of the job that is meant.

    Raises JobNotFoundError, or AmbiguousJobError if several IDs begin so.
    """
    if is_text(given) and job_history.get_job(connection, given) is not None:
        return given
    prefix = given.lower()
    matches: list[str] = []
    if len(prefix) >= LEAST_CHARACTERS and _PREFIX.fullmatch(prefix):
        matches = job_history.ids_beginning_with(connection, prefix, SHOWN_MATCHES + 1)
    if len(matches) == 1:
        return matches[0]
    shown = display(given)
    if not matches:
        short = f"Give {LEAST_CHARACTERS} or more characters of the ID. "
        raise JobNotFoundError(
            f"No job found with ID '{shown}'",
            hint=f"{short if len(given) < LEAST_CHARACTERS else ''}`vpo jobs list` lists them.",
            job_id=given if is_text(given) else shown,
        )
    more = " …" if len(matches) > SHOWN_MATCHES else ""
    raise AmbiguousJobError(
        f"Multiple jobs match '{shown}'. Use more characters",
        hint=f"They are: {', '.join(matches[:SHOWN_MATCHES])}{more}",
        matches=matches[:SHOWN_MATCHES],
    )

"""Finds a job by what people type: its ID, or the beginning of it."""

from __future__ import annotations

import re
import sqlite3

from vpo.base.errors import AmbiguousJobError, JobNotFoundError
from vpo.base.paths import display, is_utf8
from vpo.db import job_history
from vpo.db.library import Library

LEAST_CHARACTERS = 4
SHOWN_MATCHES = 5

_PREFIX = re.compile(r"[0-9a-f-]+")


def find_job_id(connection: sqlite3.Connection, given: str) -> str:
    """The full ID of a job.

    Raises JobNotFoundError, or AmbiguousJobError if several IDs begin like that.
    """
    if is_utf8(given) and job_history.get_job(connection, given) is not None:
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
            hint=f"{short if len(given) < LEAST_CHARACTERS else ''}`vpo jobs list` lists the jobs.",
            job_id=given if is_utf8(given) else shown,
        )
    more = " …" if len(matches) > SHOWN_MATCHES else ""
    raise AmbiguousJobError(
        f"Multiple jobs match '{shown}'. Use more characters",
        hint=f"They are: {', '.join(matches[:SHOWN_MATCHES])}{more}",
        matches=matches[:SHOWN_MATCHES],
    )


def find_job(library: Library, given: str) -> str:
    """As `find_job_id`, in a library that is not being read yet."""
    with library.reading() as connection:
        return find_job_id(connection, given)

"""Checks of the catalogue: its directory, free space, damage, and jobs without a process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from vpo.base.errors import LibraryNotFoundError, VpoError
from vpo.base.paths import display
from vpo.catalogue.status import space_at
from vpo.config.environment import home
from vpo.db import jobs as job_table
from vpo.db import migrations
from vpo.db.checks import find_damage
from vpo.db.library import open_library
from vpo.doctor.models import Diagnosis
from vpo.jobs import clock, liveness
from vpo.places.filesystems import remote_type

# With less free space, the disk may become full during a scan.
LEAST_FREE_BYTES = 256 * 1024 * 1024

# SQLite empties the write-ahead log when the last process closes the catalogue.
LARGE_WAL_BYTES = 1024 * 1024 * 1024


def check_home(environment: Mapping[str, str]) -> Diagnosis:
    """Checks that vpo can use its directory."""
    directory = home(environment)
    shown = f"The directory `{display(directory)}`"
    if not os.path.isdir(directory):
        return Diagnosis("HOME", "ok", f"{shown} does not exist yet; the first scan creates it")
    if os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        return Diagnosis("HOME", "ok", f"{shown} is readable and writable")
    return Diagnosis(
        "HOME",
        "error",
        f"{shown} must be readable and writable",
        "Change its owner or permissions, or set VPO_HOME to another directory.",
    )


def check_space(library_path: str) -> Iterator[Diagnosis]:
    """Checks that the disk of the catalogue has free space."""
    space = space_at(os.path.dirname(os.path.abspath(library_path)))
    if space is None:
        return
    message = f"The disk of the catalogue has {space.free // 2**20:,} MiB of free space"
    if space.free >= LEAST_FREE_BYTES:
        yield Diagnosis("SPACE", "ok", message)
    else:
        advice = "Free some space, or set `database_path` to a path on another disk."
        yield Diagnosis("SPACE", "warning", message, advice)


def check_place(library_path: str) -> Iterator[Diagnosis]:
    """Checks that the file system of the catalogue can hold a database."""
    directory = os.path.dirname(os.path.realpath(library_path))
    try:
        device = os.stat(directory).st_dev
    except OSError:
        return
    fstype = remote_type(os.fsencode(directory), device)
    if fstype is not None:
        yield Diagnosis(
            "LIBRARY_PLACE",
            "warning",
            f"The catalogue is on a file system that a server or a program provides ({fstype})",
            "SQLite needs locks that hold, and memory that all processes share. Move the catalogue"
            " to a local disk, and set `database_path`. Your media can stay where they are.",
        )


def check_library(path: str, *, full: bool) -> Iterator[Diagnosis]:
    """Checks that the catalogue is sound and writable, and that its jobs are alive."""
    shown = f"`{display(path)}`"
    try:
        with open_library(path, "read") as library, library.reading() as connection:
            damage = find_damage(connection, full=full)
            running = job_table.running_jobs(connection)
            trouble = clock.find_trouble(connection)
    except LibraryNotFoundError:
        message = f"The catalogue {shown} does not exist yet; `vpo scan` creates it"
        yield Diagnosis("LIBRARY", "ok", message)
        return
    except VpoError as error:
        yield Diagnosis("LIBRARY", "error", error.message, error.hint)
        return
    yield _damage(shown, damage, full=full)
    if not (os.access(path, os.W_OK) and os.access(os.path.dirname(path) or ".", os.W_OK)):
        yield Diagnosis(
            "LIBRARY_UNWRITABLE",
            "error",
            f"The catalogue {shown} or its directory is not writable",
            "Change the owner or the permissions. Scans must be able to write both.",
        )
    yield from _write_ahead_log(f"{path}-wal")
    dead = [job for job in running if not liveness.is_alive(job)]
    if dead:
        first = dead[0].id[:8]
        more = f" (and {len(dead) - 1} more)" if len(dead) > 1 else ""
        yield Diagnosis(
            "DEAD_JOBS",
            "warning",
            f"Job {first} is recorded as running, but its process has ended{more}",
            "The next scan or `vpo jobs run` corrects this.",
        )
    yield from _clock(trouble)


def _clock(trouble: clock.ClockTrouble) -> Iterator[Diagnosis]:
    if not trouble:
        yield Diagnosis("CLOCK", "ok", "The clock agrees with the times of earlier jobs")
    advice = "Check the clock. The order of jobs does not depend on it."
    if trouble.jump is not None:
        advice += (
            " The automatic purge counts the age of jobs from the earlier time until"
            f" {clock.JOBS_UNTIL_TRUSTED} more jobs have run."
        )
    for sentence in trouble.sentences():
        yield Diagnosis("CLOCK", "warning", sentence, advice)


def _damage(shown: str, damage: list[str], *, full: bool) -> Diagnosis:
    if not damage:
        how = "full" if full else "quick"
        message = f"The catalogue {shown} is sound (version {migrations.LATEST}, {how} check)"
        return Diagnosis("LIBRARY", "ok", message)
    more = f" (and {len(damage) - 1} more problems)" if len(damage) > 1 else ""
    return Diagnosis(
        "LIBRARY",
        "error",
        f"The catalogue {shown} is damaged: {display(damage[0])}{more}",
        "Replace it with a backup, or move it away and scan again.",
    )


def _write_ahead_log(path: str) -> Iterator[Diagnosis]:
    try:
        size = os.path.getsize(path)
    except OSError:
        return
    if size > LARGE_WAL_BYTES:
        yield Diagnosis(
            "LIBRARY_WAL",
            "warning",
            f"The write-ahead log `{display(path)}` has grown to {size // 2**20:,} MiB",
            "A program keeps the catalogue open. Close that program.",
        )

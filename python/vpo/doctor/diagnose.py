"""Checks of the installation, the settings and the library, with advice for each finding."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from vpo import __version__
from vpo.base.errors import LibraryNotFoundError, VpoError
from vpo.base.paths import display
from vpo.catalogue.status import space_at
from vpo.config import load as layers
from vpo.config import profiles
from vpo.config.check import mistakes_in
from vpo.config.environment import home
from vpo.config.models import Config
from vpo.db import jobs as job_table
from vpo.db import migrations
from vpo.db.checks import find_damage
from vpo.db.library import open_library
from vpo.jobs import liveness
from vpo.media.tools import REQUIREMENTS, find_tools

Level = Literal["ok", "warning", "error"]

# Less room than this, and a scan may not be able to finish its work.
LEAST_FREE_BYTES = 256 * 1024 * 1024

# A write-ahead log is folded into the library when the last process closes it.
LARGE_WAL_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    code: str
    level: Level
    message: str
    advice: str | None = None

    def to_dict(self) -> dict[str, object]:
        """The finding as JSON has it."""
        return {
            "code": self.code,
            "level": self.level,
            "message": self.message,
            "advice": self.advice,
        }


def examine(
    environment: Mapping[str, str],
    config: Config,
    *,
    library_path: str,
    config_path: str | None,
    full: bool,
) -> Iterator[Finding]:
    """All findings, in the order in which they are told.

    `full` reads the whole library for damage (PRAGMA integrity_check), which
    takes about as long as reading the file.
    """
    yield from _versions()
    yield from _tools(config)
    yield from _settings(environment, config_path)
    yield from _places(environment, library_path)
    yield from _library(library_path, full=full)


def _versions() -> Iterator[Finding]:
    from vpo._engine import __version__ as engine

    same = engine == __version__
    yield Finding(
        "VERSIONS",
        "ok" if same else "error",
        f"vpo {__version__}, engine {engine}, Python {platform.python_version()},"
        f" SQLite {sqlite3.sqlite_version}",
        None if same else "The engine is another version's: install vpo anew.",
    )
    with_json = sqlite3.connect(":memory:")
    try:
        with_json.execute("SELECT json('{}')")
    except sqlite3.Error:
        yield Finding(
            "SQLITE_FEATURES",
            "warning",
            "SQLite was built without JSON",
            "Queries on jobs' records by hand will not work; use another build of Python.",
        )
    finally:
        with_json.close()


def _tools(config: Config) -> Iterator[Finding]:
    for tool in find_tools(config.tools):
        needed = REQUIREMENTS[tool.name]
        code = f"TOOL_{tool.name.upper()}"
        advice = f"Install {needed.package}, or set `tools.{tool.name}` to its path."
        if tool.error is not None:
            yield Finding(code, "error", f"{tool.name}: {display(tool.error)}", advice)
        elif tool.path is None and tool.name == config.tools.prober:
            message = f"{tool.name} was not found, and `tools.prober` asks for it"
            yield Finding(code, "error", message, advice)
        elif tool.path is None:
            is_told = config.behavior.warn_on_missing_features
            message = f"{tool.name} was not found: it {needed.purpose}"
            yield Finding(code, "warning" if is_told else "ok", message, advice)
        else:
            said = f"{tool.name} {tool.version or '(version unknown)'} at {display(tool.path)}"
            is_told = tool.is_old and config.behavior.show_upgrade_suggestions
            recommended = ".".join(map(str, needed.recommended))
            yield Finding(
                code,
                "warning" if is_told else "ok",
                said,
                f"Version {recommended} or newer is recommended." if is_told else None,
            )


def _settings(environment: Mapping[str, str], config_path: str | None) -> Iterator[Finding]:
    try:
        mistakes = layers.find_mistakes(environment, config=config_path)
    except VpoError as error:
        yield Finding("CONFIG", "error", error.message, error.hint)
    else:
        for mistake in mistakes:
            yield Finding("CONFIG", "error", str(mistake), mistake.hint)
        if not mistakes:
            path = layers.config_path(environment, config_path)
            there = "is valid" if os.path.exists(path) else "is not there: defaults hold"
            yield Finding("CONFIG", "ok", f"The config file `{display(path)}` {there}")
    try:
        names = profiles.names(environment)
    except VpoError as error:
        yield Finding("PROFILES", "error", error.message, error.hint)
        return
    for name in names:
        try:
            mistakes = mistakes_in(profiles.read(environment, name))
        except VpoError as error:
            yield Finding("PROFILE", "error", error.message, error.hint)
            continue
        for mistake in mistakes:
            yield Finding("PROFILE", "error", str(mistake), mistake.hint)
        if not mistakes:
            yield Finding("PROFILE", "ok", f"The profile {name} is valid")


def _places(environment: Mapping[str, str], library_path: str) -> Iterator[Finding]:
    directory = home(environment)
    if os.path.isdir(directory):
        is_ours = os.access(directory, os.R_OK | os.W_OK | os.X_OK)
        yield Finding(
            "HOME",
            "ok" if is_ours else "error",
            f"`{display(directory)}` is {'' if is_ours else 'not '}readable and writable",
            None if is_ours else "Change its owner or its permissions, or set VPO_HOME.",
        )
    else:
        yield Finding("HOME", "ok", f"`{display(directory)}` is made by the first scan")
    space = space_at(os.path.dirname(os.path.abspath(library_path)))
    if space is not None:
        is_enough = space.free >= LEAST_FREE_BYTES
        yield Finding(
            "SPACE",
            "ok" if is_enough else "warning",
            f"{space.free // 2**20:,} MiB are free for the library",
            None if is_enough else "Free some space, or move the library with `database_path`.",
        )


def _library(path: str, *, full: bool) -> Iterator[Finding]:
    shown = display(path)
    try:
        with open_library(path, "read") as library, library.reading() as connection:
            damage = find_damage(connection, full=full)
            running = job_table.running_jobs(connection)
    except LibraryNotFoundError:
        yield Finding(
            "LIBRARY", "ok", f"There is no library at `{shown}` yet: `vpo scan` makes one"
        )
        return
    except VpoError as error:
        yield Finding("LIBRARY", "error", error.message, error.hint)
        return
    if damage:
        yield Finding(
            "LIBRARY",
            "error",
            f"The library `{shown}` is damaged: {display(damage[0])}"
            + (f" (and {len(damage) - 1} more)" if len(damage) > 1 else ""),
            "Put a backup in its place, or move it away and scan anew.",
        )
    else:
        yield Finding(
            "LIBRARY",
            "ok",
            f"The library `{shown}` is sound (version {migrations.LATEST},"
            f" {'full' if full else 'quick'} check)",
        )
    is_writable = os.access(path, os.W_OK) and os.access(os.path.dirname(path) or ".", os.W_OK)
    if not is_writable:
        yield Finding(
            "LIBRARY_UNWRITABLE",
            "error",
            f"`{shown}` or its directory is not writable",
            "Change the owner or the permissions; scans need to write both.",
        )
    wal = f"{path}-wal"
    if os.path.exists(wal) and os.path.getsize(wal) > LARGE_WAL_BYTES:
        yield Finding(
            "LIBRARY_WAL",
            "warning",
            f"`{display(wal)}` has {os.path.getsize(wal) // 2**20:,} MiB",
            "Some program keeps the library open; close it.",
        )
    dead = [job for job in running if not liveness.is_alive(job)]
    if dead:
        yield Finding(
            "DEAD_JOBS",
            "warning",
            f"{len(dead)} running jobs have lost their process, {dead[0].id[:8]} for one",
            "The next scan or `vpo jobs run` settles them.",
        )

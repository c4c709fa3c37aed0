"""The versions of the catalogue: one module and one transaction for each step.

A new catalogue goes through the same steps, starting empty. So there is one description of the
schema, and upgraded catalogues cannot differ from new ones.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from importlib import import_module

from vpo.base import times

OLDEST = 6
LATEST = 15

# "vpo1": marks an SQLite file as a catalogue of vpo (https://sqlite.org/fileformat2.html#application_id).
APPLICATION_ID = 0x76706F31

_STEPS = {
    6: "vpo.db.migrations.v06_baseline",
    7: "vpo.db.migrations.v07_scan_jobs",
    8: "vpo.db.migrations.v08_directories",
    9: "vpo.db.migrations.v09_job_history",
    10: "vpo.db.migrations.v10_media",
    11: "vpo.db.migrations.v11_content",
    12: "vpo.db.migrations.v12_job_order",
    13: "vpo.db.migrations.v13_root_rules",
    14: "vpo.db.migrations.v14_summaries",
    15: "vpo.db.migrations.v15_photo_collections",
}


def version_of(connection: sqlite3.Connection) -> int | None:
    """The version of a catalogue: 0 for an empty database, None if it is not a catalogue."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application not in (0, APPLICATION_ID):
        return None
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not tables:
        in_use = application or connection.execute("PRAGMA user_version").fetchone()[0]
        return None if in_use else 0
    if not {"_meta", "files", "jobs"} <= tables:
        return None
    try:
        row = connection.execute("SELECT value FROM _meta WHERE key = 'schema_version'").fetchone()
    except sqlite3.OperationalError as error:
        if "no such column" in str(error):
            # The table belongs to another program.
            return None
        raise
    version = str(row[0]) if row else ""
    return int(version) if version.isascii() and version.isdigit() else None


def upgrade(connection: sqlite3.Connection, path: str | None) -> None:
    """Upgrades an older catalogue to the latest version, and copies it first.

    The copy is beside it, at `path` + `.v<version>.bak`. Without `path`, for a catalogue in
    memory, there is no copy. This is safe at any version, in several processes at once, and
    again after a crash.
    """
    version = version_of(connection)
    if version == LATEST:
        return
    if version and path:
        _back_up(connection, path, version)
    # Tables are rebuilt as https://sqlite.org/lang_altertable.html#otheralter prescribes:
    # foreign keys are off, and checked before each commit.
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        if version == 0:
            _run(connection, sorted(_STEPS))
        else:
            for step in sorted(_STEPS):
                _run(connection, [step])
    finally:
        connection.execute("PRAGMA foreign_keys = ON")


def build(connection: sqlite3.Connection, version: int) -> None:
    """Creates the schema of a version in an empty database in memory."""
    _run(connection, [step for step in sorted(_STEPS) if step <= version])


def _run(connection: sqlite3.Connection, steps: list[int]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        broken_before = _broken_references(connection)
        for step in steps:
            # Another process may have done this step before the transaction began.
            if (version_of(connection) or 0) >= step:
                continue
            apply: Callable[[sqlite3.Connection], None] = import_module(_STEPS[step]).apply
            apply(connection)
            connection.execute(
                "INSERT INTO _meta (key, value) VALUES ('schema_version', ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (str(step),),
            )
        # Earlier programs may have left broken references. A step must not add any.
        if _broken_references(connection) > broken_before:
            raise sqlite3.DatabaseError("malformed: rows refer to rows that are missing")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _broken_references(connection: sqlite3.Connection) -> int:
    return len(connection.execute("PRAGMA foreign_key_check").fetchall())


def _back_up(connection: sqlite3.Connection, path: str, version: int) -> None:
    """Copies the library with SQLite's backup API, which sees a consistent state."""
    partial = f"{path}.v{version}.bak.partial.{os.getpid()}"
    try:
        _create_as(partial, path)
        copy = sqlite3.connect(partial)
        try:
            connection.backup(copy)
            copied = version_of(copy)
        finally:
            copy.close()
        if copied != version:
            # Another process has upgraded the catalogue, and made its own copy.
            return
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        _give_name(partial, f"{path}.v{version}.bak")
        _sync_directory(os.path.dirname(os.path.abspath(path)))
    finally:
        if os.path.exists(partial):
            os.unlink(partial)


def _create_as(path: str, original: str) -> None:
    """Creates an empty file with the mode and owner of another. Raises OSError if there is one."""
    found = os.stat(original)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        # As SQLite does with the files beside a database, when it runs as root.
        if os.geteuid() == 0:
            os.fchown(descriptor, found.st_uid, found.st_gid)
        os.fchmod(descriptor, found.st_mode & 0o777)
    finally:
        os.close(descriptor)


def _give_name(partial: str, backup: str) -> None:
    """Names a finished copy. An earlier copy stays: it may be the only good one."""
    if os.path.exists(backup):
        backup = f"{backup.removesuffix('.bak')}.{times.now():%Y%m%dT%H%M%S%f}Z.bak"
    try:
        # Unlike a rename, a link never replaces a file that appeared in between.
        os.link(partial, backup)
    except FileExistsError:
        _give_name(partial, backup)
    except OSError:
        # The file system does not support links.
        os.rename(partial, backup)


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Precautions against a catalogue that somebody else has made or changed.

SQLite's advice for such files: https://sqlite.org/security.html#untrusted_sqlite_database_files
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

from vpo.base.errors import ForeignSchemaError
from vpo.base.paths import display
from vpo.db import migrations

# A row or a value beyond this is an error. vpo writes nothing that comes near to it, and reading
# a value takes memory several times as large as the value.
MOST_BYTES_PER_ROW = 16 << 20

# SQLITE_LIMIT_LENGTH. The module `sqlite3` has a name for it, and `setlimit`, from Python 3.11 on.
_LIMIT_LENGTH = 0

# What `_digest` makes of the triggers and views of all versions. If one is missing here, the
# version is built in memory to find out, which takes longer than most commands.
_KNOWN = {
    "7ebb3c7c2a87b1a2f8a7ed729ecb040d",  # from version 6 on
    "10e984880e89df3e03ef0c3840fb0dcf",  # 8
    "058b5dafcd6c782433391b2676a4ea6f",  # 9
    "5fa25e9e88d651b30ed095af65af21f6",  # 10
    "0327512f737d7ef17d0f816418e617d6",  # 11
    "0525a4c9bab8fd1d7d7a2da4542e05b5",  # 15
}


def take_precautions(connection: sqlite3.Connection) -> None:
    """Keeps the schema of a catalogue from calling functions, and limits the size of its rows."""
    connection.execute("PRAGMA trusted_schema = OFF")
    set_limit = getattr(connection, "setlimit", None)
    if set_limit is not None:
        set_limit(_LIMIT_LENGTH, MOST_BYTES_PER_ROW)


def check_schema(connection: sqlite3.Connection, path: str, version: int) -> None:
    """Checks that vpo made all triggers, views and virtual tables of a catalogue.

    A trigger would run while vpo writes. A view could stand in the place of one of vpo's views
    or tables.

    Raises ForeignSchemaError if there are others.
    """
    found = _entries(connection)
    if _digest(found) in _KNOWN:
        return
    known = _entries_of(version)
    if found == known:
        return
    if not found - known:
        # Something is missing. SQLite reports that when it is used.
        return
    kind, name, *_ = min(found - known)
    raise ForeignSchemaError(
        f"The catalogue `{display(path)}` has a {kind} that vpo did not create: `{display(name)}`",
        hint="It could change what vpo reads and writes, so nothing was done. If you know what it"
        f" is, remove it (`DROP {kind.upper().removeprefix('VIRTUAL ')} …` in the program"
        " `sqlite3`) and run the command again.",
        path=path,
        kind=kind,
        name=name,
    )


_Entry = tuple[str, str, str, str]


def _entries(connection: sqlite3.Connection) -> set[_Entry]:
    """Kind, name, table and SQL of everything in the schema that can act."""
    rows = connection.execute(
        "SELECT CASE type WHEN 'table' THEN 'virtual table' ELSE type END, name, tbl_name, sql"
        " FROM sqlite_master WHERE type IN ('trigger', 'view')"
        " OR (type = 'table' AND sql LIKE 'CREATE VIRTUAL%')"
    )
    return {(str(row[0]), str(row[1]), str(row[2]), str(row[3])) for row in rows}


def _digest(entries: set[_Entry]) -> str:
    try:
        # The module `hashlib` takes it from here, but also loads OpenSSL, which takes longer than
        # most commands take to read the catalogue.
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    return blake2b(repr(sorted(entries)).encode(), digest_size=16).hexdigest()


def _entries_of(version: int) -> set[_Entry]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
        migrations.build(memory, version)
        return _entries(memory)

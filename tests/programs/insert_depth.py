"""The command, which prints how many calls of the program lead to the INSERT of a file."""

from __future__ import annotations

import inspect
import os
import sqlite3
import sys
from collections.abc import Callable, Iterable
from typing import Any

import vpo
from vpo.__main__ import main

_PACKAGE = os.path.dirname(vpo.__file__)
_connect = sqlite3.connect


class _Connection(sqlite3.Connection):
    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        if sql.startswith("INSERT INTO files "):
            stack = [frame for frame in inspect.stack()[1:] if frame.filename.startswith(_PACKAGE)]
            names = [
                f"{os.path.basename(frame.filename)}:{frame.function}" for frame in stack[::-1]
            ]
            # `executemany` itself is a call, too.
            print(len(names) + 1, *names, file=sys.stderr)
        return super().executemany(sql, parameters)


def _connect_with_a_look(*args: Any, **options: Any) -> sqlite3.Connection:
    connection: sqlite3.Connection = _connect(*args, **{**options, "factory": _Connection})
    return connection


connect: Callable[..., sqlite3.Connection] = _connect_with_a_look
sqlite3.connect = connect  # type: ignore[assignment]
sys.argv[0] = "vpo"
main()

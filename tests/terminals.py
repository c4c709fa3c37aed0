"""The command on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from support import TIMEOUT_SECONDS, Vpo


def run_on_terminal(
    vpo: Vpo,
    *args: str | Path,
    columns: int = 80,
    streams: Collection[str] = ("stdout", "stderr"),
) -> tuple[int, str, str]:
    """Runs the command with a terminal of so many columns as some of its streams.

    Returns its exit status, what the terminal got, and what went to the other stream.
    """
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    vpo = replace(vpo, environment={"TERM": "xterm-256color", **vpo.environment})
    options: dict[str, Any] = dict.fromkeys(streams, terminal)
    with vpo.start(*args, stdin=subprocess.DEVNULL, **options) as process:
        os.close(terminal)
        shown = b""
        while True:
            try:
                chunk = os.read(controller, 65536)
            except OSError:  # EIO: no process has the terminal open any more
                break
            if not chunk:
                break
            shown += chunk
        os.close(controller)
        redirected = process.communicate(timeout=TIMEOUT_SECONDS)
    other = b"".join(each for each in redirected if each is not None)
    return process.returncode, shown.decode(), other.decode()


def on_terminal(
    vpo: Vpo, columns: int, *args: str | Path, **environment: str
) -> tuple[int, list[str]]:
    """Runs the command with a terminal of so many columns as stdout: status and lines."""
    vpo = replace(vpo, environment=environment)
    status, shown, stderr = run_on_terminal(vpo, *args, columns=columns, streams=["stdout"])
    assert stderr == ""
    return status, shown.replace("\r\n", "\n").splitlines()


def plain(line: str) -> str:
    """A line without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", line)

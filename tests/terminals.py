"""The command on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

from support import TIMEOUT_SECONDS, Vpo


def on_terminal(
    vpo: Vpo, columns: int, *args: str | Path, **environment: str
) -> tuple[int, list[str]]:
    """Runs the command with a terminal of so many columns as stdout: status and lines."""
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        run = Vpo(vpo.home, environment).start(*args, stdout=slave, stdin=subprocess.DEVNULL)
        os.close(slave)
        shown = b""
        while True:
            try:
                read = os.read(master, 65536)
            except OSError:
                # What Linux says when the other side is closed.
                break
            if not read:
                break
            shown += read
        _, stderr = run.communicate(timeout=TIMEOUT_SECONDS)
    finally:
        os.close(master)
    assert stderr == b""
    return run.returncode, shown.decode().replace("\r\n", "\n").splitlines()


def plain(line: str) -> str:
    """A line without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", line)

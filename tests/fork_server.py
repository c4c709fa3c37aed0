"""Commands that begin behind their imports, as forks of one process that has vpo imported.

Only for commands that a test waits for, in an environment that changes nothing about the
interpreter itself. All others are started as users start them, among them each that a test
stops, kills or watches, and all examples of the documentation. `VPO_TEST_FORKS=0` starts every
command as users do.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

SERVER = Path(__file__).with_name("programs") / "fork_server.py"

# What the interpreter or the loader reads as a process starts.
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_")
_SAME = {"LC_ALL": "C.UTF-8"}

_servers: list[subprocess.Popen[bytes]] = []


def can_fork(environment: Mapping[str, str]) -> bool:
    """Whether a fork is the same as a process that starts in this environment."""
    return os.environ.get("VPO_TEST_FORKS") != "0" and _at_start(environment) == _at_start(
        {**os.environ, **_SAME}
    )


def run(
    words: Sequence[str | bytes],
    environment: Mapping[str, str],
    directory: Path | bytes | None,
    seconds: float,
) -> tuple[int, bytes, bytes]:
    """Runs a command to its end: its exit status, stdout and stderr. stdin is empty.

    Raises `subprocess.TimeoutExpired`, after it has killed the command.
    """
    umask = os.umask(0)
    os.umask(umask)
    request = {
        "words": [os.fsdecode(word) for word in words],
        "environment": dict(environment),
        "directory": os.fsdecode(directory or os.getcwd()),
        "umask": umask,
    }
    line = json.dumps(request).encode() + b"\n"
    with (
        open(os.memfd_create("stdout"), "rb") as stdout,
        open(os.memfd_create("stderr"), "rb") as stderr,
        socket.socket(socket.AF_UNIX) as connection,
    ):
        connection.connect(_address())
        sent = socket.send_fds(connection, [line], [stdout.fileno(), stderr.fileno()])
        connection.sendall(line[sent:])
        with connection.makefile("rb") as answers:
            process = int(answers.readline())
            connection.settimeout(seconds)
            try:
                status = int(answers.readline())
            except TimeoutError:
                os.kill(process, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(words), seconds) from None
        stdout.seek(0)
        stderr.seek(0)
        return status, stdout.read(), stderr.read()


@cache
def _address() -> str:
    """The server's address. It starts with the first command, and ends with the tests."""
    address = f"\0vpo-tests-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        # It ends when its stdin does, and with this process that does.
        server = subprocess.Popen(
            [sys.executable, str(SERVER), str(listener.fileno())],
            env={**os.environ, **_SAME},
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
    _servers.append(server)
    return address


def _at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in environment.items() if name.startswith(_READ_AT_START)}

"""Runs vpo in forks of a process that has it imported already.

Most of a short command's time is the import of its modules, and tests run thousands of them.
A fork begins behind the imports; apart from that it is a process like any other. See
`tests/fork_server.py` for who uses it and when.

    fork_server.py DESCRIPTOR    the listening socket

Each connection brings one request: a line of JSON with the words, the environment, the
directory and the umask, and the descriptors of stdout and stderr. The answer is the process's
ID, a line feed and, once it has ended, its exit status as `os.waitstatus_to_exitcode` tells it.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import select
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module

import vpo
from vpo.__main__ import main

LONGEST_REQUEST = 1 << 20


def import_everything() -> None:
    """Imports all of vpo, and keeps the collector from touching what all forks share."""
    for module in pkgutil.walk_packages(vpo.__path__, "vpo."):
        if module.name != "vpo.__main__":
            import_module(module.name)
    gc.collect()
    gc.freeze()


def serve(listener: socket.socket) -> None:
    """Starts a child process for each connection. Returns only in the child.

    The child then becomes the command. The server ends when its stdin is closed: then the tests
    have ended.
    """
    while True:
        if select.select([listener, sys.stdin], [], [])[0] != [listener]:
            os._exit(0)
        connection, _ = listener.accept()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if os.fork():
            connection.close()
            continue
        listener.close()
        received, descriptors, _, _ = socket.recv_fds(connection, LONGEST_REQUEST, 2)
        while not received.endswith(b"\n"):
            more = connection.recv(LONGEST_REQUEST)
            assert more, "the request ends in the middle"
            received += more
        child = os.fork()
        if child == 0:
            connection.close()
            become(json.loads(received), *descriptors)
            return
        connection.sendall(b"%d\n" % child)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        # If the test was stopped, nobody waits for the answer.
        with suppress(BrokenPipeError):
            connection.sendall(b"%d\n" % status)
        os._exit(0)


def become(request: dict[str, object], stdout: int, stderr: int) -> None:
    """Makes this process what the request describes."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    os.close(stderr)
    words, environment, directory, umask = (
        request[name] for name in ("words", "environment", "directory", "umask")
    )
    assert isinstance(words, list)
    assert isinstance(environment, dict)
    assert isinstance(directory, str)
    assert isinstance(umask, int)
    sys.argv = words
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(directory)
    os.umask(umask)


if __name__ == "__main__":
    import_everything()
    with socket.socket(fileno=int(sys.argv[1])) as listening:
        serve(listening)
    main()

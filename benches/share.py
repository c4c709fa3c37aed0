"""A slow share: builds `slowfs.c` and mounts a tree through it for as long as it is needed.

The tests build and mount a file system of their own with this, too.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from errors import BenchError

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "slowfs.c")
MISSING = (
    "file systems in user space need gcc, pkg-config and libfuse 3.12 or newer; "
    "on Debian: apt-get install gcc pkg-config libfuse3-dev fuse3"
)
MOUNT_SECONDS = 10.0


def build(work: str, code: str = SOURCE) -> str:
    """Compile slowfs, or another file system in C, into `work` and return its path."""
    for tool in ("gcc", "pkg-config", "fusermount3"):
        if shutil.which(tool) is None:
            raise BenchError(f"`{tool}` is missing: {MISSING}")
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "fuse3 >= 3.12"], capture_output=True, text=True
    )
    if flags.returncode != 0:
        raise BenchError(MISSING)
    name = os.path.basename(code)
    program = os.path.join(work, name.removesuffix(".c"))
    compiler = ["gcc", "-O2", "-Wall", "-std=gnu11", code, "-o", program]
    done = subprocess.run([*compiler, *flags.stdout.split()], capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchError(f"{name} does not compile:\n{done.stderr}")
    return program


@contextmanager
def mounted(
    program: str, source: str, mountpoint: str, *, delay_us: int, counts: str | None = None
) -> Iterator[str]:
    """Mount `source` at `mountpoint` with slowfs; it is unmounted however the block ends.

    Then `counts` is the file that says how many requests of each kind there were.
    """
    options = f"delay_us={delay_us}" + (f",counts={counts}" if counts else "")
    with served(program, source, mountpoint, "-o", options):
        yield mountpoint


@contextmanager
def served(program: str, source: str, mountpoint: str, *words: str) -> Iterator[str]:
    """Mount `source` at `mountpoint` with `program`, which gets `words` too."""
    os.makedirs(mountpoint, exist_ok=True)
    if os.path.ismount(mountpoint):
        _unmount(mountpoint)
    server = subprocess.Popen(
        [program, source, mountpoint, "-f", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        # Ctrl-C must reach the reader first: a share that is in use cannot be unmounted.
        start_new_session=True,
    )
    try:
        _wait_until_mounted(server, mountpoint)
        yield mountpoint
    finally:
        _unmount(mountpoint)
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        if server.stderr is not None:
            server.stderr.close()


def _wait_until_mounted(server: "subprocess.Popen[bytes]", mountpoint: str) -> None:
    deadline = time.monotonic() + MOUNT_SECONDS
    while not os.path.ismount(mountpoint):
        if server.poll() is not None:
            said = server.stderr.read().decode(errors="replace") if server.stderr else ""
            raise BenchError(f"the file system did not mount:\n{said}")
        if time.monotonic() > deadline:
            raise BenchError(f"the file system did not mount within {MOUNT_SECONDS:.0f} s")
        time.sleep(0.02)


def _unmount(mountpoint: str) -> None:
    unmount = ["fusermount3", "-u"]
    if subprocess.run([*unmount, mountpoint], capture_output=True).returncode != 0:
        # Still in use, or its server is gone: off the tree now, cleaned up when let go.
        subprocess.run([*unmount, "-z", mountpoint], capture_output=True)

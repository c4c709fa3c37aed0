"""Places that tests of failures need: file systems of their own, and permissions that hold."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

# From linux/prctl.h and linux/capability.h.
_PR_CAPBSET_DROP: Final = 24
_CAP_DAC_OVERRIDE: Final = 1
_CAP_DAC_READ_SEARCH: Final = 2


def _obey_permissions() -> None:
    """Gives up what lets root ignore permissions, from the next exec on."""
    libc = ctypes.CDLL(None)
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError("the bounding set cannot be changed")


# Options of subprocess. Not another user, who might not be let into the directory
# of the interpreter, the checkout or the test: root, whom permissions stop, too.
UNPRIVILEGED: Final[dict[str, Any]] = (
    {"preexec_fn": _obey_permissions} if os.geteuid() == 0 and sys.platform == "linux" else {}
)


def need_permissions(directory: Path) -> None:
    """Skips the test if permissions stop nobody there."""
    probe = directory / "probe"
    probe.mkdir(mode=0)
    try:
        tried = subprocess.run(["ls", probe], capture_output=True, check=False, **UNPRIVILEGED)
    except subprocess.SubprocessError:
        pytest.skip("needs to give up the capabilities that let root ignore permissions")
    finally:
        probe.rmdir()
    if tried.returncode == 0:
        pytest.skip("needs a user and a file system for whom permissions hold")


def _run(*command: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False)


@contextmanager
def mounted(point: Path, size: str = "16m") -> Iterator[Path]:
    """An empty tmpfs at `point` (made if need be); unmounted in the end, if it still is there."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    point.mkdir(parents=True, exist_ok=True)
    with mounted_with("-t", "tmpfs", "-o", f"size={size}", "tmpfs", point):
        yield point


@contextmanager
def mounted_with(*args: str | Path) -> Iterator[None]:
    """What `mount` with these words, of which the last is where, mounts there.

    Skips the test where that cannot be; unmounts in the end, if it still is there.
    """
    done = _run("mount", *args)
    if done.returncode != 0:
        pytest.skip(f"`{args[1]}` cannot be mounted: {done.stderr.decode().splitlines()[0]}")
    point = Path(args[-1])
    try:
        yield
    finally:
        if os.path.ismount(point):
            unmount(point)


@contextmanager
def mounted_again(source: Path, point: Path) -> Iterator[None]:
    """The file system that is mounted at `source`, at another `point` too."""
    point.mkdir(parents=True, exist_ok=True)
    done = _run("mount", "--bind", source, point)
    assert done.returncode == 0, done
    try:
        yield
    finally:
        unmount(point)


def unmount(point: Path) -> None:
    """Unmounts what is at `point`, even if something still uses it."""
    done = _run("umount", "--lazy", point)
    assert done.returncode == 0, done


def resize(point: Path, size: str) -> None:
    """Gives a tmpfs another size."""
    done = _run("mount", "-o", f"remount,size={size}", point)
    assert done.returncode == 0, done


def remove_deep(directory: Path) -> None:
    """Removes a tree, however deep."""
    done = _run("rm", "-rf", "--one-file-system", directory)
    assert done.returncode == 0, done

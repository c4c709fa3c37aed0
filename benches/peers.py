"""Other programs that look at every file of a tree, each told to read its size and mtime."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from errors import BenchError

HERE = os.path.dirname(os.path.abspath(__file__))

# What every ratio refers to.
YARDSTICK = "find"


@dataclass(frozen=True)
class Peer:
    """A program found on this machine and how it is asked about a tree."""

    name: str
    version: str
    command: Callable[[str], list[str]]


def found(python: str, scandir_python: str | None) -> dict[str, Peer]:
    """The peers that are there. `python` runs the walk that Python programs write."""
    peers = [_find(), _fd(), _bfs(), _rclone(), _os_walk(python)]
    if scandir_python:
        peers.append(_scandir_rs(scandir_python))
    return {peer.name: peer for peer in peers if peer}


def _find() -> Peer:
    # Where the system's own find is another, GNU's has the second name.
    for program in ("find", "gfind"):
        version = _first_line([program, "--version"])
        if "GNU" in version:
            return Peer(YARDSTICK, version, _printf(program))
    raise BenchError("GNU find is what all ratios refer to; install findutils")


def _printf(program: str) -> Callable[[str], list[str]]:
    return lambda root: [program, root, "-printf", r"%s %T@ %p\n"]


def _fd() -> Peer | None:
    program = _which("fd", "fdfind")  # Debian gives it the second name.
    if program is None:
        return None
    options = ["--no-ignore", "--hidden", "--type", "f"]
    # Without a question about sizes, fd lists names only and reads no file's status.
    options += ["--size", "+0b"]
    return Peer(
        "fd", _first_line([program, "--version"]), lambda root: [program, *options, ".", root]
    )


def _bfs() -> Peer | None:
    program = _which("bfs")
    if program is None:
        return None
    return Peer("bfs", _first_line([program, "--version"]), _printf(program))


def _rclone() -> Peer | None:
    program = _which("rclone")
    if program is None:
        return None
    options = ["--recursive", "--files-only", "--format", "pst", "--checkers", "64"]
    return Peer(
        "rclone",
        _first_line([program, "version"]),
        # An empty name means no configuration, whoever runs this.
        lambda root: [program, "lsf", "--config", "", *options, root],
    )


def _os_walk(python: str) -> Peer:
    script = os.path.join(HERE, "walk_python.py")
    return Peer(
        "os.walk + os.stat",
        f"os.walk of {_first_line([python, '--version'])}",
        lambda root: [python, script, root],
    )


def _scandir_rs(python: str) -> Peer:
    version = _first_line([python, "-c", "import scandir_rs; print(scandir_rs.__version__)"])
    if not version:
        raise BenchError("the interpreter given for scandir-rs cannot import `scandir_rs`")
    script = os.path.join(HERE, "walk_scandir_rs.py")
    return Peer("scandir-rs", f"scandir-rs {version}", lambda root: [python, script, root])


def _which(*names: str) -> str | None:
    return next((name for name in names if shutil.which(name)), None)


def _first_line(argv: Sequence[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        return ""
    lines = done.stdout.splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else ""

"""Other programs that look at every file of a tree.

Some are told to read its size and mtime, some to read all of it, some to find what is there twice.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

import trees
from errors import BenchError

HERE = os.path.dirname(os.path.abspath(__file__))

# What every ratio refers to.
YARDSTICK = "find"

B3SUM = "b3sum"
SHA256SUM = "sha256sum"
FCLONES = "fclones group"
RMLINT = "rmlint"
JDUPES = "jdupes"
WALKERS = (YARDSTICK, "fd", "bfs", "rclone", "os.walk + os.stat", "scandir-rs")
ALL = (*WALKERS, B3SUM, SHA256SUM, FCLONES, RMLINT, JDUPES)


@dataclass(frozen=True)
class Peer:
    """A program found on this machine and how it is asked about a tree."""

    name: str
    version: str
    command: Callable[[str], list[str]]


def found(python: str, scandir_python: str | None) -> dict[str, Peer]:
    """The peers that are there. `python` runs the walk that Python programs write."""
    peers = [_find(), _fd(), _bfs(), _rclone(), _os_walk(python)]
    peers += [_b3sum(), _sha256sum(), _fclones(), _rmlint(), _jdupes()]
    if scandir_python:
        peers.append(_scandir_rs(scandir_python))
    return {peer.name: peer for peer in peers if peer}


def missing(there: Container[str]) -> list[str]:
    """The names of those that would have been asked if they were here."""
    return [name for name in ALL if name not in there]


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


def _b3sum() -> Peer | None:
    if _which(B3SUM) is None:
        return None
    return Peer(B3SUM, _first_line([B3SUM, "--version"]), _with_files(B3SUM))


def _sha256sum() -> Peer | None:
    version = _first_line([SHA256SUM, "--version"])
    # Others of that name are not what is promised about.
    return Peer(SHA256SUM, version, _with_files(SHA256SUM)) if "coreutils" in version else None


def _with_files(program: str) -> Callable[[str], list[str]]:
    """These two are given every file: they do not walk."""

    def command(root: str) -> list[str]:
        argv = [program, *trees.paths(root)]
        # The kernel counts a pointer and a zero byte for each word.
        if sum(len(os.fsencode(word)) + 9 for word in argv) > os.sysconf("SC_ARG_MAX") * 0.9:
            raise BenchError(f"too many files for a command line of {program}; --work is too long")
        return argv

    return command


def _fclones() -> Peer | None:
    if _which("fclones") is None:
        return None
    # Its cache is off unless it is asked for.
    return Peer(
        FCLONES, _first_line(["fclones", "--version"]), lambda root: ["fclones", "group", root]
    )


def _rmlint() -> Peer | None:
    if _which(RMLINT) is None:
        return None
    version = _first_line([RMLINT, "--version"])
    # Duplicates alone, and without the files that it leaves behind otherwise.
    options = ["--no-with-color", "--types", "duplicates", "--output", "summary:stdout"]
    return Peer(RMLINT, f"{RMLINT} {version}", lambda root: [RMLINT, *options, root])


def _jdupes() -> Peer | None:
    if _which(JDUPES) is None:
        return None
    options = ["--recurse", "--quiet", "--summarize"]
    return Peer(JDUPES, _first_line([JDUPES, "--version"]), lambda root: [JDUPES, *options, root])


def _which(*names: str) -> str | None:
    return next((name for name in names if shutil.which(name)), None)


def _first_line(argv: Sequence[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        return ""
    lines = (done.stdout or done.stderr).splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else ""

"""The `vpo` under measurement: where it is, how it is called, whether it answered right."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from errors import BenchError


@dataclass(frozen=True)
class Program:
    """An installed console script and the interpreter it runs in."""

    executable: str
    python: str

    def scan(self, library: "Library", root: str, *options: str) -> list[str]:
        """The command that is timed. It prints its counts, so that very run is checked."""
        return [self.executable, "--db", library.path, "scan", "-q", "--json", *options, root]

    def walk(self, library: "Library", root: str) -> list[str]:
        """A scan that reads no file: those of most trees here are holes, not media."""
        return self.scan(library, root, "--no-introspect")

    def verify(self, library: "Library", root: str) -> list[str]:
        """Reads what is known below a root, whole, and records its digests."""
        return [self.executable, "--db", library.path, "verify", "-q", "--json", root]

    def duplicates(self, library: "Library") -> list[str]:
        """Prints a line a group."""
        return [self.executable, "--db", library.path, "duplicates", "-q", "--jsonl"]

    def files(self, library: "Library") -> list[str]:
        """Prints a line a file."""
        return [self.executable, "--db", library.path, "files", "list", "--jsonl"]


@dataclass(frozen=True)
class Library:
    """A library file and what SQLite keeps beside it."""

    path: str

    def size_bytes(self) -> int:
        return sum(os.path.getsize(path) for path in self._files() if os.path.exists(path))

    def copy_to(self, other: "Library") -> None:
        """Make another one what this one is, on the disk too: nobody's time is spent on that."""
        other.remove()
        for path, copy in zip(self._files(), other._files(), strict=True):
            if os.path.exists(path):
                shutil.copyfile(path, copy)
                fd = os.open(copy, os.O_RDONLY)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)

    def remove(self) -> None:
        for path in self._files():
            if os.path.exists(path):
                os.unlink(path)

    def _files(self) -> list[str]:
        return [self.path, f"{self.path}-wal", f"{self.path}-shm"]


def installed(executable: str) -> Program:
    """A console script that is there already, in an environment of its own."""
    if not os.access(executable, os.X_OK):
        raise BenchError(f"`{executable}` cannot be run")
    python = os.path.join(os.path.dirname(os.path.realpath(executable)), "python")
    if not os.access(python, os.X_OK):
        raise BenchError("there is no `python` beside this vpo; give the one in a venv's bin")
    return Program(os.path.abspath(executable), python)


def from_wheel(wheel: str, work: str) -> Program:
    """Install a wheel, as pip does for everybody, into a fresh environment."""
    if not os.path.isfile(wheel):
        raise BenchError(f"there is no wheel at `{wheel}`")
    venv = os.path.join(work, "venv")
    python = os.path.join(venv, "bin", "python")
    _quietly([sys.executable, "-m", "venv", "--clear", venv])
    _quietly([python, "-m", "pip", "install", "--quiet", os.path.abspath(wheel)])
    return installed(os.path.join(venv, "bin", "vpo"))


def environment(work: str) -> dict[str, str]:
    """This process's environment without anybody's settings."""
    env = {
        key: value for key, value in os.environ.items() if not key.startswith(("VPO_", "PYTHON"))
    }
    env["VPO_HOME"] = os.path.join(work, "home")
    return env


def check_counts(output: bytes, **expected: int) -> None:
    """Raise unless the summary of a scan or a check says exactly what is expected of it."""
    try:
        summary = json.loads(output)
        found = {key: summary[key] for key in expected}
    except (ValueError, KeyError, TypeError) as error:
        start = output[:500].decode(errors="replace")
        raise BenchError(f"vpo did not print a summary of what it did:\n{start}") from error
    wrong = [
        f"{key} is {found[key]}, not {count}"
        for key, count in expected.items()
        if found[key] != count
    ]
    if wrong:
        raise BenchError(f"vpo gave a wrong answer: {'; '.join(wrong)}")


def _quietly(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise BenchError(f"`{' '.join(argv[1:4])} …` failed:\n{done.stderr or done.stdout}")

"""The test bench: trees made with a few words, and the installed command run on them."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from types import EllipsisType
from typing import Any

import click
import pytest

import fork_server
from fork_server import can_fork
from vpo.cli.main import cli

VPO = os.path.join(os.path.dirname(sys.executable), "vpo")

# The command with something changed in it, and other processes that tests need.
PROGRAMS = Path(__file__).with_name("programs")

ISO_Z = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

# Long enough ago that no scan takes a file for a young one.
OLD_NS = 1_600_000_000_123_456_789

FFMPEG = shutil.which("ffmpeg") or ""
FFPROBE = shutil.which("ffprobe") or ""
needs_ffmpeg = pytest.mark.skipif(
    not (FFMPEG and FFPROBE), reason="ffmpeg and ffprobe are not installed"
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
needs_chromium = pytest.mark.skipif(
    not (CHROMIUM and find_spec("playwright")), reason="chromium or playwright is not installed"
)

# Ends a command that hangs; none of them should take a tenth of it.
TIMEOUT_SECONDS = 120


def wait_until(
    condition: Callable[[], object],
    timeout: float = TIMEOUT_SECONDS,
    *,
    process: subprocess.Popen[bytes] | None = None,
    interval: float = 0.01,
) -> None:
    """Waits until a condition holds, and looks every `interval` seconds.

    Fails if that takes longer than `timeout` seconds, or if the `process` that is to bring it
    about ends before.
    """
    until = time.monotonic() + timeout
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < until, f"this did not come to hold in {timeout} s"
        time.sleep(interval)


def wait_while_young(path: bytes) -> None:
    """Waits until a scan trusts the mtime of a file: that has to be two seconds ago."""
    time.sleep(max(0.0, (os.stat(path).st_mtime_ns + 2_100_000_000 - time.time_ns()) / 1e9))


def has_open(process: subprocess.Popen[bytes], path: bytes | Path) -> bool:
    """Whether a process has a file open just now. False, too, if the process has ended."""
    files = f"/proc/{process.pid}/fd"
    if not os.path.exists("/proc/self/fd"):
        pytest.skip("needs /proc")
    try:
        descriptors = os.listdir(files)
    except FileNotFoundError:
        return False
    for descriptor in descriptors:
        with suppress(OSError):
            if os.readlink(f"{files}/{descriptor}") == os.fsdecode(path):
                return True
    return False


def seeded(default: int | None = None) -> random.Random:
    """Chance that can be repeated: pytest shows its seed if the test fails.

    The seed is `VPO_TEST_SEED` if that is set, else `default`, else another one each time.
    """
    given = os.environ.get("VPO_TEST_SEED")
    if given is not None:
        seed = int(given)
    else:
        seed = random.SystemRandom().getrandbits(32) if default is None else default
    print(f"To repeat this test: VPO_TEST_SEED={seed}")
    return random.Random(seed)


def contents(*places: Path) -> dict[str, bytes | None]:
    """What is at the places and below them: the content of files, None for directories."""
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for place in places
        for path in (place, *place.rglob("*"))
    }


@dataclass
class Outcome:
    """What a run of the command printed, and how it ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """stdout as the one JSON document it must be."""
        return json.loads(self.stdout)


_OTHER_COMMANDS = frozenset(cli.list_commands(click.Context(cli))) - {"scan"}


@dataclass
class Vpo:
    """The installed command with a home of its own."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    introspects: bool = False
    """Whether scans read files, as they do by default outside of the tests.

    Most files of the tests are no media. Scans get an option: for a setting in the environment
    each command would have to import pydantic, which takes it as long as all the rest.
    """
    program: tuple[str, ...] = (VPO,)
    """The first words of its command line: the installed command, or one of `programs/`."""

    @property
    def database(self) -> Path:
        """The default library."""
        return self.home / "library.db"

    def command(self, *args: str | bytes | Path) -> list[str | bytes]:
        """The words of a command line; a scan's say that files are not read (`introspects`)."""
        words = [os.fspath(arg) for arg in args]
        if not self.introspects and "scan" in words:
            at = words.index("scan")
            # The command itself, with nothing but options of all commands before it.
            if _OTHER_COMMANDS.isdisjoint(words[:at]):
                words.insert(at + 1, "--no-introspect")
        return [*self.program, *words]

    def by(self, program: str) -> Vpo:
        """The same home, with one of `programs/` in the place of the installed command."""
        return replace(self, program=(sys.executable, str(PROGRAMS / program)))

    def env(self) -> dict[str, str]:
        """The environment of a run: ours without VPO_ settings and wishes for colour."""
        inherited = {
            key: text
            for key, text in os.environ.items()
            if not key.startswith("VPO_") and key not in ("NO_COLOR", "FORCE_COLOR")
        }
        ours = {"VPO_HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        return {**inherited, **ours, **self.environment}

    def start(self, *args: str | bytes | Path, **options: Any) -> subprocess.Popen[bytes]:
        """Starts the command and does not wait for it."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(self.command(*args), env=self.env(), **options)

    def run(self, *args: str | bytes | Path, **options: Any) -> Outcome:
        """Runs the command to its end, whatever that is."""
        words, environment = self.command(*args), self.env()
        if options.keys() <= {"cwd"} and self.program == (VPO,) and can_fork(environment):
            status, *printed = fork_server.run(
                words, environment, options.get("cwd"), TIMEOUT_SECONDS
            )
        else:
            done = subprocess.run(
                words,
                env=environment,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=TIMEOUT_SECONDS,
                check=False,
                **options,
            )
            status, *printed = done.returncode, done.stdout, done.stderr
        outcome = Outcome(status, *(each.decode() for each in printed))
        assert "Traceback" not in outcome.stderr + outcome.stdout, outcome
        return outcome

    def ok(self, *args: str | bytes | Path, status: int = 0, **options: Any) -> Outcome:
        """Runs the command, which must end with `status`."""
        outcome = self.run(*args, **options)
        assert outcome.status == status, outcome
        return outcome

    def error_code(self, *args: str | bytes | Path, status: int = 2, **options: Any) -> str:
        """Runs a command that fails, and returns the code of its error."""
        failed = self.ok(*args, "--json", status=status, **options).json
        assert failed["error"] is True
        assert failed["message"]
        return str(failed["code"])

    def scan(self, root: bytes | Path, *args: str, status: int = 0, **options: Any) -> Any:
        """Scans, and returns the JSON."""
        result = self.ok("scan", "--json", *args, root, status=status, **options).json
        if "total_discovered" in result:
            counts = (result[name] for name in ("scanned", "skipped", "added", "moved", "errors"))
            assert result["total_discovered"] == sum(counts), result
        return result

    def files(self, *args: str | Path) -> dict[str, Any]:
        """The library's files by path."""
        return {each["path"]: each for each in self.ok("files", "list", "--json", *args).json}

    def statuses(self) -> dict[str, str]:
        """File names (not paths) and their status."""
        return {os.path.basename(path): each["scan_status"] for path, each in self.files().items()}

    @contextmanager
    def sql(self) -> Iterator[sqlite3.Connection]:
        """The library itself."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.row_factory = sqlite3.Row
            yield connection

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs, oldest first."""
        with self.sql() as connection:
            return [dict(row) for row in connection.execute("SELECT * FROM jobs ORDER BY rowid")]

    def check_integrity(self) -> None:
        """SQLite must find nothing wrong."""
        with self.sql() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall()[0][0] == "ok"
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def statuses(vpo: Vpo) -> dict[str, str]:
    """Each file's status by its name: what `Vpo.statuses` reports, without starting a process."""
    with vpo.sql() as connection:
        return dict(connection.execute("SELECT name, scan_status FROM files").fetchall())


def modules_imported(vpo: Vpo, *words: str | Path, status: int = 0) -> set[str]:
    """The names of the modules that a run of the command imports."""
    watched = replace(vpo, environment={**vpo.environment, "PYTHONPROFILEIMPORTTIME": "1"})
    return modules_listed(watched.ok(*words, status=status).stderr)


def modules_listed(stderr: str) -> set[str]:
    """The names of modules in what Python's option `-X importtime` prints."""
    lines = stderr.splitlines()
    return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}


@dataclass
class Tree:
    """A directory to scan, and ways to change it."""

    root: Path

    def path(self, name: str | bytes) -> bytes:
        """The absolute path of a name in the tree."""
        return os.path.join(os.fsencode(self.root), os.fsencode(name))

    def write(
        self,
        name: str | bytes,
        content: bytes = b"content",
        *,
        mtime_ns: int | EllipsisType | None = ...,
    ) -> bytes:
        """Makes a file, and directories on the way; `mtime_ns` None leaves it young.

        Without one it is old, and no file of another path has its mtime: else one that
        takes the inode of another which was deleted would be it, by all that is seen.
        """
        path = self.path(name)
        if mtime_ns is ...:
            mtime_ns = OLD_NS + zlib.crc32(path) % 500_000_000
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        if mtime_ns is not None:
            os.utime(path, ns=(mtime_ns, mtime_ns))
        return path

    def write_all(self, contents: Mapping[str, bytes]) -> None:
        """Makes a file for each name, with its content."""
        for name, content in contents.items():
            self.write(name, content)

    def write_many(self, count: int, directory: str = "many") -> None:
        """Makes `count` files in one directory."""
        for number in range(count):
            self.write(f"{directory}/{number:05}.mkv")

    def write_names(self, directories: Iterable[str], count: int) -> None:
        """Makes `count` names in each directory: all of one file, beside the tree.

        A third of the time that as many files take.
        """
        file = self.root.with_name(f"{self.root.name}.file")
        file.touch()
        os.utime(file, ns=(OLD_NS, OLD_NS))
        for directory in directories:
            place = self.root / directory
            place.mkdir(parents=True)
            for number in range(count):
                os.link(file, place / f"{number:03}.mkv")

    def remove(self, name: str | bytes) -> None:
        """Removes a file."""
        os.unlink(self.path(name))

"""Reading logs, and a process that writes one, for tests of what several do to one file."""

from __future__ import annotations

import json
import logging
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 120

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
KEYS = ["timestamp", "level", "logger", "message", "context"]

Record = dict[str, Any]


def json_lines(text: str) -> list[Record]:
    """The records of a log; each line must be one."""
    records: list[Record] = [json.loads(line) for line in text.removesuffix("\n").split("\n")]
    for record in records:
        assert [key for key in record if key in KEYS] == KEYS
        assert TIMESTAMP.fullmatch(record["timestamp"])
        assert isinstance(record["context"], dict)
    return records


@dataclass
class Line:
    """A line of a log, and who wrote it."""

    writer: str
    number: int


@dataclass
class Writer:
    """A process that logs numbered lines, once it is let go."""

    process: subprocess.Popen[bytes]
    name: str

    @classmethod
    @contextmanager
    def started(
        cls, log: Path, name: str, count: int, *, padding: int = 0, new: int = 0, **config: int
    ) -> Iterator[Writer]:
        """Starts one that writes `count` lines; with -1, as many as it can until its end.

        With `new` it opens the log anew for each line, as many commands would.
        """
        words = [str(log), name, str(count), str(padding), str(new), json.dumps(config)]
        with subprocess.Popen(
            [sys.executable, __file__, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            writer = cls(process, name)
            try:
                assert writer.hear() == b"ready\n", process.stderr and process.stderr.read()
                yield writer
            finally:
                process.kill()

    def hear(self) -> bytes:
        """The next line it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def go(self) -> None:
        """Lets it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()

    def finish(self) -> int:
        """Waits for its end, or brings it about; how many lines it wrote. It must not complain."""
        out, err = self.process.communicate(timeout=TIMEOUT_SECONDS)
        assert (self.process.returncode, err) == (0, b""), err.decode()
        return int(out.split()[-1])


@dataclass
class Log:
    """All that is in a log and in the files it was rotated into."""

    lines: list[Line] = field(default_factory=list)
    broken: list[bytes] = field(default_factory=list)

    def numbers(self, writer: str) -> list[int]:
        """The numbers of a writer's lines, in the order of the log."""
        return [line.number for line in self.lines if line.writer == writer]

    @classmethod
    def read(cls, *files: Path) -> Log:
        """Reads files, the oldest first. What is not whole is kept apart."""
        log = cls()
        for file in files:
            *whole, last = file.read_bytes().split(b"\n")
            for line in whole:
                try:
                    context = json.loads(line)["context"]
                    log.lines.append(Line(context["writer"], context["number"]))
                except ValueError:
                    log.broken.append(line)
            if last:
                log.broken.append(last)
        return log


def rotated(log: Path) -> list[Path]:
    """The files of a log, the oldest first."""
    older = [file for file in log.parent.glob(f"{log.name}.*") if file.suffix[1:].isdigit()]
    # A process that was killed while it rotated has left no newest one.
    newest = [log] if log.exists() else []
    return [*sorted(older, key=lambda file: -int(file.suffix[1:])), *newest]


def _main() -> None:
    from vpo.config.models import LoggingConfig
    from vpo.logging import facts, setup
    from vpo.logging.handlers import FileHandler

    path, name, count, padding, new, options = sys.argv[1:]
    settings: dict[str, Any] = json.loads(options)
    config = LoggingConfig(file=path, include_stderr=False, format="json", **settings)
    setup.configure(config, quiet=False)
    root = logging.getLogger()
    print("ready", flush=True)
    os.read(0, 1024)
    number = 0
    # Told to end by the end of stdin, unless there is a number of lines to write.
    while number < int(count) or (int(count) < 0 and not select.select([0], [], [], 0)[0]):
        if int(new) and number:
            for handler in [each for each in root.handlers if isinstance(each, FileHandler)]:
                root.removeHandler(handler)
                handler.close()
            setup.configure(config, quiet=False)
        text = "x" * int(padding)
        root.info("A line", extra=facts(writer=name, number=number, text=text))
        number += 1
        if int(count) < 0 and number == 1:
            print("begun", flush=True)
    print(number)


if __name__ == "__main__":
    _main()

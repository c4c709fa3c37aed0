"""Timing of whole processes, side by side: one run each a round, in a new order each round.

The machine's moods then hit all alike, and the ratio within a round says more than two
medians would.
"""

import json
import os
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from errors import BenchError

DROP_CACHES = "/proc/sys/vm/drop_caches"
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Sample:
    """One run of one process."""

    seconds: float
    cpu_seconds: float
    max_rss_bytes: int


@dataclass(frozen=True)
class Contender:
    """A command to time. `prepare` and `verify` surround each run and are not timed.

    `verify` gets what the command wrote to stdout, and raises if that is wrong; without it
    the output is thrown away.
    """

    name: str
    argv: list[str]
    prepare: Callable[[], None] | None = None
    verify: Callable[[bytes], None] | None = None
    files: int = 1
    """What its time is divided by, where contenders do not do equally much."""
    times_itself: bool = False
    """Whether its time is the `seconds` of the JSON it prints: its start is not counted."""
    statuses: Container[int] = (0,)
    """What it may end with."""


@dataclass(frozen=True)
class Spread:
    """A median and what it lies between."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(statistics.median(values), min(values), max(values))


@dataclass
class Samples:
    """All runs of a case: `by_name[name][i]` was in round i."""

    by_name: dict[str, list[Sample]] = field(default_factory=dict)

    def seconds(self, name: str) -> Spread:
        return Spread.of([sample.seconds for sample in self.by_name[name]])

    def ratio(self, name: str, baseline: str) -> Spread:
        pairs = zip(self.by_name[name], self.by_name[baseline], strict=True)
        return Spread.of([one.seconds / other.seconds for one, other in pairs])

    def max_rss_bytes(self, name: str) -> int:
        return max(sample.max_rss_bytes for sample in self.by_name[name])


class Stopwatch:
    """Runs commands in one environment; their output goes to files in `work`."""

    def __init__(self, work: str, env: Mapping[str, str]) -> None:
        self.env = dict(env)
        self.stdout = os.path.join(work, "stdout")
        self.stderr = os.path.join(work, "stderr")

    def compare(
        self,
        contenders: Sequence[Contender],
        *,
        rounds: int,
        cold: bool = False,
        on_round: Callable[[int], None] = lambda _: None,
    ) -> Samples:
        """Time each contender once a round."""
        samples = Samples({contender.name: [] for contender in contenders})
        for number in range(rounds):
            on_round(number)
            order = list(contenders)
            random.Random(number).shuffle(order)
            for contender in order:
                samples.by_name[contender.name].append(self._one(contender, cold=cold))
        return samples

    def run(self, argv: list[str]) -> bytes:
        """Run a command untimed and return its stdout."""
        self._timed(argv, True)
        return self._output()

    def lines(self, argv: list[str]) -> Iterator[bytes]:
        """Run a command untimed and yield the lines it wrote; run no other meanwhile."""
        self._timed(argv, True)
        with open(self.stdout, "rb") as file:
            yield from file

    def count_lines(self, argv: list[str]) -> int:
        """Run a command untimed and count the lines it wrote."""
        self._timed(argv, True)
        # Bit by bit: what is held here would count as every later process's memory, see
        # `smallest_rss_bytes`.
        with open(self.stdout, "rb") as file:
            return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 16), b""))

    def _one(self, contender: Contender, *, cold: bool) -> Sample:
        if contender.prepare:
            contender.prepare()
        if cold:
            drop_caches()
        keep_output = contender.times_itself or contender.verify is not None
        sample = self._timed(contender.argv, keep_output, contender.statuses)
        if contender.verify:
            contender.verify(self._output())
        if contender.times_itself:
            sample = replace(sample, seconds=json.loads(self._output())["seconds"])
        return replace(
            sample,
            seconds=sample.seconds / contender.files,
            cpu_seconds=sample.cpu_seconds / contender.files,
        )

    def _output(self) -> bytes:
        with open(self.stdout, "rb") as file:
            return file.read()

    def _timed(self, argv: list[str], keep_output: bool, statuses: Container[int] = (0,)) -> Sample:
        write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        stdout = self.stdout if keep_output else os.devnull
        redirect = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, stdout, write, 0o644),
            (os.POSIX_SPAWN_OPEN, 2, self.stderr, write, 0o644),
        ]
        start = time.perf_counter()
        pid = os.posix_spawnp(argv[0], argv, self.env, file_actions=redirect)
        try:
            _, status, usage = os.wait4(pid, 0)
        except BaseException:
            # Interrupted: nothing that was started here outlives the benchmark.
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            raise
        seconds = time.perf_counter() - start
        code = os.waitstatus_to_exitcode(status)
        if code not in statuses:
            with open(self.stderr, encoding="utf-8", errors="replace") as file:
                said = file.read().strip()[-2000:]
            raise BenchError(f"`{os.path.basename(argv[0])}` ended with status {code}:\n{said}")
        cpu_seconds = usage.ru_utime + usage.ru_stime
        return Sample(seconds, cpu_seconds, usage.ru_maxrss * RSS_UNIT)


def smallest_rss_bytes() -> int:
    """The least memory a run can be told to have used.

    The kernel hands a process the peak of the one that started it, so anything below the
    benchmark's own memory cannot be told apart.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def may_drop_caches() -> bool:
    return os.access(DROP_CACHES, os.W_OK)


def drop_caches() -> None:
    """Have the next reader fetch everything from the disk."""
    os.sync()
    with open(DROP_CACHES, "w", encoding="ascii") as file:
        file.write("3\n")

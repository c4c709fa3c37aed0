"""The cases: what is prepared, who runs, and what answer vpo must give."""

import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import trees
from errors import BenchError
from measure import Contender, Samples, Stopwatch
from peers import YARDSTICK, Peer
from program import Library, Program, check_counts
from trees import Tree

VPO = "vpo"
BARE_PYTHON = "python -c pass"

# Commands that take milliseconds need more runs than ones that take seconds.
STARTUP_ROUNDS = 20

LOCAL_PEERS = (YARDSTICK, "fd", "bfs", "os.walk + os.stat", "scandir-rs")
SHARE_PEERS = (YARDSTICK, "fd", "rclone")


@dataclass(frozen=True)
class Result:
    """What was measured in one case."""

    case: str
    files: int
    title: str
    baseline: str
    samples: Samples
    library_bytes: int | None = None
    figures: dict[str, float] = field(default_factory=dict)
    """What was counted, not timed."""


@dataclass
class Bench:
    """What all cases share: who is measured, where, and how often."""

    work: str
    program: Program
    peers: dict[str, Peer]
    stopwatch: Stopwatch
    rounds: int
    say: Callable[[str], None]
    _checked: set[str] = field(default_factory=set)

    @property
    def trees(self) -> str:
        """Where trees are kept."""
        return os.path.join(self.work, "trees")

    def library(self, name: str) -> Library:
        return Library(os.path.join(self.work, "libraries", f"{name}.db"))

    def scan(self, library: Library, root: str, files: int) -> None:
        """Bring a library up to date, untimed."""
        output = self.stopwatch.run(self.program.walk(library, root))
        check_counts(output, total_discovered=files, errors=0)

    def rescan(self, library: Library, root: str, files: int, *, name: str = VPO) -> Contender:
        verify = functools.partial(
            check_counts, total_discovered=files, skipped=files, scanned=0, added=0, errors=0
        )
        return Contender(name, self.program.walk(library, root), verify=verify)

    def peers_on(self, root: str, names: Iterable[str]) -> list[Contender]:
        there = [self.peers[name] for name in names if name in self.peers]
        return [Contender(peer.name, peer.command(root)) for peer in there]

    def check_peers(self, tree: Tree, names: Iterable[str]) -> None:
        """See once that each peer lists a whole tree; this also warms the caches."""
        for contender in self.peers_on(tree.path, names):
            key = f"{contender.name} {tree.path}"
            if key not in self._checked:
                lines = self.stopwatch.count_lines(contender.argv)
                if lines < tree.files:
                    raise BenchError(f"{contender.name} found {lines} of {tree.files} files")
                self._checked.add(key)

    def compare(
        self,
        case: str,
        files: int,
        title: str,
        contenders: list[Contender],
        *,
        baseline: str = YARDSTICK,
        rounds: int | None = None,
        cold: bool = False,
    ) -> Result:
        total = rounds or self.rounds
        samples = self.stopwatch.compare(
            contenders,
            rounds=total,
            cold=cold,
            on_round=lambda number: self.say(f"{title}: round {number + 1} of {total}"),
        )
        return Result(case, files, title, baseline, samples)


def startup(bench: Bench) -> Result:
    """What every call pays before it does anything."""
    vpo = bench.program.executable
    contenders = [
        Contender("vpo --version", [vpo, "--version"]),
        Contender("vpo --help", [vpo, "--help"]),
        Contender(BARE_PYTHON, [bench.program.python, "-c", "pass"]),
    ]
    rounds = max(STARTUP_ROUNDS, bench.rounds)
    return bench.compare("startup", 0, "start-up", contenders, baseline=BARE_PYTHON, rounds=rounds)


def first_scan(bench: Bench, tree: Tree, *, cold: bool = False) -> Result:
    """A library is made from nothing, each round anew."""
    bench.check_peers(tree, LOCAL_PEERS)
    library = bench.library("first")
    sizes: list[int] = []

    def verify(output: bytes) -> None:
        check_counts(output, total_discovered=tree.files, added=tree.files, errors=0)
        sizes.append(library.size_bytes())
        library.remove()

    argv = bench.program.walk(library, tree.path)
    vpo = Contender(VPO, argv, prepare=library.remove, verify=verify)
    case, title = _named("first", "first scan", tree, cold=cold)
    contenders = [vpo, *bench.peers_on(tree.path, LOCAL_PEERS)]
    result = bench.compare(case, tree.files, title, contenders, cold=cold)
    return replace(result, library_bytes=max(sizes))


def rescan(bench: Bench, tree: Tree, *, cold: bool = False) -> Result:
    """Nothing changed since the last scan."""
    bench.check_peers(tree, LOCAL_PEERS)
    library = bench.library(f"mixed-{tree.files}")
    bench.scan(library, tree.path, tree.files)
    case, title = _named("rescan", "rescan, nothing changed", tree, cold=cold)
    contenders = [
        bench.rescan(library, tree.path, tree.files),
        *bench.peers_on(tree.path, LOCAL_PEERS),
    ]
    return bench.compare(case, tree.files, title, contenders, cold=cold)


def changed(bench: Bench, tree: Tree) -> Result:
    """A thousand files got another size and time, two in each of 500 directories."""
    bench.check_peers(tree, LOCAL_PEERS)
    library = bench.library(f"mixed-{tree.files}")
    bench.scan(library, tree.path, tree.files)
    directories = max(1, min(500, tree.files // 100))
    files = 2 * directories
    vpo = Contender(
        VPO,
        bench.program.walk(library, tree.path),
        prepare=lambda: trees.change(tree, files, directories),
        verify=functools.partial(
            check_counts,
            total_discovered=tree.files,
            scanned=files,
            skipped=tree.files - files,
            errors=0,
        ),
    )
    what = f"rescan, {files:,} changed in {directories:,} directories"
    case, title = _named("changed", what, tree)
    contenders = [vpo, *bench.peers_on(tree.path, LOCAL_PEERS)]
    return bench.compare(case, tree.files, title, contenders)


def beside(bench: Bench, small: Tree, large: Tree) -> Result:
    """A small root must not pay for what else is in its library."""
    bench.check_peers(small, (YARDSTICK,))
    alone, shared = bench.library(f"mixed-{small.files}"), bench.library("shared")
    bench.scan(alone, small.path, small.files)
    bench.scan(shared, large.path, large.files)
    bench.scan(shared, small.path, small.files)
    title = f"rescan, {small.files:,} files, alone or beside {large.files:,} others"
    contenders = [
        bench.rescan(alone, small.path, small.files, name="vpo, alone"),
        bench.rescan(shared, small.path, small.files, name=f"vpo, beside {large.files:,}"),
        *bench.peers_on(small.path, (YARDSTICK,)),
    ]
    return bench.compare("beside", small.files, title, contenders)


def share(bench: Bench, tree: Tree, root: str, *, case: str, rounds: int) -> Result:
    """Nothing changed on a slow share; `root` shows `tree` through it."""
    # On the disk below: the answer is the same, and a round on the share takes minutes.
    bench.check_peers(tree, SHARE_PEERS)
    library = bench.library(case)
    library.remove()
    bench.scan(library, root, tree.files)
    places = "1 directory" if tree.directories == 1 else f"{tree.directories:,} directories"
    title = f"rescan on a share, {tree.files:,} files in {places}"
    contenders = [
        bench.rescan(library, root, tree.files),
        *bench.peers_on(root, SHARE_PEERS),
    ]
    return bench.compare(case, tree.files, title, contenders, rounds=rounds)


def _named(case: str, what: str, tree: Tree, *, cold: bool = False) -> tuple[str, str]:
    title = f"{what}, {tree.files:,} files"
    return (f"{case}-cold", f"{title}, cold caches") if cold else (case, title)

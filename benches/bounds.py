"""What vpo promises, and whether this run kept it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cases import BARE_PYTHON, VPO, Result
from copies import AGAIN
from introspection import CHANGED, CPU, EXIFTOOL, FFPROBE, FULL, INSPECT, MEDIAINFO, REQUESTS
from moves import MOVED, UNCHANGED
from peers import B3SUM, FCLONES, JDUPES, RMLINT, SHA256SUM, YARDSTICK

MILLION = 1_000_000
MB = 1_000_000


@dataclass(frozen=True)
class Bound:
    """The most that one figure of one case may be."""

    case: str
    files: int
    what: str
    unit: str
    limit: float
    figure: Callable[[Result], float | None]


@dataclass(frozen=True)
class Verdict:
    """A bound and what was measured, if it was."""

    bound: Bound
    measured: float | None

    @property
    def word(self) -> str:
        if self.measured is None:
            return "not measured"
        return "PASS" if self.measured <= self.bound.limit else "FAIL"


def _ratio(name: str, baseline: str) -> Callable[[Result], float | None]:
    def figure(result: Result) -> float | None:
        by_name = result.samples.by_name
        if name not in by_name or baseline not in by_name:
            return None
        return result.samples.ratio(name, baseline).median

    return figure


def _rss_mb(result: Result) -> float:
    return result.samples.max_rss_bytes(VPO) / MB


def _library_mb(result: Result) -> float | None:
    return None if result.library_bytes is None else result.library_bytes / MB


def _seconds(result: Result) -> float:
    return result.samples.seconds(VPO).median


def _seconds_of(name: str) -> Callable[[Result], float]:
    return lambda result: result.samples.seconds(name).median


def _figure(name: str) -> Callable[[Result], float]:
    return lambda result: result.figures[name]


TO_FIND = _ratio(VPO, YARDSTICK)
TO_RCLONE = _ratio(VPO, "rclone")
TO_B3SUM = _ratio(VPO, B3SUM)
TO_SHA256SUM = _ratio(VPO, SHA256SUM)

BOUNDS = (
    Bound("first", MILLION, "first scan of 1,000,000", "x find", 2.5, TO_FIND),
    Bound("first", MILLION, "first scan of 1,000,000, memory", "MB", 300, _rss_mb),
    Bound("first", MILLION, "library of 1,000,000 files", "MB", 200, _library_mb),
    Bound("rescan", MILLION, "rescan of 1,000,000", "x find", 0.60, TO_FIND),
    Bound("rescan", MILLION, "rescan of 1,000,000, memory", "MB", 110, _rss_mb),
    Bound("changed", MILLION, "rescan of 1,000,000, 1,000 changed", "x find", 0.75, TO_FIND),
    Bound("rescan", 1_000, "rescan of 1,000", "s", 0.25, _seconds),
    Bound("share-tree", 10_000, "share, a tree", "x find", 1 / 40, TO_FIND),
    Bound("share-tree", 10_000, "share, a tree", "x rclone", 1 / 4, TO_RCLONE),
    Bound("share-flat", 10_000, "share, one directory", "x find", 1 / 40, TO_FIND),
    Bound("share-flat", 10_000, "share, one directory", "x rclone", 1 / 4, TO_RCLONE),
    Bound(
        "startup", 0, "`vpo --version`", f"x {BARE_PYTHON}", 8, _ratio("vpo --version", BARE_PYTHON)
    ),
    Bound("startup", 0, "`vpo --help`", f"x {BARE_PYTHON}", 8, _ratio("vpo --help", BARE_PYTHON)),
    Bound("probe", 2_000, "reading a file", "x ffprobe", 1 / 300, _ratio(VPO, FFPROBE)),
    Bound("probe", 2_000, "reading a file", "x pymediainfo", 1 / 30, _ratio(VPO, MEDIAINFO)),
    Bound("probe", 2_000, f"`{INSPECT}`, a file", "x ffprobe", 1 / 300, _ratio(INSPECT, FFPROBE)),
    Bound("probe-photos", 2_000, "reading a photo", "x exiftool", 1 / 50, _ratio(VPO, EXIFTOOL)),
    Bound("first-films", 10_000, "first scan of 10,000 films", "s", 3, _seconds),
    Bound("first-media", 100_000, "first scan of 100,000 films and photos", "s", 5, _seconds),
    Bound(
        "first-media",
        100_000,
        "first scan of 100,000 films and photos",
        "µs of CPU a file",
        45,
        _figure(CPU),
    ),
    Bound(
        "changed-films-native", 1_000, "rescan, 10 of 1,000 changed", "s", 0.5, _seconds_of(CHANGED)
    ),
    Bound("changed-films-native", 1_000, "full scan of 1,000", "s", 0.5, _seconds_of(FULL)),
    Bound(
        "changed-films-ffprobe",
        1_000,
        "rescan with ffprobe, 10 of 1,000 changed",
        "x a full scan",
        0.1,
        _ratio(CHANGED, FULL),
    ),
    Bound("share-films", 1_000, "share, reading a film", "requests", 8, _figure(REQUESTS)),
    # Of speeds, these would be 0.9, 10 and 1.2 times a peer's.
    Bound("digest-large", 40, "verify of 8 GB in 40", "x b3sum", 1 / 0.9, TO_B3SUM),
    Bound("digest-large", 40, "verify of 8 GB in 40", "x sha256sum", 1 / 10, TO_SHA256SUM),
    Bound("digest-large", 40, "verify of 8 GB in 40, memory", "MB", 150, _rss_mb),
    Bound("digest-small", 20_000, "verify of 20,000 of 100 kB", "x b3sum", 1 / 1.2, TO_B3SUM),
    Bound("digest-small", 20_000, "verify of 20,000 of 100 kB, memory", "MB", 150, _rss_mb),
    *(
        Bound("duplicates", 100_000, "duplicates of 100,000", f"x {name}", limit, _ratio(VPO, name))
        for name, limit in ((FCLONES, 0.6), (RMLINT, 0.5), (JDUPES, 0.5))
    ),
    Bound(
        "duplicates", 100_000, "duplicates of 100,000, again", "x first", 0.1, _ratio(AGAIN, VPO)
    ),
    Bound(
        "moves",
        10_000,
        "rescan of 10,000, 300 folders renamed",
        "x nothing changed",
        2,
        _ratio(MOVED, UNCHANGED),
    ),
)


def judge(results: Iterable[Result]) -> Iterator[Verdict]:
    """Hold the results against every bound; what was not run is neither kept nor broken."""
    by_case = {(result.case, result.files): result for result in results}
    for bound in BOUNDS:
        result = by_case.get((bound.case, bound.files))
        yield Verdict(bound, bound.figure(result) if result else None)

"""Measures vpo beside other programs: `python benches/run.py --vpo PATH`. See README.md."""

import argparse
import fcntl
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import bounds
import cases
import copies
import digests
import introspection
import machine
import measure
import moves
import peers
import program
import report
import share
import trees
from cases import Bench, Result
from errors import BenchError
from trees import Tree

WARM = ("startup", "first", "rescan", "changed", "beside", "moves")
COLD = ("first-cold", "rescan-cold")
SHARE = ("share-tree", "share-flat")
CONTENTS = (
    "probe",
    "probe-photos",
    "first-films",
    "first-media",
    "changed-films-native",
    "changed-films-ffprobe",
)
SHARE_CONTENTS = ("share-films",)
DIGESTS = ("digest-large", "digest-small", "duplicates")
ALL = (*WARM, *COLD, *SHARE, *CONTENTS, *SHARE_CONTENTS, *DIGESTS)

SMALL_FILES = 1_000
SHARE_FILES = 10_000
SHARE_DELAY_US = 1_000
ASSORTED_FILES = 2_000
FILMS = 10_000
FEW_FILMS = 1_000
FILMS_AND_PHOTOS = 100_000
MOVED_FILES = 10_000
MOVED_FOLDERS = 300
LARGE_FILES = 40
MANY_SMALL_FILES = 20_000
FILES_WITH_COPIES = 100_000


def main() -> int:
    arguments = _parse()
    # Unwinds like Ctrl-C does, so that a share is unmounted.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with _alone_in(arguments.work):
            return _run(arguments)
    except BenchError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _run(arguments: argparse.Namespace) -> int:
    bench = _bench(arguments)
    facts = _facts(bench, arguments.work)
    results = list(_results(bench, arguments))
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    verdicts = list(bounds.judge(results))
    rss = measure.smallest_rss_bytes()
    print(report.markdown(facts, results, verdicts, smallest_rss_bytes=rss), end="")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            file.write(report.as_json(facts, results, verdicts))
    broken = any(verdict.word == "FAIL" for verdict in verdicts)
    return 1 if broken and arguments.check else 0


def _results(bench: Bench, arguments: argparse.Namespace) -> Iterator[Result]:
    chosen = _chosen(arguments)
    sizes: list[int] = arguments.files
    if "startup" in chosen:
        yield cases.startup(bench)
    for files in sizes:
        if chosen.isdisjoint({"first", "rescan", "changed", *COLD}):
            break
        tree = _mixed(bench, files)
        if "first" in chosen:
            yield cases.first_scan(bench, tree)
        if "rescan" in chosen:
            yield cases.rescan(bench, tree)
        if "changed" in chosen:
            yield cases.changed(bench, tree)
        if "first-cold" in chosen:
            yield cases.first_scan(bench, tree, cold=True)
        if "rescan-cold" in chosen:
            yield cases.rescan(bench, tree, cold=True)
    if "beside" in chosen and max(sizes) > SMALL_FILES:
        yield cases.beside(bench, _mixed(bench, SMALL_FILES), _mixed(bench, max(sizes)))
    if not chosen.isdisjoint(SHARE):
        yield from _share_results(bench, chosen, arguments.share_rounds)
    yield from _contents_results(bench, chosen, arguments)
    yield from _digest_results(bench, chosen, arguments.shrink)


def _digest_results(bench: Bench, chosen: set[str], shrink: int) -> Iterator[Result]:
    """The cases of moves and of whole contents, each an nth as large as what is promised."""
    if "moves" in chosen:
        folders = max(2, MOVED_FOLDERS // shrink)
        yield moves.moves(bench, max(folders, MOVED_FILES // shrink), folders)
    if "digest-large" in chosen:
        yield digests.large_files(bench, max(2, LARGE_FILES // shrink))
    if "digest-small" in chosen:
        yield digests.small_files(bench, max(2, MANY_SMALL_FILES // shrink))
    if "duplicates" in chosen:
        yield copies.duplicates(bench, max(100, FILES_WITH_COPIES // shrink))


def _contents_results(
    bench: Bench, chosen: set[str], arguments: argparse.Namespace
) -> Iterator[Result]:
    if not chosen.isdisjoint({"probe", "probe-photos"}):
        assorted = introspection.assorted(bench, ASSORTED_FILES)
        if "probe" in chosen:
            yield introspection.probe(bench, assorted, arguments.mediainfo_python)
        if "probe-photos" in chosen:
            yield introspection.probe_photos(bench, assorted)
    if "first-films" in chosen:
        tree = introspection.film_tree(bench, FILMS)
        yield introspection.first_scan(bench, tree, "first-films", "films")
    if "first-media" in chosen:
        tree = introspection.media_tree(bench, FILMS_AND_PHOTOS)
        yield introspection.first_scan(bench, tree, "first-media", "films and photos")
    for prober in ("native", "ffprobe"):
        if f"changed-films-{prober}" in chosen:
            few = introspection.film_tree(bench, FEW_FILMS)
            yield introspection.changed(bench, few, prober)
    if "share-films" in chosen:
        few = introspection.film_tree(bench, FEW_FILMS)
        server = share.build(bench.work)
        rounds = arguments.share_rounds
        yield introspection.on_share(bench, few, server, delay_us=SHARE_DELAY_US, rounds=rounds)


def _share_results(bench: Bench, chosen: set[str], rounds: int) -> Iterator[Result]:
    server = share.build(bench.work)
    for case in SHARE:
        if case in chosen:
            make = trees.mixed_tree if case == "share-tree" else trees.flat_tree
            tree = make(bench.trees, SHARE_FILES)
            mountpoint = os.path.join(bench.work, "share")
            with share.mounted(server, tree.path, mountpoint, delay_us=SHARE_DELAY_US) as root:
                yield cases.share(bench, tree, root, case=case, rounds=rounds)


def _say(text: str) -> None:
    """Show what is going on; on a terminal each word replaces the last."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)


def _mixed(bench: Bench, files: int) -> Tree:
    bench.say(f"a tree of {files:,} files")
    return trees.mixed_tree(bench.trees, files)


def _chosen(arguments: argparse.Namespace) -> set[str]:
    if arguments.only:
        chosen = set(arguments.only)
    else:
        chosen = set(WARM)
        for given, names in (
            (arguments.cold, COLD),
            (arguments.share, SHARE),
            (arguments.contents, CONTENTS),
            (arguments.digests, DIGESTS),
            (arguments.share and arguments.contents, SHARE_CONTENTS),
        ):
            chosen.update(names if given else ())
    if not chosen.isdisjoint(COLD) and not measure.may_drop_caches():
        print("The cold cases are left out: dropping caches is not permitted.", file=sys.stderr)
        chosen.difference_update(COLD)
    return chosen


def _bench(arguments: argparse.Namespace) -> Bench:
    work = arguments.work
    libraries = os.path.join(work, "libraries")
    # Made by whatever version was measured before.
    shutil.rmtree(libraries, ignore_errors=True)
    shutil.rmtree(os.path.join(work, "home"), ignore_errors=True)
    os.makedirs(libraries)
    if arguments.wheel:
        measured = program.from_wheel(arguments.wheel, work)
    else:
        measured = program.installed(arguments.vpo)
    return Bench(
        work=work,
        program=measured,
        peers=peers.found(measured.python, arguments.scandir_python),
        stopwatch=measure.Stopwatch(work, program.environment(work)),
        rounds=arguments.rounds,
        say=_say,
    )


def _facts(bench: Bench, work: str) -> dict[str, str]:
    vpo = bench.stopwatch.run([bench.program.executable, "--version"])
    python = bench.stopwatch.run([bench.program.python, "--version"])
    return {
        **machine.describe(work),
        "Python": python.decode(errors="replace").strip().removeprefix("Python "),
        "vpo": vpo.decode(errors="replace").strip(),
        "peers": ", ".join(peer.version for peer in bench.peers.values()),
        "peers that are not here": ", ".join(peers.missing(bench.peers)) or "none",
    }


@contextmanager
def _alone_in(work: str) -> Iterator[None]:
    """Keep a second run out of the work directory: it would remove this one's libraries."""
    os.makedirs(work, exist_ok=True)
    with open(os.path.join(work, "lock"), "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BenchError("another run is using this work directory") from error
        yield


def _sizes(text: str) -> list[int]:
    sizes = [int(word.replace("_", "")) for word in text.split(",")]
    if min(sizes) < 100:
        raise ValueError(text)
    return sizes


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure vpo beside other programs that look at every file.",
        epilog=f"Cases: {', '.join(ALL)}.",
    )
    subject = parser.add_mutually_exclusive_group(required=True)
    subject.add_argument("--vpo", metavar="PATH", help="the vpo to measure, in a venv's bin")
    subject.add_argument("--wheel", help="a wheel to install into a fresh venv and measure")
    parser.add_argument(
        "--files",
        type=_sizes,
        default="1000,100000,1000000",
        metavar="N,…",
        help="sizes of the trees (default: %(default)s)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender (5)")
    parser.add_argument("--cold", action="store_true", help="also with nothing cached (needs root)")
    parser.add_argument("--share", action="store_true", help="also on a slow share (needs FUSE)")
    parser.add_argument(
        "--contents",
        action="store_true",
        help="also reading what is in files (needs what makes them, and 11 GB)",
    )
    parser.add_argument(
        "--digests",
        action="store_true",
        help="also reading whole files, and finding duplicates (needs 23 GB, and memory for 13)",
    )
    parser.add_argument(
        "--shrink",
        type=_positive,
        default=1,
        metavar="N",
        help="with --digests and in `moves`: an Nth of the files, to try it (1)",
    )
    parser.add_argument("--share-rounds", type=int, default=3, help="runs on the share (3)")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=ALL,
        metavar="CASE",
        help="just these cases",
    )
    parser.add_argument(
        "--work",
        type=os.path.abspath,
        default=os.path.join(tempfile.gettempdir(), "vpo-bench"),
        metavar="DIR",
        help="where trees and libraries are kept (default: %(default)s)",
    )
    parser.add_argument("--json", metavar="OUT", help="also write every run to this file")
    parser.add_argument(
        "--scandir-python", metavar="PYTHON", help="an interpreter that has scandir_rs"
    )
    parser.add_argument(
        "--mediainfo-python", metavar="PYTHON", help="an interpreter that has pymediainfo"
    )
    parser.add_argument("--check", action="store_true", help="end with status 1 if a bound fails")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

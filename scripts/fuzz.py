"""Fuzzes the engine's parsers: builds the targets of rust/fuzz and runs each for a while.

    python scripts/fuzz.py                    five seconds each
    python scripts/fuzz.py matroska --seconds 600
    python scripts/fuzz.py --grow             keep what the last runs found
    python scripts/fuzz.py --build            only build the targets

Needs a stable Rust and a C++ compiler. Each target begins with the corpus in
rust/fuzz/corpus, which is part of the project; what it finds goes below
target/fuzz, until `--grow` takes over inputs that reach code which no other one
reaches, as far as there is room. An input that crashes a parser, or makes it take
32 MiB of memory or a second, fails the run and is left in target/fuzz/crashes; it
belongs into rust/fuzz/corpus with the fix, where a test of the engine reads it
ever after. `cargo fuzz run TARGET -s none` works in rust/fuzz as well.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUZZ = ROOT / "rust" / "fuzz"
CORPUS = FUZZ / "corpus"
WORK = ROOT / "target" / "fuzz"

# What cargo-fuzz passes with `--sanitizer none`: counters of the edges of the
# code, and the constants it compares with. Works with a stable compiler.
RUSTFLAGS = " ".join(
    (
        "--cfg fuzzing",
        "-Cpasses=sancov-module",
        "-Cllvm-args=-sanitizer-coverage-level=4",
        "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
        "-Cllvm-args=-sanitizer-coverage-pc-table",
        "-Cllvm-args=-sanitizer-coverage-trace-compares",
    )
)
LIMITS = ("-timeout=10", "-rss_limit_mb=256", "-report_slow_units=1")

# No format needs longer inputs to have all its parts once.
LONGEST = 64 * 1024

# What the project keeps: inputs of this size, and of all of a target together.
LONGEST_KEPT = 8 * 1024
LARGEST_CORPUS = {"isomedia": 144 * 1024, "matroska": 96 * 1024}
LARGEST_OTHER = 44 * 1024

# An input that reaches fewer edges is not worth a file.
LEAST_EDGES = 3


def build(chosen: list[str]) -> Path:
    """Builds targets; returns where they are."""
    environment = {**os.environ, "RUSTFLAGS": RUSTFLAGS, "CARGO_TARGET_DIR": str(WORK / "build")}
    # Named, so that the flags are not those of build scripts as well.
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True)
    host = version.stdout.partition("host: ")[2].split()[0]
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--target", host]
    command += [f"--bin={target}" for target in chosen]
    subprocess.run(command, cwd=FUZZ, env=environment, check=True)
    return WORK / "build" / host / "release"


def targets() -> list[str]:
    """The names of the targets."""
    return sorted(path.stem for path in (FUZZ / "fuzz_targets").glob("*.rs"))


def run(programs: Path, target: str, seconds: int) -> bool:
    """Runs one target; returns whether it found nothing bad."""
    found, crashes = WORK / "found" / target, WORK / "crashes" / target
    for directory in (found, crashes, CORPUS / target):
        directory.mkdir(parents=True, exist_ok=True)
    before = set(crashes.iterdir())
    command = [
        str(programs / target),
        str(found),
        str(CORPUS / target),
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={crashes}{os.sep}",
        *LIMITS,
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    status = re.findall(r"^#(\d+)\s.* cov: (\d+) ", done.stderr, re.MULTILINE)
    runs, edges = status[-1] if status else ("0", "0")
    said = [f"{target:12} {int(runs):>10,} runs {int(edges):>6,} edges"]
    bad = sorted(set(crashes.iterdir()) - before)
    said += [f"    {path}" for path in bad]
    if done.returncode != 0:
        said += re.findall(r"panicked at .*\n.*", done.stderr) or [done.stderr[-2000:]]
    # In one piece: others run at the same time.
    print("\n".join(said), flush=True)
    return done.returncode == 0 and not bad


def grow(programs: Path, target: str) -> None:
    """Takes over into the corpus what reaches the most new code for its size."""
    found, corpus = WORK / "found" / target, CORPUS / target
    if not found.is_dir():
        return
    corpus.mkdir(parents=True, exist_ok=True)
    kept = {path.name for path in corpus.iterdir()}
    reached = edges_of(programs / target, corpus, found)
    room = LARGEST_CORPUS.get(target, LARGEST_OTHER)
    left = room - sum((corpus / name).stat().st_size for name in kept)
    covered: set[str] = set().union(*(reached.pop(corpus / name, set()) for name in kept))
    for edges in reached.values():
        edges -= covered
    before, new = len(covered), 0
    sizes = {path: min(path.stat().st_size, LONGEST_KEPT) for path in reached}
    while fitting := [
        path for path, edges in reached.items() if len(edges) >= LEAST_EDGES and sizes[path] <= left
    ]:
        best = max(fitting, key=lambda path: len(reached[path]) / (sizes[path] + 1))
        added = reached.pop(best)
        covered |= added
        for edges in reached.values():
            edges -= added
        (corpus / best.name).write_bytes(best.read_bytes()[:LONGEST_KEPT])
        left -= sizes[best]
        new += 1
    edges_there = len(covered.union(*reached.values()))
    grown = f"{before:>5,} -> {len(covered):>5,} edges of {edges_there:,}"
    print(f"{target:12} {new:>4} new inputs: {grown}", flush=True)


def edges_of(program: Path, *directories: Path) -> dict[Path, set[str]]:
    """Tells which edges of the code each input reaches."""
    with tempfile.TemporaryDirectory() as scratch:
        empty, notes = Path(scratch, "corpus"), Path(scratch, "notes")
        empty.mkdir()
        # The merge itself is of no use: it does not mind how large a corpus becomes.
        command = [str(program), "-set_cover_merge=1", "-use_counters=0", "-rss_limit_mb=0"]
        command += [f"-max_len={LONGEST_KEPT}", f"-merge_control_file={notes}"]
        command += [str(empty), *map(str, directories)]
        subprocess.run(command, capture_output=True, check=True)
        lines = notes.read_text().splitlines()
    # How many files, how many of them in the first directory, their names, then
    # lines of what each reaches.
    count = int(lines[0])
    paths = [Path(line) for line in lines[2 : 2 + count]]
    fields = [line.split() for line in lines[2 + count :] if line.startswith("FT ")]
    # Numbers that nobody counts with; interned, each is there once.
    return {paths[int(number)]: set(map(sys.intern, edges)) for _, number, *edges in fields}


def main() -> int:
    """Runs the targets that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all if none is named")
    parser.add_argument("--seconds", type=int, default=5, help="for each target (5)")
    parser.add_argument("--grow", action="store_true", help="keep what was found")
    parser.add_argument("--build", action="store_true", help="only build the targets")
    arguments = parser.parse_args()
    chosen = arguments.targets or targets()
    unknown = sorted(set(chosen) - set(targets()))
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(targets())}")
    programs = build(chosen)
    if arguments.build:
        return 0
    if arguments.grow:
        for target in chosen:
            grow(programs, target)
        return 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = pool.map(lambda target: run(programs, target, arguments.seconds), chosen)
        failed = [target for target, is_good in zip(chosen, passed, strict=True) if not is_good]
    if failed:
        print(f"Crashed or hung: {', '.join(failed)}; see {WORK / 'crashes'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

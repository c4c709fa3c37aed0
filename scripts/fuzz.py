"""Fuzzes the engine's parsers: builds the targets of rust/fuzz and runs each for a while.

    python scripts/fuzz.py                    five seconds each
    python scripts/fuzz.py matroska --seconds 600
    python scripts/fuzz.py --grow             keep what the last runs found

Needs a stable Rust and a C++ compiler. Each target begins with the corpus in
rust/fuzz/corpus, which is part of the project; what it finds goes below
target/fuzz, until `--grow` takes over the inputs that reach code which no other
one reaches. An input that crashes a parser, or takes it over ten seconds, fails
the run and is left in target/fuzz/crashes; it belongs into rust/fuzz/corpus with
the fix. `cargo fuzz run TARGET -s none` works in rust/fuzz as well.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
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
LIMITS = ("-timeout=10", "-rss_limit_mb=256", "-max_len=65536", "-print_final_stats=0")


def build() -> Path:
    """Builds all targets; returns where they are."""
    environment = {**os.environ, "RUSTFLAGS": RUSTFLAGS, "CARGO_TARGET_DIR": str(WORK / "build")}
    # Named, so that the flags are not those of build scripts as well.
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True)
    host = version.stdout.partition("host: ")[2].split()[0]
    command = ["cargo", "build", "--release", "--locked", "--bins", "--target", host]
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
    command = [
        str(programs / target),
        str(found),
        str(CORPUS / target),
        f"-max_total_time={seconds}",
        f"-artifact_prefix={crashes}{os.sep}",
        *LIMITS,
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    lines = done.stderr.splitlines()
    last = next((line for line in reversed(lines) if line.startswith("#")), "").split()
    print(f"{target:12} {' '.join(last[:6])}", flush=True)
    if done.returncode != 0:
        print(done.stderr[-5000:])
    return done.returncode == 0


def grow(programs: Path, target: str) -> None:
    """Takes over into the corpus what a run found and reaches new code."""
    found, corpus = WORK / "found" / target, CORPUS / target
    if not found.is_dir():
        return
    before = len(list(corpus.iterdir()))
    command = [str(programs / target), "-merge=1", *LIMITS, str(corpus), str(found)]
    subprocess.run(command, capture_output=True, check=True)
    print(f"{target:12} {len(list(corpus.iterdir())) - before} new inputs")


def main() -> int:
    """Runs the targets that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all if none is named")
    parser.add_argument("--seconds", type=int, default=5, help="for each target (5)")
    parser.add_argument("--grow", action="store_true", help="keep what was found")
    arguments = parser.parse_args()
    chosen = arguments.targets or targets()
    programs = build()
    if arguments.grow:
        for target in chosen:
            grow(programs, target)
        return 0
    failed = [target for target in chosen if not run(programs, target, arguments.seconds)]
    if failed:
        print(f"Crashed or hung: {', '.join(failed)}; see {WORK / 'crashes'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

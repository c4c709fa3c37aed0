"""The case of moves: every folder of a tree got another name."""

import functools
import os

import filled
from cases import Bench, Result
from measure import Contender
from program import check_counts
from trees import Tree

MOVED = "vpo, folders renamed"
UNCHANGED = "vpo, nothing changed"

# These scans take tenths of a second.
MOVE_ROUNDS = 10


def moves(bench: Bench, files: int, folders: int) -> Result:
    """A rescan that finds all files elsewhere, beside one that finds nothing new.

    Both are scans as anybody runs them: a file that was taken for a new one would be read.
    """
    bench.say(f"a tree of {files:,} recordings")
    tree = filled.recordings(bench.trees, files, folders)
    library = bench.library("moves")
    library.remove()
    scan = bench.program.scan(library, tree.path)
    check = functools.partial(check_counts, total_discovered=tree.files, errors=0, removed=0)
    check(bench.stopwatch.run(scan), added=tree.files)
    contenders = [
        Contender(
            MOVED,
            scan,
            prepare=lambda: _rename_folders(tree),
            verify=functools.partial(check, moved=tree.files, scanned=0, added=0),
        ),
        Contender(UNCHANGED, scan, verify=functools.partial(check, skipped=tree.files, moved=0)),
    ]
    rounds = max(MOVE_ROUNDS, bench.rounds)
    title = f"rescan, {tree.files:,} files in {folders:,} renamed folders"
    return bench.compare("moves", tree.files, title, contenders, baseline=UNCHANGED, rounds=rounds)


def _rename_folders(tree: Tree) -> None:
    """Give each folder right below the root a name that it never had."""
    for name in os.listdir(tree.path):
        folder, _, times = name.partition("-")
        new = f"{folder}-{int(times or 0) + 1}"
        os.rename(os.path.join(tree.path, name), os.path.join(tree.path, new))

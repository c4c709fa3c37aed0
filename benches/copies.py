"""The case of finding duplicates: `vpo duplicates` beside the programs that find them."""

import functools
import json
import re
import shlex
from collections.abc import Callable

import filled
import trees
from cases import VPO, Bench, Result
from errors import BenchError
from filled import Copies
from measure import Contender
from peers import FCLONES, JDUPES, RMLINT

AGAIN = "vpo, again"
WITH_SCAN = "vpo scan + duplicates"

# Where in what they print the number of files is that are one too many.
SAID = {
    FCLONES: rb"(?m)^# Redundant: .* in (\d+) files$",
    RMLINT: rb"whereof (\d+) are duplicates",
    JDUPES: rb"(\d+) duplicate files",
}


def duplicates(bench: Bench, files: int) -> Result:
    """Nothing was read before; everything that has to be was; and not even a scan was made.

    All walk the tree but the first two, who ask the library. Everything is read into the page
    cache before each run. Whoever runs must find as many duplicates as there are.
    """
    bench.say(f"a tree of {files:,} files, some of them copies")
    tree = filled.with_copies(bench.trees, files)
    wanted = filled.copies_in(files)
    library, known = bench.library("duplicates"), bench.library("duplicates-known")
    again, new = bench.library("duplicates-again"), bench.library("duplicates-new")
    known.remove()
    bench.scan(known, tree.path, tree.files)
    warm = functools.partial(trees.warm, tree, filled.bytes_with_copies(files))
    verify = functools.partial(_check_groups, wanted)

    def prepare() -> None:
        known.copy_to(library)
        warm()

    def prepare_new() -> None:
        new.remove()
        warm()

    known.copy_to(again)
    warm()
    verify(bench.stopwatch.run(bench.program.duplicates(again)))
    scan = shlex.join(bench.program.walk(new, tree.path))
    both = f"{scan} >/dev/null && exec {shlex.join(bench.program.duplicates(new))}"
    contenders = [
        Contender(VPO, bench.program.duplicates(library), prepare=prepare, verify=verify),
        Contender(AGAIN, bench.program.duplicates(again), prepare=warm, verify=verify),
        Contender(WITH_SCAN, ["sh", "-c", both], prepare=prepare_new, verify=verify),
    ]
    peers = [
        Contender(peer.name, peer.argv, prepare=warm, verify=_peer_check(peer.name, wanted))
        for peer in bench.peers_on(tree.path, (FCLONES, RMLINT, JDUPES))
    ]
    baseline = peers[0].name if peers else VPO
    title = f"duplicates, {tree.files:,} files, {wanted.redundant:,} of them copies"
    contenders += peers
    return bench.compare("duplicates", tree.files, title, contenders, baseline=baseline)


def _check_groups(wanted: Copies, output: bytes) -> None:
    groups = redundant = redundant_bytes = 0
    for line in output.splitlines():
        group = json.loads(line)
        groups += 1
        redundant += len(group["files"]) - 1
        redundant_bytes += group["wasted_bytes"]
    found = Copies(groups, redundant, redundant_bytes)
    if found != wanted:
        raise BenchError(f"vpo gave a wrong answer: {found}, not {wanted}")


def _peer_check(name: str, wanted: Copies) -> Callable[[bytes], None]:
    def verify(output: bytes) -> None:
        said = re.search(SAID[name], output)
        if said is None or int(said[1]) != wanted.redundant:
            found = said[1].decode() if said else "no number of"
            raise BenchError(f"{name} found {found} duplicates, not {wanted.redundant}")

    return verify

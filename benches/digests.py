"""The cases of reading files whole: a first `vpo verify` beside programs that print digests."""

import functools
import json

import filled
import trees
from cases import VPO, Bench, Result
from errors import BenchError
from measure import Contender
from peers import B3SUM, SHA256SUM
from program import check_counts
from trees import Tree

LARGE_BYTES = 200_000_000
SMALL_BYTES = 100_000


def large_files(bench: Bench, files: int) -> Result:
    """Files of 200 MB."""
    tree = _tree(bench, files, LARGE_BYTES)
    return _first_verify(bench, tree, "digest-large", LARGE_BYTES, (B3SUM, SHA256SUM))


def small_files(bench: Bench, files: int) -> Result:
    """Files of 100 kB."""
    tree = _tree(bench, files, SMALL_BYTES)
    return _first_verify(bench, tree, "digest-small", SMALL_BYTES, (B3SUM, SHA256SUM))


def _tree(bench: Bench, files: int, size_bytes: int) -> Tree:
    bench.say(f"a tree of {files:,} files of {size_bytes:,} bytes")
    return filled.equal_files(bench.trees, files, size_bytes)


def _first_verify(
    bench: Bench, tree: Tree, case: str, size_bytes: int, names: tuple[str, ...]
) -> Result:
    """All files are known and none was ever read; each round anew.

    Everything is read into the page cache before each run, whoever's it is.
    """
    total = tree.files * size_bytes
    library, known = bench.library(case), bench.library(f"{case}-known")
    known.remove()
    bench.scan(known, tree.path, tree.files)

    warm = functools.partial(trees.warm, tree, total)

    def prepare() -> None:
        known.copy_to(library)
        warm()

    verify = functools.partial(
        check_counts, new=tree.files, bytes=total, damaged=0, unreadable=0, missing=0, changing=0
    )
    command = bench.program.verify(library, tree.path)
    prepare()
    verify(bench.stopwatch.run(command))
    _check_digests(bench, tree, bench.program.files(library))
    contenders = [Contender(VPO, command, prepare=prepare, verify=verify)]
    for peer in bench.peers_on(tree.path, names):
        contenders.append(Contender(peer.name, peer.argv, prepare=warm))
    baseline = contenders[min(1, len(contenders) - 1)].name
    title = f"first verify, {total / 1e9:.3g} GB in {tree.files:,} files"
    return bench.compare(case, tree.files, title, contenders, baseline=baseline)


def _check_digests(bench: Bench, tree: Tree, listing: list[str]) -> None:
    """See once that what was recorded are the digests that b3sum prints."""
    wanted: dict[str, str] = {}
    for contender in bench.peers_on(tree.path, (B3SUM,)):
        for line in bench.stopwatch.lines(contender.argv):
            digest, _, path = line.decode().rstrip("\n").partition("  ")
            wanted[path] = f"blake3:{digest}"
    if not wanted:
        return
    for line in bench.stopwatch.lines(listing):
        file = json.loads(line)
        if file["content_hash"] != wanted.pop(file["path"], None):
            raise BenchError(f"vpo and b3sum disagree: {file['path']} {file['content_hash']}")
    if wanted:
        raise BenchError(f"vpo has no record of {len(wanted)} files that b3sum read")

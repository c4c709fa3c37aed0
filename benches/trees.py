"""Library trees on disk: built once from a seed, kept, and changed in a repeatable way.

Files are sparse, so a library of petabytes takes no more than its inodes; a caller of `kept`
makes its own. What a tree was built from is written in a manifest beside it; within, there is
nothing but the library. `filled.py` has trees that can be read.
"""

import json
import multiprocessing
import os
import random
import resource
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

import layouts
from errors import BenchError
from layouts import Directory

# Raise it when the layouts change: trees built before are then built anew.
LAYOUT_VERSION = 1
SEED = 20_190_504

# Works handed to a builder process at a time: enough to forget the cost of handing over,
# few enough that all processes end at about the same time.
BATCH = 64

# Bytes read at a time.
PIECE = 1 << 20

# The kernel gives up a page now and then, whatever there is of memory. So much of a tree that
# is to be cached may not be.
MOST_COLD = 0.005


@dataclass(frozen=True)
class Manifest:
    """What a tree was built from, and how often it was changed since."""

    shape: str
    files: int
    seed: int
    layout_version: int
    directories: int = 0
    changes: int = 0

    def describes_same_tree(self, other: "Manifest") -> bool:
        return replace(self, directories=0, changes=0) == replace(other, directories=0, changes=0)


@dataclass(frozen=True)
class Tree:
    """A tree that is there, complete, as its manifest says."""

    path: str
    files: int
    directories: int


def mixed_tree(parent: str, files: int, *, seed: int = SEED) -> Tree:
    """Films, series and photo shoots, about 26 files a directory."""
    return kept(parent, "mixed", files, _build_in_parallel, seed=seed)


def flat_tree(parent: str, files: int, *, seed: int = SEED) -> Tree:
    """All files in one directory."""
    return kept(parent, "flat", files, _build_flat, seed=seed)


def kept(
    parent: str,
    shape: str,
    files: int,
    build: Callable[[str, Manifest], int],
    *,
    seed: int = SEED,
) -> Tree:
    """The tree of this description below `parent`; if it is not there, `build` fills it.

    `build` is given an empty directory and returns how many there are in the end.
    """
    wanted = Manifest(shape, files, seed, LAYOUT_VERSION)
    path = os.path.join(parent, f"{shape}-{files}")
    found = _read_manifest(path)
    if found is None or not found.describes_same_tree(wanted) or not os.path.isdir(path):
        found = _build(path, wanted, build)
    return Tree(path, found.files, found.directories)


def change(tree: Tree, files: int, directories: int) -> None:
    """Give `files` files, evenly in `directories` directories, another size and mtime.

    Which ones follows from the seed and from how often the tree was changed before, so
    each call changes some, and two runs of the benchmark change the same ones.
    """
    per_directory, rest = divmod(files, directories)
    if rest:
        raise ValueError(f"{files} files cannot be spread evenly over {directories} directories")
    manifest = _read_manifest(tree.path)
    if manifest is None:
        raise BenchError("the manifest of a tree is gone; remove the tree to have it built anew")
    # Counted before, not after: an interrupted change must not be done twice the same way.
    manifest = replace(manifest, changes=manifest.changes + 1)
    _write_manifest(tree.path, manifest)
    rng = random.Random(f"{manifest.seed}/change/{manifest.changes}")
    chosen = set(rng.sample(range(_with_files(manifest)), directories))
    owed = 0
    for index, directory in enumerate(_directories(manifest)):
        owed += index in chosen
        # A directory too small for its share leaves it to the next one.
        if owed and len(directory.files) >= per_directory:
            names = [file.name for file in rng.sample(directory.files, per_directory)]
            _change_in(os.path.join(tree.path, directory.path), names)
            owed -= 1
    if owed:
        raise BenchError("the tree is too small for that many changes")


def paths(root: str) -> Iterator[str]:
    """Yield all files below a root; sorted, so that every call and every machine has one order."""
    for parent, directories, names in os.walk(root):
        directories.sort()
        for name in sorted(names):
            yield os.path.join(parent, name)


def warm(tree: Tree, expected_bytes: int | None = None) -> None:
    """Read all of a tree, so that whoever is next finds it in the page cache.

    It is read until next to nothing of it comes from a disk, by the count that the kernel
    keeps of this process. Raises BenchError if memory is too small for that, or the tree is
    not as large as it was made.
    """
    for _ in range(3):
        before = _bytes_from_disk()
        size_bytes = sum(map(read, paths(tree.path)))
        from_disk = _bytes_from_disk() - before
        if expected_bytes not in (None, size_bytes):
            raise BenchError(f"`{tree.path}` has {size_bytes:,} bytes now; remove it")
        if from_disk <= MOST_COLD * size_bytes:
            return
    raise BenchError(
        f"the page cache does not keep `{tree.path}`: {from_disk:,} of {size_bytes:,} bytes"
        " were gone from it when they had just been read"
    )


def _bytes_from_disk() -> int:
    """What this process had to wait for, as far as the kernel counts that; else 0."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_inblock * 512


def read(path: str) -> int:
    """Read a file to its end, and return its size in bytes."""
    # Bit by bit: what is held here would count as every later process's memory.
    with open(path, "rb", buffering=0) as file:
        return sum(len(piece) for piece in iter(lambda: file.read(PIECE), b""))


def _build(path: str, wanted: Manifest, build: Callable[[str, Manifest], int]) -> Manifest:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        if _read_manifest(path) is None:
            raise BenchError(f"`{path}` was not made by this benchmark; move it away")
        os.unlink(_manifest_path(path))
        shutil.rmtree(path)
    unfinished = f"{path}.part"
    shutil.rmtree(unfinished, ignore_errors=True)
    os.makedirs(unfinished)
    directories = build(unfinished, wanted)
    os.rename(unfinished, path)
    manifest = replace(wanted, directories=directories)
    _write_manifest(path, manifest)
    # Else the kernel writes a million inodes during the first thing that is timed.
    os.sync()
    return manifest


def _build_flat(root: str, wanted: Manifest) -> int:
    _make(root, layouts.flat(wanted.files, wanted.seed))
    return 1


def _build_in_parallel(root: str, wanted: Manifest) -> int:
    processes = os.cpu_count() or 1
    shares = [(root, wanted, share, processes) for share in range(processes)]
    with multiprocessing.Pool(processes) as pool:
        directories = sum(pool.starmap(_build_share, shares))
    for parent in layouts.PARENTS:
        path = os.path.join(root, parent)
        if os.path.isdir(path):
            directories += 1
            os.utime(path, ns=(layouts.NEWEST_NS, layouts.NEWEST_NS))
    return directories


def _build_share(root: str, wanted: Manifest, share: int, shares: int) -> int:
    """Make every `shares`-th batch of works; return how many directories that were."""
    count = 0
    for number, work in enumerate(layouts.plan(wanted.files, wanted.seed)):
        if number // BATCH % shares == share:
            made = layouts.directories(work, wanted.seed)
            for directory in made:
                _make(root, directory)
            # A directory made within changes its parent's mtime, so times are set last.
            for directory in reversed(made):
                times = (directory.mtime_ns, directory.mtime_ns)
                os.utime(os.path.join(root, directory.path), ns=times)
            count += len(made)
    return count


def _make(root: str, directory: Directory) -> None:
    path = os.path.join(root, directory.path)
    os.makedirs(path, exist_ok=True)
    at = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name, size_bytes, mtime_ns in directory.files:
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=at)
            try:
                os.ftruncate(fd, size_bytes)
                os.utime(fd, ns=(mtime_ns, mtime_ns))
            finally:
                os.close(fd)
        os.utime(at, ns=(directory.mtime_ns, directory.mtime_ns))
    finally:
        os.close(at)


def _change_in(path: str, names: list[str]) -> None:
    at = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in names:
            fd = os.open(name, os.O_WRONLY, dir_fd=at)
            try:
                status = os.fstat(fd)
                os.ftruncate(fd, status.st_size + 1)
                # A little later than before: another time, and still years ago.
                os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_007))
            finally:
                os.close(fd)
    finally:
        os.close(at)


def _directories(manifest: Manifest) -> Iterator[Directory]:
    """The directories of a tree that may hold files, in the order of its plan."""
    if manifest.shape == "flat":
        yield layouts.flat(manifest.files, manifest.seed)
        return
    for work in layouts.plan(manifest.files, manifest.seed):
        yield from layouts.directories(work, manifest.seed)


def _with_files(manifest: Manifest) -> int:
    """How many directories `_directories` yields."""
    return sum(1 for _ in _directories(manifest))


def _manifest_path(tree_path: str) -> str:
    return f"{tree_path}.json"


def _read_manifest(tree_path: str) -> Manifest | None:
    try:
        with open(_manifest_path(tree_path), encoding="utf-8") as file:
            return Manifest(**json.load(file))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _write_manifest(tree_path: str, manifest: Manifest) -> None:
    path = _manifest_path(tree_path)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file, indent=1)
    os.replace(f"{path}.new", path)

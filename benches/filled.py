"""Trees whose files hold something, for those who read them; made once, from a seed.

Content is noise, so that no two files are alike unless they are meant to be. Its size in
bytes is checked whenever a tree is read into the page cache.
"""

import io
import math
import multiprocessing
import os
import random
import shutil
import struct
import wave
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import trees
from errors import BenchError
from layouts import NEWEST_NS, OLDEST_NS
from trees import PIECE, SEED, Manifest, Tree

KIB, MIB = 1 << 10, 1 << 20

FILES_A_DIRECTORY = 100


class Kind(NamedTuple):
    """Files of a kind in the library with copies: how many of 1,000, and how large they are."""

    extension: str
    of_1000: int
    low: int
    high: int
    step: int
    """Sizes are whole multiples of it: the larger, the more files have a size in common.
    0: each has a size of its own."""


# In shares like those of `layouts.py`. What people look at hardly ever has the size of another
# one, unless it is a copy; what lies beside it often has.
KINDS = (
    Kind("xmp", 260, 4 * KIB, 20 * KIB, 16),
    Kind("srt", 220, 16 * KIB, 64 * KIB, 4),
    Kind("jpg", 486, 16 * KIB, 104 * KIB, 0),
    Kind("mp3", 32, 128 * KIB, 256 * KIB, 1),
    Kind("mp4", 2, 1 * MIB, 6 * MIB, 1),
)
# One original in so many is a photo as the camera made it. They are what people copy. A tenth
# of what such files take, so that the library fits into the memory of a small machine.
MASTER_EVERY = 12
MASTERS = Kind("dng", 0, 400 * KIB, 640 * KIB, 0)
MEAN_BYTES = 135_000

# Shares no factor with the number of sizes that there are: numbers below that never meet.
STRIDE = 7_919

# What all files of a kind begin with: those of one program differ further on.
HEADER_BYTES = 512

# One file in so many is a copy of another one.
COPIES_OF = 10

# Copies are made of neighbours at a time, as people make them.
LONGEST_RUN = 40

RATE = 8_000
SAMPLES = 2_048


class Copies(NamedTuple):
    """What is to be found in the library with copies."""

    groups: int
    redundant: int
    """Files beyond the first of each group."""
    redundant_bytes: int


def equal_files(parent: str, files: int, size_bytes: int) -> Tree:
    """Files of one size, a hundred in a directory."""
    extension = "mkv" if size_bytes >= MIB else "jpg"

    def build(root: str, wanted: Manifest) -> int:
        _need(root, wanted.files * size_bytes)
        return _in_parallel(_write_equal, root, wanted, (size_bytes, extension))

    return trees.kept(parent, f"filled-{size_bytes}", files, build)


def with_copies(parent: str, files: int) -> Tree:
    """A library of photos and what belongs to them, and copies of some photos: a tenth of it."""

    def build(root: str, wanted: Manifest) -> int:
        _need(root, wanted.files * MEAN_BYTES)
        return _in_parallel(_write_with_copies, root, wanted, ())

    return trees.kept(parent, "copies", files, build)


def copies_in(files: int, seed: int = SEED) -> Copies:
    """What there is to be found in `with_copies(files)`."""
    sources = _sources(files, seed)
    redundant_bytes = sum(_draw(number, seed)[1] for number in sources)
    return Copies(len(set(sources)), len(sources), redundant_bytes)


def bytes_with_copies(files: int, seed: int = SEED) -> int:
    """What all files of `with_copies(files)` hold."""
    return sum(_draw(number, seed)[1] for _, number in _plan(files, seed))


def recordings(parent: str, files: int, folders: int) -> Tree:
    """Short recordings that can be read as such, evenly in folders right below the root."""

    def build(root: str, wanted: Manifest) -> int:
        for folder in range(folders):
            os.mkdir(os.path.join(root, f"{folder:03}"))
        for number in range(wanted.files):
            rng = random.Random(f"{wanted.seed}/recording/{number}")
            path = os.path.join(root, f"{number % folders:03}", f"{number:05}.wav")
            with open(path, "xb") as file:
                file.write(_recording(rng))
            _age(path, rng)
        return folders + 1

    return trees.kept(parent, f"recordings-{folders}", files, build)


# -- Building --------------------------------------------------------------------


def _need(root: str, size_bytes: int) -> None:
    """Raise unless a tree of this size fits, and something beside it."""
    free = shutil.disk_usage(root).free
    if free < size_bytes + size_bytes // 10:
        raise BenchError(
            f"a tree takes {size_bytes:,} bytes where {free:,} are free; use --shrink, or"
            " another --work"
        )


def _in_parallel(
    write: Callable[..., int], root: str, wanted: Manifest, more: tuple[object, ...]
) -> int:
    """Have processes write a share of the files each, and count the directories."""
    # Also of a single processor: what a builder holds must not count as this one's memory.
    processes = os.cpu_count() or 1
    shares = [(root, wanted, share, processes, *more) for share in range(processes)]
    with multiprocessing.Pool(processes) as pool:
        pool.starmap(write, shares)
    return sum(1 for _ in os.walk(root))


def _write_equal(
    root: str, wanted: Manifest, share: int, shares: int, size_bytes: int, extension: str
) -> int:
    for number in range(share, wanted.files, shares):
        rng = random.Random(f"{wanted.seed}/equal/{size_bytes}/{number}")
        directory = os.path.join(root, f"{number // FILES_A_DIRECTORY:03}")
        _write(os.path.join(directory, f"{number:05}.{extension}"), b"", size_bytes, rng)
    return 0


def _write_with_copies(root: str, wanted: Manifest, share: int, shares: int) -> int:
    for path, number in islice(_plan(wanted.files, wanted.seed), share, None, shares):
        kind, size_bytes, rng = _draw(number, wanted.seed)
        header = random.Random(kind.extension).randbytes(HEADER_BYTES)
        _write(os.path.join(root, f"{path}.{kind.extension}"), header, size_bytes, rng)
    return 0


def _write(path: str, header: bytes, size_bytes: int, rng: random.Random) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "xb") as file:
        file.write(header)
        left = size_bytes - len(header)
        while left > 0:
            left -= file.write(rng.randbytes(min(left, PIECE)))
    # A copy has a time of its own.
    _age(path, random.Random(os.path.basename(path)))


def _age(path: str, rng: random.Random) -> None:
    mtime_ns = rng.randrange(OLDEST_NS, NEWEST_NS)
    os.utime(path, ns=(mtime_ns, mtime_ns))


def _recording(rng: random.Random) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(struct.calcsize("h"))
        sound.setframerate(RATE)
        sound.writeframes(rng.randbytes(SAMPLES * struct.calcsize("h")))
    return out.getvalue()


# -- The library with copies -----------------------------------------------------


def _plan(files: int, seed: int) -> Iterator[tuple[str, int]]:
    """Yield a path without its extension, and the number of what is in it."""
    sources = _sources(files, seed)
    for number in range(files - len(sources)):
        yield f"Photos/{number // FILES_A_DIRECTORY:04}/IMG_{number:06}", number
    for copy, number in enumerate(sources):
        yield f"Backup/{copy // FILES_A_DIRECTORY:04}/{copy:06} IMG_{number:06}", number


def _sources(files: int, seed: int) -> list[int]:
    """The numbers of what is copied; of some of it, there are two copies or more."""
    copies = files // COPIES_OF
    masters = range(0, files - copies, MASTER_EVERY)
    rng = random.Random(f"{seed}/copies")
    sources: list[int] = []
    while len(sources) < copies:
        start = rng.randrange(len(masters))
        run = masters[start : start + rng.randint(1, LONGEST_RUN)]
        sources += run[: copies - len(sources)]
    return sources


def _draw(number: int, seed: int) -> tuple[Kind, int, random.Random]:
    """The kind and the size in bytes of an original, and where its content comes from."""
    rng = random.Random(f"{seed}/original/{number}")
    kind = rng.choices(KINDS, [kind.of_1000 for kind in KINDS])[0]
    if number % MASTER_EVERY == 0:
        kind = MASTERS
    if kind.step == 0:
        return kind, kind.low + number * STRIDE % (kind.high - kind.low), rng
    # As many of 4 to 8 KiB as of 8 to 16.
    size = kind.low * math.pow(kind.high / kind.low, rng.random())
    return kind, int(size) // kind.step * kind.step, rng

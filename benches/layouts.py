"""What the trees look like: names, sizes and times of every file, from a seed alone.

A *work* is what a library is made of: a film, a series or a photo shoot. Works are
planned one by one without touching a disk, so builders can share them out.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from errors import BenchError

KB, MB, GB = 1_000, 1_000_000, 1_000_000_000

# Works are drawn in these shares; they give about 26 files a directory.
SHARES = (("film", 165), ("series", 22), ("shoot", 13))

# All times lie between 2005 and 2022. A file that changed just before it was read has to be
# looked at again by a careful scanner, and that is not what is measured here.
OLDEST_NS = 1_104_537_600 * 10**9
NEWEST_NS = 1_640_995_200 * 10**9


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_WORDS = _words(
    "Amber Autumn Blue Broken Burning Crimson Distant Drifting Early Eastern Electric Empty "
    "Endless Fallen Final First Forgotten Frozen Gentle Glass Golden Hidden Hollow Iron Last "
    "Little Lonely Long Lost Northern Painted Quiet Red Restless Rising Sacred Secret Silent "
    "Silver Velvet"
)
SECOND_WORDS = _words(
    "Anchor Bridge Canyon Carnival Cathedral Circus City Coast Compass Crossing Desert Empire "
    "Express Fever Garden Harbour Highway Horizon House Island Journey Kingdom Lantern Letter "
    "Machine Meridian Mirror Mountain Orchard Paradise Promise River Season Shadow Station Storm "
    "Summer Symphony Tide Winter"
)
PLACES = _words(
    "Alps Beach Birthday Brussels Canal Castle Christmas Coast Concert Copenhagen Dolomites "
    "Farm Festival Forest Garden Geneva Harbour Hike Islands Kyoto Lake Lisbon Market Museum "
    "Oslo Picnic Porto Studio Wedding Zoo"
)
YEARS = range(1950, 2022)
SHOOT_YEARS = range(2005, 2022)

# Directories that only hold directories, deepest first.
PARENTS = (*(f"Photos/{year}" for year in SHOOT_YEARS), "Photos", "Series", "Films", ".")


class File(NamedTuple):
    """A file to be made."""

    name: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Directory:
    """A directory below the root and the files right in it."""

    path: str
    files: list[File]
    mtime_ns: int


@dataclass(frozen=True)
class Work:
    """One work's place in the plan: `number` names it, `files` is how many it has."""

    kind: str
    number: int
    files: int


class Draw:
    """Sizes and times of one work, the same whenever it is drawn again."""

    def __init__(self, seed: int, kind: str, number: int) -> None:
        self.random = random.Random(f"{seed}/{kind}/{number}")

    def size(self, low: int, high: int) -> int:
        return low + int(self.random.random() * (high - low))

    def mtime_ns(self) -> int:
        return self.random.randrange(OLDEST_NS, NEWEST_NS)

    def file(self, name: str, low: int, high: int) -> File:
        return File(name, self.size(low, high), self.mtime_ns())


def plan(files: int, seed: int) -> Iterator[Work]:
    """Yield works that have exactly `files` files in all; the last one is cut to fit."""
    rng = random.Random(seed)
    kinds = [kind for kind, _ in SHARES]
    weights = [share for _, share in SHARES]
    count = dict.fromkeys(kinds, 0)
    left = files
    while left > 0:
        kind = rng.choices(kinds, weights)[0]
        work = Work(kind, count[kind], min(_file_count(kind, rng), left))
        yield work
        count[kind] += 1
        left -= work.files


def directories(work: Work, seed: int) -> list[Directory]:
    """The directories of a work, parents first."""
    draw = Draw(seed, work.kind, work.number)
    maker = {"film": _film, "series": _series, "shoot": _shoot}[work.kind]
    return maker(work, draw)


def flat(files: int, seed: int) -> Directory:
    """One directory that holds everything, as a camera or a careless downloader leaves it."""
    draw = Draw(seed, "flat", 0)
    return Directory(".", _photos(files, draw, digits=6), draw.mtime_ns())


def _file_count(kind: str, rng: random.Random) -> int:
    if kind == "film":
        return rng.randint(4, 6)
    if kind == "series":
        return 2 + 2 * rng.randint(8, 96)
    return 3 * rng.randint(20, 200)


def _spread(number: int, *choices: int) -> list[int]:
    """Turn a running number into one choice of each, so that no two numbers agree in all."""
    picked = []
    product = math.prod(choices)
    if number >= product:
        raise BenchError(f"a tree this large needs more than the {product:,} names there are")
    # A stride that shares no factor with the product visits every combination once.
    rest = number * 7_919 % product
    for choice in choices:
        rest, index = divmod(rest, choice)
        picked.append(index)
    return picked


def _film(work: Work, draw: Draw) -> list[Directory]:
    first, second, year = _spread(work.number, len(FIRST_WORDS), len(SECOND_WORDS), len(YEARS))
    title = f"The {FIRST_WORDS[first]} {SECOND_WORDS[second]} ({YEARS[year]})"
    files = [
        draw.file(f"{title}.mkv", 1 * GB, 40 * GB),
        draw.file(f"{title}.srt", 60 * KB, 140 * KB),
        draw.file(f"{title}.nfo", 2 * KB, 9 * KB),
        draw.file("poster.jpg", 200 * KB, 2 * MB),
        draw.file(f"{title}.de.srt", 60 * KB, 140 * KB),
        draw.file("fanart.jpg", 400 * KB, 4 * MB),
    ]
    return [Directory(f"Films/{title}", files[: work.files], draw.mtime_ns())]


def _series(work: Work, draw: Draw) -> list[Directory]:
    first, second, third = _spread(
        work.number, len(FIRST_WORDS), len(SECOND_WORDS), len(SECOND_WORDS) + 1
    )
    title = f"{FIRST_WORDS[first]} {SECOND_WORDS[second]}"
    if third:
        title = f"{title} and {SECOND_WORDS[third - 1]}"
    top = [draw.file("tvshow.nfo", 2 * KB, 9 * KB), draw.file("poster.jpg", 200 * KB, 2 * MB)]
    top = top[: work.files]
    found = [Directory(f"Series/{title}", top, draw.mtime_ns())]
    left, season = work.files - len(top), 0
    while left > 0:
        season += 1
        episodes: list[File] = []
        for episode in range(1, draw.random.randint(8, 24) + 1):
            name = (
                f"{title} - S{season:02}E{episode:02} - "
                f"{draw.random.choice(FIRST_WORDS)} {draw.random.choice(SECOND_WORDS)}"
            )
            episodes.append(draw.file(f"{name}.mkv", 300 * MB, 4 * GB))
            episodes.append(draw.file(f"{name}.srt", 30 * KB, 80 * KB))
        episodes = episodes[:left]
        left -= len(episodes)
        path = f"Series/{title}/Season {season:02}"
        found.append(Directory(path, episodes, draw.mtime_ns()))
    return found


def _shoot(work: Work, draw: Draw) -> list[Directory]:
    year, place, month, day = _spread(work.number, len(SHOOT_YEARS), len(PLACES), 12, 28)
    date = f"{SHOOT_YEARS[year]}-{month + 1:02}-{day + 1:02}"
    path = f"Photos/{SHOOT_YEARS[year]}/{date} {PLACES[place]}"
    return [Directory(path, _photos(work.files, draw, digits=4), draw.mtime_ns())]


def _photos(files: int, draw: Draw, *, digits: int) -> list[File]:
    found: list[File] = []
    shot = 0
    while len(found) < files:
        shot += 1
        name = f"IMG_{shot:0{digits}}"
        found.append(draw.file(f"{name}.CR3", 18 * MB, 45 * MB))
        found.append(draw.file(f"{name}.xmp", 4 * KB, 20 * KB))
        found.append(draw.file(f"{name}.jpg", 2 * MB, 12 * MB))
    return found[:files]

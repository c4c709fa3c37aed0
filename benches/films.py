"""Matroska and MP4 files to be read: some are made with ffmpeg, trees of any size are copies.

They last minutes, not hours, and their pictures are small; what comes before, between and after
the pictures is as in films: tracks in several languages, subtitles, chapters, fonts and covers,
indexes that are longer than the first look of a reader, and the index at the end as well as at
the beginning.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from errors import BenchError

SECONDS = (40, 120, 300)
CODECS = ("h264", "hevc")
LANGUAGES = (("eng",), ("eng", "jpn"))
LAYOUTS = ("plain.mkv", "attachments.mkv", "end.mp4", "faststart.mp4")

_X265 = (
    "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:hdr10=1:"
    "max-cll=1000,400:"
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
)
_ENCODERS = {
    "h264": "testsrc -c:v libx264 -preset ultrafast -crf 51 -pix_fmt yuv420p",
    "hevc": f"color -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params {_X265}",
}
_SUBTITLES = "".join(
    f"{number + 1}\n00:{number // 20:02}:{number % 20 * 3:02},000 --> "
    f"00:{number // 20:02}:{number % 20 * 3 + 2:02},000\nLine {number + 1}\n\n"
    for number in range(100)
)
_CHAPTERS = ";FFMETADATA1\ntitle=A film\ndate=2019-05-04\ncomment=As found\n" + "".join(
    f"[CHAPTER]\nTIMEBASE=1/1\nSTART={start}\nEND={start + 10}\ntitle=Chapter {number}\n"
    for number, start in enumerate(range(0, 300, 10), 1)
)


@dataclass(frozen=True)
class Film:
    """A file that the others are copies of."""

    codec: str
    seconds: int
    languages: tuple[str, ...]
    layout: str

    @property
    def is_short(self) -> bool:
        return self.seconds == min(SECONDS)

    @property
    def name(self) -> str:
        languages = "-".join(self.languages)
        return f"{self.codec}-{self.seconds}-{languages}-{self.layout}"


def all_films() -> Iterator[Film]:
    """What there is to copy, in a fixed order."""
    for codec in CODECS:
        for seconds in SECONDS:
            for languages in LANGUAGES:
                for layout in LAYOUTS:
                    yield Film(codec, seconds, languages, layout)


def make(directory: str) -> list[str]:
    """Make the films that are not there yet; return the paths of all."""
    sources = os.path.join(directory, "sources")
    os.makedirs(sources, exist_ok=True)
    _make_sources(sources)
    paths = []
    for film in all_films():
        path = os.path.join(directory, film.name)
        if not os.path.exists(path):
            part = os.path.join(sources, f"part.{film.name}")
            _ffmpeg(*_arguments(film, sources), part)
            os.rename(part, path)
        paths.append(path)
    return paths


def copy(films: list[str], root: str, files: int, seed: int) -> int:
    """Fill `root` with copies, ten a directory; return how many directories that were.

    Links would not do: the files of a library are not in the cache because one of them is.
    """
    rng = random.Random(seed)
    chosen = [rng.choice(films) for _ in range(files)]
    seasons = range(0, files, 10)

    def season(start: int) -> None:
        series, number = divmod(start // 10, 5)
        directory = os.path.join(root, f"Series {series + 1:03}", f"Season {number + 1}")
        os.makedirs(directory)
        for episode, film in enumerate(chosen[start : start + 10], 1):
            extension = os.path.splitext(film)[1]
            name = f"Series {series + 1:03} - S{number + 1:02}E{episode:02}{extension}"
            path = os.path.join(directory, name)
            shutil.copyfile(film, path)
            # Years ago: what is younger than the last scan is looked at again.
            os.utime(path, (1_556_928_000 + start, 1_556_928_000 + start))
        os.utime(directory, (1_556_928_000 + start, 1_556_928_000 + start))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(season, seasons))
    series = [entry.path for entry in os.scandir(root)]
    for path in (*series, root):
        os.utime(path, (1_556_928_000, 1_556_928_000))
    return len(seasons) + len(series) + 1


def _make_sources(sources: str) -> None:
    for name, text in (("text.srt", _SUBTITLES), ("chapters.txt", _CHAPTERS)):
        with open(os.path.join(sources, name), "w", encoding="utf-8") as file:
            file.write(text)
    rng = random.Random(0)
    for name, size in (("font-1.ttf", 60_000), ("font-2.ttf", 90_000)):
        with open(os.path.join(sources, name), "wb") as file:
            file.write(b"\0\1\0\0" + rng.randbytes(size))
    length = max(SECONDS)
    for codec, encoder in _ENCODERS.items():
        path = os.path.join(sources, f"{codec}.mkv")
        if not os.path.exists(path):
            source, *arguments = encoder.split()
            lavfi = f"{source}=size=64x36:rate=24:duration={length}"
            part = os.path.join(sources, f"part.{codec}.mkv")
            _ffmpeg("-f", "lavfi", "-i", lavfi, *arguments, part)
            os.rename(part, path)
    sound = os.path.join(sources, "sound.m4a")
    if not os.path.exists(sound):
        lavfi = f"anullsrc=r=48000:cl=stereo:d={length}"
        part = os.path.join(sources, "part.sound.m4a")
        _ffmpeg("-f", "lavfi", "-i", lavfi, "-c:a", "aac", part)
        os.rename(part, sound)
    cover = os.path.join(sources, "cover.jpg")
    if not os.path.exists(cover):
        noise = "nullsrc=size=300x420,geq=random(1)*255:128:128"
        _ffmpeg("-f", "lavfi", "-i", noise, "-frames:v", "1", cover)


def _arguments(film: Film, sources: str) -> Iterator[str]:
    for name in (f"{film.codec}.mkv", "sound.m4a", "text.srt", "chapters.txt"):
        yield from ("-i", os.path.join(sources, name))
    yield from ("-map", "0", "-t", str(film.seconds))
    matroska = film.layout.endswith(".mkv")
    for number, language in enumerate(film.languages):
        yield from ("-map", "1", f"-metadata:s:a:{number}", f"language={language}")
        yield from ("-map", "2", f"-metadata:s:s:{number}", f"language={language}")
    yield from ("-map_metadata", "3", "-map_chapters", "3", "-c", "copy")
    yield from ("-c:s", "srt" if matroska else "mov_text")
    if film.layout == "attachments.mkv":
        for number, (name, mime) in enumerate(
            (
                ("cover.jpg", "image/jpeg"),
                ("font-1.ttf", "font/ttf"),
                ("font-2.ttf", "font/ttf"),
            )
        ):
            yield from ("-attach", os.path.join(sources, name))
            yield from (f"-metadata:s:t:{number}", f"mimetype={mime}")
    if film.layout == "faststart.mp4":
        yield from ("-movflags", "+faststart")


def _ffmpeg(*arguments: str) -> None:
    try:
        done = subprocess.run(
            ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise BenchError("ffmpeg makes the films; install ffmpeg") from error
    if done.returncode != 0:
        raise BenchError(f"ffmpeg did not make a film:\n{done.stderr.strip()[-2000:]}")

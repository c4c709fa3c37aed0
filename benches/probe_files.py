"""Has one prober tell what is in files, and prints how long that took, without its start.

    probe_files.py engine|ffprobe|mediainfo|exiftool LIST

LIST is a file of paths, each ended by a zero byte. Printed is JSON: the seconds from the first
file to the last, the files, and how many of them got an answer.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

Timed = tuple[float, int]


def engine(paths: list[bytes]) -> Timed:
    """What `vpo` is made of, in process; all files are handed over at once, as a scan does."""
    from vpo._engine import Prober

    start = time.perf_counter()
    prober = Prober()
    prober.submit((number, path, True, None) for number, path in enumerate(paths))
    answered = 0
    while prober.outstanding:
        for answer in prober.take(1.0)[1]:
            answered += answer.media is not None
    return time.perf_counter() - start, answered


def ffprobe(paths: list[bytes]) -> Timed:
    """A process a file, one after another, as programs that use it do."""
    show = ["-show_format", "-show_streams", "-show_chapters"]
    command = ["ffprobe", "-v", "error", "-print_format", "json", *show]
    start = time.perf_counter()
    answered = 0
    for path in paths:
        done = subprocess.run([*command, path], stdin=subprocess.DEVNULL, capture_output=True)
        answered += bool(done.returncode == 0 and json.loads(done.stdout).get("streams"))
    return time.perf_counter() - start, answered


def mediainfo(paths: list[bytes]) -> Timed:
    """The library in process. Its JSON is parsed, not its XML: that is what it does faster."""
    from pymediainfo import MediaInfo  # type: ignore[import-not-found,unused-ignore]

    start = time.perf_counter()
    answered = 0
    for path in paths:
        text = MediaInfo.parse(os.fsdecode(path), output="JSON")
        answered += len(json.loads(text)["media"]["track"]) > 1
    return time.perf_counter() - start, answered


def exiftool(paths: list[bytes]) -> Timed:
    """One process that stays, asked about a file at a time."""
    process = subprocess.Popen(
        ["exiftool", "-stay_open", "True", "-@", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    asked, said = process.stdin, process.stdout
    assert asked is not None
    assert said is not None

    def ask(path: bytes) -> bool:
        asked.write(b"-json\n-n\n" + path + b"\n-execute\n")
        asked.flush()
        text = b""
        for line in iter(said.readline, b""):
            if line.startswith(b"{ready"):
                return "ImageWidth" in json.loads(text)[0] if text else False
            text += line
        raise EOFError("exiftool ended")

    try:
        # Its modules are loaded when they are first needed: that is its start.
        ask(paths[0])
        start = time.perf_counter()
        answered = sum(ask(path) for path in paths)
        return time.perf_counter() - start, answered
    finally:
        # It waits for more at the end of its input, for ever.
        asked.write(b"-stay_open\nFalse\n")
        asked.close()
        process.wait(timeout=10)


PROBERS: dict[str, Callable[[list[bytes]], Timed]] = {
    "engine": engine,
    "ffprobe": ffprobe,
    "mediainfo": mediainfo,
    "exiftool": exiftool,
}


def main(prober: str, listed: str) -> None:
    with open(listed, "rb") as file:
        paths = [path for path in file.read().split(b"\0") if path]
    seconds, answered = PROBERS[prober](paths)
    print(json.dumps({"seconds": seconds, "files": len(paths), "answered": answered}))


if __name__ == "__main__":
    main(*sys.argv[1:])

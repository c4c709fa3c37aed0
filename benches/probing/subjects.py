"""What a generated media file is: a name, and the commands that make it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Command = tuple[str, ...]

# In arguments, these stand for paths: of the file, and of a directory with
# what subjects share (`shared.py`).
OUT = "{out}"
SHARED = "{shared}"


@dataclass(frozen=True)
class Subject:
    """A file to be probed."""

    name: str
    commands: tuple[Command, ...]


def ffmpeg(*arguments: str, out: str = OUT) -> Command:
    """A command that makes the same file each time."""
    reproducible = ("-fflags", "+bitexact", "-flags", "+bitexact", "-threads", "1")
    return ("ffmpeg", "-v", "error", "-nostdin", "-y", *arguments, *reproducible, out)


def plain_ffmpeg(*arguments: str, out: str = OUT) -> Command:
    """As people run it: with tags of what encoded it."""
    return ("ffmpeg", "-v", "error", "-nostdin", "-y", *arguments, "-threads", "1", out)


def picture(size: str = "64x36", rate: str = "25", seconds: float = 1) -> tuple[str, ...]:
    """An input: a moving picture."""
    return ("-f", "lavfi", "-i", f"testsrc=size={size}:rate={rate}:duration={seconds}")


def sound(rate: int = 48000, seconds: float = 1, layout: str = "stereo") -> tuple[str, ...]:
    """An input: a tone on all channels."""
    source = f"sine=sample_rate={rate}:duration={seconds},aformat=channel_layouts={layout}"
    return ("-f", "lavfi", "-i", source)


def words(text: str) -> tuple[str, ...]:
    """Arguments that need no quoting."""
    return tuple(text.split())


def named(extension: str, *parts: str) -> str:
    """A file name of what makes the subject special."""
    clean = "-".join(part for part in parts if part)
    for character in "/:=,()% ":
        clean = clean.replace(character, "_")
    return f"{clean}.{extension}"


def one(name: str, *commands: Command) -> Iterator[Subject]:
    """A subject, to be yielded from."""
    yield Subject(name, commands)

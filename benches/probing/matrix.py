"""The generated files: made once, kept in a directory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from probing import colours, shared, sounds, stills, tracks, videos
from probing.subjects import Subject

# ffmpeg at its slowest takes a few seconds for one of them.
_LONGEST_SECONDS = 120

# What commands leave beside a file that they make in steps.
_SOURCES = (".src", ".src.mp4", ".src.jpg", ".src.hevc")


@dataclass(frozen=True)
class Made:
    """The files that are there, and why others are not."""

    paths: list[str]
    failures: list[str]


def all_subjects() -> list[Subject]:
    """What there is to make, in a fixed order."""
    return list(_all_subjects())


def _all_subjects() -> Iterator[Subject]:
    seen = set()
    for module in (videos, sounds, tracks, colours, stills):
        for subject in module.subjects():
            assert subject.name not in seen, subject.name
            seen.add(subject.name)
            yield subject


def make(
    directory: str, jobs: int, progress: Callable[[int, int], None], *, every: int = 1
) -> Made:
    """Makes what is not there yet; with `every` 10 only each tenth."""
    shared_directory = os.path.join(directory, "shared")
    shared.make(shared_directory)
    files = os.path.join(directory, "files")
    os.makedirs(files, exist_ok=True)
    subjects = all_subjects()[::every]
    made = Made([], [])
    with ThreadPoolExecutor(jobs) as pool:
        results = pool.map(lambda subject: _make(subject, files, shared_directory), subjects)
        for number, (subject, failure) in enumerate(zip(subjects, results, strict=True)):
            if failure is None:
                made.paths.append(os.path.join(files, subject.name))
            else:
                made.failures.append(f"{subject.name}: {failure}")
            progress(number + 1, len(subjects))
    return made


def _make(subject: Subject, files: str, shared_directory: str) -> str | None:
    """Makes one; the reason if it cannot be."""
    out = os.path.join(files, subject.name)
    if os.path.exists(out):
        return None
    stem, extension = os.path.splitext(subject.name)
    part = os.path.join(files, f".{stem}.part{extension}")
    places = {"{out}": part, "{shared}": shared_directory, "{python}": sys.executable}
    try:
        for command in subject.commands:
            failure = _run([_put(word, places) for word in command])
            if failure is not None:
                return failure
        os.rename(part, out)
    finally:
        for left in (part, *(part + suffix for suffix in _SOURCES)):
            if os.path.exists(left):
                os.unlink(left)
    return None


def _put(word: str, places: dict[str, str]) -> str:
    for mark, path in places.items():
        word = word.replace(mark, path)
    return word


def _run(command: list[str]) -> str | None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return f"{command[0]} is not installed"
    except subprocess.TimeoutExpired:
        return f"{command[0]} took too long"
    # mkvmerge ends with 1 after warnings.
    if done.returncode == 0 or (command[0] == "mkvmerge" and done.returncode == 1):
        return None
    text = (done.stderr or done.stdout).decode(errors="replace").strip()
    return text.splitlines()[-1][:200] if text else f"status {done.returncode}"
